#pragma once

// A share that grows with time up to a bound and shrinks with use: so much a second in the long run,
// and bursts for free.
//
// Taking never fails and may leave a debt: what was taken has happened already (a message was read),
// and whoever is in debt pauses until it is paid. Threads: one. Source: the token bucket of traffic
// shaping.

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace weft::server {

class TokenBucket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Full at first. A `rate` of 0 has no bound.
  TokenBucket(std::size_t rate, int burst_seconds, TimePoint now)
      : rate_(static_cast<double>(rate)),
        size_(rate_ * burst_seconds),
        tokens_(size_),
        updated_(now) {}

  void Take(std::size_t tokens) { tokens_ -= rate_ > 0 ? static_cast<double>(tokens) : 0; }

  // Whether more was taken than there is. Time that goes backwards changes nothing.
  bool InDebt(TimePoint now) {
    if (now > updated_) {
      const std::chrono::duration<double> passed = now - updated_;
      tokens_ = std::min(size_, tokens_ + rate_ * passed.count());
      updated_ = now;
    }
    return tokens_ < 0;
  }

 private:
  double rate_;
  double size_;
  double tokens_;
  TimePoint updated_;
};

}  // namespace weft::server
