#pragma once

// What an application adds to the server: WebSockets of its own, which carry text, and targets of HTTP.
// It works on the rooms of the server like every other client of them, through channels (multiplexer.h)
// and workers (Worker::WithRoom). Chosen when the server is opened (ServerOptions::application).
//
// All sockets of an application live on one worker, so what is between them needs no locks.
//
// Threads: as marked. Ownership: the server's. It outlives its sockets; the log and the workers are gone
// from Stop on.

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/api/request.h"
#include "server/asio.h"
#include "server/auth/credentials.h"
#include "server/room_event.h"

namespace weft::store {
class UpdateLog;
}  // namespace weft::store

namespace weft::server {

class Multiplexer;
class SocketConnection;
class Worker;

class Application {
 public:
  virtual ~Application() = default;

  // Any thread. Whether a WebSocket at this path, without a query, is one of its own.
  virtual bool ServesSocket(std::string_view path) const = 0;
  // The thread of `worker`, which is home(). What such a socket carries; messages are text, valid UTF-8.
  virtual std::unique_ptr<Multiplexer> MakeSocket(SocketConnection& socket, Worker& worker,
                                                  auth::Credentials shown) = 0;

  // Any thread. Whether a request for this path, without a query, is for it. It is asked before the API
  // and the pages.
  virtual bool ServesHttp(std::string_view path) const = 0;
  // On the executor of its coroutine, which it must not block.
  virtual asio::awaitable<api::Answer> Handle(const api::Request& request) = 0;

  // Any thread. Whether a room is its own: then nobody else enters it, whatever the dialect, nor the API.
  virtual bool OwnsRoom(std::string_view room) const = 0;

  // Any thread. Where its sockets live.
  virtual Worker& home() const = 0;

  // Any thread. Who of it is told what happens to all rooms; null: nobody. The same from Open on.
  virtual RoomWatcher* watcher() { return nullptr; }

  // When no worker runs any more: waits for what is under way elsewhere. The last call.
  virtual void Stop() = 0;
};

// What an application works with. Outlives it.
struct ApplicationServices {
  store::UpdateLog& log;
  std::function<Worker&(std::string_view room)> worker_of_room;
  std::vector<Worker*> workers;
  RoomWatcher& watcher;  // to be told what an application does to rooms
};

// Fails: as its files and flags say.
using MakeApplication =
    std::function<absl::StatusOr<std::unique_ptr<Application>>(const ApplicationServices&)>;

}  // namespace weft::server
