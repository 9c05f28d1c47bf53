#pragma once

// What the protocol wants done: plain values, in the order in which they are to be carried out. The
// protocol itself sends, stores and schedules nothing.
//
// Threads: values; the frames in them are immutable and may be queued on any thread.

#include <cstddef>
#include <string>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "crdt/base/bytes.h"
#include "sync/message.h"

namespace weft::sync {

// Send `frame` to the peer of this session, and to nobody else.
struct Reply {
  Frame frame;
};

// An update that brought something new was accepted: append update() to the log, and send `frame`
// to every other session of the document, never back to this one.
struct PublishUpdate {
  Frame frame;                    // an Update message
  std::size_t update_offset = 0;  // where in the frame the update begins; it ends with the frame

  // The bytes that the peer sent, unchanged: parts that still wait for other blocks are in them
  // too. Valid as long as the frame is held.
  crdt::ByteView update() const { return crdt::ByteView(*frame).subspan(update_offset); }
};

// Send `frame` to every session of the document, this one included: y-websocket clients take 30
// seconds without a message, "not even their own awareness", for a dead connection.
struct PublishAwareness {
  Frame frame;                    // an awareness message
  std::size_t update_offset = 0;  // where in the frame the AwarenessUpdate begins
  // It changes nothing but clocks: who is there still is. It may be told later than other news, but
  // has to be told in time, since receivers forget who they do not hear of for 30 seconds.
  bool is_renewal = false;

  crdt::ByteView update() const { return crdt::ByteView(*frame).subspan(update_offset); }
};

// A SyncStep2 or an Update of the peer brought something, and was not taken: the peer is to be told
// why, in the way of its dialect. Its edits are with the peer alone.
struct RefuseWrite {
  std::string reason;
};

using Effect = std::variant<Reply, PublishUpdate, PublishAwareness, RefuseWrite>;
using Effects = absl::InlinedVector<Effect, 2>;

// Make the effects that publish `update`; the one copy of it is in the frame.
PublishUpdate MakePublishUpdate(crdt::ByteView update);
PublishAwareness MakePublishAwareness(crdt::ByteView update, bool is_renewal = false);

}  // namespace weft::sync
