#pragma once

// The opening handshake of WebSocket, as text: is this request an upgrade, and what is the answer?
// Source: RFC 6455, section 4.2.

#include <string>
#include <string_view>

namespace weft::server {

// The parts of an HTTP request that decide about an upgrade. Views live as long as the request.
struct UpgradeRequest {
  bool is_get = false;
  bool is_http_1_1 = false;
  std::string_view upgrade;              // header Upgrade
  std::string_view connection;           // header Connection
  std::string_view version;              // header Sec-WebSocket-Version
  std::string_view key;                  // header Sec-WebSocket-Key
  std::string_view requested_protocols;  // header Sec-WebSocket-Protocol
};

// Whether the client wants a WebSocket at all, well-formed or not.
bool WantsUpgrade(const UpgradeRequest& request);

enum class UpgradeVerdict {
  kAccept,
  kBadRequest,       // 400: not a GET of HTTP/1.1, or a malformed key
  kVersionRequired,  // 426: a version of the protocol other than 13
};

// Requires: WantsUpgrade(request).
UpgradeVerdict CheckUpgrade(const UpgradeRequest& request);

// Whether `protocol` is among the subprotocols that the client asks for.
bool AsksForProtocol(const UpgradeRequest& request, std::string_view protocol);

// The whole answer 101 to an accepted request. When the client asks for subprotocols weft.v1 is
// confirmed if it is among them, else the first one, because browsers give up otherwise, and stock
// servers do the same.
std::string UpgradeResponse(const UpgradeRequest& request);

// The proof that the server read `key`.
std::string WebSocketAccept(std::string_view key);

}  // namespace weft::server
