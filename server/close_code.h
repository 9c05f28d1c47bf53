#pragma once

// Why the server closes a WebSocket. Stock y-websocket clients act on the number: from 4400 to 4499
// they stay away, after every other code they come back with a growing delay. Source: RFC 6455,
// section 7.4; the two private bands follow y-websocket's shouldReconnect.

#include <cstdint>

namespace weft::server {

enum class CloseCode : std::uint16_t {
  kNormal = 1000,           // the answer to a close frame that named no reason of its own
  kProtocolError = 1002,    // the bytes are not WebSocket frames, or not frames a client may send
  kUnsupported = 1003,      // a text message: all of the protocol is binary
  kBadText = 1007,          // a close reason that is not UTF-8
  kInternalError = 1011,    // something that should not happen in this room
  kRestart = 1012,          // the server stops; come back in a moment
  kBusy = 1013,             // the client reads too slowly, or a limit of the server is reached
  kBadMessage = 4400,       // no valid message; this and 4403, 4409, 4413: see sync/close.h
  kUnauthorized = 4401,     // no token that counts, or not any more
  kForbidden = 4403,        // sent away, or not permitted
  kBadRoomName = 4404,      // the path does not name a room
  kRoomDeleted = 4410,      // the room was deleted; who comes back would bring it back
  kDiscarded = 4411,        // the draft was discarded; who comes back with it would bring it back
  kTooBig = 4413,           // one message above --max-message-bytes; the next would be the same one
  kRoomUnavailable = 4500,  // the room could not be loaded from the log
  kNotStored = 4503,  // the log could not store an edit: it was not accepted, and nobody saw it
};

}  // namespace weft::server
