#pragma once

// Where a socket is, or its peer: an IP address with a port, or a path of the file system.
// Threads: a value type.

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "server/asio.h"

namespace weft::server {

struct SocketAddress {
  std::optional<asio::ip::address> ip;  // none: a socket of the file system
  std::uint16_t port = 0;
  std::string path;  // of a socket of the file system; empty for clients, which have none

  // Nothing when the kernel does not say: it is closed, or the peer has gone.
  static std::optional<SocketAddress> OfSocket(int descriptor);
  static std::optional<SocketAddress> OfPeer(int descriptor);

  // As in a URL: "127.0.0.1:8080", "[::1]:8080"; or "unix:/run/weft/weft.sock", "unix:".
  std::string ToText() const;
};

}  // namespace weft::server
