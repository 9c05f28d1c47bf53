#include "crdt/base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>

namespace weft::crdt {
namespace {

Bytes VarUint(std::uint64_t value) {
  ByteWriter writer;
  writer.WriteVarUint(value);
  return writer.Take();
}

Bytes VarInt(std::uint64_t magnitude, bool negative) {
  ByteWriter writer;
  writer.WriteVarInt(magnitude, negative);
  return writer.Take();
}

const Bytes kMax = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f};  // 2^53 - 1

TEST(ByteWriter, VarUintsHaveSevenBitsAByteLowestFirst) {
  EXPECT_EQ(VarUint(0), Bytes{0});
  EXPECT_EQ(VarUint(127), Bytes{127});
  EXPECT_EQ(VarUint(128), (Bytes{0x80, 0x01}));
  EXPECT_EQ(VarUint(300), (Bytes{0xac, 0x02}));
  EXPECT_EQ(VarUint(kMaxSafeInteger), kMax);
}

TEST(ByteWriter, VarIntsHaveTheirSignAndSixBitsInTheFirstByte) {
  EXPECT_EQ(VarInt(0, false), Bytes{0});
  EXPECT_EQ(VarInt(0, true), Bytes{0x40});
  EXPECT_EQ(VarInt(63, true), Bytes{0x7f});
  EXPECT_EQ(VarInt(64, false), (Bytes{0x80, 0x01}));
  EXPECT_EQ(VarInt(64, true), (Bytes{0xc0, 0x01}));
  EXPECT_EQ(VarInt(8191, false), (Bytes{0xbf, 0x7f}));
  EXPECT_EQ(VarInt(8192, false), (Bytes{0x80, 0x80, 0x01}));
}

TEST(ByteWriter, FixedIntegersAreBigEndian) {
  ByteWriter writer;
  writer.WriteBigEndian32(0x01020304);
  writer.WriteBigEndian64(0x05060708090a0b0c);
  EXPECT_EQ(writer.view().size(), 12u);
  const Bytes bytes = writer.Take();
  EXPECT_EQ(bytes, (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  ByteReader reader(bytes);
  EXPECT_EQ(reader.ReadBigEndian32(), 0x01020304u);
  EXPECT_EQ(reader.ReadBigEndian64(), 0x05060708090a0b0cu);
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteReader, IntegersEndAt53Bits) {
  EXPECT_EQ(ByteReader(kMax).ReadVarUint(), kMaxSafeInteger);
  const Bytes above = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10};
  const Bytes longer = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
  for (const Bytes& bytes : {above, longer}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.ReadVarUint(), 0u);
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
  }

  const Bytes largest = VarInt(kMaxSafeInteger, true);
  const ByteReader::SignedInteger value = ByteReader(largest).ReadVarInt();
  EXPECT_EQ(value.magnitude, kMaxSafeInteger);
  EXPECT_TRUE(value.negative);
  const Bytes above_int = VarInt(kMaxSafeInteger + 1, true);
  ByteReader reader(above_int);
  EXPECT_EQ(reader.ReadVarInt().magnitude, 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, IntegersMayBeLongerThanNeeded) {
  const Bytes padded = {0x81, 0x80, 0x80, 0x00};
  EXPECT_EQ(ByteReader(padded).ReadVarUint(), 1u);
  EXPECT_EQ(ByteReader(padded).ReadVarInt().magnitude, 1u);
}

TEST(ByteReader, AnIntegerCutShortIsAnError) {
  for (std::size_t size = 0; size < kMax.size(); ++size) {
    const Bytes cut(kMax.begin(), kMax.begin() + static_cast<std::ptrdiff_t>(size));
    ByteReader reader(cut);
    EXPECT_EQ(reader.ReadVarUint(), 0u);
    EXPECT_FALSE(reader.ok());
    ByteReader signed_reader(cut);
    EXPECT_EQ(signed_reader.ReadVarInt().magnitude, 0u);
    EXPECT_FALSE(signed_reader.ok());
  }
}

TEST(ByteReader, ALengthThatReachesPastTheEndIsAnError) {
  const Bytes exact = {3, 'a', 'b', 'c'};
  EXPECT_EQ(ByteReader(exact).ReadString(), "abc");
  const Bytes past = {4, 'a', 'b', 'c'};
  ByteReader reader(past);
  EXPECT_EQ(reader.ReadString(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(ByteReader(kMax).ReadBuffer().size(), 0u);
}

TEST(ByteReader, TheFirstErrorStaysWithItsOffsetAndEndsReading) {
  const Bytes bytes = {1, 2, 3, 4};
  ByteReader reader(bytes);
  reader.ReadByte();
  EXPECT_EQ(reader.offset(), 1u);
  reader.Fail("the first reason");
  reader.Exceed("a_limit", 3);
  EXPECT_EQ(reader.status(), absl::InvalidArgumentError("the first reason, at byte 1 of 4"));
  EXPECT_EQ(reader.ReadByte(), 0);
  EXPECT_EQ(reader.ReadVarUint(), 0u);
  EXPECT_EQ(reader.ReadBigEndian64(), 0u);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, AnExceededLimitIsToldFromMalformedBytes) {
  const Bytes bytes = {1};
  ByteReader reader(bytes);
  reader.Exceed("value_depth", 512);
  EXPECT_EQ(reader.status(), absl::ResourceExhaustedError(
                                 "more than the limit value_depth of 512 allows, at byte 0 of 1"));
}

RC_GTEST_PROP(ByteReader, ReadsBackWhatAWriterWrote, ()) {
  const auto number =
      *rc::gen::map(rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 53)),
                    [](std::pair<std::uint64_t, int> drawn) {
                      return (drawn.first & kMaxSafeInteger) >> drawn.second;
                    });
  const bool negative = *rc::gen::arbitrary<bool>();
  const auto buffer = *rc::gen::arbitrary<Bytes>();
  ByteWriter writer;
  writer.WriteVarUint(number);
  writer.WriteVarInt(number, negative);
  writer.WriteBuffer(buffer);
  writer.WriteString("text");
  const Bytes bytes = writer.Take();

  ByteReader reader(bytes);
  RC_ASSERT(reader.ReadVarUint() == number);
  const ByteReader::SignedInteger value = reader.ReadVarInt();
  RC_ASSERT(value.magnitude == number);
  RC_ASSERT(value.negative == negative);
  const ByteView read = reader.ReadBuffer();
  RC_ASSERT(Bytes(read.begin(), read.end()) == buffer);
  RC_ASSERT(reader.ReadString() == "text");
  RC_ASSERT(reader.ok());
  RC_ASSERT(reader.at_end());
}

}  // namespace
}  // namespace weft::crdt
