#include "server/lease/rules.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::server::lease {
namespace {

TEST(LeaseRules, SayWhichModesThereAreAndWhichGoTogether) {
  const auto rules = Rules::Parse("edit=shared,cuts=exclusive,edit!cuts,cuts~unsaved-draft");
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(rules->modes().size(), 2);
  const Mode* const edit = rules->Find("edit");
  const Mode* const cuts = rules->Find("cuts");
  ASSERT_NE(edit, nullptr);
  ASSERT_NE(cuts, nullptr);
  EXPECT_TRUE(edit->shared);
  EXPECT_FALSE(cuts->shared);
  EXPECT_EQ(edit->excludes, std::vector<std::size_t>{rules->IndexOf(*cuts)});
  EXPECT_EQ(cuts->excludes, std::vector<std::size_t>{rules->IndexOf(*edit)});
  EXPECT_EQ(cuts->blockers, std::vector<std::string>{"unsaved-draft"});
  EXPECT_TRUE(edit->blockers.empty());
}

TEST(LeaseRules, NoneIsNoModes) {
  const auto rules = Rules::Parse("");
  ASSERT_TRUE(rules.ok());
  EXPECT_TRUE(rules->empty());
  EXPECT_EQ(rules->Find("edit"), nullptr);
}

TEST(LeaseRules, AWrongRuleIsNamed) {
  const auto reason = [](std::string_view text) {
    return std::string(Rules::Parse(text).status().message());
  };
  EXPECT_EQ(reason("edit"),
            "rule 'edit': expected MODE=shared, MODE=exclusive, MODE!MODE or MODE~BLOCKER");
  EXPECT_EQ(reason("edit=many"), "rule 'edit=many': a mode is 'shared' or 'exclusive'");
  EXPECT_EQ(reason("Edit=shared"),
            "rule 'Edit=shared': a mode's name has letters a-z, digits and '-', 64 at most");
  EXPECT_EQ(reason("edit=shared,edit=shared"), "rule 'edit=shared': this mode is there already");
  EXPECT_EQ(reason("edit!cuts"), "rule 'edit!cuts': name the mode before: edit=shared");
  EXPECT_EQ(reason("edit=shared,edit!cuts"), "rule 'edit!cuts': name the mode before: cuts=shared");
  EXPECT_EQ(reason("edit=shared,edit!edit"),
            "rule 'edit!edit': for one person at a time say 'exclusive'");
  EXPECT_EQ(reason("edit=shared,edit~"),
            "rule 'edit~': a blocker's name has letters a-z, digits and '-'");
  EXPECT_EQ(reason("edit=shared,"),
            "rule '': expected MODE=shared, MODE=exclusive, MODE!MODE or MODE~BLOCKER");
  EXPECT_EQ(reason(std::string(65, 'a') + "=shared").substr(0, 4), "rule");
}

TEST(LeaseRules, HaveABound) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += (i == 0 ? "m" : ",m") + std::to_string(i) + "=shared";
  EXPECT_EQ(Rules::Parse(many).status().message(), "rule 'm32=shared': too many modes");
}

}  // namespace
}  // namespace weft::server::lease
