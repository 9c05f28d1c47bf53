#include "server/socket_address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

std::optional<SocketAddress> FromStorage(const sockaddr_storage& storage, socklen_t size) {
  SocketAddress address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    address.ip = asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
    address.port = ntohs(v4.sin_port);
    return address;
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    asio::ip::address_v6::bytes_type bytes;
    std::copy_n(v6.sin6_addr.s6_addr, bytes.size(), bytes.begin());
    address.ip = asio::ip::address_v6(bytes, v6.sin6_scope_id);
    address.port = ntohs(v6.sin6_port);
    return address;
  }
  if (storage.ss_family != AF_UNIX) return std::nullopt;
  sockaddr_un local;
  std::memcpy(&local, &storage, sizeof local);
  const std::size_t head = offsetof(sockaddr_un, sun_path);
  if (size > head) address.path.assign(local.sun_path, ::strnlen(local.sun_path, size - head));
  return address;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::OfSocket(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return std::nullopt;
  }
  return FromStorage(storage, size);
}

std::optional<SocketAddress> SocketAddress::OfPeer(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return std::nullopt;
  }
  return FromStorage(storage, size);
}

std::string SocketAddress::ToText() const {
  if (!ip) return absl::StrCat("unix:", path);
  const std::string host = ip->to_string();
  return ip->is_v6() ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

}  // namespace weft::server
