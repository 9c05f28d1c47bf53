#include "crdt/any_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "absl/status/statusor.h"
#include "crdt/json.h"
#include "crdt/limits.h"
#include "tests/crdt/allocation_meter.h"
#include "tests/crdt/golden/golden.h"
#include "tests/crdt/value_generators.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::FieldBytes;
using golden::ToHex;

constexpr std::size_t kDepth = DecodeLimits{}.value_depth;

Bytes Encoded(const Any& value) {
  ByteWriter writer;
  WriteAny(writer, value);
  return writer.Take();
}

// The value, if `input` holds just that.
absl::StatusOr<Any> Decoded(ByteView input, std::size_t max_depth = kDepth) {
  // A copy of the exact size, so that a sanitizer sees a step over its end.
  const Bytes exact(input.begin(), input.end());
  ByteReader reader(exact);
  Any value = ReadAny(reader, max_depth);
  if (!reader.ok()) return reader.status();
  if (!reader.at_end()) return absl::InvalidArgumentError("bytes are left");
  return value;
}

Bytes NestedArrays(std::size_t depth) {
  Bytes bytes;
  for (std::size_t i = 1; i < depth; ++i) bytes.insert(bytes.end(), {117, 1});
  bytes.insert(bytes.end(), {117, 0});
  return bytes;
}

Bytes NestedObjects(std::size_t depth) {
  Bytes bytes;
  for (std::size_t i = 1; i < depth; ++i) bytes.insert(bytes.end(), {118, 1, 1, 'k'});
  bytes.insert(bytes.end(), {118, 0});
  return bytes;
}

TEST(AnyCodec, ValuesAreReadAndWrittenAsByLib0) {
  for (const Case& fields : golden::Cases("any")) {
    SCOPED_TRACE(fields[0]);
    const absl::StatusOr<Any> value = Decoded(FieldBytes(fields[0]));
    ASSERT_EQ(value.ok(), !golden::IsRefused(fields[1])) << value.status();
    if (!value.ok()) continue;
    EXPECT_EQ(ToHex(Encoded(*value)), fields[1]);
    if (golden::IsRefused(fields[2])) continue;  // JSON has no BigInt and no undefined.
    EXPECT_EQ(ToJsonText(*value), golden::FieldText(fields[2]));
  }
}

TEST(AnyCodec, ALoneSurrogateIsWrittenAsTheReplacementCharacter) {
  EXPECT_EQ(Encoded(Any("a\xed\xa0\x80z")), Encoded(Any("a\xef\xbf\xbdz")));
  EXPECT_EQ(Encoded(AnyObject{{"\xed\xb0\x80", 1}}), Encoded(AnyObject{{"\xef\xbf\xbd", 1}}));
}

TEST(AnyCodec, TheKeyProtoIsReadAndDropped) {
  const AnyObject object{
      {"a", 1}, {"__proto__", Any::Array{2}}, {"b", AnyObject{{"__proto__", 3}}}};
  EXPECT_EQ(*Decoded(Encoded(object)), Any(AnyObject{{"a", 1}, {"b", AnyObject()}}));
}

TEST(AnyCodec, ValuesNestAsDeepAsTheLimitAndNoDeeper) {
  for (const auto make : {NestedArrays, NestedObjects}) {
    EXPECT_TRUE(Decoded(make(kDepth)).ok());
    EXPECT_EQ(Decoded(make(kDepth + 1)).status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(Decoded(make(1), 1).ok());
    EXPECT_EQ(Decoded(make(1), 0).status().code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(*Decoded(Encoded(7), 0), Any(7));
}

TEST(AnyCodec, SiblingsDoNotAddToTheDepth) {
  const Any flat = Any::Array{Any::Array{}, AnyObject{}, Any::Array{1}, AnyObject{{"a", 1}}};
  EXPECT_EQ(*Decoded(Encoded(flat), 2), flat);
}

TEST(AnyCodec, ReadsAndWritesFarDeeperThanTheStackGoes) {
  constexpr std::size_t kFar = 200'000;
  for (const auto make : {NestedArrays, NestedObjects}) {
    const Bytes input = make(kFar);
    const absl::StatusOr<Any> value = Decoded(input, kFar);
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(Encoded(*value), input);
    EXPECT_FALSE(ToJsonText(*value).empty());
  }
}

TEST(AnyCodec, ReadsNoFurtherThanTheValue) {
  Bytes input = Encoded(Any::Array{1, AnyObject{{"a", "text"}}});
  const std::size_t size = input.size();
  input.insert(input.end(), {117, 9, 9});
  ByteReader reader(input);
  ReadAny(reader, kDepth);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.offset(), size);
}

TEST(AnyCodec, CountsMustFitInTheBytesThatAreLeft) {
  EXPECT_TRUE(Decoded(FieldBytes("75027f7f")).ok());
  EXPECT_FALSE(Decoded(FieldBytes("75037f7f")).ok());
  // Each count fits for itself; together they do not.
  EXPECT_TRUE(Decoded(FieldBytes("750275027f7f7f")).ok());
  EXPECT_FALSE(Decoded(FieldBytes("750275037f7f7f")).ok());
  EXPECT_TRUE(Decoded(FieldBytes("7601007f")).ok());
  EXPECT_FALSE(Decoded(FieldBytes("7602007f")).ok());
}

TEST(AnyCodec, MemoryIsBoundedByTheBytesWhateverTheCountsSay) {
  // Arrays and objects nested to the limit, each of which claims all the bytes that are left.
  for (const std::uint8_t tag : {117, 118}) {
    ByteWriter writer;
    for (int i = 0; i < 500; ++i) {
      writer.WriteByte(tag);
      writer.WriteVarUint(tag == 117 ? 100'000 : 50'000);
      if (tag == 118) writer.WriteString("");
    }
    for (int i = 0; i < 120'000; ++i) writer.WriteByte(127);
    const AllocationMeter meter;
    EXPECT_FALSE(Decoded(writer.view()).ok());
    EXPECT_LT(meter.peak(), 100 * writer.size());
  }
  // What costs most for its bytes: small elements, honestly counted.
  const Bytes elements = Encoded(Any::Array(100'000));
  ByteWriter entries;
  entries.WriteByte(118);
  entries.WriteVarUint(60'000);
  for (int i = 0; i < 60'000; ++i) {
    entries.WriteBuffer(Bytes{static_cast<std::uint8_t>('A' + i % 50),
                              static_cast<std::uint8_t>('A' + i / 50 % 50),
                              static_cast<std::uint8_t>('A' + i / 2500 % 50)});
    entries.WriteByte(127);
  }
  for (const ByteView input : {ByteView(elements), entries.view()}) {
    const AllocationMeter meter;
    EXPECT_TRUE(Decoded(input).ok());
    EXPECT_LT(meter.peak(), 100 * input.size());
  }
}

TEST(AnyCodec, EveryTruncationIsRefused) {
  for (const Case& fields : golden::Cases("any")) {
    if (golden::IsRefused(fields[1])) continue;
    const Bytes input = FieldBytes(fields[0]);
    for (std::size_t size = 0; size < input.size(); ++size) {
      EXPECT_FALSE(Decoded(ByteView(input).first(size)).ok()) << fields[0] << " " << size;
    }
  }
}

TEST(AnyCodec, WhateverOneChangedByteMakesIsRefusedOrRoundTrips) {
  std::size_t n = 0;
  for (const Case& fields : golden::Cases("any")) {
    if (golden::IsRefused(fields[1])) continue;
    Bytes input = FieldBytes(fields[0]);
    for (std::size_t i = 0; i < input.size(); ++i) {
      const std::uint8_t original = input[i];
      // All changes of short inputs; of the others one in seven.
      for (unsigned change = 1; change < 256; change += input.size() < 20 ? 1 : 7) {
        input[i] = static_cast<std::uint8_t>(original ^ (change + n++ % 7) % 256);
        const absl::StatusOr<Any> value = Decoded(input);
        if (!value.ok()) continue;
        ASSERT_EQ(*Decoded(Encoded(*value)), *value) << ToHex(input);
      }
      input[i] = original;
    }
  }
}

RC_GTEST_PROP(AnyCodec, DecodesWhatItEncoded, ()) {
  const Any value = *gen::Value(gen::Values::kAll, gen::Texts::kUtf8);
  const Bytes bytes = Encoded(value);
  const absl::StatusOr<Any> decoded = Decoded(bytes);
  RC_ASSERT(decoded.ok());
  RC_ASSERT(*decoded == value);
  RC_ASSERT(Encoded(*decoded) == bytes);
}

}  // namespace
}  // namespace weft::crdt
