#include "server/listen_address.h"

#include <sys/un.h>

#include <charconv>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kMode = ",mode=";

absl::Status BadAddress(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", std::string(text), "\" is no address to listen on: ", std::string(why),
      ". Write HOST:PORT, such as 127.0.0.1:8080, localhost:8080 or [::]:8080, with tls: or plain: "
      "before it if need be, or unix:/run/weft/weft.sock"));
}

bool IsPort(std::string_view text) {
  std::uint32_t port = 0;
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(std::string(text), &port) && port <= 65'535;
}

absl::StatusOr<ListenAddress> ParseUnix(std::string_view text) {
  ListenAddress address{.kind = ListenAddress::Kind::kUnix, .tls = false};
  std::string_view path = text.substr(kUnix.size());
  if (const std::size_t at = path.rfind(kMode); at != std::string_view::npos) {
    const std::string_view digits = path.substr(at + kMode.size());
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address.mode, 8);
    if (error != std::errc() || end != digits.data() + digits.size() || address.mode > 0777) {
      return BadAddress(text, "the mode is no octal number up to 0777, such as mode=0660");
    }
    path = path.substr(0, at);
  }
  if (!path.starts_with('/')) return BadAddress(text, "the path does not begin with /");
  if (path.find('\0') != std::string_view::npos) return BadAddress(text, "the path holds a zero");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return BadAddress(text, absl::StrCat("the path is longer than ",
                                         sizeof(sockaddr_un::sun_path) - 1, " bytes"));
  }
  address.path = std::string(path);
  return address;
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.starts_with(kUnix)) return ParseUnix(text);
  ListenAddress address;
  std::string_view rest = text;
  const auto take_prefix = [&](std::string_view prefix, bool tls) {
    // "tls:8080" is a host of that name.
    if (!rest.starts_with(prefix) || rest.find(':', prefix.size()) == std::string_view::npos) {
      return;
    }
    rest = rest.substr(prefix.size());
    address.tls = tls;
  };
  take_prefix("tls:", true);
  if (!address.tls) take_prefix("plain:", false);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text, "it has no port");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (!IsPort(port)) return BadAddress(text, "the port is no number from 0 to 65535");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return BadAddress(text, "an IPv6 address stands in brackets");
  }
  if (host.empty()) return BadAddress(text, "it has no host");
  address.host = std::string(host);
  address.port = std::string(port);
  return address;
}

}  // namespace weft::server
