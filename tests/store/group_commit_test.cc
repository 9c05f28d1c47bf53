#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/backup.h"
#include "store/format.h"
#include "tests/store/held_writer.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"

namespace weft::store {
namespace {

TEST(GroupCommit, WhatGathersDuringACommitSharesTheNext) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  HeldWriter held(*log);
  const std::uint64_t commits = log->stats().commits;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(log->TryAppend({.room = absl::StrCat(i % 100), .payload = {}},
                               [](absl::StatusOr<Sequence> result) { CHECK(result.ok()); })
                    .ok());
  }
  held.Release();
  log->Flush();
  EXPECT_EQ(log->stats().commits, commits + 1);
  EXPECT_EQ(log->stats().appends, 1001u);
}

TEST(GroupCommit, MoreAppendsThanOneTransactionTakesGoIntoSeveral) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .initial_map_bytes = 1});
  HeldWriter held(*log);
  const std::size_t rooms = AppendQueue::kMaxBatchAppends + 1;
  for (std::size_t i = 0; i < rooms; ++i) {
    ASSERT_TRUE(log->TryAppend({.room = absl::StrCat(i), .payload = crdt::AsBytes("x")},
                               [](absl::StatusOr<Sequence> result) { CHECK(*result == 1); })
                    .ok());
  }
  held.Release();
  log->Flush();
  EXPECT_EQ(log->stats().commits, 3u);
  EXPECT_EQ(log->ListRooms().value().size(), rooms + 1);
}

// What a batch of appends was answered, in the order of the answers.
struct Answers {
  std::vector<std::pair<std::string, absl::StatusOr<Sequence>>> all;

  void Append(UpdateLog& log, const std::string& room, const std::string& payload) {
    ASSERT_TRUE(log.TryAppend({.room = room, .payload = crdt::AsBytes(payload)},
                              [this, room](absl::StatusOr<Sequence> result) {
                                all.emplace_back(room, std::move(result));
                              })
                    .ok());
  }
};

// Records of a batch go into the tree room by room, and not one after the other.
TEST(GroupCommit, ABatchKeepsTheOrderOfEachRoomAndAnswersInTheOrderOfAcceptance) {
  const TestDirectory directory;
  auto log = OpenLog({.directory = directory.path(), .initial_map_bytes = 1});
  constexpr int kRooms = 7;
  std::vector<std::string> expected(kRooms);
  std::vector<Sequence> heads(kRooms, 0);
  int number = 0;
  for (int batch = 0; batch < 6; ++batch) {
    Answers answers;
    std::vector<int> rooms;
    {
      HeldWriter held(*log);
      for (int i = 0; i < 40 * batch + 10; ++i) {
        const int room = i * i % kRooms;
        // Now and then one that does not share a page.
        ++number;
        const std::string payload = absl::StrCat(
            "<", number, std::string(number % 50 == 0 ? 3'000 : number % 30, '.'), ">");
        answers.Append(*log, absl::StrCat("room ", room), payload);
        expected[room] += payload;
        rooms.push_back(room);
      }
    }
    log->Flush();
    ASSERT_EQ(answers.all.size(), rooms.size());
    for (std::size_t i = 0; i < rooms.size(); ++i) {
      EXPECT_EQ(answers.all[i].first, absl::StrCat("room ", rooms[i]));
      EXPECT_EQ(answers.all[i].second.value(), ++heads[rooms[i]]);
    }
  }
  log.reset();
  log = OpenLog(directory);
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
  for (int room = 0; room < kRooms; ++room) {
    EXPECT_EQ(Content(log->reader(), absl::StrCat("room ", room)), expected[room]);
  }
}

TEST(GroupCommit, RoomsBetweenOthersFillTheirPages) {
  const TestDirectory directory;
  constexpr std::size_t kRooms = 20;
  constexpr std::size_t kRecords = 90;  // of a room in a batch: some more than a page has
  constexpr std::size_t kBatches = 20;
  const std::string payload(27, 'p');
  {
    const auto log = OpenLog(directory);
    for (std::size_t batch = 0; batch < kBatches; ++batch) {
      HeldWriter held(*log);
      for (std::size_t i = 0; i < kRooms * kRecords; ++i) {
        ASSERT_TRUE(
            log->TryAppend({.room = absl::StrCat(i % kRooms), .payload = crdt::AsBytes(payload)},
                           [](const absl::StatusOr<Sequence>& result) { CHECK(result.ok()); })
                .ok());
      }
      held.Release();
      log->Flush();
    }
  }
  const auto shrunk = ShrinkLog(directory.path(), {});
  ASSERT_TRUE(shrunk.ok());
  // A key, a record, and what LMDB keeps for them: 1.6 times that are used, and 1.9 times when all
  // records are put one after the other.
  const std::size_t record_bytes =
      EncodeRecordKey(RoomId{1}, kRecords).size() + RecordBytes({}, payload.size()) + 10;
  EXPECT_LT(shrunk->bytes_after, kRooms * kRecords * kBatches * record_bytes * 5 / 3);
}

TEST(GroupCommit, ARoomThatReachesItsQuotaInABatchStoresWhatFits) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  ASSERT_TRUE(AppendAndWait(*log, "room", "12345").ok());
  ASSERT_TRUE(AppendAndWait(*log, "behind", "12345").ok());
  ASSERT_EQ(log->SetPolicy("room", {.quota_bytes = 30}), absl::OkStatus());
  Answers answers;
  {
    HeldWriter held(*log);
    for (int i = 0; i < 20; ++i) answers.Append(*log, "room", "abcde");
  }
  log->Flush();
  for (std::size_t i = 0; i < 20; ++i) {
    if (i < 5) {
      EXPECT_EQ(answers.all[i].second.value(), i + 2);
    } else {
      EXPECT_EQ(answers.all[i].second.status().code(), absl::StatusCode::kResourceExhausted);
    }
  }
  EXPECT_EQ(Content(log->reader(), "room"), "12345abcdeabcdeabcdeabcdeabcde");
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
}

TEST(GroupCommit, ABatchOverwritesNothingThatLiesBehindTheHead) {
  const TestDirectory directory;
  auto log = OpenLog(directory);
  for (const char* room : {"room", "behind"}) ASSERT_TRUE(AppendAndWait(*log, room, "1").ok());
  log.reset();
  const RecordKey stray = EncodeRecordKey(RoomId{1}, 8);
  WriteStored(directory.path(), kRecordsTable, stray, std::string(50, 's'));
  log = OpenLog(directory);
  Answers answers;
  {
    HeldWriter held(*log);
    for (int i = 0; i < 30; ++i) answers.Append(*log, "room", absl::StrCat(i, ";"));
  }
  log->Flush();
  Sequence last = 1;
  for (const auto& [room, result] : answers.all) {
    EXPECT_EQ(result.value(), last + (last == 7 ? 2 : 1));
    last = *result;
  }
  std::string expected = "1";
  for (int i = 0; i < 30; ++i) absl::StrAppend(&expected, i, ";");
  std::string content;
  for (const std::string& payload : LoadAll(*log, "room").Payloads()) content += payload;
  EXPECT_EQ(content, expected);
  log.reset();
  EXPECT_EQ(ReadStored(directory.path(), kRecordsTable, stray), std::string(50, 's'));
}

// A gap that outlasts the test: it fails by its timeout when the writer waits where it must not.
constexpr std::chrono::hours kNever(1);

TEST(GroupCommit, WithAGapALoneAppendIsCommittedAtOnceAndTheNextOnesGather) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .commit_gap = kNever});
  std::promise<void> first;
  const auto append = [&](AppendDone done) {
    EXPECT_TRUE(log->TryAppend({.room = "room", .payload = {}}, std::move(done)).ok());
  };
  append([&](const absl::StatusOr<Sequence>&) { first.set_value(); });
  first.get_future().wait();
  std::atomic<int> completed = 0;
  for (int i = 0; i < 100; ++i) append([&](const absl::StatusOr<Sequence>&) { ++completed; });
  EXPECT_EQ(completed, 0);
  // Who waits for them does not wait for the gap.
  log->Flush();
  EXPECT_EQ(completed, 100);
  EXPECT_EQ(log->stats().commits, 2u);
}

TEST(GroupCommit, AGapEndsForAnEditForAFullQueueAndForTheEnd) {
  const TestDirectory directory;
  constexpr std::size_t kQueueBytes = 100'000;
  auto log =
      OpenLog({.directory = directory.path(), .commit_gap = kNever, .queue_bytes = kQueueBytes});
  ASSERT_TRUE(log->CreateIfAbsent({.room = "edits"})->created);
  ASSERT_TRUE(log->CreateIfAbsent({.room = "another"})->created);
  const Bytes payload(1'000);
  for (int i = 0; i < 500; ++i) {
    while (!log->TryAppend({.room = "room", .payload = payload}, [](const auto&) {}).ok()) {
      std::promise<void> space;
      log->CallWhenSpace([&] { space.set_value(); });
      space.get_future().wait();
    }
  }
  log.reset();
  EXPECT_EQ(OpenLog(directory)->FindRoom("room").value()->head, 500u);
}

TEST(GroupCommit, ThreadsAndRoomsShareCommitsWithoutHolesAndInTheOrderOfEachThread) {
  constexpr int kThreads = 4;
  constexpr int kRooms = 5;
  constexpr int kAppends = 400;
  const TestDirectory directory;
  // The completions in the order the writer called them: for each room, "thread index sequence".
  std::vector<std::vector<std::string>> completed(kRooms);
  {
    const auto log = OpenLog({.directory = directory.path(), .initial_map_bytes = 1});
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kAppends; ++i) {
          const int room = (i * 7 + thread) % kRooms;
          const std::string payload = absl::StrCat(thread, " ", i);
          const auto done = [&completed, room, payload](absl::StatusOr<Sequence> result) {
            CHECK(result.ok());
            CHECK(*result == completed[room].size() + 1);
            completed[room].push_back(payload);
          };
          CHECK(
              log->TryAppend({.room = absl::StrCat(room), .payload = crdt::AsBytes(payload)}, done)
                  .ok());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto log = OpenLog(directory);
  std::size_t total = 0;
  for (int room = 0; room < kRooms; ++room) {
    const LoadedRoom loaded = LoadAll(*log, absl::StrCat(room));
    EXPECT_TRUE(loaded.report.status().ok());
    EXPECT_EQ(loaded.Payloads(), completed[room]);
    std::vector<int> last(kThreads, -1);
    for (const std::string& payload : loaded.Payloads()) {
      int thread = 0;
      int index = 0;
      ASSERT_EQ(std::sscanf(payload.c_str(), "%d %d", &thread, &index), 2);
      EXPECT_GT(index, last[thread]);
      last[thread] = index;
    }
    total += loaded.records.size();
  }
  EXPECT_EQ(total, static_cast<std::size_t>(kThreads * kAppends));
}

}  // namespace
}  // namespace weft::store
