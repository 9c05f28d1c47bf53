// What was reported as stored is there after kill -9 under load.

#include <gtest/gtest.h>

#include <unistd.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/store/child_process.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/log_harness.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

constexpr std::uint32_t kThreads = 3;
constexpr std::uint32_t kRooms = 7;

// What the child tells about a completed append, in one atomic write to a pipe.
struct Report {
  std::uint32_t round;
  std::uint32_t thread;
  std::uint32_t index;
  std::uint32_t room;
  Sequence sequence;
};

std::string PayloadOf(const Report& report) {
  std::string payload = absl::StrCat(report.round, " ", report.thread, " ", report.index, " ");
  payload.append(report.index % 50 == 0 ? 20'000 : report.index % 40, 'p');
  return payload;
}

// Appends from several threads until it is killed, never waiting but for space in the queue.
int AppendUntilKilled(const std::string& directory, std::uint32_t round, int reports) {
  const auto log =
      OpenLog({.directory = directory, .queue_bytes = 500'000, .initial_map_bytes = 1});
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0;; ++i) {
        Report report{round, thread, i, (i + thread) % kRooms, 0};
        const std::string payload = PayloadOf(report);
        const std::string room = absl::StrCat(report.room);
        const auto try_append = [&] {
          return log->TryAppend({.room = room, .payload = crdt::AsBytes(payload)},
                                [report, reports](absl::StatusOr<Sequence> result) mutable {
                                  CHECK(result.ok());
                                  report.sequence = *result;
                                  CHECK(write(reports, &report, sizeof(report)) == sizeof(report));
                                });
        };
        while (!try_append().ok()) {
          std::promise<void> space;
          log->CallWhenSpace([&] { space.set_value(); });
          space.get_future().wait();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

TEST(Crash, NothingReportedAsStoredIsMissingAfterKillNine) {
  const std::uint32_t kRounds = TortureFactor() > 1 ? 100 : 8;
  const TestDirectory directory;
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  std::map<std::uint32_t, std::map<Sequence, std::string>> reported;

  for (std::uint32_t round = 0; round < kRounds; ++round) {
    int reports[2];
    ASSERT_EQ(pipe(reports), 0);
    ChildProcess child([&] { return AppendUntilKilled(directory.path(), round, reports[1]); });
    close(reports[1]);
    const std::uint32_t kill_after = std::uniform_int_distribution(1u, 3000u)(random);
    Report report{};
    std::uint32_t count = 0;
    // After the kill the pipe still holds what was reported before it.
    while (read(reports[0], &report, sizeof(report)) == sizeof(report)) {
      reported[report.room][report.sequence] = PayloadOf(report);
      if (++count == kill_after) child.Kill();
    }
    close(reports[0]);
    EXPECT_EQ(child.Wait(), -1);
    EXPECT_GE(count, kill_after);

    const auto log = OpenLog(directory);
    ASSERT_EQ(Verify(log->reader()), absl::OkStatus());
    for (std::uint32_t room = 0; room < kRooms; ++room) {
      const LoadedRoom loaded = LoadAll(*log, absl::StrCat(room));
      EXPECT_TRUE(loaded.report.status().ok()) << loaded.report.status();
      EXPECT_EQ(loaded.report.records, loaded.report.head);
      const std::vector<std::string> payloads = loaded.Payloads();
      EXPECT_EQ(std::set(payloads.begin(), payloads.end()).size(), payloads.size());
      for (const auto& [sequence, payload] : reported[room]) {
        ASSERT_LE(sequence, payloads.size());
        ASSERT_EQ(payloads[sequence - 1], payload);
      }
    }
  }
}

}  // namespace
}  // namespace weft::store
