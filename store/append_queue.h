#pragma once

// What waits for the writer thread.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/record.h"

namespace weft::store {

class BatchWriter;

// One update to be stored. The views are copied before the call that takes them returns.
struct Append {
  std::string_view room;
  std::int64_t time_ms = 0;  // wall time since 1970; kept as it is
  OriginId origin{};
  ByteView payload;
  // When given, the append is refused unless the room exists with this generation: what a client
  // wrote to a room that was deleted meanwhile does not end up in the new one of that name.
  std::optional<Generation> generation = std::nullopt;
};

// Told what became of an accepted append.
using AppendDone = std::move_only_function<void(absl::StatusOr<Appended>)>;

// A change of rooms that is no append, made inside the writer's transaction. May run several times
// (a transaction that did not fit is put again), so all that it does beside writing must be to set
// variables anew. LMDB's code; what concerns this change alone is its own business.
using Edit = std::function<int(BatchWriter&)>;

struct QueuedAppend {
  std::string room;
  std::int64_t time_ms = 0;
  OriginId origin{};
  // Inside, as long as a keystroke's: it is made on one thread and dies on the other, which the
  // allocator pays dearly for.
  absl::InlinedVector<std::uint8_t, 48> payload;
  std::optional<Generation> generation;
  Edit edit;  // instead of a record, when given
  AppendDone done;
  // Given by the writer: its place, or why this append alone is not stored.
  Appended stored;
  absl::Status refused;
  // The writer's: what comes next for the same room.
  QueuedAppend* next_of_room = nullptr;

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
    std::uint64_t appends = 0;  // stored
    std::uint64_t failed = 0;   // accepted and not stored
    std::size_t queued_bytes = 0;
  };

  using Clock = std::chrono::steady_clock;
  enum class Taken : std::uint8_t { kBatch, kCommitNow, kClosed };

  explicit AppendQueue(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

  // Fails: as UpdateLog::TryAppend.
  absl::Status Push(const Append& append, AppendDone done);

  // Queues a change that may exceed the bound: those who make them wait for each.
  // Fails: as Push, but not for the bound.
  absl::Status PushEdit(Edit edit, AppendDone done);

  // Calls `ready` on the writer thread once at most half the bound is in use, or Push will never
  // accept again.
  void CallWhenSpace(std::move_only_function<void()> ready);

  // Waits for appends and moves the oldest ones into `batch`, calling on the way whom CallWhenSpace
  // left waiting. kCommitNow: nothing came until `deadline` (only then: somebody flushes, the queue
  // was closed, or its bound is near), and what is acknowledged has to be committed; kClosed: the
  // queue is closed and nothing is left.
  Taken Take(std::vector<QueuedAppend>& batch, std::optional<Clock::time_point> deadline);

  // Waits until `until` for appends to gather. Ends at once when somebody waits for what is in the
  // queue (an edit, a flush) or for space in it, it was closed, or half its bound is in use.
  void Gather(Clock::time_point until);

  // Tells each append of the batch its sequence, or `result` when that is an error.
  void Acknowledge(std::vector<QueuedAppend>& batch, const absl::Status& result);
  // Gives the bytes of the batch back, ends the waiting of Flush, and clears the batch.
  void Release(std::vector<QueuedAppend>& batch);

  // Refuses everything from now on, with this reason. The first reason stays.
  void Fail(absl::Status reason);
  absl::Status failure() const;

  // Waits until everything accepted before the call has been released.
  void Flush();

  // Accepts no more; Take drains what is left.
  void Close();

  Stats stats() const;
  bool empty() const;

 private:
  absl::Status Admit(QueuedAppend queued, bool bounded);
  // Whether Gather is over. Requires: mutex_ is held.
  bool Hurries() const;
  // Whom to call now. Requires: mutex_ is held.
  std::vector<std::move_only_function<void()>> TakeReadyWaiters();

  const std::size_t bound_bytes_;

  mutable std::mutex mutex_;
  std::condition_variable work_;       // there is something for the writer
  std::condition_variable hurry_;      // Hurries() has become true
  std::condition_variable completed_;  // released_count_ has grown
  std::vector<QueuedAppend> queue_;
  std::vector<std::move_only_function<void()>> waiters_;
  absl::Status failure_;
  bool closed_ = false;
  bool edit_waits_ = false;  // is in queue_, perhaps
  std::uint64_t accepted_count_ = 0;
  std::uint64_t released_count_ = 0;
  std::uint64_t flush_count_ = 0;  // somebody waits until so many are released
  Stats stats_;
};

}  // namespace weft::store
