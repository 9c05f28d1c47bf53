#include "crdt/doc.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

Bytes FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

// The updates that a document emits from here on.
class Recorder {
 public:
  explicit Recorder(Doc& doc)
      : subscription_(doc.OnUpdate([this](const UpdateEvent& event) {
          updates.emplace_back(event.update.begin(), event.update.end());
          origins.emplace_back(event.origin);
          locals.push_back(event.local);
        })) {}

  std::vector<Bytes> updates;
  std::vector<std::string> origins;
  std::vector<bool> locals;

 private:
  Subscription subscription_;
};

TEST(Doc, ATransactionEmitsOneUpdateWithItsOrigin) {
  Doc doc({.client_id = ClientId{1}});
  Recorder recorder(doc);
  doc.Transact("typing", [&] {
    doc.GetText("t").Insert(0, "ab");
    doc.Transact("nested calls join", [&] { doc.GetText("t").Insert(2, "c"); });
    doc.GetMap("m").Set("k", 1);
  });
  ASSERT_EQ(recorder.updates.size(), 1u);
  EXPECT_EQ(recorder.origins[0], "typing");
  EXPECT_TRUE(recorder.locals[0]);
  Doc other;
  ASSERT_EQ(other.ApplyUpdate(recorder.updates[0]), absl::OkStatus());
  EXPECT_EQ(other.GetText("t").ToString(), "abc");
}

TEST(Doc, ATransactionThatChangesNothingIsSilent) {
  Doc doc;
  Recorder recorder(doc);
  doc.Transact("", [&] { doc.GetText("t").Insert(0, ""); });
  doc.GetMap("m").Delete("nothing");
  EXPECT_TRUE(recorder.updates.empty());
}

TEST(Doc, AnUpdateThatBringsNothingNewIsSilent) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "abc");
  doc.GetText("t").Delete(1, 1);
  Doc other({.client_id = ClientId{2}});
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  Recorder recorder(other);
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_TRUE(recorder.updates.empty());
}

TEST(Doc, AnObserverMayEditAndItsEditIsATransactionOfItsOwn) {
  Doc doc({.client_id = ClientId{1}});
  std::vector<std::string> seen;
  const Subscription first = doc.OnUpdate([&](const UpdateEvent& event) {
    seen.push_back("first " + std::string(event.origin));
    if (event.origin == "outer") doc.Transact("inner", [&] { doc.GetText("t").Insert(0, "i"); });
  });
  const Subscription second = doc.OnUpdate(
      [&](const UpdateEvent& event) { seen.push_back("second " + std::string(event.origin)); });
  doc.Transact("outer", [&] { doc.GetText("t").Insert(0, "o"); });
  EXPECT_EQ(seen, (std::vector<std::string>{"first outer", "second outer", "first inner",
                                            "second inner"}));
  EXPECT_EQ(doc.GetText("t").ToString(), "io");
}

TEST(Doc, ASubscriptionMayEndWhileItsEventIsDelivered) {
  Doc doc;
  int calls = 0;
  Subscription second;
  const Subscription first = doc.OnUpdate([&](const UpdateEvent&) { second.Cancel(); });
  second = doc.OnUpdate([&](const UpdateEvent&) { ++calls; });
  doc.GetText("t").Insert(0, "x");
  EXPECT_EQ(calls, 0);
}

TEST(Doc, ASubscriptionMayOutliveItsDocument) {
  Subscription subscription;
  {
    Doc doc;
    subscription = doc.OnUpdate([](const UpdateEvent&) {});
  }
  subscription.Cancel();
}

TEST(Doc, TypedTextBecomesOneItem) {
  Doc doc({.client_id = ClientId{1}});
  for (int i = 0; i < 100; ++i) doc.GetText("t").Insert(static_cast<std::uint64_t>(i), "x");
  // One section of one string: header, root name, length and 100 characters.
  EXPECT_EQ(doc.EncodeStateAsUpdate().size(), 100 + 10u);
}

TEST(Doc, AHandleToACollectedTypeIsEmptyAndHarmless) {
  Doc doc({.client_id = ClientId{1}});
  Map nested = doc.GetMap("m").SetMap("k");
  nested.Set("a", 1);
  doc.GetMap("m").Delete("k");
  nested.Set("b", 2);
  EXPECT_EQ(nested.size(), 0u);
  EXPECT_EQ(Text().length(), 0u);
  // Its place in the document's tables is taken by another type now; the old handle does not see
  // it.
  doc.GetMap("m").SetMap("other").Set("c", 3);
  EXPECT_EQ(nested.size(), 0u);
  EXPECT_EQ(ToJsonText(doc.ToJson()), R"({"m":{"other":{"c":3}}})");
}

TEST(Doc, ElementsComeBackAsTheyWentIn) {
  Doc doc;
  Array array = doc.GetArray("a");
  array.Insert(0, {Any(1), Any("two"), Any(Bytes{3})});
  array.InsertMap(3).Set("k", Any::Null{});
  array.InsertText(4).Insert(0, "five");
  EXPECT_EQ(std::get<Any>(array.Get(1)), Any("two"));
  EXPECT_EQ(std::get<Any>(array.Get(2)), Any(Bytes{3}));
  EXPECT_TRUE(std::holds_alternative<Map>(array.Get(3)));
  EXPECT_EQ(std::get<Text>(array.Get(4)).ToString(), "five");
  EXPECT_EQ(array.length(), 5u);
  array.Delete(1, 3);
  EXPECT_EQ(ToJsonText(array.ToJson()), R"([1,"five"])");
}

TEST(Doc, TypesMayBeNestedVeryDeeplyWithoutCostingStack) {
  Doc doc({.client_id = ClientId{1}});
  doc.Transact("", [&] {
    Map map = doc.GetMap("m");
    for (int i = 0; i < 100'000; ++i) map = map.SetMap("k");
  });
  Doc other({.client_id = ClientId{2}});
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  const Any json = other.GetMap("m").ToJson();
  EXPECT_NE(json.AsObject(), nullptr);
  other.GetMap("m").Delete("k");
  EXPECT_EQ(other.Validate(), absl::OkStatus());
  EXPECT_EQ(ToJsonText(other.ToJson()), R"({"m":{}})");
}

TEST(Doc, ADocumentThatMeetsItsOwnClientIdTakesANewOne) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "x");
  Doc copy({.client_id = ClientId{1}});
  ASSERT_EQ(copy.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_NE(copy.client_id(), ClientId{1});
}

TEST(Doc, BlocksAfterAHoleWaitAndAreEncodedUnchanged) {
  // Client 9 from clock 1 on: "hello". A hole of one element is before it.
  const Bytes update = FromHex("01010901040101740568656c6c6f00");
  Doc doc;
  ASSERT_EQ(doc.ApplyUpdate(update), absl::OkStatus());
  EXPECT_EQ(doc.GetText("t").ToString(), "");
  EXPECT_TRUE(doc.has_pending());
  EXPECT_TRUE(doc.GetStateVector().empty());
  EXPECT_EQ(doc.EncodeStateAsUpdate(), update);
}

TEST(Doc, WhatWaitsIsExtendedByFurtherUpdatesAndAppliedWhenItsGapIsFilled) {
  Doc writer({.client_id = ClientId{1}});
  Recorder recorder(writer);
  for (const char* letter : {"a", "b", "c", "d"}) writer.GetText("t").Insert(0, letter);
  writer.GetText("t").Delete(1, 2);
  Doc reader;
  for (const int i : {4, 3, 2, 1}) {
    ASSERT_EQ(reader.ApplyUpdate(recorder.updates[static_cast<std::size_t>(i)]), absl::OkStatus());
    EXPECT_TRUE(reader.has_pending());
    // A third replica that gets the state has everything that waits.
    Doc third;
    ASSERT_EQ(third.ApplyUpdate(reader.EncodeStateAsUpdate()), absl::OkStatus());
    EXPECT_EQ(third.EncodeStateAsUpdate(), reader.EncodeStateAsUpdate());
  }
  ASSERT_EQ(reader.ApplyUpdate(recorder.updates[0]), absl::OkStatus());
  EXPECT_FALSE(reader.has_pending());
  EXPECT_EQ(reader.GetText("t").ToString(), "da");
  EXPECT_EQ(reader.EncodeStateAsUpdate(), writer.EncodeStateAsUpdate());
}

TEST(Doc, WhatWaitsIsBoundedButWhatItWaitsForIsAlwaysLetIn) {
  Doc writer({.client_id = ClientId{1}});
  Recorder recorder(writer);
  writer.GetText("t").Insert(0, "first");
  writer.GetText("t").Insert(5, std::string(600, 'x'));
  writer.GetText("t").Insert(605, std::string(600, 'y'));
  Doc reader({.limits = {.pending_bytes = 1000}});
  ASSERT_EQ(reader.ApplyUpdate(recorder.updates[1]), absl::OkStatus());
  const Bytes before = reader.EncodeStateAsUpdate();
  EXPECT_EQ(reader.ApplyUpdate(recorder.updates[2]).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reader.EncodeStateAsUpdate(), before);
  ASSERT_EQ(reader.ApplyUpdate(writer.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_FALSE(reader.has_pending());
}

TEST(Doc, AnUpdateThatHangsYjsIsRefusedAtOnce) {
  // A section that claims 2^31 blocks, and nothing behind it.
  Doc doc;
  const absl::Status status = doc.ApplyUpdate(FromHex("01ffffffff070a0000"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(Doc, AMoveIsRefusedByName) {
  Doc doc;
  const absl::Status status = doc.ApplyUpdate(FromHex("010101000b01017400"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("move"), std::string::npos);
}

// Cuts and changes a real update everywhere: refused or not, nothing breaks, and what is refused
// changes nothing.
TEST(Doc, ADamagedUpdateNeverBreaksADocument) {
  Doc writer({.client_id = ClientId{300}});
  writer.GetText("t").Insert(0, "h\u00e9llo \U0001F600");
  writer.GetText("t").Delete(2, 3);
  writer.GetMap("m").SetArray("k").Insert(0, {Any(1), Any(AnyObject{{"x", Any(2.5)}})});
  writer.GetArray("a").InsertMap(0).Set("deep", "value");
  const Bytes update = writer.EncodeStateAsUpdate();
  Doc base({.client_id = ClientId{7}});
  base.GetText("t").Insert(0, "base");
  const Bytes base_state = base.EncodeStateAsUpdate();
  const auto attempt = [&](const Bytes& bytes) {
    Doc doc({.client_id = ClientId{8}});
    ASSERT_EQ(doc.ApplyUpdate(base_state), absl::OkStatus());
    if (!doc.ApplyUpdate(bytes).ok()) {
      EXPECT_EQ(doc.EncodeStateAsUpdate(), base_state);
    }
    ASSERT_EQ(doc.Validate(), absl::OkStatus());
    doc.EncodeStateAsUpdate();
    doc.ToJson();
  };
  for (std::size_t size = 0; size < update.size(); ++size) {
    attempt(Bytes(update.begin(), update.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  for (std::size_t i = 0; i < update.size(); ++i) {
    for (const int value : {0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x87, 0xff}) {
      Bytes damaged = update;
      damaged[i] = static_cast<std::uint8_t>(value);
      attempt(damaged);
    }
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = update;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ (1 << bit));
      attempt(damaged);
    }
  }
}

// Random edits on a Text and on a string of UTF-16 units.
RC_GTEST_PROP(Text, ReadsLikeAStringThatGotTheSameEdits, ()) {
  static const char* const kPieces[] = {"a", "hello", "caf\u00e9", "\u20ac", "\u0416\u0416", "\n"};
  Doc doc({.client_id = ClientId{1}, .gc = *rc::gen::arbitrary<bool>()});
  Text text = doc.GetText("t");
  std::u16string model;
  const auto steps = *rc::gen::container<std::vector<std::pair<std::uint32_t, std::uint32_t>>>(
      rc::gen::arbitrary<std::pair<std::uint32_t, std::uint32_t>>());
  for (const auto& [a, b] : steps) {
    const std::size_t index = a % (model.size() + 1);
    if (b % 3 == 0 && !model.empty()) {
      const std::size_t count = (b / 3) % (model.size() - index + 1);
      text.Delete(index, count);
      model.erase(index, count);
    } else {
      const char* const piece = kPieces[b % std::size(kPieces)];
      text.Insert(index, piece);
      model.insert(index, Utf8ToUtf16(piece));
    }
    RC_ASSERT(doc.Validate() == absl::OkStatus());
    RC_ASSERT(text.length() == model.size());
  }
  std::string utf8;
  AppendUtf16AsUtf8(utf8, model);
  RC_ASSERT(text.ToString() == utf8);
}

TEST(Text, CuttingAPairReplacesBothHalves) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "A\U0001F600B");
  text.Insert(2, "x");
  EXPECT_EQ(text.ToString(),
            "A\uFFFDx\uFFFD"
            "B");
  EXPECT_EQ(text.length(), 5u);
}

TEST(Text, SpaceOfDeletedTextIsReused) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "start end");
  for (int i = 0; i < 200; ++i) {
    text.Insert(6, std::string(1000, 'x'));
    text.Delete(6, 1000);
    ASSERT_EQ(doc.Validate(), absl::OkStatus());
  }
  EXPECT_EQ(text.ToString(), "start end");
}

TEST(Map, TheLastWriterOfAKeyWinsAndTheOthersAreDeleted) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  a.GetMap("m").Set("k", "a");
  b.GetMap("m").Set("k", "b");
  const Bytes from_a = a.EncodeStateAsUpdate();
  const Bytes from_b = b.EncodeStateAsUpdate();
  ASSERT_EQ(a.ApplyUpdate(from_b), absl::OkStatus());
  ASSERT_EQ(b.ApplyUpdate(from_a), absl::OkStatus());
  EXPECT_EQ(ToJsonText(a.ToJson()), R"({"m":{"k":"b"}})");
  EXPECT_EQ(a.EncodeStateAsUpdate(), b.EncodeStateAsUpdate());
}

TEST(Map, AThousandKeysAreFoundAndKeepTheirOrder) {
  Doc doc;
  Map map = doc.GetMap("m");
  doc.Transact("", [&] {
    for (int i = 0; i < 1000; ++i) map.Set("key" + std::to_string(i), i);
  });
  map.Set("key0", "again");
  EXPECT_EQ(map.size(), 1000u);
  EXPECT_EQ(map.keys().front(), "key0");
  EXPECT_EQ(std::get<Any>(*map.Find("key999")), Any(999));
  EXPECT_FALSE(map.Find("key1000").has_value());
}

}  // namespace
}  // namespace weft::crdt
