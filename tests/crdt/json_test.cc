#include "crdt/json.h"

#include <gtest/gtest.h>

#include <bit>

#include "crdt/any_codec.h"
#include "crdt/limits.h"
#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::ToHex;

constexpr std::size_t kDepth = DecodeLimits{}.value_depth;

std::string EncodedHex(const Any& value) {
  ByteWriter writer;
  WriteAny(writer, value);
  return ToHex(writer.view());
}

TEST(Json, NumbersAreWrittenAsByJavaScriptAndLib0) {
  for (const Case& fields : golden::Cases("number")) {
    const Bytes input = golden::FieldBytes(fields[0]);
    const double value = std::bit_cast<double>(ByteReader(input).ReadBigEndian64());
    EXPECT_EQ(NumberToJsText(value), golden::FieldText(fields[1]));
    EXPECT_EQ(EncodedHex(value), fields[2]) << value;
  }
}

TEST(Json, TextsAreParsedAsByJavaScript) {
  for (const Case& fields : golden::Cases("json")) {
    const std::string text = golden::FieldText(fields[0]);
    SCOPED_TRACE(text);
    const std::optional<Any> value = ParseJson(text, kDepth);
    ASSERT_EQ(value.has_value(), !golden::IsRefused(fields[2]));
    if (!value.has_value()) continue;
    EXPECT_EQ(ToJsonText(*value), golden::FieldText(fields[1]));
    EXPECT_EQ(EncodedHex(*value), fields[2]);
  }
}

}  // namespace
}  // namespace weft::crdt
