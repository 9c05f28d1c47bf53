#include "sync/weft_v1_client.h"

#include <algorithm>
#include <utility>

#include "crdt/base/check.h"
#include "sync/close.h"

namespace weft::sync::weft_v1 {
namespace {

std::int64_t ToCredit(std::uint64_t bytes) {
  constexpr std::uint64_t kMost = crdt::kMaxSafeInteger;
  return static_cast<std::int64_t>(std::min(bytes, kMost));
}

std::uint64_t ToCode(CloseCode code) { return static_cast<std::uint64_t>(code); }

}  // namespace

// --- Rooms
// -----------------------------------------------------------------------------------

RoomId Client::Add(std::string name, Replica& replica, ClientEffects& effects) {
  const RoomId id{++last_room_};
  Room& room = rooms_[id];
  room.id = id;
  room.name = std::move(name);
  room.replica = &replica;
  if (connected_) SendJoin(room, effects);
  return id;
}

ClientEffects Client::Remove(RoomId id) {
  ClientEffects effects;
  Room& room = Get(id);
  if (room.channel != 0) Say(Leave{room.channel}, effects);
  EndConversation(room);
  rooms_.erase(id);
  return effects;
}

ClientEffects Client::Write(RoomId id, crdt::Bytes update) {
  ClientEffects effects;
  Room& room = Get(id);
  room.queue_bytes += update.size();
  room.queue.push_back({++room.written, std::move(update)});
  if (room.queue_bytes > options_.queue_bytes && room.queue.size() > 1) {
    GiveUpQueue(room);
    // The server may have asked what it lacks already, or not mean to.
    const bool will_answer = room.role == Role::kWrite ? room.question.has_value() : true;
    if (room.state == State::kJoining || (room.state == State::kIn && !will_answer)) {
      JoinAgain(room, effects);
    }
  }
  if (room.state == State::kIn && room.role != Role::kWrite) {
    effects.push_back(Denied{id, kForbidden, "this connection may read but not write"});
  }
  Pump(room, effects);
  return effects;
}

ClientEffects Client::SetAwareness(RoomId id, crdt::Bytes update) {
  ClientEffects effects;
  Room& room = Get(id);
  room.awareness = std::move(update);
  room.awareness_waits = true;
  Pump(room, effects);
  return effects;
}

ClientEffects Client::MergeInto(RoomId id) {
  ClientEffects effects;
  Room& room = Get(id);
  CHECK(room.state == State::kOtherHistory);
  room.place = {};
  // What the other history had of this replica, this one has not.
  room.received = 0;
  room.durable = 0;
  GiveUpQueue(room);
  room.state = State::kOut;
  if (connected_) SendJoin(room, effects);
  return effects;
}

ClientEffects Client::Check(RoomId id) {
  ClientEffects effects;
  const Room& room = Get(id);
  if (room.state == State::kIn) Say(weft_v1::Check{room.channel}, effects);
  return effects;
}

ClientEffects Client::SetToken(std::string token) {
  ClientEffects effects;
  token_ = std::move(token);
  for (auto& [id, room] : rooms_) {
    if (room.state == State::kRefused) room.state = State::kOut;  // joined after the next Welcome
  }
  if (connected_) Say(Auth{token_}, effects);
  return effects;
}

// --- Connections
// -----------------------------------------------------------------------------------

ClientEffects Client::Connected(TimePoint now) {
  CHECK(!connected_);
  ClientEffects effects;
  connected_ = true;
  closing_.reset();
  now_ = heard_ = now;
  pinged_ = false;
  last_channel_ = 0;
  Say(Hello{.version = kVersion, .client = options_.name, .token = token_, .features = 0}, effects);
  for (auto& [id, room] : rooms_) {
    room.delay = {};
    if (room.state == State::kOut) SendJoin(room, effects);
  }
  return effects;
}

std::optional<Duration> Client::Disconnected(std::uint64_t close_code) {
  connected_ = false;
  for (auto& [id, room] : rooms_) EndConversation(room);
  by_channel_.clear();
  if (IsFinal(close_code) || (closing_ && IsFinal(closing_->code))) return std::nullopt;
  delay_ = std::clamp(2 * delay_, options_.first_delay, options_.longest_delay);
  if (!closing_) return delay_;
  return std::max(delay_, Duration(ToCredit(closing_->retry_ms)));
}

ClientEffects Client::Tick(TimePoint now) {
  ClientEffects effects;
  now_ = now;
  if (!connected_) return effects;
  if (now - heard_ >= 2 * options_.silence) {
    effects.push_back(LeaveSocket{1001, "the server is silent"});
    return effects;
  }
  if (now - heard_ >= options_.silence && !std::exchange(pinged_, true)) Say(Ping{}, effects);
  for (auto& [id, room] : rooms_) {
    if (room.state == State::kOut && room.again && *room.again <= now) SendJoin(room, effects);
  }
  return effects;
}

ClientEffects Client::Receive(crdt::ByteView frame, TimePoint now) {
  ClientEffects effects;
  if (!connected_) return effects;
  now_ = heard_ = now;
  pinged_ = false;
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  if (!message.ok()) {
    Violated(ToCode(CloseCode::kMalformed), CloseFor(message.status()).reason, effects);
  } else {
    std::visit([&](const auto& kind) { On(kind, effects); }, *message);
  }
  return effects;
}

void Client::On(const Welcome& welcome, ClientEffects& effects) {
  delay_ = {};
  effects.push_back(Greeted{std::string(welcome.session), welcome.expires_ms});
  for (auto& [id, room] : rooms_) {
    if (room.state == State::kOut && !room.again) SendJoin(room, effects);
  }
}

void Client::On(const Closing& closing, ClientEffects& /*effects*/) {
  closing_ = closing;
  closing_->reason = {};
}

// --- Joining
// -----------------------------------------------------------------------------------

void Client::SendJoin(Room& room, ClientEffects& effects) {
  room.channel = ++last_channel_;
  room.state = State::kJoining;
  room.again.reset();
  room.allowance = ToCredit(options_.window_bytes);
  by_channel_[room.channel] = &room;
  const bool all_kept = room.gap_end <= room.received;
  const crdt::Bytes state_vector = room.replica->EncodeStateVector();
  Say(Join{.channel = room.channel,
           .room = room.name,
           .place = {.generation = room.place.generation,
                     .sequence = all_kept ? room.place.sequence : 0},
           .credit = options_.window_bytes,
           .state_vector = state_vector},
      effects);
}

void Client::JoinAgain(Room& room, ClientEffects& effects) {
  Say(Leave{room.channel}, effects);
  EndConversation(room);
  SendJoin(room, effects);
}

void Client::EndConversation(Room& room) {
  by_channel_.erase(room.channel);
  room.channel = 0;
  if (room.state == State::kJoining || room.state == State::kIn) room.state = State::kOut;
  room.again.reset();
  room.role = Role::kNone;
  room.synced = false;
  room.asked = false;
  room.question.reset();
  room.under_way.clear();
  room.credit = 0;
  room.returned = 0;
}

void Client::On(const Joined& joined, ClientEffects& effects) {
  Room* const room = Find(joined.channel);
  if (room == nullptr || room->state != State::kJoining) return;
  const std::uint64_t known = room->place.generation;
  if (known != 0 && known != joined.head.generation) {
    Say(Leave{room->channel}, effects);
    return StopForHistory(*room, joined.head.generation, effects);
  }
  room->state = State::kIn;
  room->role = joined.role;
  room->credit = ToCredit(joined.credit);
  room->place.generation = joined.head.generation;
  // A log that was put back: what was heard of it may not be what is there next.
  if (joined.head.sequence < room->place.sequence) room->place.sequence = 0;
  room->sent = room->received;
  room->asked = joined.how == How::kResumed;
  room->awareness_waits = !room->awareness.empty();
  room->delay = {};
  effects.push_back(Entered{room->id, joined.how, joined.role});
  Pump(*room, effects);
}

void Client::On(const Refused& refused, ClientEffects& effects) {
  Room* const room = Find(refused.channel);
  if (room == nullptr) return;
  if (refused.code == kOtherGeneration) {
    return StopForHistory(*room, refused.generation, effects);
  }
  Lose(*room, refused.code, refused.reason, effects);
}

void Client::On(const Left& left, ClientEffects& effects) {
  Room* const room = Find(left.channel);
  if (room != nullptr) Lose(*room, left.code, left.reason, effects);
}

void Client::StopForHistory(Room& room, std::uint64_t found, ClientEffects& effects) {
  EndConversation(room);
  room.state = State::kOtherHistory;
  effects.push_back(OtherHistory{room.id, room.place.generation, found});
}

void Client::Lose(Room& room, std::uint64_t code, std::string_view reason, ClientEffects& effects) {
  EndConversation(room);
  if (IsFinal(code)) {
    room.state = State::kRefused;
  } else {
    room.delay = std::clamp(2 * room.delay, options_.first_delay, options_.longest_delay);
    room.again = now_ + room.delay;
  }
  effects.push_back(RoomLost{room.id, code, std::string(reason)});
}

void Client::LeaveRoom(Room& room, const absl::Status& reason, ClientEffects& effects) {
  const sync::Close close = CloseFor(reason);
  Say(Leave{room.channel}, effects);
  Lose(room, ToCode(close.code), close.reason, effects);
}

void Client::On(const AccessIs& access, ClientEffects& effects) {
  Room* const room = Find(access.channel);
  if (room == nullptr) return;
  room->role = access.role;
  effects.push_back(RoleChanged{room->id, access.role, std::string(access.reason)});
  Pump(*room, effects);
}

// --- What rooms send
// -----------------------------------------------------------------------------------

void Client::On(const Data& data, ClientEffects& effects) {
  Room* const room = Find(data.channel);
  if (room == nullptr) return;  // it was left at the same time
  if (room->allowance <= 0 || room->state != State::kIn) {
    return Violated(kCreditExceeded, "a message without credit", effects);
  }
  room->allowance -= ToCredit(data.message.size());
  const absl::Status taken = TakeMessage(*room, data.message, effects);
  if (!taken.ok()) return LeaveRoom(*room, taken, effects);
  room->returned += data.message.size();
  if (room->returned > 0 && room->returned >= options_.window_bytes / 2) {
    const std::uint64_t returned = std::exchange(room->returned, 0);
    room->allowance += ToCredit(returned);
    Say(weft_v1::Credit{room->channel, returned}, effects);
  }
}

absl::Status Client::TakeMessage(Room& room, crdt::ByteView bytes, ClientEffects& effects) {
  const absl::StatusOr<sync::Message> message = sync::DecodeMessage(bytes);
  if (!message.ok()) return message.status();
  if (const auto* step2 = std::get_if<SyncStep2>(&*message)) {
    return room.replica->Apply(step2->update);
  }
  if (const auto* update = std::get_if<Update>(&*message)) {
    return room.replica->Apply(update->update);
  }
  if (const auto* awareness = std::get_if<AwarenessUpdate>(&*message)) {
    effects.push_back(
        AwarenessHeard{room.id, {awareness->update.begin(), awareness->update.end()}});
  } else if (const auto* step1 = std::get_if<SyncStep1>(&*message)) {
    room.question.emplace(step1->state_vector.begin(), step1->state_vector.end());
    if (const absl::Status known = room.replica->DiffFor(*room.question).status(); !known.ok()) {
      return known;
    }
    Pump(room, effects);
  }
  return absl::OkStatus();
}

void Client::On(const Heard& heard, ClientEffects& effects) {
  Room* const room = Find(heard.channel);
  if (room == nullptr || room->state != State::kIn) return;
  room->place.sequence = heard.sequence;
  if (!std::exchange(room->synced, true)) effects.push_back(Synced{room->id});
}

void Client::On(const Generation& generation, ClientEffects& effects) {
  Room* const room = Find(generation.channel);
  if (room == nullptr || room->place.generation == generation.generation) return;
  if (room->place.generation == 0) {
    room->place.generation = generation.generation;
  } else {
    Say(Leave{room->channel}, effects);
    StopForHistory(*room, generation.generation, effects);
  }
}

void Client::On(const Checksum& checksum, ClientEffects& effects) {
  Room* const room = Find(checksum.channel);
  if (room == nullptr) return;
  effects.push_back(ChecksumHeard{
      room->id, checksum.hash, {checksum.state_vector.begin(), checksum.state_vector.end()}});
}

// --- Writes
// -----------------------------------------------------------------------------------

void Client::Pump(Room& room, ClientEffects& effects) {
  if (room.state != State::kIn) return;
  if (room.awareness_waits && room.credit > 0) {
    room.awareness_waits = false;
    SendData(room, AwarenessUpdate{room.awareness}, effects);
  }
  if (room.role != Role::kWrite) return;
  if (room.question && room.credit > 0) SendAnswer(room, effects);
  if (!room.asked) return;
  for (const KeptWrite& write : room.queue) {
    if (room.credit <= 0) return;
    if (write.number <= room.sent) continue;
    room.sent = write.number;
    room.under_way.push_back({write.number, false});
    SendData(room, Update{write.update}, effects);
  }
}

// Everything that the server lacks, which holds all writes so far.
void Client::SendAnswer(Room& room, ClientEffects& effects) {
  const crdt::Bytes question = *std::exchange(room.question, std::nullopt);
  const absl::StatusOr<crdt::Bytes> diff = room.replica->DiffFor(question);
  if (!diff.ok()) return;  // it was asked when the question came
  room.asked = true;
  room.sent = room.written;
  room.under_way.push_back({room.written, true});
  SendData(room, SyncStep2{*diff}, effects);
}

void Client::SendData(Room& room, const sync::Message& message, ClientEffects& effects) {
  const crdt::Bytes inner = sync::EncodeMessage(message);
  room.credit -= ToCredit(inner.size());
  Say(Data{.channel = room.channel, .message = inner}, effects);
}

void Client::On(const weft_v1::Credit& credit, ClientEffects& effects) {
  Room* const room = Find(credit.channel);
  if (room == nullptr) return;
  room->credit = std::min(room->credit + ToCredit(credit.bytes), ToCredit(crdt::kMaxSafeInteger));
  Pump(*room, effects);
}

void Client::On(const Ack& ack, ClientEffects& effects) {
  Room* const room = Find(ack.channel);
  if (room == nullptr) return;
  if (ack.count > room->under_way.size()) {
    return Violated(ToCode(CloseCode::kMalformed), "an answer to what was not sent", effects);
  }
  for (std::uint64_t i = 0; i < ack.count; ++i) {
    const UnderWay answered = room->under_way.front();
    room->under_way.pop_front();
    // Behind a gap an update says nothing about those before it.
    if (!answered.is_answer && room->gap_end > room->received) continue;
    room->received = std::max(room->received, answered.number);
  }
  if (ack.level == Level::kDurable) room->durable = std::max(room->durable, room->received);
  DropReceived(*room);
  effects.push_back(Saved{room->id, ack.level, room->written - room->durable});
}

void Client::On(const Nack& nack, ClientEffects& effects) {
  Room* const room = Find(nack.channel);
  if (room == nullptr) return;
  if (nack.count > room->under_way.size()) {
    return Violated(ToCode(CloseCode::kMalformed), "an answer to what was not sent", effects);
  }
  for (std::uint64_t i = 0; i < nack.count; ++i) {
    room->gap_end = std::max(room->gap_end, room->under_way.front().number);
    room->under_way.pop_front();
  }
  effects.push_back(Denied{room->id, nack.code, std::string(nack.reason)});
}

void Client::DropReceived(Room& room) {
  while (!room.queue.empty() && room.queue.front().number <= room.received) {
    room.queue_bytes -= room.queue.front().update.size();
    room.queue.pop_front();
  }
}

void Client::GiveUpQueue(Room& room) {
  room.queue.clear();
  room.queue_bytes = 0;
  room.gap_end = room.written;
}

// --- Parts
// -----------------------------------------------------------------------------------

void Client::Violated(std::uint64_t code, std::string_view reason, ClientEffects& effects) {
  effects.push_back(LeaveSocket{code, std::string(reason)});
}

void Client::Say(const Message& message, ClientEffects& effects) {
  effects.push_back(SendBytes{EncodeMessage(message)});
}

Client::Room* Client::Find(Channel channel) {
  const auto found = by_channel_.find(channel);
  return found == by_channel_.end() ? nullptr : found->second;
}

Client::Room& Client::Get(RoomId id) {
  const auto found = rooms_.find(id);
  CHECK(found != rooms_.end());
  return found->second;
}

const Client::Room& Client::Get(RoomId id) const {
  const auto found = rooms_.find(id);
  CHECK(found != rooms_.end());
  return found->second;
}

std::uint64_t Client::unsaved(RoomId room) const { return Get(room).written - Get(room).durable; }
bool Client::synced(RoomId room) const { return Get(room).synced; }
Role Client::role(RoomId room) const { return Get(room).role; }
Place Client::place(RoomId room) const { return Get(room).place; }

}  // namespace weft::sync::weft_v1
