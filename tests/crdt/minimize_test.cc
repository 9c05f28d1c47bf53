#include "tests/crdt/oracle/minimize.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weft::crdt::oracle {
namespace {

std::vector<int> NumbersBelow(int end) {
  std::vector<int> numbers(static_cast<std::size_t>(end));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

bool Has(const std::vector<int>& numbers, int number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

TEST(Minimize, KeepsExactlyTheElementsThatTheFailureNeedsInTheirOrder) {
  const auto fails = [](const std::vector<int>& numbers) {
    return Has(numbers, 3) && Has(numbers, 50) && Has(numbers, 99);
  };
  EXPECT_EQ(Minimize(NumbersBelow(100), fails), (std::vector<int>{3, 50, 99}));
}

TEST(Minimize, LeavesNothingOfAListWhoseFailureNeedsNothing) {
  const auto fails = [](const std::vector<int>&) { return true; };
  EXPECT_TRUE(Minimize(NumbersBelow(10), fails).empty());
}

TEST(Minimize, FindsElementsThatCanOnlyGoAfterOthersWent) {
  // Odd numbers may go only when no larger number is left.
  const auto fails = [](const std::vector<int>& numbers) {
    for (int i = 1; i < 8; i += 2) {
      if (!Has(numbers, i) && !numbers.empty() && numbers.back() > i) return false;
    }
    return true;
  };
  EXPECT_TRUE(Minimize(NumbersBelow(8), fails).empty());
}

}  // namespace
}  // namespace weft::crdt::oracle
