#pragma once

// A client whose upgrade request was accepted, on its way to the worker of its room. The worker
// that read the request gives up the socket; this one owns it until it is taken.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "crdt/base/bytes.h"
#include "server/address_table.h"
#include "server/auth/pass.h"
#include "server/close_code.h"
#include "server/stats.h"
#include "server/transport.h"

namespace weft::server {

// What a WebSocket speaks: sync/message.h as it is, sync/hocuspocus.h, sync/weft_v1.h, or the text of an
// application (application.h).
enum class Dialect : std::uint8_t { kYWebsocket, kHocuspocus, kWeftV1, kApplication };

class Application;

struct Arrival {
  Dialect dialect = Dialect::kYWebsocket;
  Application* application = nullptr;  // of kApplication
  AddressPlace place;                  // of the socket
  Counted counted;                     // as one of Stats::connections
  Transport transport;
  std::string address;  // of the client, as text; empty when it has none
  std::string room;     // of kYWebsocket
  // Of kYWebsocket: what it may do in the room; null: everything, for good.
  std::unique_ptr<auth::Pass> pass;
  // Of the other dialects: what it has shown so far, with no room.
  auth::Credentials shown;
  // It is closed at once, and told why: the path names no room, or its token does not open it.
  struct Refused {
    CloseCode code;
    std::string reason;
  };
  std::optional<Refused> refused;
  crdt::Bytes greeting;     // the answer to the upgrade request
  crdt::Bytes early_bytes;  // what came after the request

  Arrival(AddressPlace address_place, Counted counted_connection)
      : place(std::move(address_place)), counted(std::move(counted_connection)) {}
  Arrival(Arrival&& other) noexcept = default;
  Arrival& operator=(Arrival&&) = delete;
  ~Arrival() = default;
};

}  // namespace weft::server
