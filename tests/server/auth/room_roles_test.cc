#include "server/auth/room_roles.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <tuple>
#include <utility>

namespace weft::server::auth {
namespace {

// As the grammar says it: a "*" stands for nothing, or for one byte and what it stands for then.
bool Matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() == '*') {
    return Matches(pattern.substr(1), name) || (!name.empty() && Matches(pattern, name.substr(1)));
  }
  return !name.empty() && pattern.front() == name.front() &&
         Matches(pattern.substr(1), name.substr(1));
}

using Rules = std::vector<std::pair<std::string, Role>>;

// The best by sorting all that match.
Role RoleByModel(const Rules& rules, const std::string& name) {
  std::vector<std::tuple<std::size_t, bool, int>> found;  // the largest decides
  for (const auto& [pattern, role] : rules) {
    if (!Matches(pattern, name)) continue;
    std::size_t literal = 0;
    for (const char c : pattern) literal += c != '*';
    found.emplace_back(literal, pattern.find('*') == std::string::npos, -static_cast<int>(role));
  }
  if (found.empty()) return Role::kNone;
  return static_cast<Role>(-std::get<2>(*std::max_element(found.begin(), found.end())));
}

rc::Gen<std::string> SmallText(const std::string& letters, int length) {
  return rc::gen::resize(length, rc::gen::container<std::string>(rc::gen::elementOf(letters)));
}

RC_GTEST_PROP(RoomRoles, APatternMatchesWhatItsGrammarSays, ()) {
  const std::string pattern = *SmallText("ab/*", 12);
  const std::string name = *SmallText("ab/*", 12);
  RC_ASSERT(MatchesPattern(pattern, name) == Matches(pattern, name));
}

RC_GTEST_PROP(RoomRoles, ThePatternThatSaysMostDecides, ()) {
  Rules rules;
  RoomRoles roles;
  for (int i = *rc::gen::inRange(0, 7); i > 0; --i) {
    const std::string pattern = *rc::gen::nonEmpty(SmallText("ab*", 5));
    const Role role = *rc::gen::element(Role::kNone, Role::kRead, Role::kWrite, Role::kAdmin);
    rules.emplace_back(pattern, role);
    RC_ASSERT(roles.Add(pattern, role).ok());
  }
  const std::string name = *SmallText("ab*", 5);
  RC_ASSERT(roles.RoleFor(name) == RoleByModel(rules, name));
}

TEST(RoomRoles, ManyStarsCostNoMoreThanTheyMay) {
  std::string pattern;
  for (int i = 0; i < 170; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesPattern(pattern + "b", std::string(512, 'a')));
  EXPECT_TRUE(MatchesPattern(pattern + "*", std::string(512, 'a')));
}

TEST(RoomRoles, WithoutPatternsThereIsNoRole) {
  EXPECT_EQ(RoomRoles().RoleFor("notes"), Role::kNone);
  EXPECT_EQ(RoomRoles().RoleEverywhere(), Role::kNone);
}

TEST(RoomRoles, TheRoleOfTheServerIsThatOfTheStarAlone) {
  RoomRoles roles;
  ASSERT_TRUE(roles.Add("team/*", Role::kAdmin).ok());
  EXPECT_EQ(roles.RoleEverywhere(), Role::kNone);
  ASSERT_TRUE(roles.Add("*", Role::kRead).ok());
  EXPECT_EQ(roles.RoleEverywhere(), Role::kRead);
  EXPECT_EQ(roles.RoleFor("team/x"), Role::kAdmin);
}

TEST(RoomRoles, ARoomByNameIsTakenAsItIs) {
  const RoomRoles roles = RoomRoles::In("a*", Role::kWrite);
  EXPECT_EQ(roles.RoleFor("a*"), Role::kWrite);
  EXPECT_EQ(roles.RoleFor("ab"), Role::kNone);
}

TEST(RoomRoles, PatternsAreBounded) {
  RoomRoles roles;
  EXPECT_TRUE(absl::IsInvalidArgument(roles.Add("", Role::kRead)));
  EXPECT_TRUE(roles.Add(std::string(RoomRoles::kMaxPatternBytes, 'x'), Role::kRead).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      roles.Add(std::string(RoomRoles::kMaxPatternBytes + 1, 'x'), Role::kRead)));
  for (std::size_t i = 1; i < RoomRoles::kMaxPatterns; ++i) {
    ASSERT_TRUE(roles.Add("room" + std::to_string(i), Role::kRead).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(roles.Add("one more", Role::kRead)));
}

TEST(RoomRoles, RolesHaveNames) {
  for (const Role role : {Role::kNone, Role::kRead, Role::kWrite, Role::kAdmin}) {
    EXPECT_EQ(RoleFromName(RoleName(role)), role);
  }
  EXPECT_EQ(RoleFromName("Write"), std::nullopt);
  EXPECT_EQ(RoleFromName(""), std::nullopt);
}

}  // namespace
}  // namespace weft::server::auth
