#pragma once

// The dialect of Hocuspocus: many documents on one socket, each message under the name of its
// document; and the server's end of such a socket as a state machine.
//
//   Frame   := key:string Message ignored*    one message a WebSocket frame
//            | 9 | 10                         ping and pong of the socket itself: one byte alone
//   key     := name                           of the document: 1 to 512 bytes of UTF-8
//            | name NUL session               version 4 of the provider: two of them may share a name
//   Message := 0 Sync | 1 Awareness | 3       as in message.h
//            | 4 Sync                         an answer that asks for none; taken as 0
//            | 2 Auth
//            | 5 payload:string               stateless: text of the application, never stored
//            | 6 payload:string               between servers only
//            | 7 [reason:string]              this document ends here; the socket stays
//            | 8 saved                        server: 1 for a write that is saved, 0 for one that is not
//            | other ignored*
//   Auth    := 0 token:string [version]       client; from the server without a token: send it again
//            | 1 reason:string                server: denied
//            | 2 scope:string                 server: "read-write" or "readonly"
//
// A conversation about a document begins with its token. Version 2 of the provider sends none when it
// has none: a SyncStep1 that comes first stands for an empty token.
//
// What the provider's count of unsynced changes means, and how it is made true: a SyncStep1 of the
// client sets it to 1, each Update adds 1, each saved takes 1 off. So after a SyncStep1 what was
// written before it is answered by nothing, the next SyncStep2 answers the 1, and each Update itself.
// A refused write keeps the count up until a SyncStep2, which holds what was refused, is saved.
//
//   Server server(options);
//   Carry(server.Receive(frame));        // for each WebSocket message, in order
//   Carry(server.Admitted(...)); ...     // answers to effects, and what the room says
//
// Effects are carried out in order; those of a call that is made meanwhile come after them.
//
//   SendFrame     writes head and body as one WebSocket message
//   Authenticate  finds out what the token allows, then Admitted or Denied
//   JoinRoom      joins as a member that wants receipts and is asked in return (Session)
//   ChangeAccess  what the latest Admitted says goes for the member
//   Deliver       gives the message to the room, as one of this member
//   TellStateless gives `body` to the other members of the room that speak this dialect
//   LeaveRoom     ends the membership; what the room has said and says for it is ignored
//   CloseSocket   writes what is queued, closes with this, and calls nothing any more
//
// Bounds: `documents` a socket, those that were denied included (then denied); what comes before a
// document's token, kGreetingBytes a socket (then closed with 1013); what waits for rooms that do
// not read or are not joined yet, kInboxBytes a socket and the frames of one read (wants_reading()
// is false meanwhile); a payload, kPayloadBytes (then the document ends with 4413).
//
// Threads: that of its socket. Nothing here fails: a client that breaks the rules is closed.
// Source: @hocuspocus/provider and @hocuspocus/server, versions 2 to 4.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "crdt/base/bytes.h"
#include "crdt/base/string_map.h"
#include "sync/message.h"
#include "sync/session.h"

namespace weft::sync::hocuspocus {

inline constexpr std::size_t kMaxNameBytes = 512;
inline constexpr std::size_t kMaxSessionBytes = 256;
inline constexpr std::size_t kGreetingBytes = std::size_t{64} << 10;
inline constexpr std::size_t kInboxBytes = std::size_t{256} << 10;
inline constexpr std::size_t kPayloadBytes = std::size_t{64} << 10;

// Names one conversation about a document on a socket; never used again.
using Channel = std::uint64_t;

struct SendFrame {
  Channel channel = 0;
  crdt::Bytes head;
  Frame body;               // may be null
  bool is_content = false;  // of the room: Room::CatchUp makes up for it
};
struct Authenticate {
  Channel channel = 0;
  std::string room;
  std::string token;
};
struct JoinRoom {
  Channel channel = 0;
  std::string room;
};
struct ChangeAccess {
  Channel channel = 0;
};
struct Deliver {
  Channel channel = 0;
  crdt::ByteView message;  // into `kept`, or into the frame that was received
  Frame kept;
};
struct TellStateless {
  Channel channel = 0;
  Frame body;
};
struct LeaveRoom {
  Channel channel = 0;
};
struct CloseSocket {
  std::uint16_t code = 0;
  std::string reason;
};

using Effect = std::variant<SendFrame, Authenticate, JoinRoom, ChangeAccess, Deliver, TellStateless,
                            LeaveRoom, CloseSocket>;
using Effects = absl::InlinedVector<Effect, 2>;

// The count of unsynced changes of one provider, as far as it is the server's to settle.
class UnsyncedChanges {
 public:
  // What the client sent, in order.
  void OnStep1();
  void OnStep2() { Add({.is_step2 = true}); }
  void OnUpdate() { Add({.is_step2 = false}); }

  // The next so many writes were saved. How often that is to be said.
  std::uint64_t OnSaved(std::uint64_t writes);
  // The same for refused ones.
  std::uint64_t OnRefused(std::uint64_t writes);

 private:
  // Writes of one kind in a row.
  struct Run {
    bool is_step2 = false;
    bool counts = true;  // came after the last SyncStep1
    std::uint64_t writes = 0;
  };
  void Add(Run write);
  // Takes up to so many writes of one kind off the front.
  Run Take(std::uint64_t writes);

  std::deque<Run> under_way_;
  bool owes_step_ = false;     // no SyncStep2 has been saved since the last SyncStep1
  std::uint64_t refused_ = 0;  // since then, of those that count
};

class Server {
 public:
  struct Options {
    std::size_t documents = 1'000;
  };

  explicit Server(Options options) : options_(options) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // One WebSocket message of the client.
  Effects Receive(crdt::ByteView frame);
  // Whether more should be read from the client.
  bool wants_reading() const { return inbox_bytes_ <= kInboxBytes; }

  // The answers to Authenticate. Here and below, what is about a channel that has ended is ignored.
  Effects Admitted(Channel channel, Access access);
  Effects Denied(Channel channel, std::string_view reason);

  // What the room does with its member (server/connection.h).
  Effects Tell(Channel channel, Frame message);
  Effects Saved(Channel channel, std::uint64_t writes);
  Effects Refused(Channel channel, std::uint64_t writes);
  Effects SetAccess(Channel channel, Access access);
  Effects SetReading(Channel channel, bool reading);
  // `body` is that of a TellStateless of another member.
  Effects Stateless(Channel channel, Frame body);
  // The room has ended the membership. After a code that is not final the provider comes back if its
  // socket is closed, and only then; 1012 waits for the other documents.
  Effects Ended(Channel channel, std::uint16_t code, std::string_view reason);

  // Documents that are joined, or about to be.
  std::size_t open_documents() const { return open_documents_; }

 private:
  enum class State : std::uint8_t {
    kGreeting,  // its token has not come
    kAsked,     // the token is looked at
    kJoined,
    kDenied,  // what comes is ignored, but another token
  };
  struct Conversation {
    std::string key;
    State state = State::kGreeting;
    bool asking = false;         // a token is looked at
    bool knows_closing = false;  // the provider has message 7
    bool reading = false;
    std::vector<Frame> inbox;
    std::size_t inbox_bytes = 0;
    UnsyncedChanges unsynced;

    std::string_view room() const { return std::string_view(key).substr(0, key.find('\0')); }
  };

  Conversation& Begin(std::string_view key, Channel& channel);
  void OnToken(Channel channel, Conversation& conversation, crdt::ByteReader& reader,
               Effects& effects);
  void Ask(Channel channel, Conversation& conversation, std::string_view token, Effects& effects);
  void OnMessage(Channel channel, Conversation& conversation, crdt::ByteView message,
                 Effects& effects);
  void DeliverNow(Channel channel, Conversation& conversation, Deliver delivery, Effects& effects);
  void TellOthers(Channel channel, Conversation& conversation, crdt::ByteView message,
                  Effects& effects);
  void Hold(Conversation& conversation, crdt::ByteView message);
  void DropInbox(Conversation& conversation);
  void Forget(Channel channel);
  void Deny(Channel channel, Conversation& conversation, std::string_view reason, bool close,
            Effects& effects);
  Conversation* Find(Channel channel);

  const Options options_;
  Channel last_channel_ = 0;
  absl::btree_map<Channel, Conversation> conversations_;
  crdt::StringMap<Channel> channels_;  // by key
  std::size_t inbox_bytes_ = 0;
  std::size_t greeting_bytes_ = 0;  // of it, without a token
  std::size_t open_documents_ = 0;
  bool closed_ = false;
};

}  // namespace weft::sync::hocuspocus
