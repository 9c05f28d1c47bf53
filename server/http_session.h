#pragma once

// What an accepted socket speaks first: HTTP/1.1, with keep-alive, until it closes or asks to
// become a WebSocket; then it is handed to the worker of its room.
//
// Bounds: limits.h (header_bytes, body_bytes, handshake_timeout, connections,
// connections_per_address).

#include <functional>
#include <string_view>

#include "server/address_table.h"
#include "server/api/api.h"
#include "server/application.h"
#include "server/asio.h"
#include "server/auth/authority.h"
#include "server/client_address.h"
#include "server/http_routes.h"
#include "server/limits.h"
#include "server/stats.h"
#include "server/transport.h"
#include "server/worker.h"

namespace weft::server {

// What HTTP sessions are given from outside. Outlives them. Functions: any thread.
struct HttpServices {
  const Limits& limits;
  Stats& stats;
  AddressTable& addresses;
  const TrustedProxies& proxies;
  ProxyHeader proxy_header;
  std::function<Health()> health;
  std::function<Worker&(std::string_view room)> worker_of_room;
  std::function<api::Api&()> api;
  std::function<auth::Authority&()> authority;
  std::function<std::string()> metrics;
  std::function<Application*()> application;  // null when there is none
};

// Serves the socket of `transport` on the thread of `executor`, from its next turn on.
void StartHttpSession(const asio::any_io_executor& executor, Transport transport,
                      AddressPlace place, const HttpServices& services);

}  // namespace weft::server
