#include "server/room.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "server/log.h"
#include "server/room_name.h"
#include "server/room_trace.h"
#include "sync/close.h"
#include "sync/message.h"
#include "sync/typing_run.h"

namespace weft::server {
namespace {

// The watcher hears of a full document once in so long.
constexpr std::chrono::minutes kQuotaTellInterval{1};

constexpr std::string_view kMayNotWrite = "this connection may read but not write";

// How many writes a message is, for who wants receipts.
std::uint64_t CountWrites(crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  return decoded.ok() && (std::holds_alternative<sync::SyncStep2>(*decoded) ||
                          std::holds_alternative<sync::Update>(*decoded));
}

}  // namespace

Room::Room(std::string name, const RoomServices& services)
    : name_(std::move(name)),
      services_(services),
      counted_(services.stats.rooms),
      memory_(services.stats.room_memory_bytes),
      empty_since_(services.now()) {}

Room::~Room() { TellChanged(); }

// --- Members
// ----------------------------------------------------------------------------------------

void Room::Join(Connection& connection, JoinOptions options) {
  CHECK(Find(connection) == nullptr);
  auto member = std::make_unique<Member>();
  member->id = ++last_member_;
  member->connection = &connection;
  member->index = members_.size();
  member->options = std::move(options);
  member->joined = services_.now();
  member->wants_receipts = connection.WantsReceipts();
  receipt_members_ += member->wants_receipts;
  Member& joined = *member;
  by_connection_.emplace(&connection, &joined);
  by_id_.emplace(joined.id, &joined);
  members_.push_back(std::move(member));
  if (members_.size() == 1) Tell({.kind = RoomEvent::Kind::kOpened});
  Tell({.kind = RoomEvent::Kind::kJoined, .name = joined.options.subject, .member = joined.id});
  if (state_ == State::kOpen) {
    OpenSession(joined);
  } else if (state_ == State::kEmpty) {
    StartLoading();
  }
}

void Room::Leave(Connection& connection) {
  Member* member = Find(connection);
  if (member == nullptr) return;
  const MemberId id = member->id;
  sync::Effects effects;
  if (member->session) effects = member->session->Close();
  Remove(*member);
  Carry(std::move(effects), id);
}

void Room::Expel(Member& member, CloseCode code, std::string_view reason) {
  Connection& connection = *member.connection;
  Leave(connection);
  connection.Close(code, reason);
}

void Room::Remove(Member& member) {
  by_connection_.erase(member.connection);
  by_id_.erase(member.id);
  receipt_members_ -= member.wants_receipts;
  const std::uint64_t id = member.id;
  const std::string subject = std::move(member.options.subject);
  const std::size_t index = member.index;
  if (index + 1 != members_.size()) {
    std::swap(members_[index], members_.back());
    members_[index]->index = index;
  }
  members_.pop_back();
  Tell({.kind = RoomEvent::Kind::kLeft, .name = subject, .member = id});
  if (members_.empty()) {
    empty_since_ = services_.now();
    awareness_news_.Clear();
    Tell({.kind = RoomEvent::Kind::kClosed});
  }
}

std::vector<MemberView> Room::members() const {
  std::vector<MemberView> views;
  views.reserve(members_.size());
  for (const auto& member : members_) views.push_back(ViewOf(*member));
  return views;
}

MemberView Room::ViewOf(const Member& member) {
  std::optional<sync::SessionId> session;
  if (member.session) session = member.session->id();
  return {member.connection, member.id, &member.options, member.joined, session};
}

crdt::PendingReport Room::pending_report() const {
  return document_ == nullptr ? crdt::PendingReport() : document_->GetPendingReport();
}

std::size_t Room::CloseMembers(const std::function<bool(const MemberView&)>& whom, CloseCode code,
                               std::string_view reason) {
  std::vector<MemberId> chosen;
  for (const auto& member : members_) {
    if (whom(ViewOf(*member))) {
      chosen.push_back(member->id);
    }
  }
  for (const MemberId id : chosen) {
    if (Member* member = Find(id)) Expel(*member, code, reason);
  }
  return chosen.size();
}

// --- Access
// -----------------------------------------------------------------------------------------

sync::Access Room::EffectiveAccess(const Member& member) const {
  return frozen_ ? sync::Access::kReadOnly : member.options.access;
}

std::string Room::Refusal(const Member& member) const {
  const bool may_write = member.options.access == sync::Access::kReadWrite;
  return frozen_ && may_write ? *frozen_ : std::string(kMayNotWrite);
}

void Room::SetAccess(Connection& connection, sync::Access access, std::string_view reason) {
  Member* member = Find(connection);
  if (member == nullptr || std::exchange(member->options.access, access) == access) return;
  if (frozen_) return;  // it changes when that ends
  connection.OnAccess(access, reason);
  ApplyAccess(*member);
}

void Room::TellStateless(Connection& from, const sync::Frame& body) {
  const Member* speaker = Find(from);
  if (speaker == nullptr || speaker->options.access != sync::Access::kReadWrite) return;
  for (const auto& member : members_) {
    if (member.get() != speaker) member->connection->HearStateless(body);
  }
}

void Room::ApplyAccess(Member& member) {
  if (!member.session) return;
  Carry(member.session->SetAccess(EffectiveAccess(member), Refusal(member)), member.id);
}

void Room::Freeze(std::string reason) {
  const bool was_frozen = frozen_.has_value();
  frozen_ = std::move(reason);
  Tell({.kind = RoomEvent::Kind::kFrozen, .name = *frozen_});
  for (const auto& member : members_) {
    if (!was_frozen && member->options.access == sync::Access::kReadWrite) {
      member->connection->OnAccess(sync::Access::kReadOnly, *frozen_);
    }
    ApplyAccess(*member);
  }
}

void Room::Unfreeze() {
  if (!frozen_) return;
  frozen_.reset();
  Tell({.kind = RoomEvent::Kind::kUnfrozen});
  for (const auto& member : members_) {
    if (member->options.access == sync::Access::kReadWrite) {
      member->connection->OnAccess(sync::Access::kReadWrite, "");
    }
    ApplyAccess(*member);
  }
}

Room::Member* Room::Find(MemberId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Room::Member* Room::Find(const Connection& connection) {
  const auto found = by_connection_.find(&connection);
  return found == by_connection_.end() ? nullptr : found->second;
}

// --- Loading
// ----------------------------------------------------------------------------------------

void Room::StartLoading() {
  state_ = State::kLoading;
  services_.log.Load(name_, [this](auto loaded) { OnLoaded(std::move(loaded)); });
}

void Room::OnLoaded(absl::StatusOr<RoomLog::Loaded> loaded) {
  CHECK(state_ == State::kLoading);
  if (!loaded.ok()) {
    LogError("the room \"{}\" cannot be loaded: {}", PrintableName(name_),
             loaded.status().ToString());
    state_ = State::kEmpty;
    while (!members_.empty()) {
      Expel(*members_.back(), CloseCode::kRoomUnavailable,
            "the room cannot be loaded; try again later");
    }
    return CallWaiting(absl::UnavailableError("the room cannot be loaded; try again later"));
  }
  const Limits& limits = services_.limits;
  document_ = std::make_unique<sync::SharedDocument>(sync::SharedDocument::Options{
      .limits = {},
      .awareness = {.state_bytes = limits.awareness_bytes, .bytes = limits.room_awareness_bytes},
      .document_bytes = limits.document_bytes});
  std::size_t number = 0;
  for (const crdt::Bytes& update : loaded->updates) {
    ++number;
    const auto applied = document_->ApplyUpdate(update);
    if (!applied.ok()) {
      LogError("the room \"{}\" goes on without its stored update {} of {}: {}",
               PrintableName(name_), number, loaded->updates.size(), applied.status().ToString());
    }
  }
  head_ = loaded->head;
  lost_ = std::move(loaded->lost);
  if (told_head_.generation == 0) told_head_ = head_;  // else others may have written meanwhile
  state_ = State::kOpen;
  memory_.Set(document_->memory_bytes());
  // Opening a session may remove members, but adds none.
  std::vector<MemberId> waiting;
  for (const auto& member : members_) waiting.push_back(member->id);
  for (const MemberId id : waiting) {
    if (Member* member = Find(id)) OpenSession(*member);
  }
  CallWaiting(absl::OkStatus());
}

void Room::WhenOpen(Completion visit) {
  if (state_ == State::kOpen) return visit(absl::OkStatus());
  waiting_.push_back(std::move(visit));
  if (state_ == State::kEmpty) StartLoading();
}

void Room::CallWaiting(const absl::Status& status) {
  for (Completion& visit : std::exchange(waiting_, {})) visit(status);
}

void Room::OpenSession(Member& member) {
  const MemberId id = member.id;
  member.to_be_asked = false;
  member.session.emplace(
      document_.get(),
      sync::Session::Options{.access = EffectiveAccess(member),
                             .refusal = Refusal(member),
                             .asks_in_return = member.options.asks_in_return,
                             // Each message was within its bound; those of one read are joined.
                             .frame_bytes = services_.limits.message_bytes + Limits::kFairBytes});
  Carry(member.session->Open(), id);
  for (const Message& message : std::exchange(member.inbox, {})) {
    Member* still_here = Find(id);
    if (still_here == nullptr) return;
    Process(*still_here, message.bytes, message.writes);
  }
  // While too much is uncommitted nobody new is read from: whoever writes, leaves and comes back
  // would have one message more under way each time.
  if (IsOverfull()) {
    newcomers_wait_ = true;
  } else if (Member* still_here = Find(id)) {
    ResumeIfThrough(*still_here);
  }
}

// --- Messages
// ---------------------------------------------------------------------------------------

void Room::Receive(Connection& connection, std::span<const crdt::ByteView> messages) {
  sync::TypingRun run;
  // Handling a message may end the membership.
  const auto process = [&](crdt::ByteView message, std::uint64_t writes) {
    if (Member* member = Find(connection)) Process(*member, message, writes);
  };
  const auto process_run = [&] {
    if (run.empty()) return;
    const std::uint64_t writes = run.count();
    process(run.Take(), writes);
  };
  const auto process_single = [&](crdt::ByteView message) {
    process(message, receipt_members_ > 0 ? CountWrites(message) : 0);
  };
  for (const crdt::ByteView message : messages) {
    if (messages.size() > 1 && run.Add(message)) continue;
    process_run();
    if (messages.size() == 1 || !run.Add(message)) process_single(message);
  }
  process_run();
}

void Room::Process(Member& member, crdt::ByteView message, std::uint64_t writes) {
  if (state_ != State::kOpen || !member.session) {
    member.inbox.push_back({crdt::Bytes(message.begin(), message.end()), writes});
    return;
  }
  if (refusing_ && RefuseWrite(member, message)) return;
  const MemberId id = member.id;
  if (TracesRooms()) [[unlikely]]
    TraceMessage(name_, id, message);
  absl::StatusOr<sync::Effects> effects = member.session->Receive(message, services_.now());
  if (effects.ok()) {
    const bool owes = member.wants_receipts && writes > 0;
    OwedReceipt receipt{.count = writes, .refusal = {}};
    for (const sync::Effect& effect : *effects) {
      if (const auto* refused = std::get_if<sync::RefuseWrite>(&effect)) {
        receipt.refusal = refused->reason;
      }
    }
    Carry(*std::move(effects), id);
    if (owes) OweReceipt(std::move(receipt), id);
    return;
  }
  const sync::Close close = sync::CloseFor(effects.status());
  if (close.code == sync::CloseCode::kInternalError) return Break(effects.status());
  CountRefusal(effects.status(), message);
  Expel(member, static_cast<CloseCode>(close.code), close.reason);
}

// Counts the limit, if it was one, that a message of a member ran into.
void Room::CountRefusal(const absl::Status& reason, crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  const bool awareness = decoded.ok() && std::holds_alternative<sync::AwarenessUpdate>(*decoded);
  std::optional<Limit> limit;
  if (absl::IsResourceExhausted(reason)) {
    limit = awareness ? Limit::kAwarenessBytes : Limit::kDocumentBytes;
  } else if (absl::IsUnavailable(reason)) {
    limit = Limit::kRoomAwarenessBytes;
  }
  if (limit) services_.stats.limits.Hit(*limit, "the room " + PrintableName(name_));
  if (limit == Limit::kDocumentBytes) TellQuota(std::string(reason.message()));
}

void Room::CatchUp(Connection& connection) {
  Member* member = Find(connection);
  if (member == nullptr) return;
  const auto expel = [&] {
    Expel(*member, CloseCode::kBusy, "this client is too far behind; join again");
  };
  // A room that is read anew cannot tell what it will hold.
  if (state_ != State::kOpen || !member->session) return expel();
  absl::StatusOr<sync::Effects> everything = member->session->TellEverything();
  if (!everything.ok()) return expel();
  std::size_t bytes = 0;
  for (const sync::Effect& effect : *everything) {
    bytes += std::get<sync::Reply>(effect).frame->size();
  }
  if (bytes > services_.limits.queue_bytes) return expel();
  Carry(*std::move(everything), member->id);
}

// Whether `message` writes and was therefore not taken: the log has just failed to store something.
bool Room::RefuseWrite(Member& member, crdt::ByteView message) {
  const absl::StatusOr<sync::Message> decoded = sync::DecodeMessage(message);
  if (!decoded.ok()) return false;
  const bool answers = std::holds_alternative<sync::SyncStep2>(*decoded);
  // Who waits for receipts of its writes would wait for this one for ever.
  if (answers && !member.wants_receipts) {
    // Every client answers so when it joins, with or without edits to bring. It keeps them.
    member.to_be_asked = true;
    return true;
  }
  if (!answers && !std::holds_alternative<sync::Update>(*decoded)) return false;
  Expel(member, CloseCode::kNotStored,
        "the server cannot store edits at the moment; try again later");
  return true;
}

void Room::Carry(sync::Effects effects, MemberId from) {
  for (sync::Effect& effect : effects) {
    if (auto* update = std::get_if<sync::PublishUpdate>(&effect)) {
      CarryUpdate(*update, from);
    } else if (auto* awareness = std::get_if<sync::PublishAwareness>(&effect)) {
      CarryAwareness(*awareness);
    } else if (auto* refusal = std::get_if<sync::RefuseWrite>(&effect)) {
      CarryRefusal(*refusal, from);
    } else {
      CarryReply(std::move(std::get<sync::Reply>(effect).frame), from);
    }
  }
}

void Room::Tell(RoomEvent event) const {
  if (services_.watcher == nullptr) return;
  event.room = name_;
  event.head = head_;
  event.members = members_.size();
  services_.watcher->OnRoomEvent(event);
}

void Room::TellChanged() {
  if (head_ == told_head_ || head_.generation == 0) return;
  told_head_ = head_;
  Tell({.kind = RoomEvent::Kind::kChanged});
}

void Room::TellQuota(std::string_view reason) {
  const sync::TimePoint now = services_.now();
  if (now < next_quota_tell_) return;
  next_quota_tell_ = now + kQuotaTellInterval;
  Tell({.kind = RoomEvent::Kind::kQuota, .name = reason});
}

// The first news after a pause leave at once; what follows gathers for a tick. Renewals wait for
// others, or for the limit of their own.
void Room::CarryAwareness(const sync::PublishAwareness& awareness) {
  constexpr std::size_t kMaxNewsBytes = 256 << 10;
  const sync::TimePoint now = services_.now();
  const bool rested = now - awareness_told_ >= services_.limits.awareness_tick;
  if (!awareness.is_renewal && awareness_news_.empty() && rested) {
    awareness_told_ = now;
    return Broadcast(awareness.frame, kNobody);
  }
  if (awareness_news_.empty()) renewals_since_ = now;
  CHECK(awareness_news_.Add(awareness.update()).ok());
  if (awareness_news_.bytes() > kMaxNewsBytes) return TellAwareness();
  if (awareness.is_renewal || awareness_waits_ || !services_.awareness_waits) return;
  awareness_waits_ = true;
  services_.awareness_waits(*this);
}

void Room::TellAwareness() {
  awareness_waits_ = false;
  if (awareness_news_.empty()) return;
  awareness_told_ = services_.now();
  Broadcast(awareness_news_.Take(), kNobody);
}

void Room::Broadcast(const sync::Frame& frame, MemberId except) {
  for (const auto& member : members_) {
    if (member->id != except) member->connection->SendShared(frame);
  }
}

void Room::Break(const absl::Status& reason) {
  LogError("the room \"{}\" closes all its connections: {}", PrintableName(name_),
           reason.ToString());
  Reset(CloseCode::kInternalError, "an internal error; the room is read anew");
}

// --- Time and the end
// -------------------------------------------------------------------------------

void Room::Tick() {
  const sync::TimePoint now = services_.now();
  if (refusing_ && state_ == State::kOpen && now >= refuse_until_) {
    refusing_ = false;
    AskForRefusedUpdates();
  }
  if (now - renewals_since_ >= services_.limits.awareness_renewal || !services_.awareness_waits) {
    TellAwareness();
  }
  if (state_ == State::kOpen) {
    document_->ForgetAnswer();
    Carry(sync::ExpireAwareness(*document_, now), kNobody);
  }
  if (document_ != nullptr) memory_.Set(document_->memory_bytes());
  TellChanged();
  LetNewcomersSpeak();
}

void Room::AskForRefusedUpdates() {
  const crdt::Bytes state_vector = document_->EncodeStateVector();
  const sync::Frame question = sync::MakeFrame(sync::SyncStep1{state_vector});
  for (const auto& member : members_) {
    if (std::exchange(member->to_be_asked, false)) member->connection->Send(*question);
  }
}

bool Room::CanUnload() const {
  return unused() && services_.now() - empty_since_ >= services_.limits.room_idle;
}

void Room::StopReading() {
  reading_stopped_ = true;
  for (const auto& member : members_) member->connection->SetReading(false);
}

void Room::CloseAll(CloseCode code, std::string_view reason) {
  // No departures are told: everyone leaves.
  by_connection_.clear();
  by_id_.clear();
  receipt_members_ = 0;
  const auto leaving = std::exchange(members_, {});
  for (const auto& member : leaving) member->connection->Close(code, reason);
  for (const auto& member : leaving) {
    Tell({.kind = RoomEvent::Kind::kLeft, .name = member->options.subject, .member = member->id});
  }
  if (!leaving.empty()) Tell({.kind = RoomEvent::Kind::kClosed});
  empty_since_ = services_.now();
}

absl::Status Room::Validate() const {
  if (pending_.size() != appended_ - completed_)
    return absl::InternalError("pending_ lacks a ticket");
  std::size_t bytes = 0;
  for (const Pending& pending : pending_) bytes += pending.bytes;
  if (bytes != uncommitted_bytes_) return absl::InternalError("uncommitted_bytes_ is wrong");
  Ticket last = completed_;
  for (const Held& held : held_) {
    if (held.ticket < last || held.ticket <= completed_ || held.ticket > appended_) {
      return absl::InternalError(absl::StrCat("held ticket ", held.ticket, " is out of order"));
    }
    last = held.ticket;
  }
  const bool has_document = state_ == State::kOpen || state_ == State::kFailing;
  if (has_document != (document_ != nullptr))
    return absl::InternalError("document and state disagree");
  if (members_.size() != by_connection_.size() || members_.size() != by_id_.size()) {
    return absl::InternalError("the indexes of members differ in size");
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Member& member = *members_[i];
    if (member.index != i) return absl::InternalError("a member has a wrong index");
    const auto appends =
        std::count_if(pending_.begin(), pending_.end(),
                      [&](const Pending& pending) { return pending.writer == member.id; });
    if (member.appends != static_cast<std::uint64_t>(appends)) {
      return absl::InternalError("a member's appends do not add up");
    }
    if (member.session.has_value() ? !has_document : state_ == State::kOpen) {
      return absl::InternalError("a member's session and the room's state disagree");
    }
  }
  return absl::OkStatus();
}

}  // namespace weft::server
