#include "server/lease/write_blockers.h"

#include <gtest/gtest.h>

namespace weft::server::lease {
namespace {

TEST(WriteBlockers, NothingStandsAgainstADocumentThatNobodyUses) {
  const Rules rules = *Rules::Parse("edit=shared");
  const LeaseTable leases(rules, std::chrono::seconds(30));
  EXPECT_TRUE(WriteBlockers({}).empty());
  EXPECT_TRUE(WriteBlockers({.frozen = {}, .leases = &leases}).empty());
}

TEST(WriteBlockers, EachReasonIsNamed) {
  const Rules rules = *Rules::Parse("edit=shared,cuts=exclusive");
  LeaseTable leases(rules, std::chrono::seconds(30));
  leases.Take(1, "edit", "ada", "t1", {});
  leases.Take(2, "edit", "ben", "t2", {});
  EXPECT_EQ(WriteBlockers({.frozen = "the show is on",
                           .publishing = true,
                           .has_draft = true,
                           .leases = &leases,
                           .members = 2}),
            (std::vector<Blocker>{{"frozen", "the show is on"},
                                  {"publishing", "it is being published"},
                                  {"unsaved-draft", "it has edits that are not published"},
                                  {"held", "edit"},
                                  {"occupied", "2 connected"}}));
}

TEST(WriteBlockers, WhoIsAwayForAMomentStillBlocks) {
  const Rules rules = *Rules::Parse("edit=shared");
  LeaseTable leases(rules, std::chrono::seconds(30));
  leases.Take(1, "edit", "ada", "t1", {});
  leases.Drop(1, TimePoint{});
  EXPECT_EQ(WriteBlockers({.frozen = {}, .leases = &leases}),
            (std::vector<Blocker>{{"held", "edit"}}));
}

TEST(WriteBlockers, OnesOwnModeAndWhereTheySayNothingSharedOnesDoNotStandAgainstIt) {
  const Rules rules = *Rules::Parse("edit=shared,solo=exclusive");
  LeaseTable leases(rules, std::chrono::seconds(10));
  leases.Take(1, "edit", "ann", "secret", {});
  EXPECT_EQ(WriteBlockers({.leases = &leases, .asking = 1}).size(), 0U);
  EXPECT_EQ(WriteBlockers({.leases = &leases, .asking = 2}).size(), 1U);
  EXPECT_EQ(WriteBlockers({.leases = &leases, .shared_modes_block = false}).size(), 0U);
  leases.Take(2, "solo", "bob", "secret2", {});
  EXPECT_EQ(WriteBlockers({.leases = &leases, .shared_modes_block = false}).size(), 1U);
  EXPECT_EQ(WriteBlockers({.leases = &leases, .asking = 2, .shared_modes_block = false}).size(),
            0U);
}

}  // namespace
}  // namespace weft::server::lease
