#pragma once

// What an input costs, and the bound on it that is part of a target's property: memory at its peak,
// and steps, which are the branches that the code takes, whatever the machine and whatever else
// runs on it. What a call makes is memory too, so the bound holds for the size of outputs.
//
// Steps are counted where a compiler tells of each branch (libFuzzer's build, where assertions and
// sanitizers make more of them than there are in a release); elsewhere none are, and the bound on
// memory holds alone.
// Threads: one; a single meter at a time.

#include <cstddef>
#include <cstdint>

#include "tests/crdt/allocation_meter.h"

namespace weft::fuzz {

// For an input of n bytes: base + per_byte * n.
struct CostBound {
  std::size_t memory_base = 0;
  std::size_t memory_per_byte = 0;
  std::uint64_t steps_base = 0;
  std::uint64_t steps_per_byte = 0;
};

class CostMeter {
 public:
  CostMeter();

  // Ends the process, and says what it cost, when it was more than the bound for `input_bytes`.
  void Check(const CostBound& bound, std::size_t input_bytes) const;

 private:
  std::uint64_t steps_before_;
  crdt::AllocationMeter memory_;
};

}  // namespace weft::fuzz
