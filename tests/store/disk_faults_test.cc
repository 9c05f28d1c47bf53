#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/store/child_process.h"
#include "tests/store/held_writer.h"
#include "tests/store/log_harness.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

using Strings = std::vector<std::string>;

class HealingFault : public ::testing::TestWithParam<std::pair<SystemFault, absl::StatusCode>> {};

TEST_P(HealingFault, FailsWhatWasAppendedKeepsReadsAndEndsWithItsCause) {
  const auto [kind, code] = GetParam();
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    ASSERT_EQ(AppendAndWait(*log, "room", "before").value(), 1u);
    {
      const ScopedFault fault(kind);
      EXPECT_EQ(AppendAndWait(*log, "room", "during").status().code(), code);
      EXPECT_EQ(AppendAndWait(*log, "new room", "during").status().code(), code);
      EXPECT_EQ(LoadAll(*log, "room").Payloads(), Strings{"before"});
      EXPECT_TRUE(log->append_status().ok());
    }
    EXPECT_EQ(log->stats().failed, 2u);
    EXPECT_EQ(AppendAndWait(*log, "room", "after").value(), 2u);
  }
  const auto log = OpenLog(directory);
  EXPECT_EQ(LoadAll(*log, "room").Payloads(), (Strings{"before", "after"}));
  EXPECT_TRUE(LoadAll(*log, "room").report.status().ok());
  EXPECT_EQ(log->ListRooms().value().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    DiskFaults, HealingFault,
    ::testing::Values(std::pair(SystemFault::kDiskFull, absl::StatusCode::kResourceExhausted),
                      std::pair(SystemFault::kReadOnly, absl::StatusCode::kUnavailable)));

class LastingFault : public ::testing::TestWithParam<SystemFault> {};

TEST_P(LastingFault, EndsTheAppendsForGoodAndNotTheReads) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    ASSERT_EQ(AppendAndWait(*log, "room", "before").value(), 1u);
    {
      const ScopedFault fault(GetParam());
      EXPECT_EQ(AppendAndWait(*log, "room", "during").status().code(), absl::StatusCode::kInternal);
    }
    // The cause is gone, the doubt is not.
    EXPECT_EQ(log->append_status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(AppendAndWait(*log, "room", "after").status(), log->append_status());
    EXPECT_EQ(LoadAll(*log, "room").records.at(0).payload, "before");
    EXPECT_TRUE(LoadAll(*log, "room").report.status().ok());
  }
  // Opened anew, the log is whole; of what was not promised it may hold all or nothing.
  const auto log = OpenLog(directory);
  const LoadedRoom room = LoadAll(*log, "room");
  EXPECT_TRUE(room.report.status().ok());
  EXPECT_EQ(room.records.at(0).payload, "before");
  EXPECT_EQ(AppendAndWait(*log, "room", "anew").value(), room.report.head + 1);
}

TEST_P(LastingFault, AnswersWhatWasQueuedAndWhoWaits) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .queue_bytes = 10'000});
  HeldWriter held(*log);
  int refused = 0;
  while (log->TryAppend({.room = "room", .payload = {}},
                        [&](absl::StatusOr<Sequence> result) { refused += !result.ok(); })
             .ok()) {
  }
  std::promise<void> called;
  log->CallWhenSpace([&] { called.set_value(); });
  const ScopedFault fault(GetParam());
  held.Release();
  called.get_future().wait();
  log->Flush();
  EXPECT_GT(refused, 0);
  EXPECT_EQ(log->stats().failed, static_cast<std::uint64_t>(refused));
}

INSTANTIATE_TEST_SUITE_P(DiskFaults, LastingFault,
                         ::testing::Values(SystemFault::kFsyncFails, SystemFault::kWriteFails,
                                           SystemFault::kMetaPageFails));

// Appends until one fails, gives space back, and goes on; run in a child process.
void FillAndRecover(const std::string& directory, const std::function<void()>& limit_space,
                    const std::function<void()>& give_space, std::size_t payload_bytes) {
  const std::string payload(payload_bytes, 'p');
  Sequence head = 0;
  {
    const auto log = OpenLog({.directory = directory});
    for (; head < 10; ++head) CHECK(AppendAndWait(*log, "room", payload).ok());
    limit_space();
    absl::StatusOr<Sequence> result = head;
    while (result.ok()) {
      head = *result;
      CHECK(head < 1'000'000);
      result = AppendAndWait(*log, "room", payload);
    }
    CHECK(result.status().code() == absl::StatusCode::kResourceExhausted);
    CHECK(AppendAndWait(*log, "room", payload).status().code() ==
          absl::StatusCode::kResourceExhausted);
    CHECK(log->append_status().ok());
    CHECK(LoadAll(*log, "room").report.records == head);
  }
  {
    // A full disk is no reason not to open.
    const auto log = OpenLog({.directory = directory});
    CHECK(LoadAll(*log, "room").report.records == head);
    CHECK(!AppendAndWait(*log, "room", payload).ok());
    give_space();
    CHECK(AppendAndWait(*log, "room", payload).value() == head + 1);
  }
  const LoadedRoom room = LoadAll(*OpenLog({.directory = directory}), "room");
  CHECK(room.report.status().ok());
  CHECK(room.report.records == head + 1);
}

void LimitFileBytes(rlim_t bytes) {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

// Sizes that LMDB writes page by page, and as runs of pages that a limit cuts in the middle.
class DiskFull : public ::testing::TestWithParam<std::size_t> {};

TEST_P(DiskFull, AtAFileSizeLimitAppendsFailAndRecoverWhenItIsRaised) {
  const TestDirectory directory;
  ChildProcess child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto limit = [&] {
      const auto size = std::filesystem::file_size(directory.path() + "/data.mdb");
      LimitFileBytes(size + 20'000 + 10 * GetParam() + 100);  // not a whole number of pages
    };
    FillAndRecover(directory.path(), limit, [] { LimitFileBytes(RLIM_INFINITY); }, GetParam());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_P(DiskFull, OnAFullFileSystemAppendsFailAndRecoverWhenSpaceReturns) {
  constexpr int kNoFileSystem = 77;
  const TestDirectory directory;
  ChildProcess child([&] {
    const int spaces = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (unshare(spaces) != 0) return kNoFileSystem;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNoFileSystem;
    if (mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=4m") != 0) return kNoFileSystem;
    const std::string ballast = directory.path() + "/ballast";
    const auto limit = [&] {
      const int file = open(ballast.c_str(), O_WRONLY | O_CREAT, 0600);
      CHECK(file >= 0 && fallocate(file, 0, 0, 1 << 20) == 0);
      close(file);
    };
    FillAndRecover(
        directory.path() + "/log", limit, [&] { std::filesystem::remove(ballast); }, GetParam());
    return 0;
  });
  const int code = child.Wait();
  if (code == kNoFileSystem) GTEST_SKIP() << "this process may not mount a file system";
  EXPECT_EQ(code, 0);
}

INSTANTIATE_TEST_SUITE_P(DiskFaults, DiskFull, ::testing::Values(100, 5'000, 200'000));

}  // namespace
}  // namespace weft::store
