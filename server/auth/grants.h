#pragma once

// What somebody may do, as a token or a callback says it: who it is, in which rooms it has which
// role, and for how long.
//
// Threads: a value that nobody changes once it is handed out.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/auth/room_roles.h"
#include "sync/session.h"

namespace weft::server::auth {

// The time of the calendar, which tokens speak of. Not monotonic. In milliseconds, so that far times fit.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct Grants {
  std::string subject;   // who it is (claim "sub"); may be empty
  std::string token_id;  // which token said so (claim "jti"); may be empty
  RoomRoles rooms;
  // From this time on they are worth nothing.
  std::optional<WallTime> expires;
  // From this time on they are to be asked for again, and hold meanwhile.
  std::optional<WallTime> renew;

  Role RoleFor(std::string_view room) const { return rooms.RoleFor(room); }
  Role RoleEverywhere() const { return rooms.RoleEverywhere(); }
};

using GrantsPtr = std::shared_ptr<const Grants>;

// What a member of a room may do there. Requires: role is not kNone.
inline sync::Access AccessOf(Role role) {
  return role >= Role::kWrite ? sync::Access::kReadWrite : sync::Access::kReadOnly;
}

}  // namespace weft::server::auth
