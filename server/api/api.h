#pragma once

// The HTTP API of the server, under /api: what a program without a WebSocket can read, write and
// administrate. What there is stands in openapi.json.
//
//   target ─> route (404, 405, OPTIONS) ─> rights (401, 403) ─> types (406, 411, 415) ─> call
//
// Threads: Handle runs on the executor of its coroutine and never blocks it: what needs a room is
// posted to the room's worker, what reads the log or builds a document to two threads of its own.
// Queue: each HTTP socket has one request under way, so as many wait as there are sockets.

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "server/api/access.h"
#include "server/api/calls.h"
#include "server/api/event_hub.h"
#include "server/api/idempotency.h"
#include "server/api/request.h"
#include "server/api/rooms.h"
#include "server/auth/origin_list.h"
#include "server/room_calls.h"
#include "server/room_listeners.h"

namespace weft::server::api {

class Api final : public RoomCalls {
 public:
  struct Services {
    std::function<Health()> health;
    store::UpdateLog& log;
    std::function<Worker&(std::string_view room)> worker_of_room;
    std::vector<Worker*> workers;
    EventHub& events;
    RoomWatcher& watcher;
    lease::RoomModes& modes;
    publish::VersionDrafts& drafts;
    RoomListeners& listeners;
    Access& access;
    const auth::OriginList& origins;  // pages that may ask
  };

  explicit Api(const Services& services);

  // Whether a target is one of the API: /api and what is below it.
  static bool Serves(std::string_view target);

  asio::awaitable<Answer> Handle(const Request& request);

  // RoomCalls (room_asks.cc)
  std::uint64_t NewHolder() override;
  void EndHolder(const std::string& room, std::uint64_t holder) override;
  void Ask(Asking asking, asio::any_io_executor executor, Done done) override;
  std::shared_ptr<void> Listen(const std::string& room, Hear hear) override;

  // Waits for what is under way. To be called when no executor of a coroutine runs any more.
  void Stop();

 private:
  asio::awaitable<Answer> Dispatch(const Context& call);
  asio::awaitable<Answer> Events(const Context& call);

  const Services services_;
  asio::thread_pool executor_{2};
  IdempotencyTable keys_;
  Rooms rooms_;
  Tools tools_;
};

}  // namespace weft::server::api
