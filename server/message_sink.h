#pragma once

// What a WebSocket carries, as the socket sees it: the member of one room (room_member.h), or many
// rooms at once (multiplexer.h).
//
// Ownership: the socket's. Threads: the socket's worker.

#include <span>

#include "crdt/base/bytes.h"
#include "server/asio.h"

namespace weft::server {

class MessageSink {
 public:
  virtual ~MessageSink() = default;

  // Messages of the client that came in one read, in order; valid during the call. Handling them
  // may close the socket.
  virtual void Receive(std::span<const crdt::ByteView> messages) = 0;

  // All that was queued is with the kernel. `lost`: the queue was full meanwhile, and something that
  // was sent was dropped; from now on it takes more.
  virtual void OnDrained(bool lost) = 0;

  // Some time has passed.
  virtual void Sweep(Clock::time_point /*now*/) {}

  // The server stops: rooms end their members by themselves; who has none closes the socket.
  virtual void OnStop() {}

  // The socket ends, and not because this asked for it. The last call.
  virtual void OnEnd() = 0;
};

}  // namespace weft::server
