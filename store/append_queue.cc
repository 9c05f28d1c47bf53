#include "store/append_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::store {

namespace {

// A QueuedAppend, the allocator's rounding, and what the completion may hold.
constexpr std::size_t kBookkeepingBytes = sizeof(QueuedAppend) + 64;

}  // namespace

std::size_t QueuedAppend::queue_bytes() const {
  return room.size() + payload.size() + kBookkeepingBytes;
}

absl::Status AppendQueue::Push(const Append& append, AppendDone done) {
  if (append.room.size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a room name of ", append.room.size(), " bytes; at most ", kMaxRoomNameBytes));
  }
  const std::size_t bytes = append.room.size() + append.payload.size() + kBookkeepingBytes;
  if (bytes > bound_bytes_) {
    return absl::InvalidArgumentError(absl::StrCat("an update of ", append.payload.size(),
                                                   " bytes exceeds the queue's bound of ",
                                                   bound_bytes_));
  }
  return Admit({.room = std::string(append.room),
                .time_ms = append.time_ms,
                .origin = append.origin,
                .payload = {append.payload.begin(), append.payload.end()},
                .generation = append.generation,
                .edit = {},
                .done = std::move(done),
                .refused = {}},
               /*bounded=*/true);
}

absl::Status AppendQueue::PushEdit(Edit edit, AppendDone done) {
  return Admit({.room = {},
                .payload = {},
                .generation = {},
                .edit = std::move(edit),
                .done = std::move(done),
                .refused = {}},
               /*bounded=*/false);
}

absl::Status AppendQueue::Admit(QueuedAppend queued, bool bounded) {
  const std::size_t bytes = queued.queue_bytes();
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    if (closed_) return absl::UnavailableError("the log is closing");
    if (bounded && stats_.queued_bytes + bytes > bound_bytes_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the log's queue holds ", stats_.queued_bytes, " bytes of at most ", bound_bytes_));
    }
    edit_waits_ = edit_waits_ || queued.edit;
    is_first = queue_.empty();
    queue_.push_back(std::move(queued));
    stats_.queued_bytes += bytes;
    ++accepted_count_;
    if (Hurries()) hurry_.notify_one();
  }
  // Who takes waits for an empty queue alone.
  if (is_first) work_.notify_one();
  return absl::OkStatus();
}

bool AppendQueue::Hurries() const {
  return edit_waits_ || closed_ || !waiters_.empty() || flush_count_ > released_count_ ||
         stats_.queued_bytes > bound_bytes_ / 2;
}

void AppendQueue::Gather(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  hurry_.wait_until(lock, until, [this] { return Hurries(); });
}

void AppendQueue::CallWhenSpace(std::move_only_function<void()> ready) {
  {
    const std::lock_guard lock(mutex_);
    waiters_.push_back(std::move(ready));
  }
  work_.notify_one();
  hurry_.notify_one();
}

std::vector<std::move_only_function<void()>> AppendQueue::TakeReadyWaiters() {
  const bool space = stats_.queued_bytes <= bound_bytes_ / 2;
  if (!space && !closed_ && failure_.ok()) return {};
  return std::exchange(waiters_, {});
}

AppendQueue::Taken AppendQueue::Take(std::vector<QueuedAppend>& batch,
                                     std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::vector<std::move_only_function<void()>> ready = TakeReadyWaiters();
    if (!ready.empty()) {
      lock.unlock();
      for (auto& call : ready) call();
      lock.lock();
      continue;
    }
    if (deadline && (Clock::now() >= *deadline || stats_.queued_bytes > bound_bytes_ / 2)) {
      return Taken::kCommitNow;
    }
    if (!queue_.empty()) break;
    if (deadline && (closed_ || flush_count_ > released_count_)) return Taken::kCommitNow;
    if (closed_) return Taken::kClosed;
    if (deadline) {
      work_.wait_until(lock, *deadline);
    } else {
      work_.wait(lock);
    }
  }
  if (queue_.size() <= kMaxBatchAppends) {
    edit_waits_ = false;
    batch.clear();
    batch.swap(queue_);  // both keep their memory
    return Taken::kBatch;
  }
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(kMaxBatchAppends);
  batch.assign(std::move_iterator(queue_.begin()), std::move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return Taken::kBatch;
}

void AppendQueue::Acknowledge(std::vector<QueuedAppend>& batch, const absl::Status& result) {
  std::uint64_t stored = 0;
  std::uint64_t failed = 0;
  for (const QueuedAppend& append : batch) {
    const bool good = result.ok() && append.refused.ok();
    if (!append.edit) ++(good ? stored : failed);
  }
  {
    const std::lock_guard lock(mutex_);
    stats_.appends += stored;
    stats_.failed += failed;
  }
  for (QueuedAppend& append : batch) {
    if (!result.ok()) {
      append.done(result);
    } else if (!append.refused.ok()) {
      append.done(append.refused);
    } else {
      append.done(append.stored);
    }
  }
}

void AppendQueue::Release(std::vector<QueuedAppend>& batch) {
  std::size_t bytes = 0;
  for (const QueuedAppend& append : batch) bytes += append.queue_bytes();
  const std::size_t count = batch.size();
  batch.clear();
  {
    const std::lock_guard lock(mutex_);
    stats_.queued_bytes -= bytes;
    released_count_ += count;
  }
  completed_.notify_all();
}

void AppendQueue::Fail(absl::Status reason) {
  const std::lock_guard lock(mutex_);
  failure_.Update(std::move(reason));
}

absl::Status AppendQueue::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void AppendQueue::Flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t accepted = accepted_count_;
  flush_count_ = std::max(flush_count_, accepted);
  work_.notify_one();
  hurry_.notify_one();
  completed_.wait(lock, [&] { return released_count_ >= accepted; });
}

void AppendQueue::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  work_.notify_one();
  hurry_.notify_one();
}

bool AppendQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return queue_.empty();
}

AppendQueue::Stats AppendQueue::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace weft::store
