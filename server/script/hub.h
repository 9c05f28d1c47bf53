#pragma once

// Everybody who is connected to the script editor's socket: who they are, in which mode, in which room;
// what one of them says, and what the others are told of it. The rules of working together are here; what
// a document, a row, a socket or a token is, is not.
//
//   connected ──AUTHENTICATE──> somebody          REQUEST_SCRIPT_EDIT / _CUTS ──> in a mode (lease)
//   JOIN ──> joining ──(OnJoined)──> in a room    LEAVE, STOP, the end of the socket: one way out of both
//
// A room is left by all (ROOM_CLOSED) when its last editor is gone for good: after leaving, after STOP, or when
// the grace period of a lost connection is over. Nothing is written then: an edit is in the log before anybody
// hears of it, and whether there is a draft is asked of the log.
//
// Who writes: holds the mode "edit", may write in the show, and no live session runs; asked anew with each
// message. Roles that clients claim are not looked at.
//
// Dialects: a client that joins with a revision_id is told the room_id of everything (the older form); one that
// joins without is in the current revision, and is not.
//
// Saves: one of a room at a time. Who asks while one is under way gets one of its own right after it: at most one
// waits, since it takes what all have edited until then.
//
// Held rooms: while an HTTP call changes what a room's document is made of, or its draft is thrown away, joins
// of the room wait.
//
// Bounds: those of sockets (message size, connections); one join of a connection is under way at a time.
// Threads: one; no clock, no socket, no disk. Calls of HubServices do not lead back into the hub.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "server/lease/lease_table.h"
#include "server/script/hub_calls.h"
#include "server/script/revision_room.h"
#include "server/script/script.h"
#include "server/script/wire_message.h"

namespace weft::server::script {

using ConnectionId = lease::HolderId;

// What the hub asks of the world.
class HubServices {
 public:
  virtual ~HubServices() = default;

  virtual void Send(ConnectionId connection, std::string text) = 0;
  // Ends the socket, whose client has no right to it any more, behind what was sent.
  virtual void Close(ConnectionId connection, std::string_view reason) = 0;

  // Whose token this is: from then on it is the connection's, until OnTokenEnded. Fails with the words that the
  // client is told; the token that it had stays its own.
  virtual absl::StatusOr<User> Authenticate(ConnectionId connection, std::string_view token) = 0;
  // What nobody can guess.
  virtual std::string NewSecret() = 0;
  virtual std::string NewUuid() = 0;

  struct Current {
    ShowId show{};
    std::optional<RevisionId> revision;
  };
  // The show that is worked on, if one is loaded.
  virtual std::optional<Current> CurrentShow() = 0;
  virtual bool HasRevision(const RevisionRoom& room) = 0;
  virtual bool HasDraft(const RevisionRoom& room) = 0;

  // Becomes a member of the room: OnJoined or OnRoomEnded follows.
  virtual void Join(ConnectionId connection, const RevisionRoom& room, bool may_write) = 0;
  virtual void Leave(ConnectionId connection) = 0;
  virtual void SetAccess(ConnectionId connection, bool may_write) = 0;
  // Asks the room for what a state vector lacks: OnDiff follows.
  virtual void AskForDiff(ConnectionId connection, crdt::Bytes state_vector) = 0;
  // OnReceipt follows.
  virtual void Write(ConnectionId connection, crdt::Bytes update) = 0;

  // Publishes the document: OnSaveProgress any number of times, then OnSaved or OnSaveFailed, once, behind
  // what the room has told of it.
  virtual void Save(const RevisionRoom& room, ConnectionId who) = 0;
  // Throws the draft away: OnDiscarded follows.
  virtual void Discard(const RevisionRoom& room, ConnectionId who) = 0;
};

class Hub {
 public:
  struct Options {
    std::chrono::milliseconds grace{15'000};  // for a connection that is lost in a mode
  };

  // `services` outlives it.
  Hub(HubServices& services, Options options);

  // --- What happens to sockets
  void OnOpen(ConnectionId connection);
  void OnText(ConnectionId connection, std::string_view text, lease::TimePoint now);
  void OnClose(ConnectionId connection, lease::TimePoint now);
  // Its token holds no more: it is told why, and its socket ends. Who may come back with another one has the
  // grace period for it; who may not is out of its mode at once.
  void OnTokenEnded(ConnectionId connection, std::string_view why, bool may_return,
                    lease::TimePoint now);
  void Tick(lease::TimePoint now);

  // --- What rooms answer
  // The whole document, and what it has of whom; the client sends what it has beyond that, if what it has is
  // of the same history (`generation`). `warnings`: what its user has to know of the document, in words.
  struct Joined {
    crdt::ByteView state;
    crdt::ByteView state_vector;
    std::uint64_t generation = 0;
    std::vector<std::string> warnings = {};
  };
  void OnJoined(ConnectionId connection, const Joined& joined);
  // It could not become a member.
  void OnJoinRefused(ConnectionId connection, std::string_view error);
  void OnDiff(ConnectionId connection, crdt::ByteView update);
  void OnUpdate(ConnectionId connection, crdt::ByteView update);
  // So many of its updates are stored, or were refused for a reason.
  void OnReceipt(ConnectionId connection, std::uint64_t count, std::string_view refusal);
  // It is no member any more, and not because it asked; the reason is for humans and may be empty.
  void OnRoomEnded(ConnectionId connection, std::string_view reason);

  // --- What publishing says
  void OnSaveProgress(const RevisionRoom& room, std::uint64_t done, std::uint64_t total);
  void OnSaved(const RevisionRoom& room, std::string_view last_saved_at);
  // `problems_json` is a JSON array (problem.h), or empty.
  void OnSaveFailed(const RevisionRoom& room, ConnectionId who, std::string_view error,
                    std::string_view problems_json);
  // Requires: BeginDiscard of this room came before.
  void OnDiscarded(const RevisionRoom& room, std::optional<ConnectionId> who,
                   const absl::Status& status);
  // The draft is about to be thrown away.
  void BeginDiscard(const RevisionRoom& room) { Hold(room); }

  // --- The show
  // A live session begins or ends: while one runs nobody edits, cuts, joins or saves.
  void SetLive(bool live);
  bool live() const { return live_; }
  // The current show or revision is another one: rooms of others are left.
  void OnCurrentChanged();
  // Everybody is to ask for something anew.
  void TellAll(std::string_view action);

  // --- For guards and for the HTTP calls
  HubStatus Status() const;
  // Joins of the room wait until it was released as often as it was held.
  void Hold(const RevisionRoom& room) { ++held_[room]; }
  void Release(const RevisionRoom& room);
  bool HasEditors(const RevisionRoom& room) const;
  // Who that is, for people; empty when nobody knows.
  std::string NameOf(ConnectionId connection) const;
  const lease::LeaseTable& leases() const { return leases_; }
  // The connection that leads the live show.
  std::optional<std::string> leader() const;

 private:
  enum class Place : std::uint8_t { kNone, kJoining, kIn };

  struct Connected {
    std::string uuid;
    std::string secret;  // takes the lease over after a reconnect
    std::optional<User> user;
    Place place = Place::kNone;
    RevisionRoom room;
    bool names_room = false;  // it speaks the older form
    bool wants_receipts = false;
    bool waits = false;      // kJoining: for the room to be released
    bool may_write = false;  // as the room knows it
    std::string presence;    // what it last said of itself, as base64
    bool is_client = false;  // said NEW_CLIENT: may lead the live show
  };

  using Handler = void (Hub::*)(ConnectionId, Connected&, const ClientMessage&);
  static const std::map<std::string_view, Handler>& Handlers();

  void Authenticate(ConnectionId id, Connected& one, const ClientMessage& message);
  void RefreshToken(ConnectionId id, Connected& one, const ClientMessage& message);
  void NewClient(ConnectionId id, Connected& one, const ClientMessage& message);
  void RefreshClient(ConnectionId id, Connected& one, const ClientMessage& message);
  void RequestEdit(ConnectionId id, Connected& one, const ClientMessage& message);
  void RequestCuts(ConnectionId id, Connected& one, const ClientMessage& message);
  void StopEdit(ConnectionId id, Connected& one, const ClientMessage& message);
  void JoinRoom(ConnectionId id, Connected& one, const ClientMessage& message);
  void LeaveRoom(ConnectionId id, Connected& one, const ClientMessage& message);
  void Sync(ConnectionId id, Connected& one, const ClientMessage& message);
  void TakeUpdate(ConnectionId id, Connected& one, const ClientMessage& message);
  void TakePresence(ConnectionId id, Connected& one, const ClientMessage& message);
  void SaveDraft(ConnectionId id, Connected& one, const ClientMessage& message);
  void DiscardDraft(ConnectionId id, Connected& one, const ClientMessage& message);

  bool TakeToken(ConnectionId id, Connected& one, const ClientMessage& message);
  std::optional<std::string> TakeMode(ConnectionId id, Connected& one, std::string_view mode,
                                      bool has_draft);
  void RefuseMode(ConnectionId id, std::string_view reason);
  // Why it may not change what is in the room, in the words of the protocol.
  std::optional<std::string> WriteRefusal(ConnectionId id, const Connected& one) const;
  bool MayWriteNow(ConnectionId id, const Connected& one) const;
  void UpdateAccess(ConnectionId id, Connected& one);
  void AccessMayHaveChanged();

  std::vector<HubStatus::Person> Holders(std::string_view mode) const;
  void StartJoin(ConnectionId id, Connected& one);
  // The save of the room has ended: the one that waits begins.
  void EndSave(const RevisionRoom& room);
  void AfterLeaving(const RevisionRoom& room, bool had_editors);
  void CloseRoom(const RevisionRoom& room);
  // All in the room, and on their way to it, are out of it, but for those who wait.
  void SendAway(const RevisionRoom& room);
  void Out(ConnectionId id, Connected& one);
  void ForgetPresence(ConnectionId id, Connected& one);

  Connected* Find(ConnectionId id);
  bool IsIn(const Connected& one, const RevisionRoom& room) const {
    return one.place == Place::kIn && one.room == room;
  }
  void SendAction(ConnectionId id, std::string_view action, crdt::AnyObject data);
  void SendError(ConnectionId id, std::string_view error);
  // To all in the room, with room_id for those who name it.
  void SendRoom(const RevisionRoom& room, std::string_view action, const crdt::AnyObject& data,
                std::optional<ConnectionId> except = std::nullopt);
  void SendMembers(const RevisionRoom& room);
  void SendAll(std::string_view op, const crdt::Any& data);
  void ElectLeader();

  HubServices& services_;
  const Options options_;
  const lease::Rules rules_;
  lease::LeaseTable leases_;
  std::map<ConnectionId, Connected> connections_;
  // Of leases whose connection is lost: the room that they keep open.
  std::map<ConnectionId, RevisionRoom> away_;
  std::map<RevisionRoom, std::size_t> held_;
  // Rooms that are being saved, and who wants them to be saved once more.
  std::map<RevisionRoom, std::optional<ConnectionId>> saving_;
  bool live_ = false;
  std::optional<ConnectionId> leader_;
  lease::TimePoint now_{};
};

}  // namespace weft::server::script
