#include "server/api/idempotency.h"

#include <gtest/gtest.h>

namespace weft::server::api {
namespace {

using Verdict = IdempotencyTable::Verdict;

class IdempotencyTest : public testing::Test {
 protected:
  Verdict Begin(std::string_view key, std::uint64_t fingerprint = 1) {
    return table.Begin("room", key, fingerprint, now).verdict;
  }
  HttpAnswer answer{.status = 200, .headers = "", .text = "done"};
  IdempotencyTable table;
  IdempotencyTable::TimePoint now{};
};

TEST_F(IdempotencyTest, ARequestThatComesAgainGetsTheFirstAnswer) {
  EXPECT_EQ(Begin("key"), Verdict::kNew);
  EXPECT_EQ(Begin("key"), Verdict::kRunning);
  table.Finish("room", "key", answer);
  const auto found = table.Begin("room", "key", 1, now);
  EXPECT_EQ(found.verdict, Verdict::kDone);
  EXPECT_EQ(found.answer.text, "done");
}

TEST_F(IdempotencyTest, AnotherRequestWithTheKeyIsNotTakenForIt) {
  EXPECT_EQ(Begin("key"), Verdict::kNew);
  table.Finish("room", "key", answer);
  EXPECT_EQ(Begin("key", 2), Verdict::kOther);
  EXPECT_EQ(table.Begin("another room", "key", 2, now).verdict, Verdict::kNew);
}

TEST_F(IdempotencyTest, WhatWasNotDoneMayBeTriedAgain) {
  EXPECT_EQ(Begin("key"), Verdict::kNew);
  table.Abandon("room", "key");
  EXPECT_EQ(Begin("key"), Verdict::kNew);
  table.Finish("room", "key", answer);
  // The place of the first try is older than the entry, and does not take it along.
  now += IdempotencyTable::kLifetime;
  EXPECT_EQ(Begin("key"), Verdict::kDone);
}

TEST_F(IdempotencyTest, AnswersAreKeptForADay) {
  EXPECT_EQ(Begin("key"), Verdict::kNew);
  table.Finish("room", "key", answer);
  now += IdempotencyTable::kLifetime;
  EXPECT_EQ(Begin("key"), Verdict::kDone);
  now += std::chrono::seconds(1);
  EXPECT_EQ(Begin("key"), Verdict::kNew);
}

TEST_F(IdempotencyTest, NoMoreAreKeptThanTheBound) {
  for (std::size_t i = 0; i < IdempotencyTable::kMaxEntries + 10; ++i) {
    EXPECT_EQ(Begin("key " + std::to_string(i)), Verdict::kNew);
    EXPECT_LE(table.size(), IdempotencyTable::kMaxEntries);
  }
  EXPECT_EQ(Begin("key 0"), Verdict::kNew);
}

TEST(KeyedClient, IsTheSameForARoomAndAKeyAndFitsTheWire) {
  EXPECT_EQ(KeyedClient("room", "key"), KeyedClient("room", "key"));
  EXPECT_NE(KeyedClient("room", "key"), KeyedClient("room", "other"));
  EXPECT_NE(KeyedClient("room", "key"), KeyedClient("roomk", "ey"));
  EXPECT_LT(crdt::ToNumber(KeyedClient("room", "key")), std::uint64_t{1} << 53);
}

}  // namespace
}  // namespace weft::server::api
