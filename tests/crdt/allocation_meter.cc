#include "tests/crdt/allocation_meter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_SANITIZER_ALLOCATES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_SANITIZER_ALLOCATES 1
#endif
#endif
#ifdef WEFT_SANITIZER_ALLOCATES
// Of the sanitizers' allocator_interface.h, which GCC does not install.
extern "C" {
std::size_t __sanitizer_get_allocated_size(const volatile void* memory);
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*,
                                                                  std::size_t),
                                              void (*free_hook)(const volatile void*));
}
#else
#include <malloc.h>
#endif

namespace {

std::atomic<std::ptrdiff_t> held = 0;
std::atomic<std::ptrdiff_t> peak_held = 0;

void Count(std::size_t size) {
  const std::ptrdiff_t now = held += static_cast<std::ptrdiff_t>(size);
  if (now > peak_held) peak_held = now;
}

void Discount(std::size_t size) { held -= static_cast<std::ptrdiff_t>(size); }

}  // namespace

#ifdef WEFT_SANITIZER_ALLOCATES

namespace {

void CountAllocation(const volatile void*, std::size_t size) { Count(size); }

void DiscountAllocation(const volatile void* memory) {
  if (memory != nullptr) Discount(__sanitizer_get_allocated_size(memory));
}

void StartCounting() {
  static const int installed =
      __sanitizer_install_malloc_and_free_hooks(CountAllocation, DiscountAllocation);
  if (installed == 0) std::abort();
}

}  // namespace

#else

namespace {

void StartCounting() {}

void* Allocate(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  Count(malloc_usable_size(memory));
  return memory;
}

void Free(void* memory) noexcept {
  if (memory != nullptr) Discount(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { Free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { Free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { Free(memory); }

#endif

namespace weft::crdt {

AllocationMeter::AllocationMeter() {
  StartCounting();
  before_ = ::held;
  peak_held = before_;
}

std::size_t AllocationMeter::peak() const { return static_cast<std::size_t>(peak_held - before_); }

std::size_t AllocationMeter::held() const { return static_cast<std::size_t>(::held - before_); }

}  // namespace weft::crdt
