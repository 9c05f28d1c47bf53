// Texts: formatting, deltas, units. What bytes they write is compared with Yjs elsewhere
// (differential_test); here is what a user of the API sees.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/delta.h"
#include "crdt/doc.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

// As JSON, one operation after the other.
std::string Show(const Delta& delta) {
  std::string out;
  for (const DeltaOp& op : delta) {
    if (!out.empty()) out += " ";
    switch (op.kind) {
      case DeltaOp::Kind::kRetain:
        out += "retain " + std::to_string(op.count);
        break;
      case DeltaOp::Kind::kDelete:
        out += "delete " + std::to_string(op.count);
        break;
      case DeltaOp::Kind::kInsert:
        if (op.elements.empty()) {
          out += ToJsonText(op.text);
        } else {
          const Any* embed = std::get_if<Any>(&op.elements.front());
          out += embed == nullptr ? "type" : ToJsonText(*embed);
        }
        break;
    }
    if (!op.attributes.empty()) out += ToJsonText(op.attributes);
  }
  return out;
}

const Attributes kBold{{"bold", true}};
const Attributes kNotBold{{"bold", Any::Null{}}};

TEST(Text, FormattingHoldsForItsRangeAndForWhatIsTypedInside) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "Hello world");
  text.Format(0, 5, kBold);
  EXPECT_EQ(Show(text.ToDelta()), R"("Hello"{"bold":true} " world")");
  text.Insert(5, "!");  // behind bold text: bold, as in every editor
  EXPECT_EQ(Show(text.ToDelta()), R"("Hello!"{"bold":true} " world")");
  text.Insert(6, "?", {});  // with exactly no attributes
  EXPECT_EQ(Show(text.ToDelta()), R"("Hello!"{"bold":true} "? world")");
  text.Format(0, 3, kNotBold);
  EXPECT_EQ(Show(text.ToDelta()), R"("Hel" "lo!"{"bold":true} "? world")");
  EXPECT_EQ(text.ToString(), "Hello!? world");
  EXPECT_EQ(text.length(), 13u);
}

TEST(Text, WhatWritersOfAsciiAndOthersWroteReadsAsOneText) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  a.GetText("t").Insert(0, "no deleted words");
  a.GetText("t").Delete(3, 8);
  a.GetText("t").InsertEmbed(2, Any(true));
  ASSERT_TRUE(b.ApplyUpdate(a.EncodeStateAsUpdate()).ok());
  EXPECT_EQ(b.GetText("t").ToString(), "no words");
  b.GetText("t").Insert(4, "gro\u00dfe \U0001F30D ");
  ASSERT_TRUE(a.ApplyUpdate(b.EncodeStateAsUpdate()).ok());
  EXPECT_EQ(a.GetText("t").ToString(), "no gro\u00dfe \U0001F30D words");
  a.GetText("t").Insert(0, "\u4e16 ");  // now the first run is another one as well
  EXPECT_EQ(a.GetText("t").ToString(), "\u4e16 no gro\u00dfe \U0001F30D words");
}

TEST(Text, MarksThatHaveBecomeUselessAreRemoved) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "abc", kBold);
  text.Delete(0, 3);
  EXPECT_EQ(Show(text.ToDelta()), "");
  text.Insert(0, "plain", {});
  EXPECT_EQ(Show(text.ToDelta()), R"("plain")");
}

TEST(Text, TwoWhoMakeTheSameWordsBoldLeaveNoDoubleMarks) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  a.GetText("t").Insert(0, "bold");
  ASSERT_EQ(b.ApplyUpdate(a.EncodeStateAsUpdate()), absl::OkStatus());
  b.GetText("t");
  // A root that was asked for before its formatting came is cleaned up.
  a.GetText("t").Format(0, 4, kBold);
  b.GetText("t").Format(0, 4, kBold);
  std::vector<Bytes> cleanups;
  const Subscription subscription = b.OnUpdate([&](const UpdateEvent& event) {
    if (event.local) cleanups.emplace_back(event.update.begin(), event.update.end());
  });
  ASSERT_EQ(b.ApplyUpdate(a.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_EQ(cleanups.size(), 1u) << "a transaction of its own removes the second mark";
  ASSERT_EQ(a.ApplyUpdate(b.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_EQ(Show(a.GetText("t").ToDelta()), R"("bold"{"bold":true})");
  EXPECT_EQ(Show(b.GetText("t").ToDelta()), R"("bold"{"bold":true})");
}

TEST(Text, EmbedsAndNestedTypesTakeOnePosition) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "ab");
  text.InsertEmbed(1, AnyObject{{"image", "cat.png"}}, {{"width", 100}});
  EXPECT_EQ(Show(text.ToDelta()), R"("a" {"image":"cat.png"}{"width":100} "b")");
  const std::optional<Map> map = text.InsertType(2, TypeKind::kMap).As<Map>();
  ASSERT_TRUE(map.has_value());
  Map(*map).Set("k", 1);
  EXPECT_EQ(text.length(), 4u);
  EXPECT_EQ(text.ToString(), "ab");
  Doc other;
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_EQ(Show(other.GetText("t").ToDelta()), R"("a" {"image":"cat.png"}{"width":100} type "b")");
}

TEST(Text, ADeltaIsAppliedFromTheBeginningOn) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.ApplyDelta({DeltaOp::Insert("one two three")});
  text.ApplyDelta({DeltaOp::Retain(4), DeltaOp::Delete(3), DeltaOp::Insert("2", kBold),
                   DeltaOp::Retain(6, {{"i", true}}), DeltaOp::Embed(AnyObject{{"x", 1}})});
  EXPECT_EQ(Show(text.ToDelta()), R"("one " "2"{"bold":true} " three"{"i":true} {"x":1})");
}

TEST(Text, ALastNewlineIsTheEditorsUnlessItIsWanted) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.ApplyDelta({DeltaOp::Insert("a\n")}, /*sanitize=*/false);
  EXPECT_EQ(text.ToString(), "a");
  text.ApplyDelta({DeltaOp::Retain(1), DeltaOp::Insert("\n")});
  EXPECT_EQ(text.ToString(), "a\n");
}

TEST(Text, AttributesOfTheTextAsAWholeAreEntries) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.SetAttribute("lang", "en");
  text.SetAttribute("lang", "de");
  text.SetAttribute("dir", "ltr");
  text.RemoveAttribute("dir");
  EXPECT_EQ(ToJsonText(text.AttributesAsJson()), R"({"lang":"de"})");
  EXPECT_FALSE(text.Attribute("dir").has_value());
}

TEST(Text, OffsetsAreConvertedBetweenUnits) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "aé€😀z");  // 1, 2, 3, 4 and 1 bytes; the fourth is a pair
  text.InsertEmbed(2, AnyObject{});
  EXPECT_EQ(text.length(), 7u);
  EXPECT_EQ(text.length(TextUnit::kUtf8), 12u);
  EXPECT_EQ(text.length(TextUnit::kCodePoint), 6u);
  EXPECT_EQ(text.ToUtf16(7, TextUnit::kUtf8), 4u);
  EXPECT_EQ(text.ToUtf16(9, TextUnit::kUtf8), 4u) << "inside of a character means its beginning";
  EXPECT_EQ(text.ToUtf16(11, TextUnit::kUtf8), 6u);
  EXPECT_EQ(text.FromUtf16(6, TextUnit::kUtf8), 11u);
  EXPECT_EQ(text.FromUtf16(6, TextUnit::kCodePoint), 5u);
  EXPECT_EQ(text.FromUtf16(5, TextUnit::kCodePoint), 4u) << "inside of a pair";
}

RC_GTEST_PROP(TextProperty, ConvertingAnOffsetThereAndBackKeepsIt, ()) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::elementOf(std::vector<std::string>{"a", "é", "€", "😀", "xyz"}));
  for (const std::string& piece : pieces) {
    const auto at = *rc::gen::inRange<std::uint64_t>(0, text.length(TextUnit::kCodePoint) + 1);
    text.Insert(text.ToUtf16(at, TextUnit::kCodePoint), piece);
  }
  for (const TextUnit unit : {TextUnit::kUtf8, TextUnit::kCodePoint}) {
    for (std::uint64_t i = 0; i <= text.length(TextUnit::kCodePoint); ++i) {
      const std::uint64_t utf16 = text.ToUtf16(i, TextUnit::kCodePoint);
      RC_ASSERT(text.ToUtf16(text.FromUtf16(utf16, unit), unit) == utf16);
    }
  }
  RC_ASSERT(text.length(TextUnit::kUtf8) == text.ToString().size());
}

// A model: each unit with its attributes.
struct Cell {
  std::string unit;
  std::string attributes;
  friend bool operator==(const Cell&, const Cell&) = default;
};

std::vector<Cell> CellsOf(const Delta& delta) {
  std::vector<Cell> cells;
  for (const DeltaOp& op : delta) {
    for (const char c : op.text) cells.push_back({std::string(1, c), ToJsonText(op.attributes)});
  }
  return cells;
}

// As in Yjs: where a pair is cut both halves become U+FFFD, whichever of them goes, here and where it
// is heard of. Halves of two pairs do not become one.
TEST(Text, DeletingHalfOfASurrogatePairLeavesTheReplacementCharacter) {
  struct Case {
    std::uint64_t at;
    std::uint64_t count;
    std::string left;
  };
  for (const Case& each : {Case{1, 1, "a\uFFFD\U0001F601b"}, Case{2, 1, "a\uFFFD\U0001F601b"},
                           Case{2, 2, "a\uFFFD\uFFFDb"}, Case{3, 1, "a\U0001F600\uFFFDb"}}) {
    Doc doc({.client_id = ClientId{1}});
    Doc other({.client_id = ClientId{2}});
    Text text = doc.GetText("t");
    text.Insert(0, "a\U0001F600\U0001F601b");
    ASSERT_TRUE(other.ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
    Bytes deletion;
    {
      const Subscription subscription = doc.OnUpdate([&](const UpdateEvent& event) {
        deletion.assign(event.update.begin(), event.update.end());
      });
      text.Delete(each.at, each.count);
    }
    ASSERT_TRUE(other.ApplyUpdate(deletion).ok());
    for (Doc* replica : {&doc, &other}) {
      EXPECT_EQ(replica->GetText("t").ToString(), each.left);
      EXPECT_EQ(replica->Validate(), absl::OkStatus());
    }
  }
}

// Each deletion moves the boundary of a run to what is deleted beside it.
TEST(Text, HalvesThatAreLeftOfTwoPairsDoNotBecomeOne) {
  Doc doc({.client_id = ClientId{1}});
  Doc other({.client_id = ClientId{2}});
  Text text = doc.GetText("t");
  text.Insert(0, "a\U0001F600b\U0001F601c");
  std::vector<Bytes> updates{doc.EncodeStateAsUpdate()};
  for (const std::uint64_t at : {3, 2, 2}) {
    const StateVector before = doc.GetStateVector();
    text.Delete(at, 1);
    updates.push_back(doc.EncodeStateAsUpdate(before));
  }
  for (const Bytes& update : updates) ASSERT_TRUE(other.ApplyUpdate(update).ok());
  for (Doc* replica : {&doc, &other}) {
    EXPECT_EQ(replica->GetText("t").ToString(), "a\uFFFD\uFFFDc");
    EXPECT_EQ(Show(replica->GetText("t").ToDelta()), "\"a\uFFFD\uFFFDc\"");
    Doc copy({.client_id = ClientId{3}});
    ASSERT_TRUE(
        copy.ApplyUpdate(replica->EncodeStateAsUpdate({}, UpdateFormat::kV2), "", UpdateFormat::kV2)
            .ok());
    EXPECT_EQ(copy.GetText("t").ToString(), "a\uFFFD\uFFFDc");
    EXPECT_EQ(replica->Validate(), absl::OkStatus());
  }
}

RC_GTEST_PROP(TextProperty, FormattingChangesItsRangeAndNothingElse, ()) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', 'z'))));
  for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
    const std::vector<Cell> before = CellsOf(text.ToDelta());
    const auto begin = *rc::gen::inRange<std::uint64_t>(0, text.length());
    const auto count = *rc::gen::inRange<std::uint64_t>(1, text.length() - begin + 1);
    const bool on = *rc::gen::arbitrary<bool>();
    text.Format(begin, count, on ? kBold : kNotBold);
    const std::vector<Cell> after = CellsOf(text.ToDelta());
    RC_ASSERT(after.size() == before.size());
    for (std::size_t at = 0; at < after.size(); ++at) {
      const bool inside = at >= begin && at < begin + count;
      RC_ASSERT(after[at].unit == before[at].unit);
      RC_ASSERT(after[at].attributes ==
                (inside ? (on ? R"({"bold":true})" : "{}") : before[at].attributes));
    }
    RC_ASSERT(doc.Validate().ok());
  }
}

}  // namespace
}  // namespace weft::crdt
