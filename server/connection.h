#pragma once

// One client of a room, as the room sees it: a way out for messages, and a way to end it. What
// carries it (a TCP socket, a simulation) is of no interest to a room.
//
// Ownership: by whoever carries it. A room calls it from Room::Join until Room::Leave, or until the
// room itself closes it: from then on neither calls the other. Threads: the room's thread.
// Re-entrancy: no call of these leads back into the room before it returns.

#include <memory>
#include <string_view>

#include "crdt/base/bytes.h"
#include "server/close_code.h"

namespace weft::server {

class Connection {
 public:
  virtual ~Connection() = default;

  // Queues one message behind all earlier ones. At the bound of the queue the connection gives up
  // its backlog, closes with kBusy, and ignores everything that follows.
  virtual void Send(crdt::ByteView message) = 0;

  // The same for a message that others are sent too: a large one may be kept instead of copied.
  virtual void SendShared(const std::shared_ptr<const crdt::Bytes>& message) { Send(*message); }

  // Sends what is queued, then closes with `code`. Nothing that comes in afterwards reaches the
  // room. Only the first call counts.
  virtual void Close(CloseCode code, std::string_view reason) = 0;

  // Whether messages of the client are read. A connection starts paused and reads after the first
  // SetReading(true); what the client sends meanwhile waits in the kernel, and then at the client.
  virtual void SetReading(bool reading) = 0;
};

}  // namespace weft::server
