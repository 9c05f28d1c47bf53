#include "server/room_name.h"

#include "absl/strings/str_format.h"
#include "crdt/base/utf.h"

namespace weft::server {
namespace {

// The value of a hexadecimal digit, or -1.
int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

absl::StatusOr<std::string> DecodePercent(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the room name has a %% without two hexadecimal digits at byte %d", i));
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> RoomNameFromTarget(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return absl::InvalidArgumentError("the request target does not begin with a slash");
  }
  target.remove_prefix(1);
  target = target.substr(0, target.find_first_of("?#"));
  if (target.size() > 3 * kMaxRoomNameBytes) {
    return absl::InvalidArgumentError("the room name is longer than 512 bytes");
  }
  absl::StatusOr<std::string> name = DecodePercent(target);
  if (!name.ok()) return name;
  if (name->empty()) {
    return absl::InvalidArgumentError("the path names no room; connect to /<room>");
  }
  if (name->size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError("the room name is longer than 512 bytes");
  }
  if (!crdt::IsValidUtf8(*name)) return absl::InvalidArgumentError("the room name is not UTF-8");
  return name;
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
