#pragma once

// Counters of one server, for /health, the log, and the bounds that all share.
// Threads: any; each number is right by itself, not all of them at one moment.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "server/auth/refusal.h"
#include "server/close_code.h"
#include "server/limit_hits.h"

namespace weft::server {

// How many WebSockets the server closed with each code.
class CloseCounts {
 public:
  // 0 stands for all codes that are not among them.
  static constexpr std::array<std::uint16_t, 19> kCodes = {1000, 1002, 1003, 1007, 1011, 1012, 1013,
                                                           4400, 4401, 4403, 4404, 4409, 4410, 4413,
                                                           4500, 4503, 4429, 4408, 0};

  void Count(CloseCode code) {
    std::size_t i = 0;
    while (i + 1 < kCodes.size() && kCodes[i] != static_cast<std::uint16_t>(code)) ++i;
    counts_[i].fetch_add(1, std::memory_order_relaxed);
  }
  // Of kCodes[index].
  std::uint64_t count(std::size_t index) const {
    return counts_[index].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCodes.size()> counts_{};
};

struct Stats {
  std::atomic<std::uint64_t> rooms{0};              // loaded now
  std::atomic<std::uint64_t> sockets{0};            // open now, whatever they speak
  std::atomic<std::uint64_t> connections{0};        // of these WebSockets
  std::atomic<std::uint64_t> room_memory_bytes{0};  // estimated, of all rooms
  std::atomic<std::uint64_t> receiving_bytes{0};    // of messages that are not whole yet
  std::atomic<std::uint64_t> queued_bytes{0};       // that wait for clients to read them
  std::atomic<bool> draining{false};                // the server stops: clients are sent away
  LimitHits limits;
  auth::RefusalCounts refusals;
  CloseCounts closes;
};

// One holder's part of a sum, such as Stats::queued_bytes: taken out of it when the holder ends.
// Costs nothing while it does not change.
class Share {
 public:
  explicit Share(std::atomic<std::uint64_t>& sum) : sum_(sum) {}
  ~Share() { Set(0); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  void Set(std::size_t bytes) {
    if (bytes == bytes_) return;
    sum_.fetch_add(bytes - std::exchange(bytes_, bytes), std::memory_order_relaxed);
  }
  std::size_t bytes() const { return bytes_; }
  // Of all holders together.
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t>& sum_;
  std::size_t bytes_ = 0;
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
