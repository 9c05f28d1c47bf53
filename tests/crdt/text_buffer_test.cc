#include "crdt/text_buffer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/base/utf.h"

namespace weft::crdt::internal {
namespace {

std::u16string Units(const TextBuffer& buffer, TextRun run) {
  std::u16string units;
  for (std::uint32_t i = 0; i < run.units; ++i) units.push_back(buffer.UnitAt(run, i));
  return units;
}

TextRun Slice(TextRun run, std::uint32_t begin, std::uint32_t count) {
  return {.offset = run.offset + (run.wide ? begin * 2 : begin), .units = count, .wide = run.wide};
}

TEST(TextBuffer, TextWithoutUnitsAboveFFTakesOneByteAUnit) {
  TextBuffer buffer;
  EXPECT_FALSE(buffer.Append("caf\u00e9").wide);
  EXPECT_EQ(buffer.size(), 4u);
  EXPECT_TRUE(buffer.Append("\u20ac").wide);
}

TEST(TextBuffer, NeighboursOfOneWidthJoinWithoutMovingText) {
  TextBuffer buffer;
  const TextRun left = buffer.Append("ab");
  const TextRun right = buffer.Append("cd");
  const TextRun joined = buffer.Join(left, right);
  EXPECT_EQ(joined.offset, left.offset);
  EXPECT_EQ(buffer.size(), 4u);
  EXPECT_EQ(Units(buffer, joined), u"abcd");
}

TEST(TextBuffer, TypingAsciiBehindAWideRunWidensOnlyWhatIsNew) {
  TextBuffer buffer;
  TextRun run = buffer.Append("\u20ac");
  for (int i = 0; i < 1000; ++i) run = buffer.Join(run, buffer.Append("x"));
  EXPECT_EQ(buffer.size(), 2 * 1001u);
  EXPECT_EQ(Units(buffer, run), u"\u20ac" + std::u16string(1000, u'x'));
}

TEST(TextBuffer, AHoleIsWastefulOnceItIsMostOfTheBufferAndWorthAWalkOverTheBlocks) {
  TextBuffer buffer;
  const TextRun dropped = buffer.Append(std::string(5000, 'x'));
  const TextRun more = buffer.Append(std::string(1000, 'y'));
  buffer.Append("kept");
  EXPECT_FALSE(buffer.wasteful(1));
  buffer.Drop(more);
  EXPECT_FALSE(buffer.wasteful(1));
  buffer.Drop(dropped);
  EXPECT_TRUE(buffer.wasteful(1));
  EXPECT_TRUE(buffer.wasteful(1'000'000));

  TextBuffer small;
  const TextRun hole = small.Append(std::string(200, 'x'));
  small.Append("kept");
  small.Drop(hole);
  EXPECT_TRUE(small.wasteful(2));
  EXPECT_FALSE(small.wasteful(100));
}

TEST(TextBuffer, KeepsNoMoreThanFourTimesWhatWasNotDeletedFromItsEnd) {
  TextBuffer buffer;
  TextRun run = buffer.Append(std::string(10'000, 'x'));
  while (run.units > 100) {
    --run.units;
    buffer.Drop({.offset = static_cast<std::uint32_t>(run.end()), .units = 1});
    ASSERT_LE(buffer.bytes(), 4 * std::size_t{run.units} + 64);
  }
  EXPECT_EQ(Units(buffer, run), std::u16string(100, u'x'));
}

TEST(TextBuffer, HalfOfAPairIsWrittenAsTheReplacementCharacter) {
  TextBuffer buffer;
  const TextRun run = buffer.Append("A\U0001F600B");
  std::string utf8;
  buffer.AppendUtf8(run, 2, 2, utf8);
  EXPECT_EQ(utf8,
            "\uFFFD"
            "B");
}

// Appends, joins, drops and copies against a model that is nothing but strings.
RC_GTEST_PROP(TextBuffer, RunsKeepTheirTextWhateverIsJoinedOrDroppedAroundThem,
              (std::vector<std::pair<std::uint8_t, std::uint8_t>> steps)) {
  static const char* const kPieces[] = {"a", "bc", "caf\u00e9", "\u20ac", "\U0001F600", "\u0416x"};
  TextBuffer buffer;
  std::vector<std::pair<TextRun, std::u16string>> runs;
  for (const auto& [step, which] : steps) {
    const char* const piece = kPieces[which % std::size(kPieces)];
    if (runs.size() < 2 || step % 4 == 0) {
      runs.emplace_back(buffer.Append(piece), Utf8ToUtf16(piece));
    } else if (step % 4 == 1) {
      const std::size_t at = which % runs.size();
      buffer.Drop(runs[at].first);
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (step % 4 == 2) {
      const std::size_t at = which % (runs.size() - 1);
      runs[at].first = buffer.Join(runs[at].first, runs[at + 1].first);
      runs[at].second += runs[at + 1].second;
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    } else {
      auto& [run, text] = runs[which % runs.size()];
      const auto begin = static_cast<std::uint32_t>(text.size() / 2);
      buffer.Drop(Slice(run, 0, begin));
      run = Slice(run, begin, run.units - begin);
      text = text.substr(begin);
    }
    for (const auto& [run, text] : runs) RC_ASSERT(Units(buffer, run) == text);
  }
  TextBuffer compact;
  for (const auto& [run, text] : runs) {
    RC_ASSERT(Units(compact, buffer.CopyTo(run, compact)) == text);
  }
  // Nothing is left of text that is gone.
  for (const auto& [run, text] : runs) buffer.Drop(run);
  buffer.Drop(buffer.Append(std::string(1'000, 'x')));
  RC_ASSERT(buffer.bytes() == 0u);
}

}  // namespace
}  // namespace weft::crdt::internal
