#pragma once

// One document with the connections that share it: loaded from the log, changed by its members,
// every change stored before anyone else sees it.
//
// The promise: what one client has received from another is committed to the log. So an accepted
// update, and every answer that could contain it, is held back until the log reports its commit;
// what needs no storing (awareness) leaves at once. Log order, relay order and the order of
// acceptance are the same. With RelayMoment::kAccepted updates are not held back, answers are: they
// vouch for what their receiver said before.
//
//   loading ──(log read)──> open ──(an append failed)──> failing ──(no append under way)──> loading
//      └──(log unreadable)──> members closed with 4500; the next join tries again
//
// A commit (Commit) is the other way round: the document takes the update, and everybody is told, once
// the log has it, in the order of the log. One that is refused was never seen by anybody, and no failure.
//
// In `loading` and `failing` members wait: they are not read from, and what was read already is
// kept. When an append fails, the document holds an edit that the log lacks. It is thrown away and
// read anew: whoever wrote what was not stored is closed with 4503, whoever waits for an answer
// that could show it with 1013; everyone else stays and is asked again for what the log lacks. For
// Limits::store_retry (longer while it keeps failing) further updates are then refused with 4503
// without asking the log; reading goes on. With RelayMoment::kAccepted others have seen the edit, and
// bring it back when they are asked. What was accepted after it may build upon it: until the room is
// read anew nobody is told that it is stored, so its writers come back as well.
//
// An error that should not happen (a status that no peer and no disk accounts for) ends the room as
// it is and nothing else: all members are closed with 1011, the document is thrown away, and the
// next to join reads it from the log.
//
// Ownership: a RoomTable's. Threads: one; no clock, no socket, no disk of its own, so that
// simulations run real rooms.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "crdt/pending_report.h"
#include "server/connection.h"
#include "server/limits.h"
#include "server/relay_moment.h"
#include "server/room_event.h"
#include "server/room_log.h"
#include "server/stats.h"
#include "sync/awareness_news.h"
#include "sync/session.h"
#include "sync/shared_document.h"

namespace weft::server {

class Room;

// What rooms are given from outside. Outlives them.
struct RoomServices {
  RoomLog& log;
  const Limits& limits;
  Stats& stats;
  std::function<sync::TimePoint()> now;
  // Called when the first news of awareness waits in a room. May be empty: they then leave with the
  // next Tick.
  std::function<void(Room&)> awareness_waits = {};
  RelayMoment relay = RelayMoment::kCommitted;
  RoomWatcher* watcher = nullptr;  // told what happens to rooms, when there is one
};

// Who a member is and what it may do.
struct JoinOptions {
  sync::Access access = sync::Access::kReadWrite;
  std::string subject = {};     // as its token names it; empty when nobody asked
  std::string address = {};     // where it comes from
  bool asks_in_return = false;  // as sync::Session::Options
  std::uint64_t holder = 0;     // its number among those who are in modes (lease/room_modes.h)
};

// A member, as others are told of it. Valid until the next call of the room.
struct MemberView {
  const Connection* connection = nullptr;
  std::uint64_t id = 0;  // among the members that this room ever had
  const JoinOptions* options = nullptr;
  sync::TimePoint joined{};
  // Names it in the awareness of the document; nothing while the room is loading.
  std::optional<sync::SessionId> session;
};

class Room {
 public:
  // The room's document, to be read or, by whoever knows better, changed within the call.
  using Read = std::move_only_function<absl::StatusOr<std::string>(sync::SharedDocument&)>;
  using ReadDone = std::move_only_function<void(absl::StatusOr<std::string>)>;
  struct Submitted {
    LogPlace place;     // of the last committed update when this one was
    bool news = false;  // whether it brought anything
  };
  using SubmitDone = std::move_only_function<void(absl::StatusOr<Submitted>)>;

  Room(std::string name, const RoomServices& services);
  // Requires: idle(), or the log is gone: callbacks of the log point here.
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  const std::string& name() const { return name_; }

  // Requires: `connection` is no member yet.
  void Join(Connection& connection, JoinOptions options = {});
  // Messages of a member, in order; those of others are ignored. They are not kept. What comes
  // together is joined where it continues itself (sync/typing_run.h): stored and told as one.
  void Receive(Connection& connection, std::span<const crdt::ByteView> messages);
  void Receive(Connection& connection, crdt::ByteView message) {
    Receive(connection, {&message, 1});
  }
  // Messages to this member were dropped: tells it everything anew, or closes it with 1013 when that
  // is more than may wait for one client.
  void CatchUp(Connection& connection);
  // The connection has ended. Not being a member (any more) is fine.
  void Leave(Connection& connection);

  // Tells all other members something that is neither kept nor a part of the document; who may not
  // write is not heard.
  void TellStateless(Connection& from, const sync::Frame& body);

  // From now on a member may do this; `reason` is what it is told when it may do less. Others than
  // members are ignored.
  void SetAccess(Connection& connection, sync::Access access, std::string_view reason);

  // Nobody writes until Unfreeze, but by Submit with `past_freeze`; `reason` is what who tries is
  // told. A frozen room is not forgotten; the end of the server ends it.
  void Freeze(std::string reason);
  void Unfreeze();
  const std::optional<std::string>& frozen() const { return frozen_; }

  // Called with OK when the room is open, or with why that will not be.
  using Completion = std::move_only_function<void(const absl::Status&)>;
  // Calls `visit` once the room is open and its members' sessions have begun: at once when it is.
  void WhenOpen(Completion visit);

  // Reads the document as soon as the room is open, and answers when all that can be seen in it is
  // committed. Fails: kUnavailable when the room cannot be loaded, or could not store what was seen;
  // and as `read`.
  void Query(Read read, ReadDone done);

  // Takes an update that no member sends, as it would take one of a member, and answers when it is
  // committed. Fails, and then nothing changed: kInvalidArgument, kResourceExhausted,
  // kFailedPrecondition (as sync::Session), kPermissionDenied (the room is frozen); kUnavailable
  // when it is not known to be stored: to send it once more does no harm.
  void Submit(crdt::Bytes update, bool past_freeze, SubmitDone done);

  // Stores an update that the server makes together with rows of an application, in one transaction, and
  // applies it when that is through: all members are told then. The room does not fail with it. Fails, and
  // then nothing changed: as Submit, as the change of the rows, and as the log.
  void Commit(crdt::Bytes update, RowChange rows, bool past_freeze, SubmitDone done);

  // As Submit, for the first update that a room ever has. Fails: also kAlreadyExists when it has one.
  void Seed(crdt::Bytes update, SubmitDone done);

  // Reads the updates after `after`, as RoomLog::LoadTail: those at least that members who are here
  // already have been told, and a newcomer is not told any more. Where that happens before the commit
  // (RelayMoment::kAccepted), the commit is waited for; fails also when it fails.
  void ReadTail(const LogPlace& after, std::size_t max_bytes, RoomLog::TailDone done);

  // The last update that is known to be committed. Before the room is open: nothing.
  const LogPlace& head() const { return head_; }

  // What its log could not show any more when the room was read, and the document lacks therefore.
  const std::vector<LostUpdates>& lost() const { return lost_; }

  // What of the document waits for updates that have not come; empty while it is not open.
  crdt::PendingReport pending_report() const;

  std::vector<MemberView> members() const;
  // Closes those of whom `whom` says so. How many they were.
  std::size_t CloseMembers(const std::function<bool(const MemberView&)>& whom, CloseCode code,
                           std::string_view reason);

  // All members are closed with this, the document is thrown away, and the next to join reads it
  // from the log: for a room whose log was deleted or replaced.
  void Reset(CloseCode code, std::string_view reason);

  // Something that should not happen was found in this room: see above.
  void Break(const absl::Status& reason);

  // Time has passed: awareness without news expires, renewals leave, a refusal to store may end.
  // Call about once a second.
  void Tick();
  // Tells all members the awareness that has gathered. To be called Limits::awareness_tick after
  // RoomServices::awareness_waits was.
  void TellAwareness();

  // From now on nothing more is read from members.
  void StopReading();
  // Closes all members at once; for the end of the server.
  void CloseAll(CloseCode code, std::string_view reason);

  bool has_members() const { return !members_.empty(); }
  std::size_t member_count() const { return members_.size(); }
  // Whether no callback of the log is awaited.
  bool idle() const { return state_ != State::kLoading && appended_ == completed_; }
  // Whether nobody is here and nothing is under way: it can be forgotten without a loss.
  bool unused() const {
    return members_.empty() && idle() && held_.empty() && waiting_.empty() && !frozen_ &&
           !awareness_waits_;
  }
  // Whether it is unused, and nobody was here for Limits::room_idle.
  bool CanUnload() const;
  // When the last member left, or the room was made. Requires: no members.
  sync::TimePoint empty_since() const { return empty_since_; }
  // Its part of Stats::room_memory_bytes, as of the last load or Tick.
  std::size_t memory_bytes() const { return memory_.bytes(); }
  std::size_t uncommitted_bytes() const { return uncommitted_bytes_; }
  // Updates that were accepted and are not committed yet.
  std::uint64_t uncommitted() const { return appended_ - completed_; }

  // OK, or which invariant is broken: what is held is in the order of its tickets and waits for an
  // append; members' counts of appends add up; a document is there exactly when it should be.
  absl::Status Validate() const;

 private:
  enum class State { kEmpty, kLoading, kOpen, kFailing };

  // Numbers the appends of this room, from 1; 0 is before all of them.
  using Ticket = std::uint64_t;
  using MemberId = std::uint64_t;
  static constexpr MemberId kNobody = 0;  // no member has this id

  // One message, and how many writes of its sender it holds, joined.
  struct Message {
    crdt::Bytes bytes;
    std::uint64_t writes = 0;
  };

  struct Member {
    MemberId id = 0;
    Connection* connection = nullptr;
    std::size_t index = 0;  // in members_
    JoinOptions options;
    bool wants_receipts = false;
    sync::TimePoint joined{};
    std::optional<sync::Session> session;  // while the room is open
    std::vector<Message> inbox;            // what came while there was no session
    std::uint64_t appends = 0;             // of this member, under way
    bool paused = false;                   // not read from until its appends are through
    bool to_be_asked = false;              // its SyncStep2 was refused: ask again later
  };

  // An update for all members but the one who sent it.
  struct Told {
    sync::Frame frame;
  };
  // What its receiver alone is sent.
  struct Answer {
    sync::Frame frame;
  };
  // What the receiver is to know of its writes; refused when there is a reason.
  struct OwedReceipt {
    std::uint64_t count = 0;
    std::string refusal;
  };

  // Something to be done once the append `ticket` has completed.
  struct Held {
    Ticket ticket = 0;
    MemberId member = 0;  // the sender of what is told, the receiver of all else
    std::variant<Told, Answer, OwedReceipt, Completion> what;
  };
  // An update that the document takes when it is committed.
  struct Commitment {
    sync::PublishUpdate update;
    SubmitDone done;
  };
  // One append under way.
  struct Pending {
    MemberId writer = 0;
    std::size_t bytes = 0;
    std::unique_ptr<Commitment> commitment;  // of a Commit
  };

  static MemberView ViewOf(const Member& member);
  void StartLoading();
  void OnLoaded(absl::StatusOr<RoomLog::Loaded> loaded);
  void OpenSession(Member& member);
  void CallWaiting(const absl::Status& status);
  void SubmitNow(crdt::ByteView update, bool past_freeze, SubmitDone done);
  void CommitNow(crdt::ByteView update, RowChange rows, bool past_freeze, SubmitDone done);
  void OnCommitted(Commitment commitment, const absl::StatusOr<LogPlace>& result);
  absl::StatusOr<bool> AcceptSubmitted(crdt::ByteView update, bool past_freeze);

  void ApplyAccess(Member& member);
  sync::Access EffectiveAccess(const Member& member) const;
  std::string Refusal(const Member& member) const;

  void Process(Member& member, crdt::ByteView message, std::uint64_t writes);
  void CountRefusal(const absl::Status& reason, crdt::ByteView message);
  bool RefuseWrite(Member& member, crdt::ByteView message);
  void Carry(sync::Effects effects, MemberId from);
  void CarryUpdate(const sync::PublishUpdate& update, MemberId from);
  void CarryReply(sync::Frame frame, MemberId to);
  void CarryRefusal(const sync::RefuseWrite& refusal, MemberId to);
  void OweReceipt(OwedReceipt receipt, MemberId to);
  void GiveReceipt(const OwedReceipt& receipt, const Member& to) const;
  void TellHeard();
  // The watcher.
  void Tell(RoomEvent event) const;
  void TellChanged();
  void TellQuota(std::string_view reason);
  void AfterCommit(Completion done);
  void CarryAwareness(const sync::PublishAwareness& awareness);
  void Broadcast(const sync::Frame& frame, MemberId except);

  void OnAppended(Ticket ticket, const absl::StatusOr<LogPlace>& result);
  void ReleaseHeld();
  void BeginFailing(const absl::Status& reason);
  // Drops what is held for one receiver. Who those are.
  std::vector<MemberId> DropHeldAnswers();
  void ReadAnew();

  void Expel(Member& member, CloseCode code, std::string_view reason);
  void Remove(Member& member);
  Member* Find(MemberId id);
  Member* Find(const Connection& connection);
  void ResumeIfThrough(Member& member);
  // Whether more is uncommitted, here or in the whole log, than there should be.
  bool IsOverfull() const;
  void LetNewcomersSpeak();
  void AskForRefusedUpdates();

  const std::string name_;
  const RoomServices services_;
  Counted counted_;
  Share memory_;

  State state_ = State::kEmpty;
  std::unique_ptr<sync::SharedDocument> document_;  // in kOpen and kFailing
  std::vector<std::unique_ptr<Member>> members_;
  absl::flat_hash_map<const Connection*, Member*> by_connection_;
  absl::flat_hash_map<MemberId, Member*> by_id_;
  MemberId last_member_ = 0;

  std::size_t receipt_members_ = 0;  // who want receipts
  std::vector<Completion> waiting_;  // for the room to be open
  std::optional<std::string> frozen_;

  LogPlace head_;
  std::vector<LostUpdates> lost_;
  Ticket appended_ = 0;          // given to the log
  Ticket completed_ = 0;         // answered by it
  std::deque<Pending> pending_;  // of the tickets (completed_, appended_]
  std::size_t uncommitted_bytes_ = 0;
  std::deque<Held> held_;

  sync::AwarenessNews awareness_news_;
  bool awareness_waits_ = false;  // TellAwareness will be called
  sync::TimePoint awareness_told_{};
  sync::TimePoint renewals_since_{};  // the oldest of them in awareness_news_

  bool reading_stopped_ = false;
  bool newcomers_wait_ = false;     // members are not read from since they joined
  sync::TimePoint refuse_until_{};  // updates are refused before this time
  bool refusing_ = false;
  sync::Duration refusal_{};  // how long the last refusal was; 0 after a success
  sync::TimePoint empty_since_{};
  LogPlace told_head_;  // the last that the watcher knows of
  sync::TimePoint next_quota_tell_{};
};

}  // namespace weft::server
