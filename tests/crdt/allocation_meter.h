#pragma once

// Measures what a piece of code allocates, for tests that bound the cost of hostile input. The program that links allocation_meter.cc has operator new replaced for this;
// under a sanitizer, which has its own, the sanitizer is asked instead.
// Threads: one; a single meter at a time. What other threads allocate is measured too.

#include <cstddef>

namespace weft::crdt {

class AllocationMeter {
 public:
  AllocationMeter();
  // Bytes, beyond those that were held when the meter was made.
  std::size_t peak() const;
  // Now, beyond the same.
  std::size_t held() const;

 private:
  std::ptrdiff_t before_;
};

}  // namespace weft::crdt
