#include "crdt/delete_set.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::Case;
using golden::ToHex;

TEST(DeleteSet, IsMergedAndEncodedAsByYjs) {
  for (const Case& fields : golden::Cases("delete_set")) {
    SCOPED_TRACE(fields[0]);
    DeleteSet set;
    for (const std::string& entry : golden::Split(fields[0], ',')) {
      const std::vector<std::string> parts = golden::Split(entry, ':');
      const std::vector<std::string> range = golden::Split(parts[1], '+');
      set.Add(ClientId{std::stoull(parts[0])},
              {.clock = std::stoull(range[0]), .length = std::stoull(range[1])});
    }
    set.SortAndMerge();
    ASSERT_EQ(set.Validate(), absl::OkStatus());
    ByteWriter writer;
    WriteDeleteSet(writer, set);
    EXPECT_EQ(ToHex(writer.view()), fields[2]);

    const Bytes unsorted = golden::FieldBytes(fields[1]);
    ByteReader reader(unsorted);
    EXPECT_EQ(ReadDeleteSet(reader), set);
    EXPECT_TRUE(reader.ok() && reader.at_end());
  }
}

}  // namespace
}  // namespace weft::crdt
