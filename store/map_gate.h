#pragma once

// Keeps readers of a memory map and its replacement apart.

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace weft::store {

// Many readers or one replacer. Unlike std::shared_mutex on this platform it does not let a stream
// of new readers starve the replacer: they wait as soon as it waits. Threads: any; a reader that is
// inside must not enter again, since it could wait for itself.
class MapGate {
 public:
  void EnterReader() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !replacing_; });
    ++readers_;
  }

  void LeaveReader() {
    const std::lock_guard lock(mutex_);
    if (--readers_ == 0) changed_.notify_all();
  }

  // Waits for the readers inside; new ones wait until EndReplacing. Requires: one replacer at a
  // time.
  void BeginReplacing() {
    std::unique_lock lock(mutex_);
    replacing_ = true;
    changed_.wait(lock, [this] { return readers_ == 0; });
  }

  void EndReplacing() {
    const std::lock_guard lock(mutex_);
    replacing_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t readers_ = 0;
  bool replacing_ = false;
};

}  // namespace weft::store
