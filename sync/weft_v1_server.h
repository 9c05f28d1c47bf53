#pragma once

// The server's end of one weft.v1 socket: frames and what rooms say come in, effects come out.
//
//   Server server({.session = "w7"});
//   Carry(server.Receive(frame));                       // for each WebSocket message, in order
//   Carry(server.Authenticated(...));                   // answers to effects, whenever they are there
//   Carry(server.Tell(channel, message)); ...           // what the room sends to its member
//   Carry(server.Flush());                              // once a turn
//
// Effects are carried out in their order; those of a call that is made meanwhile come after them.
// What its owner does with one:
//
//   SendFrame     writes head and body as one WebSocket message, behind all earlier ones
//   Authenticate  finds out what the token allows, then Authenticated or Unauthenticated
//   JoinRoom      joins the room as a member that wants receipts, then, once the room is open,
//                 Opened or Refuse. A tail is given when `from` has the generation of the room, is not
//                 past its head, and the log has the records: all of them after `from`, read after the
//                 member was joined, and at most `queue_bytes`. What the room says meanwhile is passed on at once; what it
//                 said when the session began has to be before Opened.
//   Deliver       gives the message to the room, as one of this member
//   CatchUp       has the room tell this member everything anew (Room::CatchUp)
//   CheckState    reads checksum and state vector from the room, when all in it is committed, then
//                 TellChecksum
//   AskForAnswer  answers what a member asks beside the document, then GiveAnswer, once
//   WatchRoom     passes on what happens to the room with TellEvent, from now on or no more
//   LeaveRoom     ends the membership; what the room has said and says for it is ignored
//   CloseSocket   writes what is queued, closes with this, and calls nothing any more
//
// Two places matter to a client: where its writes are (Ack), and up to where it has been told
// everything (Heard). The second is said only when it is true: after the answer to its state vector
// or the tail of the log, and not between messages that were dropped and the document that replaces
// them. A server whose log answers before the medium has it (`durable` false) never says it, since
// after a crash its sequences begin again below.
//
// Bounds, a channel: what the client may send without an answer is `window_bytes` and the message
// that crosses it (then 4430); what waits for the client's credit is `queue_bytes` and the message
// that crosses it (then the backlog is dropped, and the room tells everything anew once there is
// credit); of its questions kMaxAsks wait for their answers (then an Answer with 429). A socket: `channels`
// (then Refused with 4429).
//
// Threads: that of its socket. Nothing here fails: a client that breaks the rules is closed.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "crdt/base/bytes.h"
#include "sync/message.h"
#include "sync/weft_v1.h"

namespace weft::sync::weft_v1 {

struct SendFrame {
  crdt::Bytes head;
  Frame body;  // may be null
};
struct Authenticate {
  std::string token;
};
struct JoinRoom {
  Channel channel = 0;
  std::string room;
  Place from;  // sequence 0: nothing to resume
};
struct Deliver {
  Channel channel = 0;
  crdt::ByteView message;  // into `kept`, or into the frame that was received
  Frame kept;
};
struct CatchUp {
  Channel channel = 0;
};
struct CheckState {
  Channel channel = 0;
};
struct AskForAnswer {
  Channel channel = 0;
  std::uint64_t number = 0;
  std::string verb;
  std::string arguments;
};
struct WatchRoom {
  Channel channel = 0;
  bool wanted = false;
};
struct LeaveRoom {
  Channel channel = 0;
};
struct CloseSocket {
  std::uint64_t code = 0;
  std::string reason;
};

using ServerEffect = std::variant<SendFrame, Authenticate, JoinRoom, Deliver, CatchUp, CheckState,
                                  AskForAnswer, WatchRoom, LeaveRoom, CloseSocket>;
using ServerEffects = absl::InlinedVector<ServerEffect, 2>;

class Server {
 public:
  struct Options {
    std::string session;  // names the conversation, for people
    std::uint64_t message_bytes = std::uint64_t{64} << 20;
    std::size_t channels = 1024;
    std::size_t window_bytes = std::size_t{256} << 10;
    std::size_t queue_bytes = std::size_t{4} << 20;
    bool durable = true;
    // Edits are told before they are committed (RelayMoment::kAccepted of the server): who resumes may
    // have some that the log lost, and is asked as everyone is.
    bool told_early = false;
  };

  explicit Server(Options options) : options_(std::move(options)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // One WebSocket message of the client.
  ServerEffects Receive(crdt::ByteView frame);

  // The answers to Authenticate. `expires_ms`: how long the token holds, 0 when it has no end.
  ServerEffects Authenticated(std::uint64_t expires_ms);
  ServerEffects Unauthenticated(std::string_view reason);

  // The answers to JoinRoom. Everything about channels that are not open (any more) is ignored.
  struct Opening {
    Place head;  // of the room when the member's session began, before the tail was read
    Role role = Role::kWrite;
    std::optional<std::vector<crdt::Bytes>> tail;  // updates, when there is something to resume
  };
  ServerEffects Opened(Channel channel, Opening opening);
  // Code kOtherGeneration with the room's, when `from` names another.
  ServerEffects Refuse(Channel channel, std::uint64_t code, std::uint64_t generation,
                       std::string_view reason);

  // What the room does with its member (server/connection.h).
  ServerEffects Tell(Channel channel, Frame message);
  ServerEffects Acknowledge(Channel channel, Level level, std::uint64_t count, const Place& place);
  ServerEffects RefuseWrites(Channel channel, std::uint64_t code, std::uint64_t count,
                             std::string_view reason);
  void TellHeard(Channel channel, const Place& place);
  ServerEffects SetAccess(Channel channel, Role role, std::string_view reason);
  ServerEffects SetReading(Channel channel, bool reading);
  // The room has ended the membership.
  ServerEffects Ended(Channel channel, std::uint64_t code, std::string_view reason);
  ServerEffects TellChecksum(Channel channel, std::uint64_t hash, crdt::ByteView state_vector);

  // The answer to AskForAnswer. Requires: status < 1000.
  ServerEffects GiveAnswer(Channel channel, std::uint64_t number, std::uint64_t status,
                           std::string_view text);
  // What has happened to the room, as JSON.
  ServerEffects TellEvent(Channel channel, std::string_view text);

  // Says how far channels have heard, since the last call: once a turn, so that it is not said for
  // each message.
  ServerEffects Flush();
  bool wants_flush() const { return !heard_.empty(); }

  // Ends the conversation; the client comes back after `retry_ms` unless the code is final.
  ServerEffects Close(std::uint64_t code, std::string_view reason, std::uint64_t retry_ms);

  // All channels that are open or asked for, so that their memberships can be ended.
  std::vector<Channel> channels() const;
  // What waits for credit of the client and for rooms that do not read, in all channels.
  std::size_t waiting_bytes() const;

 private:
  enum class State { kGreeting, kAuthenticating, kOpen, kClosed };

  // A message for the client that waits for credit, and what it has heard with it.
  struct Waiting {
    Frame message;
    std::optional<Place> heard;
  };
  // A message of the client that waits for the room to read; what it took of the credit.
  struct Received {
    Frame message;
    std::uint64_t cost = 0;
  };
  struct Conversation {
    std::string room;
    Place from;
    crdt::Bytes state_vector;
    bool asked = false;  // JoinRoom was said
    bool open = false;
    std::optional<std::pair<Role, std::string>> changed_access;  // before it was open

    std::int64_t credit = 0;  // for the client; the message that crosses 0 makes it negative
    std::deque<Waiting> waiting;
    std::size_t waiting_bytes = 0;
    bool lagging = false;          // messages are dropped until there is credit
    bool incomplete = true;        // what Heard says would not be true yet
    std::uint64_t generation = 0;  // as the client knows it
    Place place;                   // the latest that the room was said to be at
    std::optional<Place> heard;    // to be said by Flush
    bool in_heard = false;         // the channel is in heard_

    std::int64_t allowance = 0;       // of the client
    std::uint64_t returned = 0;       // of it, and not yet said
    std::deque<std::uint64_t> costs;  // of writes that the room has not answered
    std::deque<Received> inbox;
    std::size_t inbox_bytes = 0;
    bool reading = false;
    std::size_t asks = 0;  // that are not answered
  };

  void On(const Hello& hello, ServerEffects& effects);
  void On(const Auth& auth, ServerEffects& effects);
  void On(const Join& join, ServerEffects& effects);
  void On(const Leave& leave, ServerEffects& effects);
  void On(const Data& data, ServerEffects& effects);
  void On(const Credit& credit, ServerEffects& effects);
  void On(const Check& check, ServerEffects& effects);
  void On(const Ping& ping, ServerEffects& effects);
  void On(const Ask& ask, ServerEffects& effects);
  void On(const Watch& watch, ServerEffects& effects);
  // Everything else is what a server says, or unknown.
  void On(const auto& /*other*/, ServerEffects& /*effects*/) {}

  void Violate(std::uint64_t code, std::string_view reason, ServerEffects& effects);
  void AskRoom(Channel channel, Conversation& conversation, ServerEffects& effects);
  void Queue(Channel channel, Conversation& conversation, Frame message, ServerEffects& effects);
  void SendQueued(Channel channel, Conversation& conversation, ServerEffects& effects);
  void SendData(Channel channel, Conversation& conversation, Frame message, ServerEffects& effects);
  void NoteHeard(Channel channel, Conversation& conversation, const Place& place);
  void MarkHeard(Channel channel, Conversation& conversation, const Place& place);
  void SayGeneration(Channel channel, Conversation& conversation, std::uint64_t generation,
                     ServerEffects& effects);
  void SayHeard(Channel channel, Conversation& conversation, ServerEffects& effects);
  void DeliverNow(Channel channel, Conversation& conversation, Deliver delivery, std::uint64_t cost,
                  ServerEffects& effects);
  void ReturnCredit(Channel channel, Conversation& conversation, std::uint64_t bytes,
                    ServerEffects& effects);
  void SettleWrites(Channel channel, Conversation& conversation, std::uint64_t count,
                    ServerEffects& effects);
  void Say(const Message& message, ServerEffects& effects);
  Conversation* Find(Channel channel);
  Conversation* FindOpen(Channel channel);

  const Options options_;
  State state_ = State::kGreeting;
  bool authenticating_ = false;
  std::optional<std::string> next_token_;  // came while another one was looked at
  std::uint64_t next_channel_ = 0;         // channels below were used
  absl::btree_map<Channel, Conversation> conversations_;
  std::vector<Channel> heard_;
};

}  // namespace weft::sync::weft_v1
