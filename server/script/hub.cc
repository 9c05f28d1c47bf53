#include "server/script/hub.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "crdt/state_vector.h"
#include "crdt/update.h"
#include "server/script/hub_words.h"

namespace weft::server::script {

using crdt::Any;
using crdt::AnyObject;
using lease::Refusal;

namespace {

constexpr std::string_view kRules = "edit=shared,cuts=exclusive,edit!cuts,cuts~unsaved-draft";

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

std::string_view ReasonOf(std::string_view mode, const Refusal& refusal) {
  if (mode == kEdit) return "Cannot edit: another user is in cuts mode";
  switch (refusal.code) {
    case Refusal::Code::kHeld:
      return "Cannot enter cuts mode: another user is already cutting";
    case Refusal::Code::kBlocked:
      return "Cannot enter cuts mode: unsaved draft exists";
    default:
      return "Cannot enter cuts mode: another user is editing";
  }
}

}  // namespace

Hub::Hub(HubServices& services, Options options)
    : services_(services),
      options_(options),
      rules_(*lease::Rules::Parse(kRules)),
      leases_(rules_, options.grace) {}

// --- Sockets

void Hub::OnOpen(ConnectionId id) {
  Connected& one = connections_[id];
  one.uuid = services_.NewUuid();
  one.secret = services_.NewSecret();
  // The secret stands beside DATA, which is the bare id for every client.
  services_.Send(id, crdt::ToJsonText(AnyObject{
                         {"OP", "SET_UUID"}, {"DATA", one.uuid}, {"RESUME", one.secret}}));
  SendAction(id, "GET_SETTINGS", {});
}

const std::map<std::string_view, Hub::Handler>& Hub::Handlers() {
  static const std::map<std::string_view, Handler> handlers = {
      {"AUTHENTICATE", &Hub::Authenticate},
      {"REFRESH_TOKEN", &Hub::RefreshToken},
      {"NEW_CLIENT", &Hub::NewClient},
      {"REFRESH_CLIENT", &Hub::RefreshClient},
      {"REQUEST_SCRIPT_EDIT", &Hub::RequestEdit},
      {"REQUEST_SCRIPT_CUTS", &Hub::RequestCuts},
      {"STOP_SCRIPT_EDIT", &Hub::StopEdit},
      {"JOIN_SCRIPT_ROOM", &Hub::JoinRoom},
      {"LEAVE_SCRIPT_ROOM", &Hub::LeaveRoom},
      {"YJS_SYNC", &Hub::Sync},
      {"YJS_UPDATE", &Hub::TakeUpdate},
      {"YJS_AWARENESS", &Hub::TakePresence},
      {"SAVE_SCRIPT_DRAFT", &Hub::SaveDraft},
      {"DISCARD_SCRIPT_DRAFT", &Hub::DiscardDraft},
  };
  return handlers;
}

void Hub::OnText(ConnectionId id, std::string_view text, lease::TimePoint now) {
  now_ = now;
  Connected* const one = Find(id);
  if (one == nullptr) return;
  const absl::StatusOr<ClientMessage> message = ParseClientMessage(text);
  if (!message.ok()) return SendError(id, MessageOf(message.status()));
  const auto handler = Handlers().find(message->op);
  // Other parts of the application have messages of their own.
  if (handler == Handlers().end()) return;
  (this->*handler->second)(id, *one, *message);
}

void Hub::OnClose(ConnectionId id, lease::TimePoint now) {
  now_ = now;
  Connected* const one = Find(id);
  if (one == nullptr) return;
  const bool was_in = one->place == Place::kIn;
  const RevisionRoom room = one->room;
  const bool had_editors = was_in && HasEditors(room);
  const bool held = leases_.Find(id) != nullptr;
  ForgetPresence(id, *one);
  connections_.erase(id);
  const lease::Changes changes = leases_.Drop(id, now);
  if (was_in && leases_.Find(id) != nullptr) away_[id] = room;
  if (leader_ == id) ElectLeader();
  if (was_in) {
    SendMembers(room);
    AfterLeaving(room, had_editors);
  }
  if (was_in || held || changes.any) TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::OnTokenEnded(ConnectionId id, std::string_view why, bool may_return,
                       lease::TimePoint now) {
  now_ = now;
  Connected* const one = Find(id);
  if (one == nullptr) return;
  services_.Send(id, OperationMessage("WS_AUTH_ERROR", why));
  if (!may_return && leases_.Find(id) != nullptr) {
    Out(id, *one);
    TellAll("GET_SCRIPT_CONFIG_STATUS");
  }
  services_.Close(id, why);
  // What it says until the socket has ended is nobody's.
  OnClose(id, now);
}

void Hub::Tick(lease::TimePoint now) {
  now_ = now;
  std::vector<std::pair<RevisionRoom, bool>> before;
  for (const auto& [id, room] : away_) before.emplace_back(room, HasEditors(room));
  if (!leases_.Tick(now).any) return;
  std::erase_if(away_, [&](const auto& one) { return leases_.Find(one.first) == nullptr; });
  for (const auto& [room, had_editors] : before) AfterLeaving(room, had_editors);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

// --- Who somebody is

bool Hub::TakeToken(ConnectionId id, Connected& one, const ClientMessage& message) {
  const std::string_view token = message.Text("token");
  const absl::StatusOr<User> user = token.empty() ? absl::UnauthenticatedError("No token provided")
                                                  : services_.Authenticate(id, token);
  if (!user.ok()) {
    services_.Send(id, OperationMessage("WS_AUTH_ERROR", MessageOf(user.status())));
    return false;
  }
  const bool is_another = one.user && one.user->id != user->id;
  one.user = *user;
  services_.Send(id,
                 OperationMessage("WS_AUTH_SUCCESS", AnyObject{{"user_id", ToAny(Number(user->id))},
                                                               {"username", user->username}}));
  // What somebody was given is not the next one's.
  if (is_another && leases_.Find(id) != nullptr) Out(id, one);
  UpdateAccess(id, one);
  if (one.place == Place::kIn) SendMembers(one.room);
  return true;
}

void Hub::Authenticate(ConnectionId id, Connected& one, const ClientMessage& message) {
  TakeToken(id, one, message);
}

void Hub::RefreshToken(ConnectionId id, Connected& one, const ClientMessage& message) {
  if (TakeToken(id, one, message)) {
    services_.Send(id, OperationMessage("WS_TOKEN_REFRESH_SUCCESS", AnyObject{}));
  }
}

void Hub::NewClient(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  one.is_client = true;
  if (live_ && !leader_) ElectLeader();
  static_cast<void>(id);
}

// With the secret of the old connection its mode comes along, and its room is kept. An id alone is
// public and gives nothing.
void Hub::RefreshClient(ConnectionId id, Connected& one, const ClientMessage& message) {
  const std::string_view secret = message.Text("resume");
  if (secret.empty() || !one.user) return;
  const auto resumed = leases_.Resume(id, secret, std::to_string(Number(one.user->id)), one.secret);
  if (!resumed) return;
  away_.erase(resumed->from);
  if (Connected* const old = Find(resumed->from)) {
    UpdateAccess(resumed->from, *old);
    if (old->place == Place::kIn) SendMembers(old->room);
  }
  services_.Send(id, ActionMessage("MODE_RESUMED", {{"mode", resumed->mode->name}}));
  UpdateAccess(id, one);
  if (one.place == Place::kIn) SendMembers(one.room);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

// --- Modes

void Hub::RefuseMode(ConnectionId id, std::string_view reason) {
  SendAction(id, "REQUEST_EDIT_FAILURE", {{"reason", reason}});
}

std::optional<std::string> Hub::TakeMode(ConnectionId id, Connected& one, std::string_view mode,
                                         bool has_draft) {
  if (live_) return std::string(kLiveSession);
  const std::optional<HubServices::Current> current = services_.CurrentShow();
  if (!current || !one.user || !MayWrite(*one.user, current->show))
    return std::string(kNoPermission);
  const std::vector<std::string> blockers =
      has_draft ? std::vector<std::string>{"unsaved-draft"} : std::vector<std::string>{};
  const lease::LeaseTable::Taken taken =
      leases_.Take(id, mode, std::to_string(Number(one.user->id)), one.secret, blockers);
  if (taken.refusal) return std::string(ReasonOf(mode, *taken.refusal));
  return std::nullopt;
}

void Hub::RequestEdit(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  // In this protocol a cutter has to stop before it edits.
  if (leases_.Holds(id, kCuts)) return RefuseMode(id, "Cannot edit: another user is in cuts mode");
  if (const auto refused = TakeMode(id, one, kEdit, false)) return RefuseMode(id, *refused);
  UpdateAccess(id, one);
  if (one.place == Place::kIn) SendMembers(one.room);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::RequestCuts(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  if (leases_.Holds(id, kEdit)) {
    return RefuseMode(id, "Cannot enter cuts mode: another user is editing");
  }
  const std::optional<HubServices::Current> current = services_.CurrentShow();
  const bool has_draft =
      current && current->revision && services_.HasDraft({current->show, *current->revision});
  if (const auto refused = TakeMode(id, one, kCuts, has_draft)) return RefuseMode(id, *refused);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::StopEdit(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  Out(id, one);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

// Out of its mode; in its room it stays as a viewer, unless it was the last editor.
void Hub::Out(ConnectionId id, Connected& one) {
  const bool is_in = one.place == Place::kIn;
  const RevisionRoom room = one.room;
  const bool had_editors = is_in && HasEditors(room);
  leases_.Give(id);
  UpdateAccess(id, one);
  if (!is_in) return;
  SendMembers(room);
  AfterLeaving(room, had_editors);
}

// --- Edits

void Hub::OnDiff(ConnectionId id, crdt::ByteView update) {
  const Connected* const one = Find(id);
  if (one == nullptr || one->place != Place::kIn) return;
  AnyObject data = Payload(update);
  data.Set("step", 2);
  SendAction(id, "YJS_SYNC", std::move(data));
}

void Hub::OnUpdate(ConnectionId id, crdt::ByteView update) {
  const Connected* const one = Find(id);
  if (one == nullptr || one->place != Place::kIn) return;
  SendAction(id, "YJS_UPDATE", Payload(update));
}

void Hub::OnReceipt(ConnectionId id, std::uint64_t count, std::string_view refusal) {
  const Connected* const one = Find(id);
  if (one == nullptr) return;
  if (!refusal.empty()) SendError(id, refusal);
  if (!one->wants_receipts) return;
  AnyObject data{{"count", ToAny(count)}, {"stored", refusal.empty()}};
  if (!refusal.empty()) data.Set("reason", refusal);
  SendAction(id, "YJS_RECEIPT", std::move(data));
}

std::optional<std::string> Hub::WriteRefusal(ConnectionId id, const Connected& one) const {
  if (live_) return std::string(kLiveSession);
  if (!leases_.Holds(id, kEdit) || !one.user || !MayWrite(*one.user, one.room.show)) {
    return std::string(kNoPermission);
  }
  return std::nullopt;
}

bool Hub::MayWriteNow(ConnectionId id, const Connected& one) const {
  return !WriteRefusal(id, one);
}

void Hub::UpdateAccess(ConnectionId id, Connected& one) {
  if (one.place == Place::kNone) return;
  const bool may_write = MayWriteNow(id, one);
  if (std::exchange(one.may_write, may_write) != may_write) services_.SetAccess(id, may_write);
}

void Hub::AccessMayHaveChanged() {
  for (auto& [id, one] : connections_) UpdateAccess(id, one);
}

void Hub::Sync(ConnectionId id, Connected& one, const ClientMessage& message) {
  if (one.place != Place::kIn) return;
  const std::uint64_t step = message.Number("step").value_or(1);
  if (step == 2) return TakeUpdate(id, one, message);
  if (step != 1) return;
  absl::StatusOr<crdt::Bytes> state_vector = FromBase64(message.Text("payload"));
  if (!state_vector.ok()) return SendError(id, MessageOf(state_vector.status()));
  // The room would close a member for it.
  if (const auto decoded = crdt::DecodeStateVector(*state_vector); !decoded.ok()) {
    return SendError(id, MessageOf(decoded.status()));
  }
  services_.AskForDiff(id, *std::move(state_vector));
}

void Hub::TakeUpdate(ConnectionId id, Connected& one, const ClientMessage& message) {
  if (one.place != Place::kIn) return;
  if (const auto refused = WriteRefusal(id, one)) return OnReceipt(id, 1, *refused);
  absl::StatusOr<crdt::Bytes> update = FromBase64(message.Text("payload"));
  if (!update.ok()) return OnReceipt(id, 1, MessageOf(update.status()));
  if (const auto decoded = crdt::DecodeUpdate(*update); !decoded.ok()) {
    return OnReceipt(
        id, 1, absl::StrCat("the payload is no update: ", std::string(decoded.status().message())));
  }
  services_.Write(id, *std::move(update));
}

// --- Saving

void Hub::SaveDraft(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  if (one.place != Place::kIn) return;
  if (const auto refused = WriteRefusal(id, one)) return SendError(id, *refused);
  const auto [saving, began] = saving_.try_emplace(one.room);
  if (!began) {
    saving->second = id;
    return;
  }
  services_.Save(one.room, id);
}

void Hub::DiscardDraft(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  if (live_) return SendError(id, kLiveSession);
  const std::optional<HubServices::Current> current = services_.CurrentShow();
  if (!current || !current->revision) return SendError(id, "No active revision");
  const RevisionRoom room =
      one.place == Place::kIn ? one.room : RevisionRoom{current->show, *current->revision};
  if (!leases_.Holds(id, kEdit) || !one.user || !MayWrite(*one.user, room.show)) {
    return SendError(id, kNoPermission);
  }
  BeginDiscard(room);
  services_.Discard(room, id);
}

void Hub::OnSaveProgress(const RevisionRoom& room, std::uint64_t done, std::uint64_t total) {
  if (total == 0) return;
  SendRoom(room, "SAVE_PROGRESS",
           {{"page", ToAny(done)},
            {"total", ToAny(total)},
            {"percent", ToAny((200 * done + total) / (2 * total))}});
}

void Hub::OnSaved(const RevisionRoom& room, std::string_view last_saved_at) {
  SendRoom(room, "SCRIPT_SAVED", {{"last_saved_at", last_saved_at}});
  TellAll("GET_SCRIPT_REVISIONS");
  EndSave(room);
}

void Hub::EndSave(const RevisionRoom& room) {
  const auto saving = saving_.find(room);
  if (saving == saving_.end()) return;
  const std::optional<ConnectionId> next = saving->second;
  saving_.erase(saving);
  Connected* const one = next ? Find(*next) : nullptr;
  // Everything is asked anew.
  if (one != nullptr && IsIn(*one, room)) SaveDraft(*next, *one, {});
}

// Whoever saw progress sees its end.
void Hub::OnSaveFailed(const RevisionRoom& room, ConnectionId who, std::string_view error,
                       std::string_view problems_json) {
  AnyObject data{{"error", error}};
  if (!problems_json.empty()) {
    data.Set("problems", crdt::ParseJson(problems_json, kMaxWireDepth).value_or(Any()));
  }
  if (Find(who) != nullptr) SendAction(who, "SAVE_ERROR", data);
  SendRoom(room, "SAVE_FAILED", data, who);
  EndSave(room);
}

void Hub::OnDiscarded(const RevisionRoom& room, std::optional<ConnectionId> who,
                      const absl::Status& status) {
  if (status.ok()) SendAway(room);
  Release(room);
  if (!status.ok()) {
    if (who && Find(*who) != nullptr) SendError(*who, MessageOf(status));
    return;
  }
  TellAll("GET_SCRIPT_CONFIG_STATUS");
  TellAll("GET_SCRIPT_REVISIONS");
}

// --- The show

void Hub::SetLive(bool live) {
  if (std::exchange(live_, live) == live) return;
  AccessMayHaveChanged();
  if (live_) {
    ElectLeader();
  } else {
    leader_.reset();
  }
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::ElectLeader() {
  leader_.reset();
  if (!live_) return;
  for (const auto& [id, one] : connections_) {
    if (!one.is_client || !one.user) continue;
    leader_ = id;
    return SendAll("ELECTED_LEADER", AnyObject{{"internal_id", one.uuid}});
  }
  SendAll("NO_LEADER", AnyObject{});
}

std::optional<std::string> Hub::leader() const {
  if (!leader_) return std::nullopt;
  return connections_.at(*leader_).uuid;
}

void Hub::OnCurrentChanged() {
  const std::optional<HubServices::Current> current = services_.CurrentShow();
  std::vector<RevisionRoom> left;
  for (const auto& [id, one] : connections_) {
    if (one.place == Place::kNone || one.names_room) continue;
    const bool stays = current && current->revision && one.room.show == current->show &&
                       one.room.revision == *current->revision;
    if (!stays) left.push_back(one.room);
  }
  for (const RevisionRoom& room : left) CloseRoom(room);
  TellAll("GET_SCRIPT_REVISIONS");
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::TellAll(std::string_view action) {
  const std::string text = ActionMessage(action, {});
  for (const auto& [id, one] : connections_) services_.Send(id, text);
}

// --- Looking

std::vector<HubStatus::Person> Hub::Holders(std::string_view mode) const {
  std::vector<HubStatus::Person> people;
  for (const lease::Lease* held : leases_.HoldersOf(mode)) {
    const auto found = connections_.find(held->holder);
    if (found == connections_.end()) continue;
    const Connected& one = found->second;
    people.push_back({.internal_id = one.uuid,
                      .username = one.user ? one.user->username : "Unknown",
                      .user = one.user ? std::optional(one.user->id) : std::nullopt});
  }
  return people;
}

HubStatus Hub::Status() const {
  HubStatus status{.editors = Holders(kEdit), .cutters = Holders(kCuts), .members = {}};
  std::map<RevisionRoom, std::size_t> members;
  for (const auto& [id, one] : connections_) {
    const bool waits = one.place == Place::kJoining && one.waits;
    if (one.place != Place::kNone && !waits) ++members[one.room];
  }
  status.members.assign(members.begin(), members.end());
  return status;
}

std::string Hub::NameOf(ConnectionId connection) const {
  const auto found = connections_.find(connection);
  return found == connections_.end() || !found->second.user ? "" : found->second.user->username;
}

Hub::Connected* Hub::Find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

// --- Saying

void Hub::SendAction(ConnectionId id, std::string_view action, AnyObject data) {
  const Connected* const one = Find(id);
  if (one == nullptr) return;
  if (one->names_room && one->place == Place::kIn && action.starts_with("YJS_")) {
    data.Set("room_id", DraftName(one->room));
  }
  services_.Send(id, ActionMessage(action, std::move(data)));
}

void Hub::SendError(ConnectionId id, std::string_view error) {
  SendAction(id, "COLLAB_ERROR", {{"error", error}});
}

void Hub::SendRoom(const RevisionRoom& room, std::string_view action, const AnyObject& data,
                   std::optional<ConnectionId> except) {
  const std::string text = ActionMessage(action, data);
  std::string with_room;
  for (const auto& [id, one] : connections_) {
    if (!IsIn(one, room) || id == except) continue;
    if (!one.names_room) {
      services_.Send(id, text);
      continue;
    }
    if (with_room.empty()) {
      AnyObject named = data;
      named.Set("room_id", DraftName(room));
      with_room = ActionMessage(action, std::move(named));
    }
    services_.Send(id, with_room);
  }
}

void Hub::SendAll(std::string_view op, const Any& data) {
  const std::string text = OperationMessage(op, data);
  for (const auto& [id, one] : connections_) services_.Send(id, text);
}

}  // namespace weft::server::script
