#include "crdt/delete_set.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/crdt/allocation_meter.h"
#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::ToHex;

TEST(DeleteSet, IsMergedAndEncodedAsByYjs) {
  for (const Case& fields : golden::Cases("delete_set")) {
    SCOPED_TRACE(fields[0]);
    DeleteSet set;
    for (const std::string& entry : golden::Split(fields[0], ',')) {
      const std::vector<std::string> parts = golden::Split(entry, ':');
      const std::vector<std::string> range = golden::Split(parts[1], '+');
      set.Add(ClientId{std::stoull(parts[0])},
              {.clock = std::stoull(range[0]), .length = std::stoull(range[1])});
    }
    set.SortAndMerge();
    ASSERT_EQ(set.Validate(), absl::OkStatus());
    ByteWriter writer;
    WriteDeleteSet(writer, set);
    EXPECT_EQ(ToHex(writer.view()), fields[2]);

    const Bytes unsorted = golden::FieldBytes(fields[1]);
    ByteReader reader(unsorted);
    EXPECT_EQ(ReadDeleteSet(reader), set);
    EXPECT_TRUE(reader.ok() && reader.at_end());
  }
}

struct Added {
  ClientId client;
  IdRange range;
};

DeleteSet Merged(const std::vector<Added>& added) {
  DeleteSet set;
  for (const auto& [client, range] : added) set.Add(client, range);
  set.SortAndMerge();
  return set;
}

Bytes Encoded(const DeleteSet& set) {
  ByteWriter writer;
  WriteDeleteSet(writer, set);
  return writer.Take();
}

constexpr ClientId kA{1};
constexpr ClientId kB{2};

TEST(DeleteSet, JoinsRangesThatTouchOrOverlapAndNoOthers) {
  const std::vector<IdRange> joined =
      Merged(
          {{kA, {10, 2}}, {kA, {0, 3}}, {kA, {3, 1}}, {kA, {11, 5}}, {kA, {12, 1}}, {kA, {5, 4}}})
          .clients()[0]
          .ranges;
  EXPECT_EQ(joined, (std::vector<IdRange>{{0, 4}, {5, 4}, {10, 6}}));
}

TEST(DeleteSet, DropsEmptyRanges) {
  EXPECT_TRUE(Merged({{kA, {5, 0}}}).empty());
  const Bytes bytes = {2, 2, 1, 7, 0, 1, 0};  // one empty range, and one client without any
  ByteReader reader(bytes);
  EXPECT_TRUE(ReadDeleteSet(reader).empty());
  EXPECT_TRUE(reader.ok());
}

TEST(DeleteSet, TypingAndErasingInOneDirectionIsOneRangeBeforeMerging) {
  DeleteSet set;
  for (Clock clock = 0; clock < 100; ++clock) set.Add(kA, {clock, 1});
  for (Clock clock = 300; clock > 200; --clock) set.Add(kB, {clock, 1});
  ASSERT_EQ(set.clients().size(), 2u);
  EXPECT_EQ(set.clients()[0].ranges, (std::vector<IdRange>{{0, 100}}));
  EXPECT_EQ(set.clients()[1].ranges, (std::vector<IdRange>{{201, 100}}));
}

TEST(DeleteSet, ManyClientsMayComeInAnyOrder) {
  constexpr std::uint64_t kClients = 20'000;
  DeleteSet ascending;
  DeleteSet descending;
  DeleteSet scattered;
  for (std::uint64_t i = 0; i < kClients; ++i) {
    ascending.Add(ClientId{i}, {i, 1});
    descending.Add(ClientId{kClients - 1 - i}, {kClients - 1 - i, 1});
    const std::uint64_t n = i * 7919 % kClients;  // prime, so each number comes once
    scattered.Add(ClientId{n}, {n, 1});
  }
  for (DeleteSet* set : {&ascending, &descending, &scattered}) {
    set->SortAndMerge();
    EXPECT_EQ(set->Validate(), absl::OkStatus());
    EXPECT_EQ(set->clients().size(), kClients);
    EXPECT_TRUE(*set == ascending);
  }
}

TEST(DeleteSet, IsUsableAfterClear) {
  DeleteSet set = Merged({{kA, {0, 1}}, {kB, {0, 1}}});
  set.Clear();
  EXPECT_TRUE(set.empty());
  set.Add(kB, {4, 1});
  set.SortAndMerge();
  EXPECT_EQ(set, Merged({{kB, {4, 1}}}));
}

TEST(DeleteSet, ClocksEndAt53Bits) {
  const auto read = [](Clock clock, Clock length) {
    ByteWriter writer;
    for (const std::uint64_t number :
         {std::uint64_t{1}, std::uint64_t{1}, std::uint64_t{1}, clock, length}) {
      writer.WriteVarUint(number);
    }
    ByteReader reader(writer.view());
    const DeleteSet set = ReadDeleteSet(reader);
    EXPECT_EQ(reader.ok(), !set.empty());
    return reader.ok();
  };
  EXPECT_TRUE(read(kMaxSafeInteger - 1, 1));
  EXPECT_FALSE(read(kMaxSafeInteger, 1));
  EXPECT_TRUE(read(0, kMaxSafeInteger));
  EXPECT_FALSE(read(1, kMaxSafeInteger));
}

TEST(DeleteSet, AClaimOfMoreRangesThanBytesCostsNothing) {
  const Bytes many_ranges = {1, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1};
  const Bytes many_clients = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 1, 1};
  for (const Bytes& bytes : {many_ranges, many_clients}) {
    const AllocationMeter meter;
    ByteReader reader(bytes);
    EXPECT_TRUE(ReadDeleteSet(reader).empty());
    EXPECT_LT(meter.peak(), 1000u);
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DeleteSet, TruncatedBytesAreRefused) {
  const Bytes bytes =
      Encoded(Merged({{kA, {0, 300}}, {kA, {500, 1}}, {ClientId{1000}, {7, 2}}, {kB, {1, 1}}}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ByteReader reader(cut);
    EXPECT_TRUE(ReadDeleteSet(reader).empty());
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(DeleteSet, WhateverOneChangedByteMakesIsRefusedOrRoundTrips) {
  Bytes bytes =
      Encoded(Merged({{kA, {0, 300}}, {kA, {500, 1}}, {ClientId{1000}, {7, 2}}, {kB, {1, 1}}}));
  for (std::uint8_t& byte : bytes) {
    const std::uint8_t original = byte;
    for (int change = 1; change < 256; ++change) {
      byte = static_cast<std::uint8_t>(original ^ change);
      ByteReader reader(bytes);
      const DeleteSet set = ReadDeleteSet(reader);
      ASSERT_EQ(set.Validate(), absl::OkStatus());
      const Bytes again = Encoded(set);
      ByteReader second(again);
      EXPECT_EQ(ReadDeleteSet(second), set);
    }
    byte = original;
  }
}

RC_GTEST_PROP(DeleteSet, HoldsTheIdsThatWereAdded, ()) {
  const std::size_t clients = *rc::gen::element<std::size_t>(2, 60);
  const auto added = *rc::gen::container<std::vector<std::vector<std::uint8_t>>>(
      rc::gen::container<std::vector<std::uint8_t>>(3, rc::gen::arbitrary<std::uint8_t>()));
  DeleteSet set;
  std::set<Id> model;
  for (const auto& numbers : added) {
    const ClientId client{numbers[0] % clients};
    const IdRange range = {.clock = numbers[1] % 40u, .length = numbers[2] % 6u};
    set.Add(client, range);
    for (Clock clock = range.clock; clock < range.end(); ++clock) model.insert({client, clock});
    if (numbers[2] % 32 == 0) set.SortAndMerge();  // now and then, as when a transaction ends
  }
  set.SortAndMerge();
  RC_ASSERT(set.Validate() == absl::OkStatus());
  RC_ASSERT(set.empty() == model.empty());
  for (std::size_t client = 0; client <= clients; ++client) {
    for (Clock clock = 0; clock < 48; ++clock) {
      const Id id = {ClientId{client}, clock};
      RC_ASSERT(set.Contains(id) == model.contains(id));
    }
  }
  const Bytes bytes = Encoded(set);
  ByteReader reader(bytes);
  RC_ASSERT(ReadDeleteSet(reader) == set);
  RC_ASSERT(reader.at_end());
}

}  // namespace
}  // namespace weft::crdt
