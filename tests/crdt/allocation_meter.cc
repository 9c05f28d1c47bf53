#include "tests/crdt/allocation_meter.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Other threads of the test library may allocate too.
std::atomic<std::size_t> held = 0;
std::atomic<std::size_t> peak_held = 0;

void* Allocate(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  const std::size_t now = held += malloc_usable_size(memory);
  if (now > peak_held) peak_held = now;
  return memory;
}

void Free(void* memory) noexcept {
  if (memory == nullptr) return;
  held -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }

namespace weft::crdt {

AllocationMeter::AllocationMeter() : before_(held) { peak_held = before_; }

std::size_t AllocationMeter::peak() const { return peak_held - before_; }

}  // namespace weft::crdt
