#include "crdt/any_codec.h"

#include <gtest/gtest.h>

#include "crdt/json.h"
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

TEST(AnyCodec, ValuesAreReadAndWrittenAsByLib0) {
  for (const Case& fields : golden::Cases("any")) {
    SCOPED_TRACE(fields[0]);
    const Bytes input = golden::FieldBytes(fields[0]);
    ByteReader reader(input);
    const Any value = ReadAny(reader, kDepth);
    ASSERT_EQ(reader.ok() && reader.at_end(), !golden::IsRefused(fields[1])) << reader.status();
    if (!reader.ok()) continue;
    EXPECT_EQ(EncodedHex(value), fields[1]);
    if (golden::IsRefused(fields[2])) continue;  // JSON has no BigInt and no undefined.
    EXPECT_EQ(ToJsonText(value), golden::FieldText(fields[2]));
  }
}

}  // namespace
}  // namespace weft::crdt
