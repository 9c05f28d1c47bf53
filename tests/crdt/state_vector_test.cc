#include "crdt/state_vector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::ToHex;

TEST(StateVector, IsEncodedAsByYjs) {
  for (const Case& fields : golden::Cases("state_vector")) {
    SCOPED_TRACE(fields[0]);
    StateVector vector;
    for (const std::string& entry : golden::Split(fields[0], ',')) {
      const std::vector<std::string> numbers = golden::Split(entry, ':');
      vector.Set(ClientId{std::stoull(numbers[0])}, std::stoull(numbers[1]));
    }
    EXPECT_EQ(ToHex(EncodeStateVector(vector)), fields[1]);
    EXPECT_EQ(DecodeStateVector(golden::FieldBytes(fields[1])).value(), vector);
  }
}

using Model = std::map<std::uint64_t, Clock>;

StateVector FromModel(const Model& model) {
  StateVector vector;
  for (const auto& [client, clock] : model) vector.Set(ClientId{client}, clock);
  return vector;
}

Model ToModel(const StateVector& vector) {
  Model model;
  for (const auto& [client, clock] : vector.entries()) model[ToNumber(client)] = clock;
  return model;
}

rc::Gen<Model> GenModel() {
  using Pairs = std::vector<std::pair<std::uint64_t, Clock>>;
  const auto pair =
      rc::gen::pair(rc::gen::inRange<std::uint64_t>(0, 12), rc::gen::inRange<Clock>(1, 4));
  return rc::gen::map(rc::gen::container<Pairs>(pair),
                      [](const Pairs& pairs) { return Model(pairs.begin(), pairs.end()); });
}

TEST(StateVector, OfAClientNamedTwiceTheLastClockCounts) {
  EXPECT_EQ(DecodeStateVector(Bytes{3, 7, 5, 1, 1, 7, 2})->Get(ClientId{7}), 2u);
  EXPECT_EQ(DecodeStateVector(Bytes{3, 7, 5, 1, 1, 7, 2})->size(), 2u);
  EXPECT_EQ(DecodeStateVector(Bytes{2, 7, 5, 7, 0})->size(), 0u);
}

TEST(StateVector, ClientsMayComeInAnyOrder) {
  const StateVector vector = DecodeStateVector(Bytes{3, 1, 10, 3, 30, 2, 20}).value();
  EXPECT_EQ(vector.Validate(), absl::OkStatus());
  EXPECT_EQ(ToModel(vector), (Model{{1, 10}, {2, 20}, {3, 30}}));
}

TEST(StateVector, BytesBehindItAreIgnored) {
  EXPECT_EQ(DecodeStateVector(Bytes{1, 7, 5, 9, 9})->size(), 1u);
}

TEST(StateVector, TruncatedBytesAreRefused) {
  const Bytes bytes = EncodeStateVector(FromModel({{1, 200}, {300, 4}, {kMaxSafeInteger, 5}}));
  ASSERT_TRUE(DecodeStateVector(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(DecodeStateVector(cut).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(StateVector, AClaimOfMoreClientsThanBytesIsRefused) {
  const Bytes claim = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1};
  EXPECT_EQ(DecodeStateVector(claim).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(StateVector, HasAsManyClientsAsTheLimitAndNoMore) {
  const Bytes bytes = EncodeStateVector(FromModel({{1, 1}, {2, 1}, {3, 1}}));
  EXPECT_TRUE(DecodeStateVector(bytes, 3).ok());
  EXPECT_EQ(DecodeStateVector(bytes, 2).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(StateVector, WhateverOneChangedByteMakesIsRefusedOrRoundTrips) {
  Bytes bytes = EncodeStateVector(FromModel({{1, 200}, {300, 4}, {kMaxSafeInteger, 5}}));
  for (std::uint8_t& byte : bytes) {
    const std::uint8_t original = byte;
    for (int change = 1; change < 256; ++change) {
      byte = static_cast<std::uint8_t>(original ^ change);
      const absl::StatusOr<StateVector> vector = DecodeStateVector(bytes);
      if (!vector.ok()) continue;
      EXPECT_EQ(vector->Validate(), absl::OkStatus());
      EXPECT_EQ(DecodeStateVector(EncodeStateVector(*vector)).value(), *vector);
    }
    byte = original;
  }
}

RC_GTEST_PROP(StateVector, IsAMapWithoutZeros, ()) {
  const auto sets = *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>();
  StateVector vector;
  Model model;
  for (const auto& [client, clock] : sets) {
    vector.Set(ClientId{client % 16u}, clock % 4u);
    model[client % 16u] = clock % 4u;
    RC_ASSERT(vector.Get(ClientId{client % 16u}) == clock % 4u);
    RC_ASSERT(vector.Validate() == absl::OkStatus());
  }
  std::erase_if(model, [](const auto& entry) { return entry.second == 0; });
  RC_ASSERT(ToModel(vector) == model);
  RC_ASSERT(vector.size() == model.size());
  RC_ASSERT(vector.empty() == model.empty());
  RC_ASSERT(DecodeStateVector(EncodeStateVector(vector)).value() == vector);
}

RC_GTEST_PROP(StateVector, MergesToTheLargerClocks, ()) {
  const Model a = *GenModel();
  const Model b = *GenModel();
  StateVector merged = FromModel(a);
  merged.MergeMax(FromModel(b));
  Model model = a;
  for (const auto& [client, clock] : b) model[client] = std::max(model[client], clock);
  RC_ASSERT(ToModel(merged) == model);
  RC_ASSERT(merged.Validate() == absl::OkStatus());
  RC_ASSERT(merged.Covers(FromModel(a)));
  RC_ASSERT(merged.Covers(FromModel(b)));
}

RC_GTEST_PROP(StateVector, CoversWhatHasNoLargerClock, ()) {
  const Model a = *GenModel();
  const Model b = *GenModel();
  const bool covers = std::ranges::all_of(b, [&](const auto& entry) {
    const auto found = a.find(entry.first);
    return found != a.end() && found->second >= entry.second;
  });
  RC_ASSERT(FromModel(a).Covers(FromModel(b)) == covers);
}

}  // namespace
}  // namespace weft::crdt
