#pragma once

// One client of a room, as the room sees it: a way out for messages, and a way to end it. What
// carries it (a TCP socket, a simulation) is of no interest to a room.
//
// Ownership: by whoever carries it. A room calls it from Room::Join until Room::Leave, or until the
// room itself closes it: from then on neither calls the other. Threads: the room's thread.
// Re-entrancy: no call of these leads back into the room before it returns.

#include <cstdint>
#include <memory>
#include <string_view>

#include "crdt/base/bytes.h"
#include "server/close_code.h"
#include "server/room_log.h"
#include "sync/session.h"

namespace weft::server {

// What became of writes (SyncStep2 and Update messages) of a member, in the order in which it sent
// them: each is answered by one receipt, alone or together with others.
struct Receipt {
  enum class Kind : std::uint8_t {
    kDurable,   // the room has them, and so has the medium
    kReceived,  // the room has them; the log is one that answers before the medium has them
    kRefused,   // the room does not have them; `reason` says why
    kHeard,     // about no writes: of what was committed since the member joined, everything up to
                // `place` has been sent to it
  };
  Kind kind = Kind::kDurable;
  std::uint64_t count = 0;  // of the writes that it answers, the oldest first; 0 of kHeard
  LogPlace place;           // of the last update that was committed then; of kRefused unset
  std::string_view reason;  // of kRefused; valid during the call
};

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

  // Whether Acknowledge is of interest. Asked once, when it joins.
  virtual bool WantsReceipts() const { return false; }

  // Called in order with Send, for a connection that wants receipts. One that does not is told of a
  // refused write by a PermissionDenied message.
  virtual void Acknowledge(const Receipt& /*receipt*/) {}

  // Another member says something that is neither kept nor a part of the document, in the bytes of a
  // dialect that has such messages (Room::TellStateless).
  virtual void HearStateless(const std::shared_ptr<const crdt::Bytes>& /*body*/) {}

  // What the member may do has changed after it joined; `reason` is for humans.
  virtual void OnAccess(sync::Access /*access*/, std::string_view /*reason*/) {}

  // Whether messages of the client are read. A connection starts paused and reads after the first
  // SetReading(true); what the client sends meanwhile waits in the kernel, and then at the client.
  virtual void SetReading(bool reading) = 0;
};

}  // namespace weft::server
