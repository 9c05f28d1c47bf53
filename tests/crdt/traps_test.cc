// One case for each way in which some implementation of the format went wrong: the numbers are those
// of the page of compatibility traps. Bytes are given where the trap is about bytes; where it is
// about behaviour, the real Yjs is asked.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any_codec.h"
#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/update_builder.h"
#include "crdt/update_compare.h"
#include "crdt/update_inspect.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "tests/crdt/golden/golden.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt {
namespace {

using golden::FieldBytes;
using golden::ToHex;
using oracle::FromBase64;
using oracle::Member;
using oracle::ToBase64;

constexpr UpdateFormat kV1 = UpdateFormat::kV1;
constexpr UpdateFormat kV2 = UpdateFormat::kV2;
constexpr UpdateFormat kFormats[] = {kV1, kV2};

template <typename Value>
Value Expect(absl::StatusOr<Value> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : Value();
}

void Apply(Doc& doc, ByteView update, UpdateFormat format = kV1) {
  EXPECT_EQ(doc.ApplyUpdate(update, "", format), absl::OkStatus());
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

// A replica and the updates that it emitted itself.
struct Replica {
  explicit Replica(std::uint64_t client, bool gc = true)
      : doc({.client_id = ClientId{client}, .gc = gc}),
        subscription(doc.OnUpdate([this](const UpdateEvent& event) {
          if (event.local) updates.emplace_back(event.update.begin(), event.update.end());
        })) {}

  Text text() { return doc.GetText("t"); }
  std::string shown() { return text().ToString(); }
  Bytes state() const { return doc.EncodeStateAsUpdate(); }

  Doc doc;
  std::vector<Bytes> updates;
  Subscription subscription;
};

Bytes Merged(std::initializer_list<Bytes> updates, UpdateFormat format = kV1) {
  const std::vector<ByteView> views(updates.begin(), updates.end());
  return Expect(MergeUpdates(views, {}, format));
}

DeleteSet Ids(std::initializer_list<std::pair<std::uint64_t, IdRange>> ranges) {
  DeleteSet ids;
  for (const auto& [client, range] : ranges) ids.Add(ClientId{client}, range);
  ids.SortAndMerge();
  return ids;
}

std::uint64_t BlocksOf(const Bytes& update, ContentKind kind) {
  return Expect(SummarizeUpdate(update)).by_kind[static_cast<std::size_t>(kind)].blocks;
}

bool Holds(const Bytes& bytes, std::string_view hex) {
  return ToHex(bytes).find(hex) != std::string::npos;
}

std::string HexOfAny(const Any& value) {
  ByteWriter out;
  WriteAny(out, value);
  return ToHex(out.view());
}
Any AnyOfHex(const std::string& hex) {
  const Bytes bytes = FieldBytes(hex);
  ByteReader reader(bytes);
  Any value = ReadAny(reader, 512);
  EXPECT_TRUE(reader.ok()) << reader.status();
  return value;
}

// The reply of the real Yjs to one request.
Any AskYjs(const Any& request) {
  static const absl::StatusOr<std::unique_ptr<oracle::YjsProcess>> yjs =
      oracle::YjsProcess::Start();
  EXPECT_TRUE(yjs.ok()) << yjs.status();
  return yjs.ok() ? Expect((*yjs)->Call(request)) : Any();
}
Bytes BytesFromYjs(const Any& request, std::string_view member = "update") {
  return FromBase64(*Member(AskYjs(request), member).AsString());
}
// The state of a new document of Yjs that got `update`.
Bytes StateInYjs(const Bytes& update) {
  AskYjs(AnyObject{{"op", "new"}, {"doc", 1}, {"clientID", 77}});
  AskYjs(AnyObject{{"op", "apply"}, {"doc", 1}, {"update", ToBase64(update)}});
  return BytesFromYjs(AnyObject{{"op", "state"}, {"doc", 1}});
}
Bytes StateHere(const Bytes& update) {
  Doc doc({.client_id = ClientId{77}});
  Apply(doc, update);
  return doc.EncodeStateAsUpdate();
}

// -- Integration --

TEST(Traps, T01BlocksBehindAHoleWaitAndAreEncodedAsTheyCame) {
  const Bytes update = FieldBytes("01010901040101740568656c6c6f00");
  Doc doc({.client_id = ClientId{1}});
  Apply(doc, update);
  EXPECT_EQ(doc.GetText("t").ToString(), "");
  EXPECT_TRUE(doc.has_pending());
  EXPECT_TRUE(doc.GetStateVector().empty());
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(update));
}

TEST(Traps, T01ALeadingSkipParksItsClient) {
  Doc doc({.client_id = ClientId{1}});
  Apply(doc, FieldBytes("010209000a01040101740568656c6c6f00"));
  EXPECT_EQ(doc.GetText("t").ToString(), "");
  EXPECT_TRUE(doc.has_pending());
}

TEST(Traps, T01WithHolesTheStateVectorTellsWhereTheFirstOneBegins) {
  Doc doc({.client_id = ClientId{1}, .holes = HoleMode::kIntegrate});
  Apply(doc, FieldBytes("01010901040101740568656c6c6f00"));
  EXPECT_EQ(doc.GetText("t").ToString(), "hello");
  EXPECT_FALSE(doc.has_pending());
  EXPECT_EQ(ToHex(EncodeStateVector(doc.GetStateVector())), "010900");
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), "010209000a01040101740568656c6c6f00");
}

TEST(Traps, T02AnItemStandsBetweenItsOriginsTombstonesIncluded) {
  Replica replica(1);
  replica.text().Insert(0, "abcdef");
  replica.text().Delete(2, 2);
  replica.text().Insert(2, "X");
  const Update update = Expect(DecodeUpdate(replica.updates.back()));
  ASSERT_EQ(update.blocks.size(), 1u);
  ASSERT_TRUE(update.blocks[0].has_origin && update.blocks[0].has_right_origin);
  EXPECT_EQ(update.blocks[0].right_origin.clock, update.blocks[0].origin.clock + 1);
}

TEST(Traps, T03AnItemWaitsForItsRightOriginInARootAndInEitherFormat) {
  Replica first(1);
  first.text().Insert(0, "a");
  Replica second(2);
  Apply(second.doc, first.state());
  second.text().Insert(0, "b");
  for (const UpdateFormat format : kFormats) {
    Doc doc({.client_id = ClientId{3}});
    Apply(doc, Expect(ConvertUpdate(second.updates.back(), kV1, format)), format);
    EXPECT_TRUE(doc.has_pending());
    EXPECT_EQ(doc.GetText("t").ToString(), "");
    Apply(doc, first.state());
    EXPECT_FALSE(doc.has_pending());
    EXPECT_EQ(doc.GetText("t").ToString(), "ba");
  }
}

TEST(Traps, T04AParentMayStandInAClientThatIsDecodedLaterOrHasNotCome) {
  Replica low(3);
  low.doc.GetMap("m").SetArray("k");
  Replica high(5);
  Apply(high.doc, low.state());
  std::get<Array>(*high.doc.GetMap("m").Find("k")).Insert(0, {Any(1)});
  Doc together({.client_id = ClientId{7}});
  Apply(together, high.state());
  EXPECT_FALSE(together.has_pending());
  Doc apart({.client_id = ClientId{7}});
  Apply(apart, high.updates.back());
  EXPECT_TRUE(apart.has_pending());
  Apply(apart, low.state());
  EXPECT_EQ(apart.EncodeStateAsUpdate(), together.EncodeStateAsUpdate());
}

TEST(Traps, T05TheRightmostItemOfAKeyWinsAndTheLosersAreDeleted) {
  std::vector<Bytes> updates;
  for (const std::uint64_t client : {9, 4, 6}) {
    Replica replica(client);
    replica.doc.Transact("", [&] {
      replica.doc.GetMap("m").Set("x", static_cast<int>(client));
      replica.doc.GetMap("m").Set("y", static_cast<int>(client) * 10);
    });
    updates.push_back(replica.updates.back());
  }
  std::vector<std::size_t> order{0, 1, 2};
  do {
    Doc doc({.client_id = ClientId{1}});
    for (const std::size_t number : order) Apply(doc, updates[number]);
    EXPECT_EQ(std::get<Any>(*doc.GetMap("m").Find("x")), Any(9));
    EXPECT_EQ(std::get<Any>(*doc.GetMap("m").Find("y")), Any(90));
    EXPECT_EQ(Expect(SummarizeUpdate(doc.EncodeStateAsUpdate())).deleted, 4u);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Traps, T06AnItemWhoseParentWasCollectedIsCollected) {
  Replica first(1);
  first.doc.GetMap("m").SetMap("k").SetArray("deep");
  Replica second(2);
  Apply(second.doc, first.state());
  const Map nested = std::get<Map>(*second.doc.GetMap("m").Find("k"));
  Map(nested).Set("late", "value");
  std::get<Array>(*nested.Find("deep")).Insert(0, {Any(1), Any(2)});
  first.doc.GetMap("m").Delete("k");
  for (const Bytes& update : second.updates) Apply(first.doc, update);
  EXPECT_FALSE(first.doc.has_pending());
  const DeleteSet of_second = Ids({{2, {0, 100}}});
  EXPECT_EQ(BlocksOf(Expect(IntersectUpdate(first.state(), of_second)), ContentKind::kGc), 1u);
  EXPECT_EQ(ToJsonText(first.doc.ToJson()), R"({"m":{}})");
}

TEST(Traps, T07DeletesOfUnknownIdsWaitAndCollectedBlocksDoNotStopThem) {
  Replica writer(1);
  writer.doc.GetMap("m").SetArray("k").Insert(0, {Any(1)});
  writer.text().Insert(0, "abcdef");
  const Bytes before = writer.state();
  writer.doc.GetMap("m").Delete("k");
  writer.text().Delete(0, 3);
  const Bytes deletes = Expect(DiffUpdate(writer.state(), writer.doc.GetStateVector()));
  // Before anything is known, then when a part is known, then all.
  Doc doc({.client_id = ClientId{3}});
  Apply(doc, deletes);
  EXPECT_TRUE(doc.has_pending());
  Apply(doc, Expect(IntersectUpdate(before, Ids({{1, {0, 4}}}))));
  EXPECT_TRUE(doc.has_pending());
  EXPECT_EQ(doc.GetText("t").ToString(), "");
  Apply(doc, before);
  EXPECT_FALSE(doc.has_pending());
  EXPECT_EQ(doc.GetText("t").ToString(), "def");
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(writer.state()));
  // Again, over blocks that were collected meanwhile.
  writer.text().Delete(0, 3);
  Apply(doc, Expect(DiffUpdate(writer.state(), writer.doc.GetStateVector())));
  EXPECT_EQ(doc.GetText("t").ToString(), "");
}

TEST(Traps, T08WhatWaitsIsExtendedAndPartOfTheState) {
  Replica writer(1);
  for (const char* letter : {"a", "b", "c"}) writer.text().Insert(0, letter);
  Doc doc({.client_id = ClientId{3}});
  Apply(doc, writer.updates[2]);
  Apply(doc, writer.updates[1]);
  EXPECT_TRUE(Expect(
      UpdatesEqual(doc.EncodeStateAsUpdate(), Merged({writer.updates[1], writer.updates[2]}))));
  Apply(doc, writer.updates[0]);
  EXPECT_EQ(doc.GetText("t").ToString(), "cba");
}

TEST(Traps, T09AHoleThatIsPartlyFilledIsCutOnBothSidesAndAtItsBeginning) {
  Replica writer(1);
  writer.text().Insert(0, "0123456789");
  const Bytes holed = Expect(IntersectUpdate(writer.state(), Ids({{1, {0, 2}}, {1, {8, 2}}})));
  for (Clock begin = 0; begin < 10; ++begin) {
    for (Clock end = begin + 1; end <= 10; ++end) {
      const Bytes part = Expect(IntersectUpdate(writer.state(), Ids({{1, {begin, end - begin}}})));
      const Bytes merged = Merged({holed, part});
      const Bytes expected = Expect(IntersectUpdate(
          writer.state(), Ids({{1, {0, 2}}, {1, {8, 2}}, {1, {begin, end - begin}}})));
      EXPECT_TRUE(Expect(UpdatesEqual(merged, expected))) << begin << " to " << end;
      EXPECT_EQ(ToHex(merged),
                ToHex(BytesFromYjs(AnyObject{
                    {"op", "merge"}, {"updates", Any::Array{ToBase64(holed), ToBase64(part)}}})));
    }
  }
}

TEST(Traps, T10OverlappingDeletesInAnyOrderEndTheSame) {
  Replica writer(1, /*gc=*/false);
  writer.text().Insert(0, "0123456789");
  const Bytes base = writer.state();
  std::vector<Bytes> deletes;
  for (const IdRange range : {IdRange{2, 3}, IdRange{4, 4}, IdRange{0, 10}, IdRange{3, 1}}) {
    deletes.push_back(UpdateBuilder().Finish(Ids({{1, range}})));
  }
  std::vector<std::size_t> order(deletes.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Doc doc({.client_id = ClientId{3}});
    Apply(doc, base);
    for (const std::size_t number : order) Apply(doc, deletes[number]);
    EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()),
              "01010100010101740a0101010"
              "00a");
  } while (std::ranges::next_permutation(order).found);
}

TEST(Traps, T11NeighboursMergeExactlyWhenYjsMergesThem) {
  const auto blocks = [](const std::function<void(Replica&)>& edit) {
    Replica replica(1);
    edit(replica);
    EXPECT_EQ(ToHex(replica.state()),
              ToHex(StateInYjs(Merged({replica.state(), replica.state()}))));
    return Expect(SummarizeUpdate(replica.state())).all.blocks;
  };
  EXPECT_EQ(blocks([](Replica& r) {
              r.text().Insert(0, "a");
              r.text().Insert(1, "b");
            }),
            1u);
  EXPECT_EQ(blocks([](Replica& r) {  // another right origin
              r.text().Insert(0, "ac");
              r.text().Insert(1, "b");
              r.text().Insert(2, "B");
            }),
            3u);
  EXPECT_EQ(blocks([](Replica& r) {  // deleted and not
              r.text().Insert(0, "ab");
              r.text().Delete(1, 1);
            }),
            2u);
  EXPECT_EQ(blocks([](Replica& r) {  // embeds
              r.text().InsertEmbed(0, Any(AnyObject{}));
              r.text().InsertEmbed(1, Any(AnyObject{}));
            }),
            2u);
  EXPECT_EQ(blocks([](Replica& r) {  // types
              r.doc.GetArray("a").InsertMap(0);
              r.doc.GetArray("a").InsertMap(1);
            }),
            2u);
  EXPECT_EQ(blocks([](Replica& r) {  // values
              r.doc.GetArray("a").Insert(0, {Any(1)});
              r.doc.GetArray("a").Insert(1, {Any("x")});
            }),
            1u);
  EXPECT_EQ(blocks([](Replica& r) {  // marks
              r.text().Insert(0, "a", AnyObject{{"bold", Any(true)}});
            }),
            3u);
}

TEST(Traps, T12SmallUpdatesInAnyOrderEndTheSame) {
  Replica writer(1);
  writer.text().Insert(0, "ab");
  writer.text().Insert(1, "c");
  writer.text().Delete(0, 2);
  writer.text().Insert(1, "d");
  writer.text().Insert(0, "e");
  std::vector<std::size_t> order(writer.updates.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Doc doc({.client_id = ClientId{3}});
    for (const std::size_t number : order) Apply(doc, writer.updates[number]);
    EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(writer.state()));
  } while (std::ranges::next_permutation(order).found);
}

// -- Strings and values --

TEST(Traps, T16TheSuffixOfACutPairIsOneReplacementAndTheSenderKeepsItsText) {
  Replica writer(1);
  writer.text().Insert(0, "A\U0001F600B");
  StateVector known;
  known.Set(ClientId{1}, 2);
  const Bytes suffix = writer.doc.EncodeStateAsUpdate(known);
  EXPECT_TRUE(Holds(suffix, "04efbfbd42"));
  EXPECT_EQ(Expect(DecodeUpdate(suffix)).blocks[0].length, 2u);
  EXPECT_EQ(ToHex(Expect(DiffUpdate(writer.state(), known))), ToHex(suffix));
  EXPECT_EQ(writer.shown(), "A\U0001F600B");
  // A split replaces both halves.
  writer.text().Insert(2, "x");
  EXPECT_EQ(writer.shown(),
            "A\uFFFDx\uFFFD"
            "B");
}

TEST(Traps, T17IntegersOfMoreThan31BitsAreFloats) {
  EXPECT_EQ(HexOfAny(Any(2147483647.0)), "7dbfffffff0f");
  EXPECT_EQ(HexOfAny(Any(2147483648.0)), "7c4f000000");
  EXPECT_EQ(HexOfAny(Any(1.7e12)), "7b4278bcfe56800000");
  EXPECT_EQ(AnyOfHex("7d8080808010"), Any(2147483648.0))
      << "other libraries write them as integers";
}

TEST(Traps, T18NumbersThatAreNoPlainIntegers) {
  EXPECT_EQ(HexOfAny(Any(-0.0)), "7d40");
  EXPECT_EQ(HexOfAny(Any(std::nan(""))), "7b7ff8000000000000");
  EXPECT_EQ(HexOfAny(Any(std::numeric_limits<double>::infinity())), "7c7f800000");
  EXPECT_EQ(AnyOfHex("7affffffffffffffff"), Any(Any::BigInt{-1}));
}

TEST(Traps, T19KeysOfObjectsKeepTheirOrder) {
  Replica writer(1);
  writer.doc.GetMap("m").Set("k", Any(AnyObject{{"z", Any(1)}, {"a", Any(2)}, {"m", Any(3)}}));
  EXPECT_TRUE(Holds(writer.state(), "7603017a7d0101617d02016d7d03"));
  EXPECT_EQ(ToHex(StateHere(writer.state())), ToHex(writer.state()));
}

TEST(Traps, T20UndefinedIsNotNullAndJsonIsTextInV1AndAnyInV2) {
  EXPECT_EQ(HexOfAny(Any()), "7f");
  EXPECT_EQ(HexOfAny(Any(Any::Null())), "7e");
  // Legacy values: JSON texts, and the text "undefined".
  const Bytes legacy = FieldBytes(
      "0101010002010161"
      "03"
      "09756e646566696e6564"
      "046e756c6c"
      "0131"
      "00");
  EXPECT_EQ(ToHex(StateHere(legacy)), ToHex(legacy));
  Doc doc({.client_id = ClientId{77}});
  Apply(doc, legacy);
  EXPECT_EQ(doc.GetArray("a").ToJson(), Any(Any::Array{Any(), Any(Any::Null()), Any(1)}));
  Replica writer(1);
  writer.text().InsertEmbed(0, Any(AnyObject{{"a", Any(1)}}));
  EXPECT_TRUE(Holds(writer.state(), "077b2261223a317d"));
  EXPECT_TRUE(Holds(writer.doc.EncodeStateAsUpdate({}, kV2), "760101617d01"));
}

TEST(Traps, T21JsonTextIsThatOfJavaScript) {
  EXPECT_EQ(ToJsonText(Any(-0.0)), "0");
  EXPECT_EQ(ToJsonText(Any(1e21)), "1e+21");
  EXPECT_EQ(ToJsonText(Any(0.1)), "0.1");
  EXPECT_EQ(ToJsonText(Any(5e-324)), "5e-324");
  EXPECT_EQ(ToJsonText(Any("\xED\xA0\x80")), "\"\\ud800\"");
  EXPECT_EQ(ToJsonText(Any(AnyObject{{"a", Any()}, {"b", Any(Any::Array{Any()})}})),
            R"({"b":[null]})");
}

TEST(Traps, T22BinaryEmbedsAndSubdocumentsComeBackAsYjsGivesThemBack) {
  ByteWriter options;
  WriteAny(options, Any(AnyObject{{"gc", Any(false)},
                                  {"autoLoad", Any(true)},
                                  {"meta", Any(AnyObject{{"title", Any("x")}})},
                                  {"custom", Any(1)}}));
  ByteWriter out;
  for (const std::uint64_t number : {1, 3, 1, 0}) out.WriteVarUint(number);
  out.WriteByte(3);
  out.WriteVarUint(1);
  out.WriteString("b");
  out.WriteBuffer(Bytes{0, 1, 2});
  out.WriteByte(5);
  out.WriteVarUint(1);
  out.WriteString("e");
  out.WriteString(R"({"x":1})");
  out.WriteByte(0x29);
  out.WriteVarUint(1);
  out.WriteString("d");
  out.WriteString("k");
  out.WriteString("the-guid");
  out.WriteBytes(options.view());
  out.WriteByte(0);
  const Bytes bytes = out.Take();
  EXPECT_EQ(ToHex(StateHere(bytes)), ToHex(StateInYjs(bytes)));
  EXPECT_TRUE(Holds(StateHere(bytes), ToHex(AsBytes("the-guid"))));
}

TEST(Traps, T23IntegersHave53BitsAndTheSignOfAVarintIsItsBitSix) {
  const Bytes largest = FieldBytes("ffffffffffffff0f");
  EXPECT_EQ(ByteReader(largest).ReadVarUint(), kMaxSafeInteger);
  const Bytes larger = FieldBytes("8080808080808010");
  ByteReader reader(larger);
  reader.ReadVarUint();
  EXPECT_FALSE(reader.ok());
  ByteWriter out;
  out.WriteVarInt(63, true);
  out.WriteVarInt(64, false);
  EXPECT_EQ(ToHex(out.view()), "7f8001");
  Replica writer(kMaxSafeInteger);
  writer.text().Insert(0, "x");
  EXPECT_EQ(ToHex(StateHere(writer.state())), ToHex(StateInYjs(writer.state())));
}

// -- Update encodings --

TEST(Traps, T24ClientsAreWrittenDescendingAndParentsOnlyWithoutOrigins) {
  Replica first(1);
  first.text().Insert(0, "ab");
  Replica second(2);
  Apply(second.doc, first.state());
  second.text().Insert(1, "X");
  second.text().Delete(0, 1);
  second.text().Delete(0, 1);
  second.doc.GetMap("m").Set("k", 1);
  // 2: the deleted X between 1:0 and 1:1, an entry; 1: a deleted, b; deletes of 2, then of 1.
  EXPECT_EQ(ToHex(second.state()),
            "02"
            "020200"
            "c101000101"
            "01"
            "2801016d016b017d01"
            "020100"
            "01010174"
            "01"
            "84010001"
            "62"
            "02"
            "02010001"
            "01010001");
}

TEST(Traps, T25CollectedBlocksAreKind0AndHolesKind10WithAPlainLengthInEitherFormat) {
  const Bytes v1 = FieldBytes(
      "0103010000050a078401040178"
      "00");
  const Update update = Expect(DecodeUpdate(v1));
  ASSERT_EQ(update.blocks.size(), 3u);
  EXPECT_EQ(update.blocks[0].kind, ContentKind::kGc);
  EXPECT_EQ(update.blocks[0].length, 5u);
  EXPECT_EQ(update.blocks[1].kind, ContentKind::kSkip);
  EXPECT_EQ(update.blocks[1].length, 7u);
  EXPECT_EQ(update.blocks[2].id.clock, 12u);
  const Bytes v2 = Expect(ConvertUpdate(v1, kV1, kV2));
  EXPECT_EQ(ToHex(v2), ToHex(BytesFromYjs(AnyObject{
                           {"op", "convert"}, {"update", ToBase64(v1)}, {"from", 1}, {"to", 2}})));
  EXPECT_EQ(ToHex(Expect(ConvertUpdate(v2, kV2, kV1))), ToHex(v1));
}

TEST(Traps, T26ADiffBeginsWithNoHoleAndAMergeFillsGapsWithHoles) {
  EXPECT_EQ(ToHex(Expect(DiffUpdate(FieldBytes("010209000a01040101740568656c6c6f00"), {}))),
            "01010901040101740568656c6c6f00");
  Replica writer(1);
  writer.text().Insert(0, "0123456789");
  const auto part = [&](Clock begin) {
    return Expect(IntersectUpdate(writer.state(), Ids({{1, {begin, 2}}})));
  };
  EXPECT_EQ(BlocksOf(Merged({part(2), part(6)}), ContentKind::kSkip), 1u);
  EXPECT_EQ(BlocksOf(Merged({part(4), part(2)}), ContentKind::kSkip), 0u);
}

TEST(Traps, T27MergingCutsOverlapsAsYjsDoesInEitherFormat) {
  Replica writer(1);
  writer.text().Insert(0, "0123456789");
  writer.doc.GetArray("a").Insert(0, {Any(1), Any(2), Any(3)});
  writer.text().Delete(3, 2);
  for (const UpdateFormat format : kFormats) {
    const Bytes whole = writer.doc.EncodeStateAsUpdate({}, format);
    for (const Clock begin : {0, 2, 4, 9, 11}) {
      const Bytes a = Expect(IntersectUpdate(whole, Ids({{1, {0, begin + 2}}}), format));
      const Bytes b = Expect(IntersectUpdate(whole, Ids({{1, {begin, 20}}}), format));
      for (const auto& [first, second] : {std::pair(a, b), std::pair(b, a)}) {
        const Bytes merged = Merged({first, second}, format);
        EXPECT_EQ(
            ToHex(merged),
            ToHex(BytesFromYjs(AnyObject{{"op", "merge"},
                                         {"updates", Any::Array{ToBase64(first), ToBase64(second)}},
                                         {"v", format == kV1 ? 1 : 2}})));
        EXPECT_TRUE(Expect(UpdatesEqual(merged, whole, format)));
      }
    }
  }
}

TEST(Traps, T28TheStateVectorOfAnUpdateStopsAtItsFirstGap) {
  Replica writer(1);
  writer.text().Insert(0, "0123456789");
  const auto vector_of = [&](std::initializer_list<std::pair<std::uint64_t, IdRange>> ids) {
    return Expect(StateVectorOfUpdate(Expect(IntersectUpdate(writer.state(), Ids(ids)))));
  };
  EXPECT_EQ(vector_of({{1, {0, 10}}}).Get(ClientId{1}), 10u);
  EXPECT_EQ(vector_of({{1, {0, 3}}, {1, {5, 5}}}).Get(ClientId{1}), 3u);
  EXPECT_TRUE(vector_of({{1, {1, 9}}}).empty());
}

TEST(Traps, T29InV2DeletesAreSortedAndEveryKeyIsWrittenAgain) {
  Replica writer(1);
  writer.text().Insert(0, "abcdef");
  writer.text().Delete(4, 1);
  writer.text().Delete(0, 1);
  writer.text().Delete(1, 1);
  writer.text().Format(0, 1, AnyObject{{"bold", Any(true)}});
  writer.text().Format(2, 1, AnyObject{{"bold", Any(true)}});
  const Bytes v2 = writer.doc.EncodeStateAsUpdate({}, kV2);
  EXPECT_TRUE(Holds(v2, ToHex(AsBytes("boldboldboldbold"))));
  AskYjs(AnyObject{{"op", "new"}, {"doc", 1}, {"clientID", 77}});
  AskYjs(AnyObject{{"op", "apply"}, {"doc", 1}, {"update", ToBase64(writer.state())}});
  EXPECT_EQ(ToHex(v2), ToHex(BytesFromYjs(AnyObject{{"op", "state"}, {"doc", 1}, {"v", 2}})));
  const Update update = Expect(DecodeUpdate(v2, {}, kV2));
  EXPECT_EQ(update.deletes.Validate(), absl::OkStatus());
}

TEST(Traps, T30TypesHaveTheNumbersOfYjs) {
  EXPECT_EQ(static_cast<int>(TypeKind::kArray), 0);
  EXPECT_EQ(static_cast<int>(TypeKind::kMap), 1);
  EXPECT_EQ(static_cast<int>(TypeKind::kText), 2);
  EXPECT_EQ(static_cast<int>(TypeKind::kXmlElement), 3);
  EXPECT_EQ(static_cast<int>(TypeKind::kXmlFragment), 4);
  EXPECT_EQ(static_cast<int>(TypeKind::kXmlHook), 5);
  EXPECT_EQ(static_cast<int>(TypeKind::kXmlText), 6);
  // All of them in one array: elements and hooks have names.
  const Bytes update = FieldBytes(
      "010701000701016100"
      "87010001"
      "87010102"
      "8701020301"
      "70"
      "87010304"
      "8701040501"
      "68"
      "87010506"
      "00");
  EXPECT_EQ(ToHex(StateHere(update)), ToHex(update));
  EXPECT_EQ(ToHex(StateInYjs(update)), ToHex(update));
}

TEST(Traps, T31ASnapshotIsItsDeletesThenItsStateVector) {
  Replica writer(1, /*gc=*/false);
  writer.text().Insert(0, "abc");
  writer.text().Delete(1, 1);
  EXPECT_EQ(ToHex(writer.doc.TakeSnapshot().Encode()),
            "01010101"
            "01"
            "010103");
}

TEST(Traps, T31APositionWithoutAnItemIsTheEndOfItsType) {
  Replica writer(1);
  Array list = writer.doc.GetMap("m").SetArray("k");
  list.Insert(0, {Any(1), Any(2)});
  const RelativePosition end = RelativePosition::At(list, 2);
  EXPECT_EQ(ToHex(end.Encode()), "02010000") << "tag 2, the type's item, assoc 0";
  const RelativePosition decoded = Expect(RelativePosition::Decode(end.Encode()));
  EXPECT_EQ(decoded.Resolve(writer.doc)->index, 2u);
}

TEST(Traps, T32AStateVectorHasOneFormForBothFormats) {
  Replica writer(1);
  writer.text().Insert(0, "abc");
  writer.text().Insert(1, "d");
  const StateVector vector = writer.doc.GetStateVector();
  EXPECT_EQ(ToHex(EncodeStateVector(vector)), "010104");
  for (const UpdateFormat format : kFormats) {
    const Bytes state = writer.doc.EncodeStateAsUpdate({}, format);
    EXPECT_EQ(Expect(StateVectorOfUpdate(state, {}, format)), vector);
    EXPECT_TRUE(Expect(DecodeUpdate(Expect(DiffUpdate(state, vector, {}, format)), {}, format))
                    .blocks.empty());
  }
}

TEST(Traps, T36MovesAndWeakLinksAreRefusedByName) {
  Doc doc;
  const absl::Status move = doc.ApplyUpdate(FieldBytes("010101000b01017400"));
  EXPECT_EQ(move.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(move.message()).find("move"), std::string::npos);
  const absl::Status link = doc.ApplyUpdate(FieldBytes("01010100070101740700"));
  EXPECT_EQ(link.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(link.message()).find("type"), std::string::npos);
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), "0000");
}

TEST(Traps, T37ColumnsThatClaimTwoBillionBlocksAreRefused) {
  // One section of 2^31 collected blocks of length 1, see limits_test.
  const Bytes update = FieldBytes(
      "00000101000001000100000006"
      "4180808080100180808080080000");
  Doc doc;
  const absl::Status status = doc.ApplyUpdate(update, "", kV2);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(Traps, T38DeepValuesAreRefusedAndDeepTreesAreDeleted) {
  Bytes deep = FieldBytes(
      "01010100080101610"
      "1");
  for (int i = 0; i < 3000; ++i) deep.insert(deep.end(), {117, 1});
  deep.insert(deep.end(), {126, 0});
  Doc doc({.client_id = ClientId{2}});
  EXPECT_EQ(doc.ApplyUpdate(deep).code(), absl::StatusCode::kResourceExhausted);

  // 100,000 arrays, each in the one before.
  constexpr std::uint64_t kDepth = 100'000;
  ByteWriter out;
  for (const std::uint64_t number :
       {std::uint64_t{1}, kDepth, std::uint64_t{1}, std::uint64_t{0}}) {
    out.WriteVarUint(number);
  }
  out.WriteByte(7);
  out.WriteVarUint(1);
  out.WriteString("a");
  out.WriteVarUint(0);
  for (std::uint64_t i = 1; i < kDepth; ++i) {
    for (const std::uint64_t number :
         {std::uint64_t{7}, std::uint64_t{0}, std::uint64_t{1}, i - 1, std::uint64_t{0}}) {
      out.WriteVarUint(number);
    }
  }
  out.WriteByte(0);
  Apply(doc, out.view());
  EXPECT_FALSE(doc.has_pending());
  doc.GetArray("a").Delete(0, 1);
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
  EXPECT_EQ(Expect(SummarizeUpdate(doc.EncodeStateAsUpdate())).deleted, kDepth);
}

// -- Yjs against itself --

TEST(Traps, T42AStateWithWhatWaitsMayBeAheadOfItsStateVector) {
  Replica writer(1);
  for (const char* letter : {"a", "b", "c"}) writer.text().Insert(0, letter);
  Doc doc({.client_id = ClientId{77}});
  Apply(doc, writer.updates[0]);
  Apply(doc, writer.updates[2]);
  EXPECT_EQ(doc.GetStateVector().Get(ClientId{1}), 1u);
  const Bytes merged = Merged({writer.updates[0], writer.updates[2]});
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(merged));
  EXPECT_EQ(ToHex(StateInYjs(merged)), ToHex(merged));
}

TEST(Traps, T43IntegerLikeKeysComeFirstAndAscending) {
  const AnyObject object{
      {"b", Any(1)}, {"10", Any(2)}, {"a", Any(3)}, {"2", Any(4)}, {"01", Any(5)}};
  EXPECT_EQ(ToJsonText(Any(object)), R"({"2":4,"10":2,"b":1,"a":3,"01":5})");
}

TEST(Traps, T44ADocumentThatHearsBlocksOfItsOwnIdTakesAnother) {
  Replica writer(5);
  writer.text().Insert(0, "abc");
  Doc doc({.client_id = ClientId{5}});
  Apply(doc, writer.state());
  EXPECT_NE(doc.client_id(), ClientId{5});
  // What brings nothing new changes nothing.
  const ClientId taken = doc.client_id();
  Apply(doc, writer.state());
  EXPECT_EQ(doc.client_id(), taken);
}

TEST(Traps, T45ChildrenOfACollectedParentAreCollectedOtherDeletedItemsKeepTheirPlace) {
  Replica writer(1);
  writer.text().Insert(0, "abc");
  writer.doc.GetMap("m").SetArray("k").Insert(0, {Any(1), Any(2)});
  writer.text().Delete(1, 1);
  writer.doc.GetMap("m").Delete("k");
  const UpdateSummary summary = Expect(SummarizeUpdate(writer.state()));
  const auto blocks = [&](ContentKind kind) {
    return summary.by_kind[static_cast<std::size_t>(kind)];
  };
  EXPECT_EQ(blocks(ContentKind::kGc).elements, 2u) << "the elements of the array";
  EXPECT_EQ(blocks(ContentKind::kDeleted).elements, 2u) << "the b, and the array itself";
  // An item whose origin was collected is collected where it arrives.
  Replica other(2);
  const Bytes before = Merged({writer.updates[0], writer.updates[1], writer.updates[2]});
  Apply(other.doc, before);
  std::get<Array>(*other.doc.GetMap("m").Find("k")).Insert(1, {Any("between")});
  Apply(writer.doc, other.updates.back());
  EXPECT_EQ(BlocksOf(Expect(IntersectUpdate(writer.state(), Ids({{2, {0, 9}}}))), ContentKind::kGc),
            1u);
  EXPECT_EQ(ToHex(StateInYjs(Merged({writer.state(), other.updates.back()}))),
            ToHex(StateHere(Merged({writer.state(), other.updates.back()}))));
}

}  // namespace
}  // namespace weft::crdt
