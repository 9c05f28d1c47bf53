#pragma once

// The client's end of weft.v1: rooms that outlive connections, and writes that are kept until the
// server has them on its medium.
//
//   Client client({.name = "weft connect", .token = token});
//   const RoomId notes = client.Add("notes", replica);
//   Carry(client.Connected(now));                 // a socket is open
//   Carry(client.Receive(frame, now));            // for each WebSocket message, in order
//   Carry(client.Write(notes, update));           // for each edit, online or not
//   auto delay = client.Disconnected(close_code); // the socket is gone: come back, or not
//
// A write is numbered when it is made, and unsaved until an Ack says `durable`. What was sent and
// not answered is sent again after a reconnect: it may be there already, which does no harm. When
// the queue passes its bound it is given up; the replica has everything that was in it, and the
// server is asked what it lacks, as it is when a write was refused and rights change later.
//
// A room resumes from the place up to which it has heard everything, if all that the server may lack
// is in the queue; else it joins with its state vector. A room that has another history than was
// heard of is not joined: OtherHistory says so, and the owner decides (MergeInto, or Remove and an
// empty replica).
//
// Bounds, a room: `queue_bytes` of writes; `window_bytes` on their way to it, and the message that
// crosses it.
// Threads: one. Nothing fails: a server that breaks the rules is left.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "sync/message.h"
#include "sync/time.h"
#include "sync/weft_v1.h"

namespace weft::sync::weft_v1 {

// A document, as far as a client needs one. Owned by who adds it, and outlives its room.
class Replica {
 public:
  virtual ~Replica() = default;
  virtual crdt::Bytes EncodeStateVector() = 0;
  // All that a peer with this state vector lacks, as an update of format v1.
  virtual absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView state_vector) = 0;
  // An update of others. Fails, and then changed nothing, as Doc::ApplyUpdate.
  virtual absl::Status Apply(crdt::ByteView update) = 0;
};

enum class RoomId : std::uint64_t {};

// To be written as one WebSocket message.
struct SendBytes {
  crdt::Bytes frame;
};
// The socket is to be closed; Disconnected follows as for any other end.
struct LeaveSocket {
  std::uint64_t code = 0;
  std::string reason;
};
// The token holds for so long (0: no end is known); SetToken before then.
struct Greeted {
  std::string session;
  std::uint64_t expires_ms = 0;
};
// The room was joined; what it holds follows.
struct Entered {
  RoomId room{};
  How how = How::kSynced;
  Role role = Role::kNone;
};
// Everything up to the room's present is here.
struct Synced {
  RoomId room{};
};
// Writes have reached the server; how many it does not have, or not on the medium.
struct Saved {
  RoomId room{};
  Level level = Level::kReceived;
  std::uint64_t unsaved = 0;
};
// Writes were not taken, or not even sent. The replica still has them.
struct Denied {
  RoomId room{};
  std::uint64_t code = 0;
  std::string reason;
};
struct RoleChanged {
  RoomId room{};
  Role role = Role::kNone;
  std::string reason;
};
// The room has another history than this replica; 0 when it has none. It is not joined.
struct OtherHistory {
  RoomId room{};
  std::uint64_t known = 0;
  std::uint64_t found = 0;
};
// The room is left. Unless the code is final, it is joined again after a while.
struct RoomLost {
  RoomId room{};
  std::uint64_t code = 0;
  std::string reason;
};
struct AwarenessHeard {
  RoomId room{};
  crdt::Bytes update;
};
struct ChecksumHeard {
  RoomId room{};
  std::uint64_t hash = 0;
  crdt::Bytes state_vector;
};

using ClientEffect =
    std::variant<SendBytes, LeaveSocket, Greeted, Entered, Synced, Saved, Denied, RoleChanged,
                 OtherHistory, RoomLost, AwarenessHeard, ChecksumHeard>;
using ClientEffects = absl::InlinedVector<ClientEffect, 2>;

class Client {
 public:
  struct Options {
    std::string name = "weft";
    std::string token;
    std::size_t window_bytes = std::size_t{1} << 20;
    std::size_t queue_bytes = std::size_t{16} << 20;
    // Before the first attempt to come back; twice as long each time, up to the longest.
    Duration first_delay{100};
    Duration longest_delay{30'000};
    // Without a word of the server for this long it is asked for one, after twice as long it is left.
    Duration silence{15'000};
  };

  explicit Client(Options options) : options_(std::move(options)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A room to be in, whenever there is a connection.
  RoomId Add(std::string name, Replica& replica, ClientEffects& effects);
  // Unsaved writes of it are forgotten.
  ClientEffects Remove(RoomId room);
  // An edit that the replica has already, as an update of format v1.
  ClientEffects Write(RoomId room, crdt::Bytes update);
  // What others are to see; the latest is said again after a reconnect.
  ClientEffects SetAwareness(RoomId room, crdt::Bytes update);
  // After OtherHistory: everything that this replica has goes into the history that the room has.
  ClientEffects MergeInto(RoomId room);
  // Asks for the checksum of the room.
  ClientEffects Check(RoomId room);
  // From now on, and for this connection too.
  ClientEffects SetToken(std::string token);

  ClientEffects Connected(TimePoint now);
  ClientEffects Receive(crdt::ByteView frame, TimePoint now);
  // How long to wait at most before the next attempt (the owner takes a random part of it, so that
  // not all come at once), nothing when there is no use in one.
  std::optional<Duration> Disconnected(std::uint64_t close_code);
  // To be called about once a second while connected.
  ClientEffects Tick(TimePoint now);

  // Writes that are not known to be on the server's medium.
  std::uint64_t unsaved(RoomId room) const;
  bool synced(RoomId room) const;
  Role role(RoomId room) const;
  Place place(RoomId room) const;

 private:
  // kRefused: with a final code, until there is another token. kOtherHistory: until MergeInto.
  enum class State { kOut, kJoining, kIn, kRefused, kOtherHistory };

  struct KeptWrite {
    std::uint64_t number = 0;
    crdt::Bytes update;
  };
  // A message that the server has not answered: an update, or the answer to its question, which holds
  // everything up to a number.
  struct UnderWay {
    std::uint64_t number = 0;
    bool is_answer = false;
  };
  struct Room {
    RoomId id{};
    std::string name;
    Replica* replica = nullptr;
    State state = State::kOut;
    Channel channel = 0;
    Role role = Role::kNone;
    Place place;  // everything up to it is here
    bool synced = false;
    bool asked = false;  // the server asked what it lacks, or need not: writes may be sent
    std::optional<crdt::Bytes> question;  // to be answered when there is credit
    std::optional<TimePoint> again;       // when to join after a failure
    Duration delay{};

    std::deque<KeptWrite> queue;  // not received, oldest first
    std::size_t queue_bytes = 0;
    std::deque<UnderWay> under_way;
    std::uint64_t written = 0;   // the number of the last write
    std::uint64_t sent = 0;      // of the last one that was sent in this conversation
    std::uint64_t received = 0;  // all up to it are at the server
    std::uint64_t durable = 0;
    // Writes up to it may be neither in the queue nor received: only an answer tells the server.
    std::uint64_t gap_end = 0;

    std::int64_t credit = 0;     // ours
    std::int64_t allowance = 0;  // of the server
    std::uint64_t returned = 0;
    crdt::Bytes awareness;
    bool awareness_waits = false;
  };

  void On(const Welcome& welcome, ClientEffects& effects);
  void On(const Joined& joined, ClientEffects& effects);
  void On(const Refused& refused, ClientEffects& effects);
  void On(const Left& left, ClientEffects& effects);
  void On(const Data& data, ClientEffects& effects);
  void On(const Ack& ack, ClientEffects& effects);
  void On(const Nack& nack, ClientEffects& effects);
  void On(const Heard& heard, ClientEffects& effects);
  void On(const Generation& generation, ClientEffects& effects);
  void On(const Credit& credit, ClientEffects& effects);
  void On(const AccessIs& access, ClientEffects& effects);
  void On(const Checksum& checksum, ClientEffects& effects);
  void On(const Closing& closing, ClientEffects& effects);
  // Everything else is what a client says, or an answer to a Ping, or unknown.
  void On(const auto& /*other*/, ClientEffects& /*effects*/) {}

  void SendJoin(Room& room, ClientEffects& effects);
  void EndConversation(Room& room);
  void LeaveRoom(Room& room, const absl::Status& reason, ClientEffects& effects);
  void Lose(Room& room, std::uint64_t code, std::string_view reason, ClientEffects& effects);
  void StopForHistory(Room& room, std::uint64_t found, ClientEffects& effects);
  void Pump(Room& room, ClientEffects& effects);
  void SendAnswer(Room& room, ClientEffects& effects);
  void SendData(Room& room, const sync::Message& message, ClientEffects& effects);
  void DropReceived(Room& room);
  void GiveUpQueue(Room& room);
  absl::Status TakeMessage(Room& room, crdt::ByteView message, ClientEffects& effects);
  void Violated(std::uint64_t code, std::string_view reason, ClientEffects& effects);
  void Say(const Message& message, ClientEffects& effects);
  void JoinAgain(Room& room, ClientEffects& effects);
  Room* Find(Channel channel);
  Room& Get(RoomId room);
  const Room& Get(RoomId room) const;

  const Options options_;
  std::string token_ = options_.token;
  bool connected_ = false;
  std::optional<Closing> closing_;  // the server said so; its reason is not kept
  Duration delay_{};                // the last one
  TimePoint now_{};
  TimePoint heard_{};  // when the server last said something
  bool pinged_ = false;
  Channel last_channel_ = 0;
  std::uint64_t last_room_ = 0;
  std::map<RoomId, Room> rooms_;
  absl::btree_map<Channel, Room*> by_channel_;
};

}  // namespace weft::sync::weft_v1
