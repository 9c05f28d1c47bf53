#include "crdt/codec/columns.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"

namespace weft::crdt {
namespace {

// The column without the length that it has as a buffer.
Bytes Finished(StringColumnWriter& writer) {
  ByteWriter out;
  writer.FinishTo(out);
  ByteReader reader(out.view());
  const ByteView column = reader.ReadBuffer();
  CHECK(reader.ok() && reader.at_end());
  return Bytes(column.begin(), column.end());
}

// Few different values, so that runs come about. The largest is the largest difference that a
// DiffColumn can say, which doubles it: Yjs cannot read beyond either.
std::vector<std::uint64_t> RunnyNumbers() {
  return *rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 3), rc::gen::inRange<std::uint64_t>(0, 300),
                     rc::gen::just(kMaxSafeInteger / 2)));
}

RC_GTEST_PROP(Columns, NumbersComeBackAsTheyWentIn, ()) {
  const std::vector<std::uint64_t> numbers = RunnyNumbers();
  UintColumnWriter writer;
  DiffColumnWriter diff_writer;
  ByteColumnWriter byte_writer;
  for (const std::uint64_t number : numbers) {
    writer.Write(number);
    diff_writer.Write(number);
    byte_writer.Write(static_cast<std::uint8_t>(number));
  }
  UintColumnReader reader(writer.Finish());
  DiffColumnReader diff_reader(diff_writer.Finish());
  ByteColumnReader byte_reader(byte_writer.view());
  for (const std::uint64_t number : numbers) {
    RC_ASSERT(reader.Read() == number);
    RC_ASSERT(diff_reader.Read() == number);
    RC_ASSERT(byte_reader.Read() == static_cast<std::uint8_t>(number));
  }
  RC_ASSERT(reader.in().ok() && reader.in().at_end());
  RC_ASSERT(diff_reader.in().ok() && diff_reader.in().at_end());
}

RC_GTEST_PROP(Columns, StringsComeBackAsTheyWentIn, (std::vector<std::uint8_t> picks)) {
  static const char* const kPieces[] = {"",       "a",          "caf\u00e9",
                                        "\u20ac", "\U0001F600", "nineteen units or more"};
  StringColumnWriter writer;
  for (const std::uint8_t pick : picks) {
    const std::string_view piece = kPieces[pick % std::size(kPieces)];
    if (pick % 2 == 0 && IsAscii(piece)) {
      writer.WriteAscii(piece);
    } else {
      writer.Write(piece);
    }
  }
  const Bytes column = Finished(writer);
  std::deque<std::string> owned;
  StringColumnReader reader(column, owned);
  for (const std::uint8_t pick : picks) {
    RC_ASSERT(reader.Read() == kPieces[pick % std::size(kPieces)]);
  }
  RC_ASSERT(owned.empty());
}

TEST(Columns, AStringMayEndInsideAPairAndTheNextBeginThere) {
  // "a", one unit of a pair, the other unit and "b": as a hostile column may have it.
  ByteWriter column;
  column.WriteString("a\U0001F600b");
  for (const int length : {2, 2}) column.WriteVarInt(static_cast<std::uint64_t>(length), false);
  std::deque<std::string> owned;
  StringColumnReader reader(column.view(), owned);
  EXPECT_EQ(Utf8ToUtf16(reader.Read()), (std::u16string{u'a', 0xD83D}));
  EXPECT_EQ(Utf8ToUtf16(reader.Read()), (std::u16string{0xDE00, u'b'}));
  EXPECT_EQ(reader.Read(), "");
  EXPECT_FALSE(reader.lengths().in().ok());
}

TEST(Columns, HalvesThatMeetBecomeACharacterAndLoneOnesAreReplaced) {
  std::string high;
  std::string low;
  const char16_t units[] = {0xD83D, 0xDE00};
  AppendUtf16AsWtf8(high, std::u16string_view(units, 1));
  AppendUtf16AsWtf8(low, std::u16string_view(units + 1, 1));
  StringColumnWriter writer;
  for (const std::string& text : {high, low, low}) writer.Write(text);
  const Bytes column = Finished(writer);
  ByteReader reader(column);
  EXPECT_EQ(reader.ReadString(), "\U0001F600\uFFFD");
}

TEST(Columns, TheLastByteOfAColumnRepeatsForEver) {
  const Bytes column{5, 1, 7};
  ByteColumnReader reader(column);
  EXPECT_EQ(reader.Read(), 5);
  EXPECT_EQ(reader.Read(), 5);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(reader.Read(), 7);
  EXPECT_TRUE(reader.in().ok());
}

TEST(Columns, ANumberBelowZeroOrAboveTheLargestIsAnError) {
  ByteWriter below;
  below.WriteVarInt(2, true);
  DiffColumnReader reader(below.view());
  EXPECT_EQ(reader.Read(), 0u);
  EXPECT_FALSE(reader.in().ok());
  ByteWriter above;
  above.WriteVarInt(kMaxSafeInteger, false);
  above.WriteVarUint(5);
  DiffColumnReader grows(above.view());
  for (int i = 0; i < 7; ++i) grows.Read();
  EXPECT_FALSE(grows.in().ok());
}

}  // namespace
}  // namespace weft::crdt
