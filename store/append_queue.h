#pragma once

// What waits for the writer thread.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/record.h"

namespace weft::store {

// One update to be stored. The views are copied before the call that takes them returns.
struct Append {
  std::string_view room;
  std::int64_t time_ms = 0;  // wall time since 1970; kept, never compared
  OriginId origin{};
  ByteView payload;
};

// Told what became of an accepted append.
using AppendDone = std::move_only_function<void(absl::StatusOr<Sequence>)>;

struct QueuedAppend {
  std::string room;
  std::int64_t time_ms = 0;
  OriginId origin{};
  Bytes payload;
  AppendDone done;
  Sequence sequence = 0;  // given by the writer

  // What it counts against the queue's bound: its bytes, and an allowance for the bookkeeping.
  std::size_t queue_bytes() const;
};

// A queue with a bound in bytes, of which the part that the writer has taken still counts until it
// is completed: the bound is one of memory. At the bound Push refuses; nothing waits, nothing is
// dropped. Threads: Push, CallWhenSpace, Flush, Close, Fail and the getters from any; Take and
// Complete from the writer.
class AppendQueue {
 public:
  // One transaction takes no more than this, so that its changed pages stay well below the 131,071
  // that LMDB keeps in memory even when each append makes a room of its own.
  static constexpr std::size_t kMaxBatchAppends = 16384;

  struct Stats {
    std::uint64_t commits = 0;
    std::uint64_t appends = 0;
    std::uint64_t failed = 0;
    std::size_t queued_bytes = 0;
  };

  explicit AppendQueue(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

  // Fails: as UpdateLog::TryAppend.
  absl::Status Push(const Append& append, AppendDone done);

  // Calls `ready` on the writer thread once at most half the bound is in use, or Push will never
  // accept again.
  void CallWhenSpace(std::move_only_function<void()> ready);

  // Waits for appends and moves the oldest ones into `batch`, calling on the way whom CallWhenSpace
  // left waiting. False when the queue is closed and nothing is left.
  bool Take(std::vector<QueuedAppend>& batch);

  // Tells each append of the batch its sequence, or `result` when that is an error; gives their
  // bytes back and clears the batch.
  void Complete(std::vector<QueuedAppend>& batch, const absl::Status& result);

  // Refuses everything from now on, with this reason. The first reason stays.
  void Fail(absl::Status reason);
  absl::Status failure() const;

  // Waits until everything accepted before the call has completed.
  void Flush();

  // Accepts no more; Take drains what is left.
  void Close();

  Stats stats() const;

 private:
  // Whom to call now. Requires: mutex_ is held.
  std::vector<std::move_only_function<void()>> TakeReadyWaiters();

  const std::size_t bound_bytes_;

  mutable std::mutex mutex_;
  std::condition_variable work_;       // there is something for the writer
  std::condition_variable completed_;  // completed_count_ has grown
  std::deque<QueuedAppend> queue_;
  std::vector<std::move_only_function<void()>> waiters_;
  absl::Status failure_;
  bool closed_ = false;
  std::uint64_t accepted_count_ = 0;
  std::uint64_t completed_count_ = 0;
  Stats stats_;
};

}  // namespace weft::store
