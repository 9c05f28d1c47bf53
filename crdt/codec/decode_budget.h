#pragma once

// What decoding may still cost in memory. It is spent before anything is allocated, with what the
// decoded thing and its copy in a document take, so that no input costs more than
// DecodeLimits::update_memory, and none more than a constant times its length beyond the floor.
// Threads: one.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "crdt/limits.h"

namespace weft::crdt {

class DecodeBudget {
 public:
  // What a byte of input may cost: more than any element of the format does that takes a byte.
  static constexpr std::size_t kMemoryPerByte = 512;

  // For input of `bytes` bytes.
  DecodeBudget(const DecodeLimits& limits, std::size_t bytes)
      : limit_(Limit(limits, bytes)), left_(limit_) {}

  // False when not that much is left.
  bool Spend(std::uint64_t cost) {
    if (cost > left_) [[unlikely]]
      return false;
    left_ -= cost;
    return true;
  }

  std::uint64_t limit() const { return limit_; }
  std::uint64_t left() const { return left_; }

 private:
  static std::uint64_t Limit(const DecodeLimits& limits, std::size_t bytes) {
    const std::uint64_t floor = std::min(limits.update_memory_floor, limits.update_memory);
    const std::uint64_t room = limits.update_memory - floor;
    return bytes > room / kMemoryPerByte ? limits.update_memory : floor + bytes * kMemoryPerByte;
  }

  std::uint64_t limit_;
  std::uint64_t left_;
};

}  // namespace weft::crdt
