#include "server/auth/origin_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weft::server::auth {
namespace {

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

std::string_view OwnPort(std::string_view scheme) {
  if (scheme == "http") return "80";
  if (scheme == "https") return "443";
  return "";
}

bool IsOf(std::string_view text, bool (*belongs)(unsigned char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), belongs);
}

bool IsSchemeByte(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
}

bool IsHostByte(unsigned char c) {
  return c > 0x20 && c < 0x7F &&
         std::string_view("/?#@:*\\").find(static_cast<char>(c)) == std::string_view::npos;
}

bool IsHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    return IsOf(host.substr(1, host.size() - 2),
                [](unsigned char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; });
  }
  return IsOf(host, IsHostByte);
}

}  // namespace

bool OriginList::Parse(std::string_view text, Entry& entry) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return false;
  entry.scheme = Lower(text.substr(0, colon));
  std::string_view authority = text.substr(colon + 3);
  // The colons of an address of IPv6 stand in brackets.
  const std::size_t bracket = authority.rfind(']');
  const std::size_t port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port != std::string_view::npos) {
    entry.port = authority.substr(port + 1);
    authority = authority.substr(0, port);
    if (!IsOf(entry.port, absl::ascii_isdigit)) return false;
  } else {
    entry.port = OwnPort(entry.scheme);
  }
  entry.host = Lower(authority);
  return IsOf(entry.scheme, IsSchemeByte);
}

absl::Status OriginList::Add(std::string_view text) {
  if (text == "*") {
    has_entries_ = allows_all_ = true;
    return absl::OkStatus();
  }
  Entry entry;
  bool valid = Parse(text, entry);
  if (valid && entry.host.starts_with("*.")) {
    entry.below = true;
    entry.host.erase(0, 1);
    valid = IsHost(std::string_view(entry.host).substr(1));
  } else {
    valid = valid && IsHost(entry.host);
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text),
                     "\" is no origin: it is * or scheme://host[:port], where the host may begin "
                     "with \"*.\""));
  }
  if (!std::exchange(has_entries_, true)) allows_all_ = false;
  entries_.push_back(std::move(entry));
  return absl::OkStatus();
}

bool OriginList::Allows(std::string_view origin) const {
  if (allows_all_ || origin.empty()) return true;
  Entry asked;
  if (!Parse(origin, asked) || !IsHost(asked.host)) return false;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (entry.scheme != asked.scheme || entry.port != asked.port) return false;
    if (!entry.below) return entry.host == asked.host;
    return asked.host.size() > entry.host.size() && asked.host.ends_with(entry.host);
  });
}

std::string OriginList::CorsHeaders(std::string_view origin) const {
  if (!has_entries_) return {};
  if (allows_all_) return "Access-Control-Allow-Origin: *\r\n";
  std::string headers = "Vary: Origin\r\n";
  // What is allowed has been parsed, and has no line end in it.
  if (!origin.empty() && Allows(origin)) {
    absl::StrAppend(&headers, "Access-Control-Allow-Origin: ", std::string(origin), "\r\n");
  }
  return headers;
}

}  // namespace weft::server::auth
