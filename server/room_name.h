#pragma once

// Names of rooms, as they stand in the path of a WebSocket URL: ws://host:port/<name>?query.
//
// A name is what follows the first slash, with %XX decoded, up to the query. Any UTF-8 of 1 to 512
// bytes is a name: slashes, dots and NULs have no special meaning, "a/b" and "a%2Fb" are the same
// room, and "a" and "a/" are two.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::server {

inline constexpr std::size_t kMaxRoomNameBytes = 512;

// The room that the request target `target` names.
// Fails: kInvalidArgument, with a reason for humans (no slash at the start, empty, too long, a bad
// percent code, not UTF-8).
absl::StatusOr<std::string> RoomNameFromTarget(std::string_view target);

// Whether `name` may be that of a room. Fails: kInvalidArgument, with a reason for humans.
absl::Status CheckRoomName(std::string_view name);

// `name` as it may stand in a log line or a JSON string between quotes: control characters, quotes
// and backslashes escaped as JSON does it.
std::string PrintableName(std::string_view name);

}  // namespace weft::server
