#pragma once

// The messages of y-protocols in the framing of y-websocket, as bytes and as values.
//
//   Frame     := Message ignored*                one message a WebSocket frame; what follows it is
//   not read Message   := 0 Sync
//              | 1 buffer                        awareness: an AwarenessUpdate (awareness.h)
//              | 2 Auth
//              | 3                               query awareness: send every state you know
//              | 102 buffer                      sync marker: to be sent back as it is (y-sweet)
//              | other ignored*                  unknown: other dialects add numbers of their own
//   Sync      := 0 buffer                        step 1: the sender's StateVector
//   (crdt/state_vector.h)
//              | 1 buffer                        step 2: the update that answers a step 1
//              | 2 buffer                        update: what just changed at the sender
//              | other ignored*                  unknown
//   Auth      := 0 string                        permission denied, with a reason
//              | other ignored*                  unknown
//
// All numbers are varuint; buffer and string as in crdt/base/bytes.h.
// Source: y-protocols 1.0 (sync, awareness, auth), y-websocket 2 and 3, @y-sweet/client 0.9.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::sync {

// An encoded message: made once, never changed, shared by all the queues it waits in, on any
// thread.
using Frame = std::shared_ptr<const crdt::Bytes>;

// The kinds of message. The views point into the frame that was decoded, or that the maker holds.
struct SyncStep1 {
  crdt::ByteView state_vector;
};
struct SyncStep2 {
  crdt::ByteView update;
};
struct Update {
  crdt::ByteView update;
};
struct AwarenessUpdate {
  crdt::ByteView update;
};
struct QueryAwareness {};
struct SyncMarker {
  crdt::ByteView content;
};
struct PermissionDenied {
  std::string_view reason;
};
// A message of a kind that this dialect does not have. It is to be ignored, not to be refused.
struct Unknown {
  std::uint64_t type = 0;
};

using Message = std::variant<SyncStep1, SyncStep2, Update, AwarenessUpdate, QueryAwareness,
                             SyncMarker, PermissionDenied, Unknown>;

// Reads the one message of a frame. What a buffer holds is not looked at.
// Fails: kInvalidArgument when the frame ends inside the message; the offset is in the reason.
absl::StatusOr<Message> DecodeMessage(crdt::ByteView frame);

crdt::Bytes EncodeMessage(const Message& message);

// EncodeMessage, ready to be queued.
Frame MakeFrame(const Message& message);

}  // namespace weft::sync
