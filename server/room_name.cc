#include "server/room_name.h"

#include "absl/strings/str_format.h"
#include "crdt/base/utf.h"
#include "server/percent.h"

namespace weft::server {
absl::Status CheckRoomName(std::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("the room name is empty");
  if (name.size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError("the room name is longer than 512 bytes");
  }
  if (!crdt::IsValidUtf8(name)) return absl::InvalidArgumentError("the room name is not UTF-8");
  return absl::OkStatus();
}

absl::StatusOr<std::string> RoomNameFromTarget(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return absl::InvalidArgumentError("the request target does not begin with a slash");
  }
  target.remove_prefix(1);
  target = target.substr(0, target.find_first_of("?#"));
  if (target.size() > 3 * kMaxRoomNameBytes) {
    return absl::InvalidArgumentError("the room name is longer than 512 bytes");
  }
  std::size_t bad_at = 0;
  std::optional<std::string> name = DecodePercent(target, bad_at);
  if (!name) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the room name has a %% without two hexadecimal digits at byte %d", bad_at));
  }
  if (name->empty()) {
    return absl::InvalidArgumentError("the path names no room; connect to /<room>");
  }
  const absl::Status valid = CheckRoomName(*name);
  if (!valid.ok()) return valid;
  return *std::move(name);
}

std::string PrintableName(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out += absl::StrFormat("\\u%04x", byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace weft::server
