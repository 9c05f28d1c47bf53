#pragma once

// Whose request it is that a proxy passes on: the address that it wrote into a header, if the proxy is
// trusted.
//
//   x-forwarded-for := address ("," address)*                        each proxy appends its peer
//   forwarded       := (name "=" value (";" name "=" value)*) ("," …)*   RFC 7239; "for" counts
//   address         := IPv4 [":" port] | IPv6 | "[" IPv6 "]" [":" port]  with or without quotes
//
// Read from the right, since the rightmost was written by the proxy that speaks to us: the first that
// is no trusted proxy itself is the client, and whatever stands left of it is the client's own words.
// What is no address ends the search at the proxy that wrote it. Of the two headers one counts, as
// configured: a proxy that writes the one passes on what clients write into the other.
//
// Commas end an element even within quotes: an open quote that a client sends must not swallow what
// proxies append. No address has a comma in it.
//
// Threads: a value type.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/asio.h"

namespace weft::server {

// Nothing: a socket of the file system, whose clients have no address.
using PeerAddress = std::optional<asio::ip::address>;

class TrustedProxies {
 public:
  // Adds a network, "10.0.0.0/8" or "fd00::/8", an address, or "unix" for everybody who may connect
  // to a socket of the file system. Fails: kInvalidArgument, with examples.
  absl::Status Add(std::string_view text);

  bool empty() const { return networks_.empty() && !trusts_unix_; }
  bool Trusts(const PeerAddress& peer) const;

 private:
  struct Network {
    asio::ip::address_v6::bytes_type bytes;  // IPv4 as ::ffff:a.b.c.d
    unsigned bits;
  };
  std::vector<Network> networks_;
  bool trusts_unix_ = false;
};

enum class ProxyHeader { kXForwardedFor, kForwarded };

// The name of the header, as HTTP has it.
std::string_view NameOf(ProxyHeader header);

// The client behind `peer`, which is `peer` itself unless that is a trusted proxy. `lines` are the
// header's values in the order in which they came.
PeerAddress ClientBehind(const PeerAddress& peer, const TrustedProxies& proxies, ProxyHeader header,
                         const std::vector<std::string_view>& lines);

}  // namespace weft::server
