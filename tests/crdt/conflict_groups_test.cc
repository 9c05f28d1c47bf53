#include "crdt/conflict_groups.h"

#include <gtest/gtest.h>

namespace weft::crdt::internal {
namespace {

ConflictGroups::Place PlaceBehind(Clock clock, KeyRef key = kNoKey) {
  return {.parent = 1, .key = key, .origin = PackedId::Make(3, clock)};
}

TEST(ConflictGroups, AreFoundByTheirPlaceUntilTheyAreDropped) {
  ConflictGroups groups;
  EXPECT_EQ(groups.Find(PlaceBehind(0)), nullptr);
  groups.Drop(PlaceBehind(0));
  // More than there are bits for their origins.
  constexpr Clock kPlaces = 5000;
  for (Clock clock = 0; clock < kPlaces; clock += 2) {
    groups.Put(PlaceBehind(clock), {.right_origin = PackedId::Make(4, clock), .members = {}});
  }
  for (Clock clock = 0; clock < kPlaces; ++clock) {
    const ConflictGroups::Group* group = groups.Find(PlaceBehind(clock));
    ASSERT_EQ(group != nullptr, clock % 2 == 0) << clock;
    if (group != nullptr) {
      EXPECT_EQ(group->right_origin, PackedId::Make(4, clock));
    }
    EXPECT_EQ(groups.Find(PlaceBehind(clock, 7)), nullptr);
  }
  for (Clock clock = 0; clock < kPlaces; clock += 4) groups.Drop(PlaceBehind(clock));
  for (Clock clock = 0; clock < kPlaces; ++clock) {
    ASSERT_EQ(groups.Find(PlaceBehind(clock)) != nullptr, clock % 4 == 2) << clock;
  }
}

}  // namespace
}  // namespace weft::crdt::internal
