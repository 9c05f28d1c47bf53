#include "crdt/json.h"
#include "crdt/json_error.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "crdt/any_codec.h"
#include "crdt/limits.h"
#include "tests/crdt/allocation_meter.h"
#include "tests/crdt/golden/golden.h"
#include "tests/crdt/value_generators.h"

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

TEST(Json, NumbersThatAreNoneHaveTheirNamesOutsideOfJson) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(NumberToJsText(infinity), "Infinity");
  EXPECT_EQ(NumberToJsText(-infinity), "-Infinity");
  EXPECT_EQ(NumberToJsText(std::nan("")), "NaN");
  EXPECT_EQ(ToJsonText(Any::Array{infinity, -infinity, std::nan(""), -0.0}), "[null,null,null,0]");
}

TEST(Json, UndefinedIsNullInArraysAndLeftOutOfObjects) {
  EXPECT_EQ(ToJsonText(Any()), "undefined");
  EXPECT_EQ(ToJsonText(Any::Array{Any(), 1, Any()}), "[null,1,null]");
  EXPECT_EQ(ToJsonText(AnyObject{{"a", Any()}, {"b", 1}, {"c", Any()}, {"d", 2}}),
            R"({"b":1,"d":2})");
  EXPECT_EQ(ToJsonText(AnyObject{{"a", Any()}}), "{}");
}

TEST(Json, ABigIntIsItsDigits) {
  EXPECT_EQ(ToJsonText(Any::Array{Any::BigInt{std::numeric_limits<std::int64_t>::min()}}),
            "[-9223372036854775808]");
}

TEST(Json, BinaryIsTheObjectThatJavaScriptMakesOfIt) {
  EXPECT_EQ(ToJsonText(Bytes{}), "{}");
  EXPECT_EQ(ToJsonText(Any::Array{Bytes{7, 255}}), R"([{"0":7,"1":255}])");
}

TEST(Json, TextIsAppended) {
  std::string out = "before ";
  AppendJsonText(out, Any::Array{"x"});
  EXPECT_EQ(out, R"(before ["x"])");
}

TEST(Json, BytesThatAreNoTextAreRefused) {
  EXPECT_FALSE(ParseJson("\"\xff\"", kDepth).has_value());
  EXPECT_FALSE(ParseJson("\"\xc3\"", kDepth).has_value());
  EXPECT_FALSE(ParseJson("\"\xed\xa0", kDepth).has_value());
  EXPECT_FALSE(ParseJson(std::string_view("1\0", 2), kDepth).has_value());
}

TEST(Json, ValuesNestAsDeepAsTheLimitAndNoDeeper) {
  const auto arrays = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const auto objects = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) text += R"({"k":)";
    return text + "{" + std::string(depth, '}');
  };
  EXPECT_TRUE(ParseJson(arrays(kDepth), kDepth).has_value());
  EXPECT_FALSE(ParseJson(arrays(kDepth + 1), kDepth).has_value());
  EXPECT_TRUE(ParseJson(objects(kDepth), kDepth).has_value());
  EXPECT_FALSE(ParseJson(objects(kDepth + 1), kDepth).has_value());
  EXPECT_TRUE(ParseJson("7", 0).has_value());
  EXPECT_FALSE(ParseJson("[]", 0).has_value());

  constexpr std::size_t kFarDeeperThanTheStackGoes = 200'000;
  for (const std::string& text :
       {arrays(kFarDeeperThanTheStackGoes), objects(kFarDeeperThanTheStackGoes)}) {
    const std::optional<Any> value = ParseJson(text, kFarDeeperThanTheStackGoes);
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(ToJsonText(*value), text);
  }
}

TEST(Json, MemoryIsBoundedByTheText) {
  std::string text = "[0";
  for (int i = 0; i < 100'000; ++i) text += ",0";
  text += "]";
  const AllocationMeter meter;
  EXPECT_TRUE(ParseJson(text, kDepth).has_value());
  EXPECT_LT(meter.peak(), 100 * text.size());
}

TEST(Json, TruncatedAndChangedTextsAreRefusedOrRoundTrip) {
  std::size_t n = 0;
  for (const Case& fields : golden::Cases("json")) {
    std::string text = golden::FieldText(fields[0]);
    const auto check = [](const std::string& text) {
      const std::optional<Any> value = ParseJson(text, kDepth);
      EXPECT_EQ(ExplainJsonError(text, kDepth).empty(), value.has_value()) << text;
      if (!value.has_value()) return;
      const std::string written = ToJsonText(*value);
      const std::optional<Any> again = ParseJson(written, kDepth);
      ASSERT_TRUE(again.has_value()) << text;
      EXPECT_EQ(ToJsonText(*again), written) << text;
    };
    for (std::size_t size = 0; size < text.size(); ++size) check(text.substr(0, size));
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char original = text[i];
      for (int change = 0; change < 8; ++change) {
        text[i] = static_cast<char>(original ^ (1 + n++ * 37 % 255));
        check(text);
      }
      text[i] = original;
    }
  }
}

TEST(Json, SaysWhereTextIsNone) {
  const auto explain = [](std::string_view text) { return ExplainJsonError(text, 2); };
  EXPECT_EQ(explain("[1, 2]"), "");
  EXPECT_EQ(explain(""), "line 1, column 1, offset 0: the text ends before its value does");
  EXPECT_EQ(explain("[1,\n  2,,\n]"), "line 2, column 5, offset 8: unexpected ','");
  EXPECT_EQ(explain("{\"a\":\"x\ny\"}"), "line 1, column 8, offset 7: unexpected byte 0x0a");
  EXPECT_EQ(explain("{\"a\":1"), "line 1, column 7, offset 6: the text ends before its value does");
  EXPECT_EQ(explain("{'a':1}"), "line 1, column 2, offset 1: unexpected '\''");
  EXPECT_EQ(explain(R"("\q")"), "line 1, column 3, offset 2: unexpected 'q'");
  EXPECT_EQ(explain(R"("\u00zz")"), "line 1, column 4, offset 3: unexpected '0'");
  EXPECT_EQ(explain("1 2"), "line 1, column 3, offset 2: more follows after the value");
  EXPECT_EQ(explain("[[[]]]"), "line 1, column 4, offset 3: nested more than 2 deep");
  EXPECT_EQ(explain("\"\xff\""), "it is no UTF-8");
}

RC_GTEST_PROP(Json, ParsesWhatItWrote, ()) {
  const Any value = *gen::Value(gen::Values::kJson, gen::Texts::kWtf8);
  const std::string text = ToJsonText(value);
  const std::optional<Any> parsed = ParseJson(text, kDepth);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == value);
}

RC_GTEST_PROP(Json, NumbersReadBackAsTheyWere, ()) {
  const double value = std::bit_cast<double>(*rc::gen::arbitrary<std::uint64_t>());
  RC_PRE(std::isfinite(value) && value != 0);
  const std::string text = NumberToJsText(value);
  const std::optional<Any> parsed = ParseJson(text, 0);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == Any(value));
}

}  // namespace
}  // namespace weft::crdt
