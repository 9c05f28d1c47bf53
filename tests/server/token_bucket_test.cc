#include "server/token_bucket.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <limits>

namespace weft::server {
namespace {

using std::chrono::milliseconds;

constexpr TokenBucket::TimePoint kStart{std::chrono::hours(1)};

TEST(TokenBucket, ABurstIsFreeAndOneMoreIsADebt) {
  TokenBucket bucket(10, 5, kStart);
  bucket.Take(50);
  EXPECT_FALSE(bucket.InDebt(kStart));
  bucket.Take(1);
  EXPECT_TRUE(bucket.InDebt(kStart));
}

TEST(TokenBucket, ADebtIsPaidAtTheRate) {
  TokenBucket bucket(10, 5, kStart);
  bucket.Take(70);  // 20 of them on credit
  EXPECT_TRUE(bucket.InDebt(kStart + milliseconds(1'999)));
  EXPECT_FALSE(bucket.InDebt(kStart + milliseconds(2'001)));
}

TEST(TokenBucket, WhoWasSilentForLongHasOneBurstAndNoMore) {
  TokenBucket bucket(10, 5, kStart);
  const auto later = kStart + std::chrono::hours(24);
  EXPECT_FALSE(bucket.InDebt(later));
  bucket.Take(51);
  EXPECT_TRUE(bucket.InDebt(later));
}

TEST(TokenBucket, ARateOfZeroHasNoBound) {
  TokenBucket bucket(0, 5, kStart);
  for (int i = 0; i < 3; ++i) bucket.Take(std::numeric_limits<std::size_t>::max());
  EXPECT_FALSE(bucket.InDebt(kStart));
}

RC_GTEST_PROP(TokenBucket, WhoPausesInDebtTakesNoMoreThanBurstAndRateAndOneStep, ()) {
  const auto rate = *rc::gen::inRange<std::size_t>(1, 1'000);
  const auto steps = *rc::gen::container<std::vector<std::pair<std::size_t, int>>>(
      rc::gen::pair(rc::gen::inRange<std::size_t>(0, 3'000), rc::gen::inRange(0, 3'000)));
  TokenBucket bucket(rate, 5, kStart);
  auto now = kStart;
  double taken = 0;
  std::size_t largest = 0;
  for (const auto& [tokens, pause_ms] : steps) {
    now += milliseconds(pause_ms);
    if (bucket.InDebt(now)) continue;
    bucket.Take(tokens);
    taken += static_cast<double>(tokens);
    largest = std::max(largest, tokens);
    const std::chrono::duration<double> passed = now - kStart;
    const double share = static_cast<double>(rate) * (5 + passed.count());
    RC_ASSERT(taken <= share + static_cast<double>(largest) + 1e-6);
  }
}

}  // namespace
}  // namespace weft::server
