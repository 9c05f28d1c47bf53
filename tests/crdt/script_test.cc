#include "tests/crdt/oracle/script.h"

#include <gtest/gtest.h>

namespace weft::crdt::oracle {
namespace {

TEST(Script, SurvivesItsTextForm) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::string text = ToText(RandomScript(seed));
    EXPECT_EQ(ToText(ParseScript(text)), text);
  }
}

TEST(Script, IsTheSameForTheSameSeedAndAnotherForAnother) {
  EXPECT_EQ(ToText(RandomScript(7)), ToText(RandomScript(7)));
  EXPECT_NE(ToText(RandomScript(7)), ToText(RandomScript(8)));
}

TEST(Script, IsMinimisedToTheEditsThatTheFailureNeeds) {
  const auto needs_a_delivery_after_a_removal = [](const Script& script) {
    bool removed = false;
    for (const Step& step : script.steps) {
      if (step.kind == Step::Kind::kDeliver && removed) return true;
      for (const Edit& edit : step.edits) removed = removed || edit.remove;
    }
    return false;
  };
  Script script;
  for (std::uint64_t seed = 1; !needs_a_delivery_after_a_removal(script); ++seed) {
    script = RandomScript(seed);
  }
  const Script small = MinimizeScript(script, needs_a_delivery_after_a_removal);
  ASSERT_EQ(small.steps.size(), 2u);
  ASSERT_EQ(small.steps[0].edits.size(), 1u);
  EXPECT_TRUE(small.steps[0].edits[0].remove);
  EXPECT_EQ(small.steps[1].kind, Step::Kind::kDeliver);
  EXPECT_FALSE(small.settle);
}

}  // namespace
}  // namespace weft::crdt::oracle
