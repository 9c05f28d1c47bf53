#pragma once

// Where to listen, as a person writes it.
//
//   address := ["tls:" | "plain:"] HOST ":" PORT | "unix:" PATH [",mode=" OCTAL]
//
// HOST is a name, an IPv4 address, or an IPv6 address in brackets; PATH is absolute.

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weft::server {

struct ListenAddress {
  enum class Kind { kTcp, kUnix };

  Kind kind = Kind::kTcp;
  // Said by a prefix. Without one, TCP has TLS as soon as there is a certificate.
  std::optional<bool> tls;
  std::string host;
  std::string port;
  std::string path;
  mode_t mode = 0660;  // of the socket in the file system: who may connect
};

// Fails: kInvalidArgument, with an example of how to write it.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

}  // namespace weft::server
