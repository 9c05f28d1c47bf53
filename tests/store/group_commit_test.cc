#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/store/held_writer.h"
#include "tests/store/log_harness.h"

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
