#pragma once

// Stopping a log's writer thread at a known place, so that appends gather behind it.

#include <future>
#include <string_view>

#include "tests/store/log_harness.h"

namespace weft::store {

// From construction until Release the writer waits inside the completion of one append.
class HeldWriter {
 public:
  explicit HeldWriter(UpdateLog& log, std::string_view room = "holds the writer") {
    std::promise<void> reached;
    std::future<void> is_reached = reached.get_future();
    const absl::Status accepted =
        log.TryAppend({.room = room, .payload = {}},
                      [reached = std::move(reached),
                       released = release_.get_future()](absl::StatusOr<Sequence>) mutable {
                        reached.set_value();
                        released.wait();
                      });
    CHECK(accepted.ok());
    is_reached.wait();
  }
  ~HeldWriter() { Release(); }
  HeldWriter(const HeldWriter&) = delete;
  HeldWriter& operator=(const HeldWriter&) = delete;

  void Release() {
    if (!std::exchange(released_, true)) release_.set_value();
  }

 private:
  std::promise<void> release_;
  bool released_ = false;
};

}  // namespace weft::store
