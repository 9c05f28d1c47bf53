#pragma once

// Counters of one server, for /health and the log.
// Threads: any; each number is right by itself, not all of them at one moment.

#include <atomic>
#include <cstdint>

namespace weft::server {

struct Stats {
  std::atomic<std::uint64_t> rooms{0};        // loaded now
  std::atomic<std::uint64_t> sockets{0};      // open now, whatever they speak
  std::atomic<std::uint64_t> connections{0};  // of these WebSockets
};

// Counts itself for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<std::uint64_t>& counter) : counter_(&counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  Counted(Counted&& other) noexcept : counter_(other.counter_) { other.counter_ = nullptr; }
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (counter_ != nullptr) counter_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t>* counter_;
};

}  // namespace weft::server
