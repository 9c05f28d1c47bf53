#pragma once

// The calls of the API: which path and method is which, and what each needs. Pure.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/media_type.h"

namespace weft::server::api {

enum class Call : std::uint8_t {
  kDescription,
  kListRooms,
  kReadRoom,
  kSeedRoom,
  kDeleteRoom,
  kReadUpdate,
  kPostUpdate,
  kReadStateVector,
  kReadJson,
  kReadText,
  kReadXml,
  kReadDelta,
  kPostEdits,
  kReadChanges,
  kReadDiff,
  kListVersions,
  kReadVersion,
  kPutVersion,
  kDropVersion,
  kRestore,
  kListModes,
  kPostMode,
  kDropMode,
  kReadDraft,
  kPostPublish,
  kDropDraft,
  kListMembers,
  kKickMember,
  kFreeze,
  kUnfreeze,
  kEvents,
  kStats,
};

// What who calls must be permitted, in the room of the call or, without one, as the call says.
enum class Right : std::uint8_t { kNone, kRead, kWrite, kAdmin };

struct Route {
  Call call;
  std::string_view method;
  std::string_view path;  // below /api/; {} stands for one segment, the first {} is the room
  Right right;
  // Types of its body; none for a call without one.
  std::span<const std::string_view> body_types = {};
  // Whether the body may be left out.
  bool body_optional = false;
};
std::span<const Route> Routes();

struct Match {
  const Route* route = nullptr;     // null when no route has this path and method
  std::vector<std::string> values;  // of the {}
  std::string allowed;              // "GET, HEAD, OPTIONS": empty when there is no such path
};
// `segments` of the whole path. HEAD is a GET without an answer's body.
Match FindRoute(std::string_view method, std::span<const std::string> segments);

}  // namespace weft::server::api
