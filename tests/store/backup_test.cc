// Copies of logs, logs of the format before, and logs that are large in one way.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/backup.h"
#include "store/room_import.h"
#include "tests/store/child_process.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/stored_bytes.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

TEST(Backup, TakenUnderLoadHoldsAPrefixOfEveryRoomWithoutHoles) {
  constexpr int kRooms = 4;
  const TestDirectory directory;
  const TestDirectory copies;
  const auto log = OpenLog(directory);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string payload = absl::StrCat(i / kRooms, ";");
      while (!log->TryAppend({.room = absl::StrCat(i % kRooms), .payload = crdt::AsBytes(payload)},
                             [](absl::StatusOr<Sequence> result) { CHECK(result.ok()); })
                  .ok()) {
        std::this_thread::yield();
      }
      if (i % 500 == 0) (void)log->Compact("1", JoinPayloads, {.retention_ms = 0});
    }
  });
  Sequence last = 0;
  for (int copy = 0; copy < 5 * TortureFactor(); ++copy) {
    while (log->stats().appends < last + 200) std::this_thread::yield();
    last = log->stats().appends;
    const std::string path = absl::StrCat(copies.path(), "/", copy);
    ASSERT_EQ(log->Backup(path), absl::OkStatus());
    const auto restored = OpenLog({.directory = path});
    EXPECT_EQ(Verify(restored->reader()), absl::OkStatus());
    std::uint64_t records = 0;
    for (int room = 0; room < kRooms; ++room) {
      const auto info = restored->FindRoom(absl::StrCat(room)).value();
      ASSERT_TRUE(info.has_value());
      std::string expected;
      for (Sequence i = 0; i < info->head; ++i) absl::StrAppend(&expected, i, ";");
      EXPECT_EQ(Content(restored->reader(), absl::StrCat(room)), expected);
      records += info->head;
    }
    EXPECT_GE(records, last);  // what was answered before the copy began is in it
    EXPECT_EQ(AppendAndWait(*restored, "another", "x").value(), 1u);
  }
  EXPECT_EQ(log->Backup(copies.path() + "/0").code(), absl::StatusCode::kAlreadyExists);
  stop = true;
  writer.join();
}

TEST(Backup, IsRestoredWhereNoLogIsAndVerifiedBefore) {
  const TestDirectory directory;
  const TestDirectory other;
  {
    const auto log = OpenLog(directory);
    ASSERT_TRUE(AppendAndWait(*log, "room", "one").ok());
    ASSERT_EQ(log->Backup(other.path() + "/backup"), absl::OkStatus());
    ASSERT_TRUE(AppendAndWait(*log, "room", "two").ok());
  }
  EXPECT_EQ(RestoreLog(other.path() + "/backup", directory.path(), {}).code(),
            absl::StatusCode::kAlreadyExists);
  const TestDirectory empty;
  for (const std::string& to : {other.path() + "/a/b", empty.path()}) {
    ASSERT_EQ(RestoreLog(other.path() + "/backup", to, {}), absl::OkStatus());
    const auto log = OpenLog({.directory = to});
    EXPECT_EQ(Content(log->reader(), "room"), "one");
    EXPECT_EQ(AppendAndWait(*log, "room", "2").value(), 2u);
  }
  const RecordKey key = EncodeRecordKey(RoomId{1}, 1);
  std::string value = ReadStored(other.path() + "/backup", kRecordsTable, key);
  value.back() = 'X';
  WriteStored(other.path() + "/backup", kRecordsTable, key, value);
  EXPECT_EQ(RestoreLog(other.path() + "/backup", other.path() + "/c", {}).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(other.path() + "/c"));
}

TEST(Backup, ARestoredRoomIsNotTheOneThatWentOnWithoutIt) {
  const TestDirectory directory;
  const TestDirectory copies;
  const auto log = OpenLog(directory);
  ASSERT_TRUE(AppendAndWait(*log, "a", "1").ok());
  ASSERT_TRUE(AppendAndWait(*log, "b", "2").ok());
  ASSERT_EQ(log->PutVersion("a", {.name = "v", .sequence = 1}, JoinPayloads), absl::OkStatus());
  ASSERT_EQ(log->Backup(copies.path() + "/backup"), absl::OkStatus());
  ASSERT_TRUE(AppendAndWait(*log, "a", "lost").ok());
  const Generation before = log->FindRoom("a").value()->generation;
  std::set<Generation> generations = {before, log->FindRoom("b").value()->generation};
  std::filesystem::create_directory(copies.path() + "/there");
  for (const char* to : {"/new", "/there"}) {
    ASSERT_EQ(RestoreLog(copies.path() + "/backup", copies.path() + to, {}), absl::OkStatus());
    const auto restored = OpenLog({.directory = copies.path() + to});
    EXPECT_EQ(Verify(restored->reader()), absl::OkStatus());
    EXPECT_EQ(Content(restored->reader(), "a"), "1");
    EXPECT_EQ(restored->reader().ListVersions("a").value().size(), 1u);
    // Who knows "lost" as record 2 does not write as if it were there.
    const Append known{.room = "a", .payload = crdt::AsBytes("3"), .generation = before};
    EXPECT_EQ(AppendAndWait(*restored, known).status().code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(AppendAndWait(*restored, "a", "another").value(), 2u);
    for (const RoomInfo& room : restored->ListRooms().value()) generations.insert(room.generation);
  }
  EXPECT_EQ(generations.size(), 6u);
  // A backup itself is the log that it was taken of, and so is a log that was made smaller.
  EXPECT_EQ(OpenLog({.directory = copies.path() + "/backup"})->FindRoom("a").value()->generation,
            before);
}

TEST(Shrink, GivesSpaceBackAndKeepsEverything) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    for (int i = 0; i < 300; ++i)
      ASSERT_TRUE(AppendAndWait(*log, "room", std::string(2000, 'x')).ok());
    ASSERT_TRUE(
        log->Compact("room",
                     [](std::span<const ByteView>) -> absl::StatusOr<Bytes> { return Bytes{'m'}; },
                     {.retention_ms = 0})
            .ok());
    EXPECT_EQ(ShrinkLog(directory.path(), {}).status().code(), absl::StatusCode::kUnavailable);
  }
  const auto report = ShrinkLog(directory.path(), {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->bytes_before, 600'000u);
  EXPECT_LT(report->bytes_after, 100'000u);
  const auto log = OpenLog(directory);
  EXPECT_EQ(Content(log->reader(), "room"), "m");
  EXPECT_EQ(AppendAndWait(*log, "room", "!").value(), 301u);
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
}

TEST(LogReader, ReadsBesideTheProcessThatOwnsTheDirectory) {
  const TestDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  ChildProcess owner([&] {
    const auto log = OpenLog(directory);
    CHECK(AppendAndWait(*log, "room", "one").ok());
    CHECK(write(ready[1], "r", 1) == 1);
    // Grows beyond the map that the reader began with.
    for (int i = 0;; ++i)
      CHECK(AppendAndWait(*log, absl::StrCat(i % 9), std::string(5000, 'x')).ok());
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const auto reader = LogReader::Open(directory.path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  const std::uint64_t begin = (*reader)->last_transaction();
  std::uint64_t last = begin;
  while (last < begin + 300) {
    EXPECT_EQ(Content(**reader, "room"), "one");
    EXPECT_EQ(Verify(**reader), absl::OkStatus());
    last = (*reader)->last_transaction();
  }
  close(ready[0]);
  close(ready[1]);
}

TEST(LogReader, SaysWhenThereIsNoLog) {
  const TestDirectory directory;
  EXPECT_EQ(LogReader::Open(directory.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/data.mdb"));
}

// --- Sizes
// ------------------------------------------------------------------------------------------

TEST(Scale, ManyRooms) {
  const int rooms = TortureFactor() > 1 ? 100'000 : 5'000;
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    for (int i = 0; i < rooms; ++i) {
      while (!log->TryAppend({.room = absl::StrCat("room/", i), .payload = crdt::AsBytes("x")},
                             [](absl::StatusOr<Sequence> result) { CHECK(*result == 1); })
                  .ok()) {
        std::this_thread::yield();
      }
    }
  }
  const auto log = OpenLog(directory);
  EXPECT_EQ(log->ListRooms().value().size(), static_cast<std::size_t>(rooms));
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
  EXPECT_EQ(AppendAndWait(*log, "room/77", "y").value(), 2u);
}

TEST(Scale, ARoomOfManyRecords) {
  const int records = TortureFactor() > 1 ? 1'000'000 : 50'000;
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    for (int i = 0; i < records; ++i) {
      while (!log->TryAppend({.room = "room", .payload = crdt::AsBytes("x")},
                             [](absl::StatusOr<Sequence> result) { CHECK(result.ok()); })
                  .ok()) {
        std::this_thread::yield();
      }
    }
  }
  const auto log = OpenLog(directory);
  EXPECT_EQ(LoadAll(*log, "room").report.records, static_cast<std::uint64_t>(records));
  ASSERT_TRUE(log->Compact("room", JoinPayloads, {.retention_ms = 0}).ok());
  EXPECT_EQ(Content(log->reader(), "room"), std::string(static_cast<std::size_t>(records), 'x'));
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
}

// All of it is one transaction, whose pages LMDB keeps in memory: twice the room at most, and the room
// that is given to it.
TEST(Scale, ALargeRoomIsImportedInOneStepAndInBoundedMemory) {
  const std::size_t megabytes = TortureFactor() > 1 ? 1024 : 32;
  // More records than LMDB keeps changed pages, when it is long: it then has to write some early.
  const std::size_t records = 350 * megabytes;
  constexpr std::size_t kPayloadBytes = 3'000;
  const TestDirectory directory;
  ChildProcess child([&] {
    rusage before{};
    NewRoom room{.name = "room", .records = {}, .versions = {}};
    for (std::size_t i = 0; i < records; ++i) {
      room.records.push_back({.time_ms = 1, .payload = Bytes(kPayloadBytes, 'x')});
    }
    CHECK(getrusage(RUSAGE_SELF, &before) == 0);
    std::uint64_t told = 0;
    {
      // The map is as large as its first file needs, so that it grows under way.
      const auto log = OpenLog(directory);
      const absl::Status status =
          ImportRoom(*log, room, JoinPayloads, [&](std::uint64_t done, std::uint64_t total) {
            CHECK(done < total && total == records);
            told = std::max(told, done);
          });
      if (!status.ok()) return 1;
    }
    rusage after{};
    CHECK(getrusage(RUSAGE_SELF, &after) == 0);
    const auto grown = static_cast<std::size_t>(after.ru_maxrss - before.ru_maxrss) >> 10;
    std::fprintf(stderr, "a room of %zu MB took %zu MB to import\n", megabytes, grown);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const std::size_t bound = std::numeric_limits<std::size_t>::max();  // they keep what was freed
#else
    const std::size_t bound = 2 * megabytes + 64;
#endif
    if (told == 0) return 2;
    return grown > bound ? 3 : 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  const auto log = OpenLog(directory);
  std::uint64_t bytes = 0;
  const auto report =
      log->Load("room", [&](const Record& record) { bytes += record.payload.size(); });
  EXPECT_EQ(report->status(), absl::OkStatus());
  EXPECT_EQ(report->records, records);
  EXPECT_EQ(bytes, records * kPayloadBytes);
}

TEST(Scale, ARoomOfManyBytes) {
  const std::size_t megabytes = TortureFactor() > 1 ? 1024 : 32;
  const TestDirectory directory;
  const std::string payload(std::size_t{1} << 20, 'x');
  {
    const auto log = OpenLog(directory);
    for (std::size_t i = 0; i < megabytes; ++i) {
      ASSERT_TRUE(AppendAndWait(*log, "room", payload).ok());
    }
  }
  const auto log = OpenLog(directory);
  std::uint64_t bytes = 0;
  const auto report =
      log->Load("room", [&](const Record& record) { bytes += record.payload.size(); });
  EXPECT_EQ(report->status(), absl::OkStatus());
  EXPECT_EQ(bytes, megabytes << 20);
  ASSERT_TRUE(log->Compact("room", JoinPayloads, {.retention_ms = 0}).ok());
  EXPECT_EQ(log->FindRoom("room").value()->snapshot_bytes, megabytes << 20);
}

}  // namespace
}  // namespace weft::store
