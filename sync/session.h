#pragma once

// One peer's conversation in the dialect of y-websocket: bytes in, effects out.
//
//   Session session(&document, {.access = Access::kReadWrite});
//   Carry(session.Open());                    // once the socket is open
//   auto effects = session.Receive(bytes, now);  // for each WebSocket message
//   if (!effects.ok()) socket.Close(CloseFor(effects.status()));
//   Carry(session.Close());                   // when the socket is gone, for whatever reason
//
// What a session says:
//
//   on Open              SyncStep1 (so that the peer sends what it made offline), then every
//                        awareness state, if there are any
//   SyncStep1            Reply: SyncStep2 with what the peer lacks and the whole delete set
//   SyncStep2, Update    PublishUpdate if it brought news; while parts of the document wait for
//                        missing blocks also Reply: SyncStep1, once a gap
//   Awareness            PublishAwareness of what was accepted, Reply of what the peer is wrong about
//   QueryAwareness       Reply: every awareness state
//   SyncMarker           Reply: the same, which tells y-sweet's clients that all before it is stored
//   anything else        nothing
//   on Close             PublishAwareness: the clients that this session spoke for have left
//
// A reader is not asked for what it made offline; its SyncStep2 or Update changes nothing and, if it
// brings something, leads to RefuseWrite. Its awareness is as good as anyone's.
//
// Laws: an update is never sent back to where it came from; effects stand in the order of what
// caused them; what is published was checked first; a frame that fails changed nothing.
// Threads: that of its document.
// Source: y-websocket 3 (client), @y/websocket-server (server).

#include <string>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "sync/effect.h"
#include "sync/shared_document.h"
#include "sync/time.h"

namespace weft::sync {

enum class Access { kReadWrite, kReadOnly };

class Session {
 public:
  struct Options {
    Access access = Access::kReadWrite;
    // What a reader is told who writes.
    std::string refusal = "this connection may read but not write";
    // Also after every SyncStep1 but the first one: Reply: SyncStep1, to readers as well. In the
    // dialect of Hocuspocus a client counts on being asked, and on an answer to what it then sends.
    bool asks_in_return = false;
    // Bytes of one frame. Someone who comes back with a book written offline sends a few megabytes.
    std::size_t frame_bytes = std::size_t{64} << 20;
  };

  // Requires: `document` outlives the session.
  explicit Session(SharedDocument* document) : Session(document, Options{}) {}
  Session(SharedDocument* document, Options options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The first thing said. Requires: called once, before anything else.
  Effects Open();

  // Takes one WebSocket message of the peer; `frame` is not kept.
  // Fails, and then changed nothing: see CloseFor (close.h), which says how to end the
  // conversation. Close is still to be called.
  absl::StatusOr<Effects> Receive(crdt::ByteView frame, TimePoint now);

  // From now on the peer may do this; `refusal` is told to readers who write. Who may write again is
  // asked for what it made meanwhile.
  Effects SetAccess(Access access, std::string refusal);

  // For a peer that has missed messages: replies that tell all there is, and ask as Open does. To
  // have the same twice does no harm. Fails: as DiffFor of SharedDocument.
  absl::StatusOr<Effects> TellEverything();

  // The last thing said. Requires: called once, after everything else.
  Effects Close();

  // Names the session in the awareness of its document.
  SessionId id() const { return id_; }

 private:
  absl::StatusOr<Effects> On(const SyncStep1& message, TimePoint now);
  absl::StatusOr<Effects> On(const SyncStep2& message, TimePoint now);
  absl::StatusOr<Effects> On(const Update& message, TimePoint now);
  absl::StatusOr<Effects> On(const AwarenessUpdate& message, TimePoint now);
  absl::StatusOr<Effects> On(const QueryAwareness& message, TimePoint now);
  absl::StatusOr<Effects> On(const SyncMarker& message, TimePoint now);
  absl::StatusOr<Effects> On(const PermissionDenied& message, TimePoint now);
  absl::StatusOr<Effects> On(const Unknown& message, TimePoint now);
  absl::StatusOr<Effects> AcceptUpdate(crdt::ByteView update);

  Reply AskForMissing() const;
  Reply TellAwareness() const;

  SharedDocument* document_;
  Options options_;
  SessionId id_;
  std::uint64_t asked_gap_ = 0;  // the gap for which the peer was last asked
  bool asked_first_ = false;     // a SyncStep1 has come
};

// Removes awareness states that nobody renewed: to be called for each loaded document every few
// seconds. At most one effect.
Effects ExpireAwareness(SharedDocument& document, TimePoint now);

}  // namespace weft::sync
