#include "tests/crdt/allocation_meter.h"

#include <gtest/gtest.h>

#include <vector>

namespace weft::crdt {
namespace {

// What a pointer was written to cannot be optimized away.
const void* volatile seen = nullptr;

TEST(AllocationMeter, KeepsTheMostThatWasHeldAtOneTime) {
  std::vector<char> before(5'000'000);
  seen = before.data();
  const AllocationMeter meter;
  before = std::vector<char>();
  for (int i = 0; i < 3; ++i) {
    const std::vector<char> first(6'000'000);
    const std::vector<char> second(2'000'000);
    seen = first.data();
    seen = second.data();
  }
  // Five of the eight had been freed. Sizes are rounded to pages.
  EXPECT_GT(meter.peak(), 2'900'000u);
  EXPECT_LT(meter.peak(), 3'100'000u);
}

}  // namespace
}  // namespace weft::crdt
