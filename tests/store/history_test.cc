// Snapshots, what compaction keeps, versions, generations, seeding.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/compactor.h"
#include "store/format.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/stored_bytes.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

// Records "1;", "2;", ... with times of ten per second.
void AppendNumbers(UpdateLog& log, std::string_view room, int begin, int end) {
  for (int i = begin; i < end; ++i) {
    ASSERT_EQ(
        AppendAndWait(
            log, {.room = room, .time_ms = 100 * i, .payload = crdt::AsBytes(absl::StrCat(i, ";"))})
            .value(),
        static_cast<Sequence>(i));
  }
}

std::string Numbers(int end) {
  std::string text;
  for (int i = 1; i < end; ++i) absl::StrAppend(&text, i, ";");
  return text;
}

class History : public ::testing::Test {
 protected:
  CompactReport Compact(std::int64_t now_ms, std::int64_t retention_ms) {
    const auto report =
        log_->Compact("room", JoinPayloads, {.now_ms = now_ms, .retention_ms = retention_ms});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(CompactReport{});
  }
  RoomInfo Info() { return log_->FindRoom("room").value().value(); }
  const LogReader& reader() { return log_->reader(); }

  const TestDirectory directory_;
  std::unique_ptr<UpdateLog> log_ = OpenLog(directory_);
};

TEST_F(History, ARoomIsItsNewestSnapshotAndTheRecordsAfterIt) {
  AppendNumbers(*log_, "room", 1, 11);
  EXPECT_EQ(Compact(0, 1'000'000).merged_records, 10u);
  AppendNumbers(*log_, "room", 11, 14);
  const LoadedRoom room = LoadAll(*log_, "room");
  EXPECT_EQ(room.Payloads(), (std::vector<std::string>{Numbers(11), "11;", "12;", "13;"}));
  EXPECT_EQ(room.report.snapshot, 10u);
  EXPECT_EQ(room.report.head, 13u);
  EXPECT_EQ(room.report.records, 3u);
  EXPECT_EQ(Info().tail_records, 3u);
  EXPECT_EQ(Info().tail_bytes, 9u);
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
}

TEST_F(History, CompactingTwiceDoesNothingTheSecondTime) {
  AppendNumbers(*log_, "room", 1, 4);
  EXPECT_EQ(Compact(0, 0).merged_records, 3u);
  EXPECT_EQ(Compact(0, 0).merged_records, 0u);
  EXPECT_EQ(Info().snapshot, 3u);
}

TEST_F(History, WithoutRetentionTheRecordsGoAndTheRoomGoesOn) {
  AppendNumbers(*log_, "room", 1, 11);
  Compact(0, 0);
  EXPECT_EQ(Info().records, 0u);
  EXPECT_EQ(Info().first, 11u);
  EXPECT_EQ(Content(reader(), "room"), Numbers(11));
  EXPECT_EQ(ContentAt(reader(), "room", 5).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ContentAt(reader(), "room", 10).value(), Numbers(11));
  AppendNumbers(*log_, "room", 11, 13);
  EXPECT_EQ(Content(reader(), "room"), Numbers(13));
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
  log_.reset();
  log_ = OpenLog(directory_);
  EXPECT_EQ(Content(reader(), "room"), Numbers(13));
}

TEST_F(History, WithinTheRetentionEveryStateCanBeHad) {
  for (int end = 11; end <= 101; end += 10) {
    AppendNumbers(*log_, "room", end - 10, end);
    Compact(/*now_ms=*/100 * end, /*retention_ms=*/3'000);
  }
  const RoomInfo info = Info();
  EXPECT_GT(info.first, 50u);
  EXPECT_LT(info.first, 75u);
  for (Sequence sequence = info.first - 1; sequence <= 100; ++sequence) {
    EXPECT_EQ(ContentAt(reader(), "room", sequence).value(),
              Numbers(static_cast<int>(sequence) + 1));
  }
  EXPECT_EQ(ContentAt(reader(), "room", info.first - 2).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ContentAt(reader(), "room", 101).status().code(), absl::StatusCode::kNotFound);
  EXPECT_LE(reader().ListSnapshots("room").value().size(), 10u);
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
}

TEST_F(History, LongHistoriesAreDroppedInPieces) {
  for (int i = 1; i <= 10'000; ++i) {
    ASSERT_TRUE(log_->TryAppend({.room = "room", .payload = crdt::AsBytes("x")},
                                [](absl::StatusOr<Sequence>) {})
                    .ok());
  }
  log_->Flush();
  const std::uint64_t commits = log_->stats().commits;
  Compact(0, 0);
  EXPECT_GE(log_->stats().commits - commits, 3u);
  EXPECT_EQ(Content(reader(), "room"), std::string(10'000, 'x'));
  EXPECT_EQ(Info().records, 0u);
}

TEST_F(History, ANamedVersionStaysWhateverTheRetention) {
  AppendNumbers(*log_, "room", 1, 11);
  ASSERT_EQ(log_->PutVersion("room", {.name = "draft", .sequence = 4, .note = "n"}, JoinPayloads),
            absl::OkStatus());
  ASSERT_EQ(log_->PutVersion("room", {.name = "final", .sequence = 10}, JoinPayloads),
            absl::OkStatus());
  AppendNumbers(*log_, "room", 11, 21);
  Compact(0, 0);
  EXPECT_EQ(Info().first, 21u);
  EXPECT_EQ(ContentAt(reader(), "room", 4).value(), Numbers(5));
  EXPECT_EQ(ContentAt(reader(), "room", 10).value(), Numbers(11));
  EXPECT_EQ(ContentAt(reader(), "room", 7).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
  EXPECT_EQ(reader().ListVersions("room").value(),
            (std::vector<Version>{{.name = "draft", .sequence = 4, .note = "n"},
                                  {.name = "final", .sequence = 10}}));
  ASSERT_EQ(log_->DropVersion("room", "draft"), absl::OkStatus());
  AppendNumbers(*log_, "room", 21, 22);
  Compact(0, 0);
  EXPECT_EQ(ContentAt(reader(), "room", 4).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
}

TEST_F(History, WhatBeginsTheHistoryStaysWhenALongerRetentionFollowsAShortOne) {
  AppendNumbers(*log_, "room", 1, 3);
  ASSERT_EQ(log_->PutVersion("room", {.name = "v", .sequence = 1}, JoinPayloads), absl::OkStatus());
  Compact(/*now_ms=*/0, /*retention_ms=*/0);
  ASSERT_EQ(log_->DropVersion("room", "v"), absl::OkStatus());
  AppendNumbers(*log_, "room", 3, 4);
  Compact(/*now_ms=*/0, /*retention_ms=*/1'000'000);
  EXPECT_EQ(ContentAt(reader(), "room", 2).value(), Numbers(3));
  EXPECT_EQ(ContentAt(reader(), "room", 3).value(), Numbers(4));
}

TEST_F(History, AVersionOfWhatIsNotThereIsRefused) {
  AppendNumbers(*log_, "room", 1, 6);
  const auto put = [&](const char* room, const char* name, Sequence sequence) {
    return log_->PutVersion(room, {.name = name, .sequence = sequence}, JoinPayloads).code();
  };
  EXPECT_EQ(put("room", "v", 6), absl::StatusCode::kNotFound);
  EXPECT_EQ(put("room", "v", 0), absl::StatusCode::kNotFound);
  EXPECT_EQ(put("nowhere", "v", 1), absl::StatusCode::kNotFound);
  EXPECT_EQ(put("room", "", 1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(put("room", "v", 3), absl::StatusCode::kOk);
  EXPECT_EQ(put("room", "v", 4), absl::StatusCode::kAlreadyExists);
  Compact(0, 0);
  EXPECT_EQ(put("room", "w", 4), absl::StatusCode::kNotFound);
  EXPECT_EQ(reader().ListVersions("room").value().size(), 1u);
}

TEST_F(History, ADamagedSnapshotIsStoodInForByAnOlderOneAndMoreRecords) {
  AppendNumbers(*log_, "room", 1, 6);
  Compact(0, 1'000'000);
  AppendNumbers(*log_, "room", 6, 11);
  Compact(0, 1'000'000);
  log_.reset();
  const RecordKey key = EncodeRecordKey(RoomId{1}, 10);
  std::string value = ReadStored(directory_.path(), kSnapshotsTable, key);
  value.back() = 'X';
  WriteStored(directory_.path(), kSnapshotsTable, key, value);
  log_ = OpenLog(directory_);
  const LoadedRoom room = LoadAll(*log_, "room");
  EXPECT_EQ(room.report.damage, (std::vector<Damage>{{DamageKind::kSnapshot, 10, 11}}));
  std::string content;
  for (const std::string& payload : room.Payloads()) content += payload;
  EXPECT_EQ(content, Numbers(11));
  EXPECT_FALSE(Verify(reader()).ok());
  // Compaction makes it anew, and drops nothing that only the damaged one could stand for.
  AppendNumbers(*log_, "room", 11, 12);
  Compact(0, 0);
  EXPECT_EQ(Content(reader(), "room"), Numbers(12));
}

TEST_F(History, TimeIsFoundWhateverTheClockDid) {
  const std::int64_t times[] = {100, 200, 9'000, 300, 400, 150};
  for (const std::int64_t time_ms : times) {
    ASSERT_TRUE(
        AppendAndWait(*log_, {.room = "room", .time_ms = time_ms, .payload = crdt::AsBytes("x")})
            .ok());
  }
  EXPECT_EQ(reader().SequenceAt("room", 99).value(), 0u);
  EXPECT_EQ(reader().SequenceAt("room", 100).value(), 1u);
  EXPECT_EQ(reader().SequenceAt("room", 399).value(), 6u);
  EXPECT_EQ(reader().SequenceAt("room", 1'000'000).value(), 6u);
  EXPECT_EQ(reader().SequenceAt("nowhere", 5).value(), 0u);
}

TEST_F(History, AClockThatJumpsBackCostsNoContentAndNoOrder) {
  AppendNumbers(*log_, "room", 1, 11);
  Compact(/*now_ms=*/1'000'000'000, /*retention_ms=*/1'000);
  // A day earlier.
  for (int i = 11; i < 21; ++i) {
    ASSERT_EQ(AppendAndWait(*log_, {.room = "room",
                                    .time_ms = -86'400'000 + i,
                                    .payload = crdt::AsBytes(absl::StrCat(i, ";"))})
                  .value(),
              static_cast<Sequence>(i));
  }
  Compact(/*now_ms=*/-86'400'000 + 21, /*retention_ms=*/1'000);
  EXPECT_EQ(Content(reader(), "room"), Numbers(21));
  // All of the late records are within the retention as their own clock has it.
  for (Sequence sequence = 10; sequence <= 20; ++sequence) {
    EXPECT_EQ(ContentAt(reader(), "room", sequence).value(),
              Numbers(static_cast<int>(sequence) + 1));
  }
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
}

TEST_F(History, AMergeThatFailsLeavesTheRoomAsItWas) {
  AppendNumbers(*log_, "room", 1, 4);
  const auto report = log_->Compact("room",
                                    [](std::span<const ByteView>) -> absl::StatusOr<Bytes> {
                                      return absl::InvalidArgumentError("no update");
                                    },
                                    {.retention_ms = 0});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Info().snapshot, 0u);
  EXPECT_EQ(Content(reader(), "room"), Numbers(4));
}

TEST_F(History, WhatIsAppendedWhileARoomIsMergedIsTheTailOfItsSnapshot) {
  AppendNumbers(*log_, "room", 1, 4);
  const auto report = log_->Compact("room",
                                    [&](std::span<const ByteView> payloads) {
                                      AppendNumbers(*log_, "room", 4, 6);
                                      return JoinPayloads(payloads);
                                    },
                                    {.retention_ms = 0});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->snapshot, 3u);
  EXPECT_EQ(Info().tail_bytes, 4u);
  EXPECT_EQ(Content(reader(), "room"), Numbers(6));
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
}

TEST_F(History, ARoomDeletedWhileItIsMergedDoesNotComeBack) {
  AppendNumbers(*log_, "room", 1, 4);
  const auto report = log_->Compact("room",
                                    [&](std::span<const ByteView> payloads) {
                                      EXPECT_EQ(log_->DeleteRoom("room"), absl::OkStatus());
                                      EXPECT_TRUE(AppendAndWait(*log_, "room", "new").ok());
                                      return JoinPayloads(payloads);
                                    },
                                    {.retention_ms = 0});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Content(reader(), "room"), "new");
}

TEST_F(History, ARoomIsSeededOnceWhoeverComesFirst) {
  std::atomic<int> created = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto result =
          log_->CreateIfAbsent({.room = "room", .payload = crdt::AsBytes(absl::StrCat("seed", i))});
      EXPECT_TRUE(result.ok());
      EXPECT_EQ(result->head, 1u);
      EXPECT_EQ(result->generation, log_->FindRoom("room").value()->generation);
      created += result->created;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(LoadAll(*log_, "room").report.records, 1u);
}

TEST_F(History, ADeletedRoomIsGoneAndItsNameMakesAnotherOne) {
  AppendNumbers(*log_, "room", 1, 4);
  const Generation generation = Info().generation;
  EXPECT_NE(generation, Generation{});
  EXPECT_EQ(log_->DeleteRoom("room", Generation{1}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(log_->DeleteRoom("room", generation), absl::OkStatus());
  EXPECT_EQ(log_->DeleteRoom("room").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(log_->FindRoom("room").value().has_value());
  EXPECT_TRUE(log_->ListRooms().value().empty());
  EXPECT_EQ(AppendAndWait(*log_, {.room = "room", .payload = {}, .generation = generation})
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(AppendAndWait(*log_, "room", "new").value(), 1u);
  EXPECT_NE(Info().generation, generation);
  EXPECT_EQ(
      AppendAndWait(
          *log_, {.room = "room", .payload = crdt::AsBytes("!"), .generation = Info().generation})
          .value(),
      2u);
  EXPECT_EQ(Verify(reader()), absl::OkStatus());
  log_.reset();
  log_ = OpenLog(directory_);
  EXPECT_EQ(Content(reader(), "room"), "new!");
}

TEST_F(History, ARoomAtItsQuotaRefusesAndOthersDoNot) {
  AppendNumbers(*log_, "room", 1, 4);
  ASSERT_EQ(log_->SetPolicy("room", {.quota_bytes = 8}), absl::OkStatus());
  EXPECT_EQ(AppendAndWait(*log_, "room", "ab").value(), 4u);
  EXPECT_EQ(AppendAndWait(*log_, "room", "c").status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(AppendAndWait(*log_, "another", "c").value(), 1u);
  EXPECT_EQ(Content(reader(), "room"), "1;2;3;ab");
  ASSERT_EQ(log_->SetPolicy("room", {}), absl::OkStatus());
  EXPECT_EQ(AppendAndWait(*log_, "room", "c").value(), 5u);
}

TEST_F(History, ARoomsOwnRetentionComesBeforeTheLogs) {
  AppendNumbers(*log_, "room", 1, 11);
  ASSERT_EQ(log_->SetPolicy("room", {.retention_ms = 1'000'000'000}), absl::OkStatus());
  Compact(1'000'000, 0);
  EXPECT_EQ(Info().first, 1u);
  ASSERT_EQ(log_->SetPolicy("room", {.retention_ms = 0}), absl::OkStatus());
  Compact(1'000'000, 1'000'000'000);
  EXPECT_EQ(Info().first, 11u);
}

TEST(Compactor, MergesWhatIsDueInTheBackgroundAndLeavesTheRestAlone) {
  const TestDirectory directory;
  auto log = OpenLog({.directory = directory.path(),
                      .initial_map_bytes = std::size_t{1} << 20,
                      .track_touched = true});
  AppendNumbers(*log, "left", 1, 40);  // by an earlier run
  std::promise<void> left;
  std::promise<void> busy;
  Compactor compactor(
      *log,
      {.records = 30, .min_records = 16, .retention = {}, .tick = std::chrono::milliseconds(1)},
      JoinPayloads, [] { return std::int64_t{0}; },
      [&](const std::string& room, const absl::StatusOr<CompactReport>& report) {
        EXPECT_TRUE(report.ok());
        (room == "left" ? left : busy).set_value();
      });
  left.get_future().wait();
  AppendNumbers(*log, "quiet", 1, 20);
  AppendNumbers(*log, "busy", 1, 31);
  busy.get_future().wait();
  EXPECT_EQ(log->FindRoom("busy").value()->snapshot, 30u);
  EXPECT_EQ(log->FindRoom("quiet").value()->snapshot, 0u);
  EXPECT_EQ(Content(log->reader(), "left"), Numbers(40));
  EXPECT_EQ(compactor.stats().compactions, 2u);
}

TEST(Interval, AnAppendIsAnsweredAtOnceAndOnTheMediumAfterAFlush) {
  const TestDirectory directory;
  auto log = OpenLog({.directory = directory.path(),
                      .durability = Durability::kInterval,
                      .interval = std::chrono::hours(1),
                      .initial_map_bytes = 1});
  const std::uint64_t commits = log->stats().commits;
  AppendNumbers(*log, "room", 1, 11);  // each answered, none committed
  EXPECT_EQ(log->stats().commits, commits);
  EXPECT_EQ(log->stats().appends, 10u);
  EXPECT_FALSE(log->reader().FindRoom("room").value().has_value());
  log->Flush();
  EXPECT_EQ(log->stats().commits, commits + 1);
  EXPECT_GT(log->stats().window_max.count(), 0);
  EXPECT_EQ(Content(log->reader(), "room"), Numbers(11));
}

TEST(Interval, ReadsOfTheLogSeeWhatWasAnsweredAndClosingCommitsIt) {
  const TestDirectory directory;
  const UpdateLog::Options options{.directory = directory.path(),
                                   .durability = Durability::kInterval,
                                   .interval = std::chrono::hours(1),
                                   .initial_map_bytes = 1};
  {
    const auto log = OpenLog(options);
    AppendNumbers(*log, "room", 1, 4);
    EXPECT_EQ(LoadAll(*log, "room").report.records, 3u);
    AppendNumbers(*log, "room", 4, 6);
    ASSERT_TRUE(log->CreateIfAbsent({.room = "seeded", .payload = {}}).value().created);
    AppendNumbers(*log, "room", 6, 7);
  }
  EXPECT_EQ(Content(OpenLog(options)->reader(), "room"), Numbers(7));
}

TEST(Interval, CommitsByItselfWhenTheIntervalIsOver) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(),
                            .durability = Durability::kInterval,
                            .interval = std::chrono::milliseconds(1)});
  AppendNumbers(*log, "room", 1, 2);
  while (log->stats().commits == 0) std::this_thread::yield();
  EXPECT_EQ(Content(log->reader(), "room"), Numbers(2));
}

TEST(Interval, AMapThatIsTooSmallGrowsWithWhatWasAnsweredInIt) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(),
                            .durability = Durability::kInterval,
                            .interval = std::chrono::hours(1),
                            .initial_map_bytes = 1});
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string payload(20'000, static_cast<char>('a' + i % 26));
    ASSERT_EQ(AppendAndWait(*log, "room", payload).value(), static_cast<Sequence>(i + 1));
    expected += payload;
  }
  EXPECT_GT(log->stats().map_growths, 0u);
  log->Flush();
  EXPECT_EQ(Content(log->reader(), "room"), expected);
}

TEST(Interval, WhenAnsweredEditsCannotBeStoredTheLogSaysSoForGood) {
  const TestDirectory directory;
  std::atomic<int> failures = 0;
  const auto log = OpenLog({.directory = directory.path(),
                            .durability = Durability::kInterval,
                            .interval = std::chrono::hours(1),
                            .on_failure = [&](const absl::Status&) { ++failures; }});
  ASSERT_TRUE(AppendAndWait(*log, "room", "answered").ok());
  const ScopedFault fault(SystemFault::kDiskFull);
  log->Flush();
  EXPECT_FALSE(log->append_status().ok());
  EXPECT_EQ(failures, 1);
  EXPECT_FALSE(AppendAndWait(*log, "room", "more").ok());
}

}  // namespace
}  // namespace weft::store
