#include "server/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

constexpr int kFirstDescriptor = 3;
constexpr int kMostDescriptors = 1'024;

std::optional<std::string> TakeVariable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken = value;
  ::unsetenv(name);
  return taken;
}

std::optional<long> ToNumber(const std::string& text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets() {
  const std::optional<std::string> process = TakeVariable("LISTEN_PID");
  const std::optional<std::string> count_text = TakeVariable("LISTEN_FDS");
  std::string names = TakeVariable("LISTEN_FDNAMES").value_or("");
  std::vector<InheritedSocket> sockets;
  if (!process || !count_text) return sockets;
  const std::optional<long> pid = ToNumber(*process);
  const std::optional<long> count = ToNumber(*count_text);
  if (!pid || !count || *count < 0 || *count > kMostDescriptors) {
    return absl::InvalidArgumentError(absl::StrCat(
        "LISTEN_PID=", *process, " and LISTEN_FDS=", *count_text, " are no process and number"));
  }
  if (*pid != ::getpid()) return sockets;  // for a parent of this one
  for (int i = 0; i < *count; ++i) {
    const int descriptor = kFirstDescriptor + i;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    const std::size_t colon = std::min(names.find(':'), names.size());
    sockets.push_back({.descriptor = descriptor, .name = names.substr(0, colon)});
    names.erase(0, colon + 1);
  }
  return sockets;
}

void NotifyServiceManager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // of the abstract namespace
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), size);
  ::close(descriptor);
}

}  // namespace weft::server
