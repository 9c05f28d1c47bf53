#include "crdt/base/utf.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "tests/crdt/golden/golden.h"
#include "tests/crdt/value_generators.h"

namespace weft::crdt {
namespace {

using golden::Case;

std::string ToWtf8(std::u16string_view text) {
  std::string out;
  AppendUtf16AsWtf8(out, text);
  return out;
}

std::string ToUtf8(std::u16string_view text) {
  std::string out;
  AppendUtf16AsUtf8(out, text);
  return out;
}

TEST(Utf, TextsAreEncodedAsJavaScriptDoes) {
  for (const Case& fields : golden::Cases("text")) {
    SCOPED_TRACE(fields[0]);
    const std::u16string units = golden::FieldUtf16(fields[0]);
    const std::string wtf8 = golden::FieldText(fields[1]);
    const std::string utf8 = golden::FieldText(fields[2]);
    EXPECT_EQ(ToWtf8(units), wtf8);
    EXPECT_EQ(ToUtf8(units), utf8);
    EXPECT_EQ(Utf8ToUtf16(wtf8), units);
    EXPECT_EQ(Utf16Length(wtf8), units.size());
    EXPECT_EQ(Utf16Length(utf8), units.size());
    EXPECT_EQ(HasLoneSurrogate(wtf8), wtf8 != utf8);
    std::string replaced = wtf8;
    EXPECT_EQ(ReplaceLoneSurrogates(replaced), wtf8 != utf8);
    EXPECT_EQ(replaced, utf8);
    EXPECT_TRUE(IsValidWtf8(wtf8));
    EXPECT_EQ(IsValidUtf8(wtf8), wtf8 == utf8);
  }
}

TEST(Utf, BytesAreRefusedThatAFatalTextDecoderRefuses) {
  for (const Case& fields : golden::Cases("utf8")) {
    SCOPED_TRACE(fields[0]);
    const std::string bytes = golden::FieldText(fields[0]);
    ASSERT_EQ(IsValidUtf8(bytes), !golden::IsRefused(fields[1]));
    if (golden::IsRefused(fields[1])) continue;
    EXPECT_TRUE(IsValidWtf8(bytes));
    EXPECT_EQ(Utf8ToUtf16(bytes), golden::FieldUtf16(fields[1]));
  }
}

TEST(Utf, Wtf8HoldsNoPairInTwoParts) {
  EXPECT_TRUE(IsValidWtf8("\xed\xa0\xbd"));
  EXPECT_TRUE(IsValidWtf8("\xed\xb8\x80\xed\xa0\xbd"));
  EXPECT_TRUE(IsValidWtf8("\xed\xa0\xbd \xed\xb8\x80"));
  EXPECT_TRUE(IsValidWtf8("\xed\xa0\xbd\xe2\x82\xac\xed\xb8\x80"));
  EXPECT_FALSE(IsValidWtf8("\xed\xa0\xbd\xed\xb8\x80"));
  EXPECT_FALSE(IsValidWtf8("a\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80"));
}

TEST(Utf, AsciiIsEverythingBelow0x80WhereverTheOtherByteStands) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string text(size, '\x7f');
    EXPECT_TRUE(IsAscii(text));
    for (std::size_t i = 0; i < size; ++i) {
      text[i] = '\x80';
      EXPECT_FALSE(IsAscii(text)) << size << " " << i;
      EXPECT_FALSE(IsValidUtf8(text)) << size << " " << i;
      text[i] = '\x7f';
    }
  }
}

TEST(Utf, Latin1IsTheFirst256Characters) {
  std::string latin1;
  std::u16string units;
  for (int i = 0; i < 256; ++i) {
    latin1.push_back(static_cast<char>(i));
    units.push_back(static_cast<char16_t>(i));
  }
  std::string out = "before";
  AppendLatin1AsUtf8(out, latin1);
  EXPECT_EQ(out, "before" + ToUtf8(units));
  out.clear();
  AppendLatin1AsUtf8(out, "ascii");
  EXPECT_EQ(out, "ascii");
}

RC_GTEST_PROP(Utf, Utf16SurvivesWtf8, ()) {
  const std::u16string units = *gen::Utf16();
  const std::string wtf8 = ToWtf8(units);
  RC_ASSERT(IsValidWtf8(wtf8));
  RC_ASSERT(Utf16Length(wtf8) == units.size());
  RC_ASSERT(Utf8ToUtf16(wtf8) == units);
}

RC_GTEST_PROP(Utf, Utf8ReplacesLoneSurrogatesAloneAndKeepsLengths, ()) {
  const std::u16string units = *gen::Utf16();
  const std::string utf8 = ToUtf8(units);
  RC_ASSERT(IsValidUtf8(utf8));
  const std::u16string back = Utf8ToUtf16(utf8);
  RC_ASSERT(back.size() == units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool replaced =
        back[i] == kReplacementCharacter && (IsHighSurrogate(units[i]) || IsLowSurrogate(units[i]));
    RC_ASSERT(back[i] == units[i] || replaced);
  }
}

RC_GTEST_PROP(Utf, AppendingPartsAsWtf8EqualsAppendingTheWhole, ()) {
  const std::u16string units = *gen::Utf16();
  const std::size_t cut = *rc::gen::inRange<std::size_t>(0, units.size() + 1);
  std::string parts = ToWtf8(units.substr(0, cut));
  AppendUtf16AsWtf8(parts, units.substr(cut));
  RC_ASSERT(parts == ToWtf8(units));
}

// Byte strings that are anything: the functions that require valid text stay within it all the
// same.
RC_GTEST_PROP(Utf, BytesThatAreNoTextAreReadWithinTheirBounds, ()) {
  const auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::elementOf(
      std::vector<std::uint8_t>{'a', 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xa0, 0xf0, 0xf4, 0xff}));
  // A copy of the exact size, so that a sanitizer sees a step over its end.
  const std::string text(AsText(bytes));
  RC_ASSERT(Utf8ToUtf16(text).size() <= Utf16Length(text));
  std::string replaced = text;
  ReplaceLoneSurrogates(replaced);
  RC_ASSERT(replaced.size() == text.size());
  RC_ASSERT(!IsValidUtf8(text) || IsValidWtf8(text));
}

}  // namespace
}  // namespace weft::crdt
