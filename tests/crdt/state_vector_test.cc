#include "crdt/state_vector.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::ToHex;

TEST(StateVector, IsEncodedAsByYjs) {
  for (const Case& fields : golden::Cases("state_vector")) {
    SCOPED_TRACE(fields[0]);
    StateVector vector;
    for (const std::string& entry : golden::Split(fields[0], ',')) {
      const std::vector<std::string> numbers = golden::Split(entry, ':');
      vector.Set(ClientId{std::stoull(numbers[0])}, std::stoull(numbers[1]));
    }
    EXPECT_EQ(ToHex(EncodeStateVector(vector)), fields[1]);
    EXPECT_EQ(DecodeStateVector(golden::FieldBytes(fields[1])).value(), vector);
  }
}

}  // namespace
}  // namespace weft::crdt
