// Who is in which room: on the way in, held back, in it, seen by the others, and out of it, by whatever way.

#include <algorithm>
#include <utility>

#include "crdt/json.h"
#include "server/script/hub.h"
#include "server/script/hub_words.h"

namespace weft::server::script {

using crdt::Any;
using crdt::AnyObject;

// --- In

void Hub::JoinRoom(ConnectionId id, Connected& one, const ClientMessage& message) {
  if (live_) return SendError(id, kLiveSession);
  const std::optional<HubServices::Current> current = services_.CurrentShow();
  if (!current) return SendError(id, "No show loaded");
  RevisionRoom room{.show = current->show, .revision = {}};
  const std::optional<std::uint64_t> named = message.Number("revision_id");
  if (named) {
    room.revision = RevisionId{*named};
    if (!services_.HasRevision(room)) {
      return SendError(id, NoRevision(room.revision));
    }
  } else if (current->revision) {
    room.revision = *current->revision;
  } else {
    return SendError(id, "No active revision");
  }
  if (one.place != Place::kNone && one.room != room) LeaveRoom(id, one, message);
  one.names_room = named.has_value();
  one.wants_receipts = message.Flag("receipts");
  if (one.place != Place::kNone) services_.Leave(id);  // it begins anew, and is told everything
  one.room = room;
  one.place = Place::kJoining;
  StartJoin(id, one);
}

void Hub::StartJoin(ConnectionId id, Connected& one) {
  one.waits = held_.contains(one.room);
  if (one.waits) return;
  one.may_write = MayWriteNow(id, one);
  services_.Join(id, one.room, one.may_write);
}

void Hub::Release(const RevisionRoom& room) {
  const auto held = held_.find(room);
  if (held == held_.end() || --held->second > 0) return;
  held_.erase(held);
  for (auto& [id, one] : connections_) {
    if (one.place != Place::kJoining || !one.waits || one.room != room) continue;
    if (live_) {
      OnJoinRefused(id, kLiveSession);
    } else if (!services_.HasRevision(room)) {
      OnJoinRefused(id, NoRevision(room.revision));
    } else {
      StartJoin(id, one);
    }
  }
}

void Hub::OnJoinRefused(ConnectionId id, std::string_view error) {
  Connected* const one = Find(id);
  if (one == nullptr || one->place != Place::kJoining) return;
  one->place = Place::kNone;
  SendError(id, error);
}

void Hub::OnJoined(ConnectionId id, const Joined& joined) {
  Connected* const one = Find(id);
  if (one == nullptr || one->place != Place::kJoining) return;
  one->place = Place::kIn;
  AnyObject data = Payload(joined.state);
  data.Set("step", 0);
  data.Set("state_vector", ToBase64(joined.state_vector));
  data.Set("generation", std::to_string(joined.generation));
  SendAction(id, "YJS_SYNC", std::move(data));
  // Behind the document: to a client that waits for it, an error before it is a refusal.
  for (const std::string& warning : joined.warnings) SendError(id, warning);
  UpdateAccess(id, *one);
  SendMembers(one->room);
  for (const auto& [other_id, other] : connections_) {
    if (other_id == id || !IsIn(other, one->room) || other.presence.empty()) continue;
    SendAction(id, "YJS_AWARENESS", {{"payload", other.presence}, {"member", other.uuid}});
  }
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

// --- Out

void Hub::LeaveRoom(ConnectionId id, Connected& one, const ClientMessage& /*message*/) {
  if (one.place == Place::kNone) return;
  const RevisionRoom room = one.room;
  const bool had_editors = HasEditors(room);
  if (one.place == Place::kIn) ForgetPresence(id, one);
  one.place = Place::kNone;
  services_.Leave(id);
  if (leases_.Holds(id, kEdit)) leases_.Give(id);
  SendMembers(room);
  AfterLeaving(room, had_editors);
  TellAll("GET_SCRIPT_CONFIG_STATUS");
}

void Hub::OnRoomEnded(ConnectionId id, std::string_view reason) {
  Connected* const one = Find(id);
  if (one == nullptr || one->place == Place::kNone) return;
  const RevisionRoom room = one->room;
  ForgetPresence(id, *one);
  one->place = Place::kNone;
  if (!reason.empty()) SendError(id, reason);
  SendAction(id, "ROOM_CLOSED",
             one->names_room ? AnyObject{{"room_id", DraftName(room)}} : AnyObject{});
  SendMembers(room);
}

void Hub::AfterLeaving(const RevisionRoom& room, bool had_editors) {
  if (had_editors && !HasEditors(room)) CloseRoom(room);
}

void Hub::CloseRoom(const RevisionRoom& room) {
  if (services_.HasDraft(room)) TellAll("GET_SCRIPT_REVISIONS");
  SendAway(room);
}

void Hub::SendAway(const RevisionRoom& room) {
  for (auto& [id, one] : connections_) {
    const bool waits = one.place == Place::kJoining && one.waits;
    if (one.place == Place::kNone || waits || one.room != room) continue;
    SendAction(id, "ROOM_CLOSED",
               one.names_room ? AnyObject{{"room_id", DraftName(room)}} : AnyObject{});
    one.place = Place::kNone;
    one.presence.clear();
    services_.Leave(id);
  }
}

// --- Seen by the others

bool Hub::HasEditors(const RevisionRoom& room) const {
  const auto edits = [&](ConnectionId id) { return leases_.Holds(id, kEdit); };
  return std::ranges::any_of(
             connections_,
             [&](const auto& one) { return IsIn(one.second, room) && edits(one.first); }) ||
         std::ranges::any_of(
             away_, [&](const auto& one) { return one.second == room && edits(one.first); });
}

void Hub::SendMembers(const RevisionRoom& room) {
  Any::Array members;
  for (const auto& [id, one] : connections_) {
    if (!IsIn(one, room)) continue;
    AnyObject member{{"user_id", Any::Null()},
                     {"username", "Unknown"},
                     {"role", leases_.Holds(id, kEdit) ? "editor" : "viewer"}};
    if (one.user) {
      member.Set("user_id", ToAny(Number(one.user->id)));
      member.Set("username", one.user->username);
    }
    members.push_back(std::move(member));
  }
  SendRoom(room, "ROOM_MEMBERS", {{"members", std::move(members)}});
}

void Hub::TakePresence(ConnectionId id, Connected& one, const ClientMessage& message) {
  if (one.place != Place::kIn) return;
  one.presence = message.Text("payload");
  SendRoom(one.room, "YJS_AWARENESS", {{"payload", one.presence}, {"member", one.uuid}}, id);
}

// The others are told in the words that every client knows: a state of this user without a place.
void Hub::ForgetPresence(ConnectionId id, Connected& one) {
  if (one.place != Place::kIn || one.presence.empty()) return;
  one.presence.clear();
  // Another tab of the same person is still there: clients that know people alone are not told.
  const bool elsewhere = one.user && std::ranges::any_of(connections_, [&](const auto& other) {
                           return other.first != id && IsIn(other.second, one.room) &&
                                  other.second.user && other.second.user->id == one.user->id &&
                                  !other.second.presence.empty();
                         });
  AnyObject data{{"member", one.uuid}, {"left", true}};
  if (one.user && !elsewhere) {
    const std::string state = crdt::ToJsonText(AnyObject{{"userId", ToAny(Number(one.user->id))},
                                                         {"username", one.user->username},
                                                         {"page", Any::Null()},
                                                         {"lineIndex", Any::Null()}});
    data.Set("payload", ToBase64(crdt::AsBytes(state)));
  }
  SendRoom(one.room, "YJS_AWARENESS", data, id);
}

}  // namespace weft::server::script
