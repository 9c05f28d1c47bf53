#pragma once

// What passes through one thread, counted by that thread alone and read by any: an addition costs what
// one to a plain variable does.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weft::server {

// A count. Threads: Add from one, value from any.
class Tally {
 public:
  void Add(std::uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// How often something took how long. Threads: as Tally; a reader may see a moment in between.
class LatencyHistogram {
 public:
  using Duration = std::chrono::microseconds;
  // Upper bounds, inclusive; what is longer is counted behind the last.
  static constexpr std::array<std::int64_t, 16> kBoundsUs = {
      100,    250,     500,     1'000,   2'500,     5'000,     10'000,    25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

  void Observe(Duration took) {
    std::size_t bucket = 0;
    while (bucket < kBoundsUs.size() && took.count() > kBoundsUs[bucket]) ++bucket;
    counts_[bucket].Add();
    total_us_.Add(static_cast<std::uint64_t>(took.count() < 0 ? 0 : took.count()));
  }

  // Of the bucket up to kBoundsUs[bucket], or behind the last.
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
  std::uint64_t total_us() const { return total_us_.value(); }

 private:
  std::array<Tally, kBoundsUs.size() + 1> counts_;
  Tally total_us_;
};

// Of one worker.
struct Traffic {
  Tally received_bytes;               // from WebSockets
  Tally received_messages;            // the binary ones
  Tally sent_bytes;                   // to WebSockets
  Tally sent_messages;                // given to their queues
  Tally updates;                      // accepted and given to the log
  LatencyHistogram acknowledgements;  // from there to the answer of the log
};

}  // namespace weft::server
