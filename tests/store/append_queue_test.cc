#include "store/append_queue.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/store/held_writer.h"
#include "tests/store/log_harness.h"

namespace weft::store {
namespace {

constexpr std::size_t kBoundBytes = 100'000;

// Appends until the queue refuses; how many it took.
int FillQueue(UpdateLog& log, int& completed) {
  const Bytes payload(1000);
  int accepted = 0;
  while (log.TryAppend({.room = "room", .payload = payload},
                       [&](absl::StatusOr<Sequence> result) { completed += result.ok(); })
             .ok()) {
    ++accepted;
  }
  return accepted;
}

TEST(AppendQueue, AtItsBoundItRefusesAndKeepsWhatItHas) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .queue_bytes = kBoundBytes});
  HeldWriter held(*log);
  int completed = 0;
  const int accepted = FillQueue(*log, completed);
  EXPECT_GT(accepted, 50);
  EXPECT_LT(accepted, 100);
  EXPECT_LE(log->stats().queued_bytes, kBoundBytes);
  bool called = false;
  const Bytes payload(1000);
  EXPECT_EQ(log->TryAppend({.room = "room", .payload = payload},
                           [&](absl::StatusOr<Sequence>) { called = true; })
                .code(),
            absl::StatusCode::kResourceExhausted);
  held.Release();
  log->Flush();
  EXPECT_EQ(completed, accepted);
  EXPECT_FALSE(called);
  EXPECT_EQ(log->stats().queued_bytes, 0u);
  EXPECT_EQ(LoadAll(*log, "room").report.records, static_cast<std::uint64_t>(accepted));
}

TEST(AppendQueue, WhoWasRefusedIsCalledWhenThereIsSpace) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .queue_bytes = kBoundBytes});
  HeldWriter held(*log);
  int completed = 0;
  const int accepted = FillQueue(*log, completed);
  std::promise<int> completed_when_called;
  std::future<int> future = completed_when_called.get_future();
  log->CallWhenSpace([&] { completed_when_called.set_value(completed); });
  held.Release();
  EXPECT_EQ(future.get(), accepted);
  EXPECT_TRUE(AppendAndWait(*log, "room", "again").ok());
}

TEST(AppendQueue, WhoAsksWhenThereIsSpaceIsCalledAtOnce) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  std::promise<void> called;
  log->CallWhenSpace([&] { called.set_value(); });
  called.get_future().wait();
}

TEST(AppendQueue, AnUpdateLargerThanTheBoundIsABadRequest) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .queue_bytes = kBoundBytes});
  EXPECT_EQ(AppendAndWait(*log, "room", std::string(kBoundBytes, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(AppendQueue, ACompletionMayAppend) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  std::promise<absl::StatusOr<Sequence>> second;
  ASSERT_TRUE(log->TryAppend({.room = "room", .payload = {}},
                             [&](absl::StatusOr<Sequence>) {
                               CHECK(log->TryAppend({.room = "room", .payload = {}},
                                                    [&](absl::StatusOr<Sequence> result) {
                                                      second.set_value(result);
                                                    })
                                         .ok());
                             })
                  .ok());
  EXPECT_EQ(second.get_future().get().value(), 2u);
}

TEST(AppendQueue, AClosedQueueRefusesAndDrains) {
  AppendQueue queue(kBoundBytes);
  int completed = 0;
  ASSERT_TRUE(
      queue.Push({.room = "room", .payload = {}}, [&](absl::StatusOr<Sequence>) { ++completed; })
          .ok());
  queue.Close();
  EXPECT_EQ(queue.Push({.room = "room", .payload = {}}, [](absl::StatusOr<Sequence>) {}).code(),
            absl::StatusCode::kUnavailable);
  std::vector<QueuedAppend> batch;
  EXPECT_EQ(queue.Take(batch, std::nullopt), AppendQueue::Taken::kBatch);
  EXPECT_EQ(batch.size(), 1u);
  queue.Acknowledge(batch, absl::OkStatus());
  queue.Release(batch);
  EXPECT_EQ(completed, 1);
  EXPECT_EQ(queue.Take(batch, std::nullopt), AppendQueue::Taken::kClosed);
}

}  // namespace
}  // namespace weft::store
