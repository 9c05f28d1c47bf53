#pragma once

// Which role somebody has in which rooms: patterns of room names, each with a role.
//
//   pattern := (byte | "*")+          "*" stands for any bytes, none and slashes among them; every
//                                     other byte for itself. At most 512 bytes, the length of a name
//   role    := "none" | "read" | "write" | "admin"
//
// The pattern that says most about a name decides: the one with the most bytes that are no "*"; of
// two with as many, one without "*", then the lesser role. Where no pattern matches, the role is none. A room with
// a "*" in its name is matched like any other: there is no escape.
//
// Threads: a value type.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace weft::server::auth {

// Each may do what those before it may.
enum class Role : std::uint8_t {
  kNone,   // nothing
  kRead,   // see the document and the cursors of others, and show a cursor
  kWrite,  // edit
  kAdmin,  // what the HTTP API asks it for: delete, restore, freeze, send others away
};

std::string_view RoleName(Role role);
std::optional<Role> RoleFromName(std::string_view name);

class RoomRoles {
 public:
  // Nobody needs more; beyond it a token is refused.
  static constexpr std::size_t kMaxPatterns = 256;
  static constexpr std::size_t kMaxPatternBytes = 512;

  // No role anywhere.
  RoomRoles() = default;
  // The same role in all rooms.
  static RoomRoles Everywhere(Role role);
  // A role in the room of exactly this name, whatever bytes it has.
  static RoomRoles In(std::string_view room, Role role);

  // Fails: kInvalidArgument (an empty or long pattern), kResourceExhausted (too many).
  absl::Status Add(std::string_view pattern, Role role);

  // O(patterns * bytes), squared in the worst case of many "*".
  Role RoleFor(std::string_view room) const;
  // In the server as a whole: what the pattern "*" gives.
  Role RoleEverywhere() const;

 private:
  struct Rule {
    std::string pattern;
    Role role = Role::kNone;
    bool has_star = false;
    std::size_t literal_bytes = 0;
  };
  // Whether `a` says more about a name that both match.
  static bool Decides(const Rule& a, const Rule& b);

  std::vector<Rule> rules_;
};

// Whether `pattern` matches the whole of `name`.
bool MatchesPattern(std::string_view pattern, std::string_view name);

}  // namespace weft::server::auth
