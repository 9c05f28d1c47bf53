#include "server/auth/room_roles.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace weft::server::auth {
namespace {

constexpr std::array<std::string_view, 4> kRoleNames = {"none", "read", "write", "admin"};

}  // namespace

std::string_view RoleName(Role role) { return kRoleNames[static_cast<std::size_t>(role)]; }

std::optional<Role> RoleFromName(std::string_view name) {
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found == kRoleNames.end()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

// Takes as few bytes for the last "*" as it can, and one more whenever what follows does not fit.
bool MatchesPattern(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t matched = 0;
  std::optional<std::size_t> star;
  std::size_t star_ends = 0;
  while (matched < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_ends = matched;
    } else if (at < pattern.size() && pattern[at] == name[matched]) {
      ++at;
      ++matched;
    } else if (star) {
      at = *star + 1;
      matched = ++star_ends;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

RoomRoles RoomRoles::Everywhere(Role role) {
  RoomRoles roles;
  roles.rules_.push_back({.pattern = "*", .role = role, .has_star = true});
  return roles;
}

RoomRoles RoomRoles::In(std::string_view room, Role role) {
  RoomRoles roles;
  roles.rules_.push_back({.pattern = std::string(room),
                          .role = role,
                          .has_star = false,
                          .literal_bytes = room.size()});
  return roles;
}

absl::Status RoomRoles::Add(std::string_view pattern, Role role) {
  if (pattern.empty()) return absl::InvalidArgumentError("a pattern of rooms is empty");
  if (pattern.size() > kMaxPatternBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pattern of rooms has more than ", kMaxPatternBytes, " bytes"));
  }
  if (rules_.size() >= kMaxPatterns) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are more than ", kMaxPatterns, " patterns of rooms"));
  }
  const auto stars = static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '*'));
  rules_.push_back({.pattern = std::string(pattern),
                    .role = role,
                    .has_star = stars > 0,
                    .literal_bytes = pattern.size() - stars});
  return absl::OkStatus();
}

bool RoomRoles::Decides(const Rule& a, const Rule& b) {
  if (a.literal_bytes != b.literal_bytes) return a.literal_bytes > b.literal_bytes;
  if (a.has_star != b.has_star) return b.has_star;
  return a.role < b.role;
}

Role RoomRoles::RoleFor(std::string_view room) const {
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    const bool matches = rule.has_star ? MatchesPattern(rule.pattern, room) : rule.pattern == room;
    if (matches && (best == nullptr || Decides(rule, *best))) best = &rule;
  }
  return best == nullptr ? Role::kNone : best->role;
}

Role RoomRoles::RoleEverywhere() const {
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    if (!rule.has_star || rule.literal_bytes > 0) continue;
    if (best == nullptr || Decides(rule, *best)) best = &rule;
  }
  return best == nullptr ? Role::kNone : best->role;
}

}  // namespace weft::server::auth
