// The promise under power cuts and kill -9 at every step, on a recording of what was written.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

using Lost = DiskRecording::Lost;

// Something that was answered, and when.
struct Answered {
  std::size_t moment = 0;  // of the recording
  std::string room;
  Sequence sequence = 0;
};

// A log that is recorded while it works, and what it answered.
class RecordedLog {
 public:
  RecordedLog() {
    log_ = OpenLog(directory_);
    recording_ = std::make_unique<DiskRecording>(directory_.path() + "/data.mdb");
  }

  UpdateLog& log() { return *log_; }
  const DiskRecording& recording() const { return *recording_; }

  void Append(const std::string& room) {
    std::vector<std::string>& payloads = appended_[room];
    payloads.push_back(absl::StrCat("<", room, ":", payloads.size() + 1,
                                    std::string(random_() % 3 == 0 ? random_() % 9000 : 5, 'p'),
                                    ">"));
    CHECK(log_->TryAppend({.room = room, .payload = crdt::AsBytes(payloads.back())},
                          [this, room](absl::StatusOr<Sequence> result) {
                            CHECK(result.ok());
                            answered_.push_back({recording_->now(), room, *result});
                          })
              .ok());
  }

  // OK, or what a log opened on the image lacks of the promise.
  absl::Status CheckImage(std::size_t moment, Lost lost) {
    const TestDirectory directory;
    WriteImage(directory.path(), recording_->ImageAt(moment, lost, random_));
    const auto log =
        UpdateLog::Open({.directory = directory.path(), .initial_map_bytes = std::size_t{1} << 20});
    if (!log.ok()) return log.status();
    absl::Status status = Verify((*log)->reader());
    std::map<std::string, Sequence> heads;
    for (const auto& [room, payloads] : appended_) {
      const auto info = (*log)->FindRoom(room);
      if (!info.ok()) return info.status();
      heads[room] = *info ? (*info)->head : 0;
      if (heads[room] > payloads.size()) return absl::InternalError("more than was appended");
      std::string expected;
      for (Sequence i = 0; i < heads[room]; ++i) expected += payloads[i];
      const auto content = ContentAt((*log)->reader(), room, kNoBound);
      if (!content.ok()) return content.status();
      if (*content != expected) return absl::InternalError(room + " holds something else");
    }
    for (const Answered& answer : answered_) {
      if (answer.moment <= moment && answer.sequence > heads[answer.room]) {
        status.Update(absl::DataLossError(
            absl::StrCat("record ", answer.sequence, " of ", answer.room, " was answered")));
      }
    }
    // The log goes on where it was.
    const auto next = AppendAndWait(**log, "a", "next");
    if (next.ok() && *next != heads["a"] + 1) return absl::InternalError("a hole");
    status.Update(next.status());
    return status;
  }

  std::mt19937& random() { return random_; }

 private:
  std::uint32_t seed_ = std::random_device{}();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, absl::StrCat("seed ", seed_)};
  std::mt19937 random_{seed_};
  const TestDirectory directory_;
  std::unique_ptr<UpdateLog> log_;
  std::unique_ptr<DiskRecording> recording_;
  std::map<std::string, std::vector<std::string>> appended_;
  std::vector<Answered> answered_;
};

void Work(RecordedLog& recorded, int rounds) {
  const char* rooms[] = {"a", "b", "c"};
  for (int round = 0; round < rounds; ++round) {
    for (unsigned i = recorded.random()() % 20; i > 0; --i) {
      recorded.Append(rooms[recorded.random()() % 3]);
    }
    if (round % 3 == 0) recorded.log().Flush();
    if (round % 5 == 4) {
      const auto report = recorded.log().Compact("b", JoinPayloads, {.retention_ms = 0});
      EXPECT_TRUE(report.ok() || absl::IsNotFound(report.status())) << report.status();
    }
    if (round % 7 == 6) {
      const auto report = recorded.log().Compact("c", JoinPayloads, {.retention_ms = 1 << 30});
      EXPECT_TRUE(report.ok() || absl::IsNotFound(report.status())) << report.status();
    }
  }
  recorded.log().Flush();
}

TEST(PowerCut, AtAnyMomentCostsNothingThatWasAnswered) {
  for (int run = 0; run < TortureFactor(); ++run) {
    RecordedLog recorded;
    Work(recorded, 30);
    const std::size_t end = recorded.recording().now();
    for (int cut = 0; cut < 150; ++cut) {
      const std::size_t moment = recorded.random()() % (end + 1);
      const Lost lost = cut % 4 == 0 ? Lost::kUnsynced : Lost::kSome;
      ASSERT_EQ(recorded.CheckImage(moment, lost), absl::OkStatus())
          << "cut at " << moment << " of " << end;
    }
  }
}

TEST(KillNine, AtAnyWriteCostsNothingThatWasAnswered) {
  for (int run = 0; run < TortureFactor(); ++run) {
    RecordedLog recorded;
    Work(recorded, 10);
    const std::size_t end = recorded.recording().now();
    for (std::size_t moment = 0; moment <= end; ++moment) {
      ASSERT_EQ(recorded.CheckImage(moment, Lost::kNothing), absl::OkStatus())
          << "killed at " << moment << " of " << end;
    }
  }
}

TEST(Compaction, KilledOrCutOffAtEachOfItsStepsLosesNothing) {
  RecordedLog recorded;
  for (int i = 0; i < 300; ++i) recorded.Append("a");
  recorded.log().Flush();
  ASSERT_EQ(recorded.log().PutVersion("a", {.name = "v", .sequence = 77}, JoinPayloads),
            absl::OkStatus());
  const std::size_t begin = recorded.recording().now();
  ASSERT_TRUE(recorded.log().Compact("a", JoinPayloads, {.retention_ms = 0}).ok());
  recorded.Append("a");
  ASSERT_EQ(recorded.log().DropVersion("a", "v"), absl::OkStatus());
  ASSERT_TRUE(recorded.log().Compact("a", JoinPayloads, {.retention_ms = 0}).ok());
  const std::size_t end = recorded.recording().now();
  for (std::size_t moment = begin; moment <= end; ++moment) {
    ASSERT_EQ(recorded.CheckImage(moment, Lost::kNothing), absl::OkStatus()) << moment;
    ASSERT_EQ(recorded.CheckImage(moment, Lost::kSome), absl::OkStatus()) << moment;
  }
}

TEST(DiskFull, AtEachWriteFailsWhatWasAskedAndKeepsTheRest) {
  for (int spared = 0; spared < 400; ++spared) {
    SCOPED_TRACE(spared);
    const TestDirectory directory;
    std::string stored;
    bool hit = false;
    {
      const auto log = OpenLog(directory);
      const ScopedFault fault(SystemFault::kDiskFull, spared);
      for (int i = 0; i < 12; ++i) {
        const std::string payload = absl::StrCat("<", i, std::string(i % 3 * 3000, 'x'), ">");
        const auto result = AppendAndWait(*log, "room", payload);
        if (result.ok()) {
          stored += payload;
        } else {
          ASSERT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
        }
        if (i % 4 == 3) (void)log->Compact("room", JoinPayloads, {.retention_ms = 0});
        ASSERT_EQ(Content(log->reader(), "room"), stored);
      }
      ASSERT_EQ(log->append_status(), absl::OkStatus());
      hit = fault.was_hit();
    }
    const auto log = OpenLog(directory);
    ASSERT_EQ(Content(log->reader(), "room"), stored);
    ASSERT_EQ(Verify(log->reader()), absl::OkStatus());
    ASSERT_TRUE(AppendAndWait(*log, "room", "space returned").ok());
    if (!hit) return;  // more writes are spared than there are
    if (TortureFactor() == 1) spared += 3;
  }
}

}  // namespace
}  // namespace weft::store
