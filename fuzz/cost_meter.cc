#include "fuzz/cost_meter.h"

#include <cstdio>
#include <cstdlib>

namespace {

std::uint64_t steps_taken = 0;

}  // namespace

// Called at each branch. libFuzzer has a function of that name which ends the process; the linker is
// told to wrap it (meson.build).
extern "C"
#ifdef __clang__
    __attribute__((no_sanitize("address", "undefined", "coverage")))
#endif
    void
    __wrap___sanitizer_cov_trace_pc();

extern "C" void __wrap___sanitizer_cov_trace_pc() { ++steps_taken; }

namespace weft::fuzz {

CostMeter::CostMeter() : steps_before_(steps_taken) {}

void CostMeter::Check(const CostBound& bound, std::size_t input_bytes) const {
  const std::size_t memory = memory_.peak();
  const std::uint64_t steps = steps_taken - steps_before_;
  const std::size_t memory_bound = bound.memory_base + bound.memory_per_byte * input_bytes;
  const std::uint64_t steps_bound = bound.steps_base + bound.steps_per_byte * input_bytes;
  // To find out what the bounds should be.
  static const bool shown = std::getenv("WEFT_FUZZ_COSTS") != nullptr;
  if (shown)
    std::printf("COST %zu %zu %zu\n", input_bytes, memory, static_cast<std::size_t>(steps));
  if (memory <= memory_bound && steps <= steps_bound) return;
  std::fprintf(stderr, "an input of %zu bytes cost %zu bytes of %zu and %zu steps of %zu\n",
               input_bytes, memory, memory_bound, static_cast<std::size_t>(steps),
               static_cast<std::size_t>(steps_bound));
  std::abort();
}

}  // namespace weft::fuzz
