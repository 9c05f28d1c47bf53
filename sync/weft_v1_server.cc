#include "sync/weft_v1_server.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/close.h"

namespace weft::sync::weft_v1 {
namespace {

bool IsWrite(crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  return decoded.ok() &&
         (std::holds_alternative<SyncStep2>(*decoded) || std::holds_alternative<Update>(*decoded));
}

// A SyncStep1 or a SyncStep2, by its first two bytes (message.h).
bool IsSync(const crdt::Bytes& message, std::uint8_t step) {
  return message.size() >= 2 && message[0] == 0 && message[1] == step;
}
constexpr std::uint8_t kStep1 = 0;
constexpr std::uint8_t kStep2 = 1;

std::int64_t ToCredit(std::uint64_t bytes) {
  constexpr std::uint64_t kMost = crdt::kMaxSafeInteger;
  return static_cast<std::int64_t>(std::min(bytes, kMost));
}

}  // namespace

// --- What the client says
// -----------------------------------------------------------------------------------

ServerEffects Server::Receive(crdt::ByteView frame) {
  ServerEffects effects;
  if (state_ == State::kClosed) return effects;
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  if (!message.ok()) {
    const sync::Close close = CloseFor(message.status());
    Violate(static_cast<std::uint64_t>(close.code), close.reason, effects);
  } else if (state_ == State::kGreeting && !std::holds_alternative<Hello>(*message)) {
    Violate(static_cast<std::uint64_t>(CloseCode::kMalformed), "the first message is no Hello",
            effects);
  } else {
    std::visit([&](const auto& kind) { On(kind, effects); }, *message);
  }
  return effects;
}

void Server::On(const Hello& hello, ServerEffects& effects) {
  if (state_ != State::kGreeting) return Violate(kBadChannel, "a second Hello", effects);
  if (hello.version < kVersion) {
    return Violate(kBadVersion, absl::StrCat("the oldest version here is ", kVersion), effects);
  }
  state_ = State::kAuthenticating;
  authenticating_ = true;
  effects.push_back(Authenticate{std::string(hello.token)});
}

void Server::On(const Auth& auth, ServerEffects& effects) {
  if (authenticating_) {
    next_token_ = std::string(auth.token);  // the latest is the one that counts
    return;
  }
  authenticating_ = true;
  effects.push_back(Authenticate{std::string(auth.token)});
}

void Server::On(const Join& join, ServerEffects& effects) {
  if (join.channel < next_channel_) {
    return Violate(kBadChannel, "channels are numbered upwards, and each is used once", effects);
  }
  next_channel_ = join.channel + 1;
  if (conversations_.size() >= options_.channels) {
    return Say(Refused{.channel = join.channel,
                       .code = kTooManyChannels,
                       .generation = 0,
                       .reason = "this socket has as many channels as it may"},
               effects);
  }
  Conversation& conversation = conversations_[join.channel];
  conversation.room = std::string(join.room);
  conversation.from = join.place;
  conversation.generation = join.place.generation;
  conversation.state_vector.assign(join.state_vector.begin(), join.state_vector.end());
  conversation.credit = ToCredit(join.credit);
  if (state_ == State::kOpen) AskRoom(join.channel, conversation, effects);
}

void Server::On(const Leave& leave, ServerEffects& effects) {
  const Conversation* conversation = Find(leave.channel);
  if (conversation == nullptr) return;  // it was ended here at the same time
  if (conversation->asked) effects.push_back(LeaveRoom{leave.channel});
  conversations_.erase(leave.channel);
  Say(Left{.channel = leave.channel, .code = kLeft, .reason = ""}, effects);
}

void Server::On(const Data& data, ServerEffects& effects) {
  Conversation* conversation = Find(data.channel);
  if (conversation == nullptr) {
    if (data.channel < next_channel_) return;  // it was ended here at the same time
    return Violate(kBadChannel, "a message in a channel that was never joined", effects);
  }
  if (conversation->allowance <= 0) {
    return Violate(kCreditExceeded, "a message without credit", effects);
  }
  const std::uint64_t cost = data.message.size();
  conversation->allowance -= ToCredit(cost);
  if (conversation->reading && conversation->inbox.empty()) {
    return DeliverNow(data.channel, *conversation, {data.channel, data.message, nullptr}, cost,
                      effects);
  }
  conversation->inbox.push_back(
      {std::make_shared<const crdt::Bytes>(data.message.begin(), data.message.end()), cost});
  conversation->inbox_bytes += cost;
}

void Server::On(const Credit& credit, ServerEffects& effects) {
  Conversation* conversation = Find(credit.channel);
  if (conversation == nullptr) return;
  conversation->credit =
      std::min(conversation->credit + ToCredit(credit.bytes), ToCredit(crdt::kMaxSafeInteger));
  SendQueued(credit.channel, *conversation, effects);
}

void Server::On(const Check& check, ServerEffects& effects) {
  if (FindOpen(check.channel) != nullptr) effects.push_back(CheckState{check.channel});
}

void Server::On(const Ask& ask, ServerEffects& effects) {
  Conversation* const conversation = FindOpen(ask.channel);
  if (conversation == nullptr) return;
  if (conversation->asks == kMaxAsks) {
    return Say(
        Answer{
            .channel = ask.channel,
            .number = ask.number,
            .status = 429,
            .text =
                R"({"type":"urn:weft:problem:too-many-asks","title":"As many questions as may wait do",)"
                R"("status":429,"detail":"ask again when one is answered"})"},
        effects);
  }
  ++conversation->asks;
  effects.push_back(AskForAnswer{.channel = ask.channel,
                                 .number = ask.number,
                                 .verb = std::string(ask.verb),
                                 .arguments = std::string(ask.arguments)});
}

void Server::On(const Watch& watch, ServerEffects& effects) {
  if (FindOpen(watch.channel) == nullptr) return;
  effects.push_back(WatchRoom{.channel = watch.channel, .wanted = watch.wanted == Wanted::kYes});
}

ServerEffects Server::GiveAnswer(Channel channel, std::uint64_t number, std::uint64_t status,
                                 std::string_view text) {
  ServerEffects effects;
  Conversation* const conversation = FindOpen(channel);
  if (conversation == nullptr || conversation->asks == 0) return effects;
  --conversation->asks;
  Say(Answer{.channel = channel, .number = number, .status = status, .text = text}, effects);
  return effects;
}

ServerEffects Server::TellEvent(Channel channel, std::string_view text) {
  ServerEffects effects;
  if (FindOpen(channel) != nullptr) Say(Event{.channel = channel, .text = text}, effects);
  return effects;
}

void Server::On(const Ping& ping, ServerEffects& effects) { Say(Pong{ping.number}, effects); }

void Server::DeliverNow(Channel channel, Conversation& conversation, Deliver delivery,
                        std::uint64_t cost, ServerEffects& effects) {
  if (IsWrite(delivery.message)) {
    conversation.costs.push_back(cost);  // comes back with the receipt
    effects.push_back(std::move(delivery));
  } else {
    effects.push_back(std::move(delivery));
    ReturnCredit(channel, conversation, cost, effects);
  }
}

// Said when half of the window has gathered, so that a stream of small messages is not doubled.
void Server::ReturnCredit(Channel channel, Conversation& conversation, std::uint64_t bytes,
                          ServerEffects& effects) {
  conversation.returned += bytes;
  if (conversation.returned == 0 || conversation.returned < options_.window_bytes / 2) return;
  const std::uint64_t returned = std::exchange(conversation.returned, 0);
  conversation.allowance += ToCredit(returned);
  Say(Credit{.channel = channel, .bytes = returned}, effects);
}

void Server::SettleWrites(Channel channel, Conversation& conversation, std::uint64_t count,
                          ServerEffects& effects) {
  std::uint64_t bytes = 0;
  for (; count > 0 && !conversation.costs.empty(); --count) {
    bytes += conversation.costs.front();
    conversation.costs.pop_front();
  }
  ReturnCredit(channel, conversation, bytes, effects);
}

void Server::Violate(std::uint64_t code, std::string_view reason, ServerEffects& effects) {
  ServerEffects end = Close(code, reason, 0);
  std::move(end.begin(), end.end(), std::back_inserter(effects));
}

// --- What the owner answers
// -----------------------------------------------------------------------------------

ServerEffects Server::Authenticated(std::uint64_t expires_ms) {
  ServerEffects effects;
  if (state_ == State::kClosed || !authenticating_) return effects;
  if (next_token_) {
    effects.push_back(Authenticate{*std::exchange(next_token_, std::nullopt)});
  } else {
    authenticating_ = false;
  }
  Say(Welcome{.version = kVersion,
              .session = options_.session,
              .features = 0,
              .message_bytes = options_.message_bytes,
              .channels = options_.channels,
              .expires_ms = expires_ms},
      effects);
  if (std::exchange(state_, State::kOpen) == State::kOpen) return effects;
  for (auto& [channel, conversation] : conversations_) AskRoom(channel, conversation, effects);
  return effects;
}

ServerEffects Server::Unauthenticated(std::string_view reason) {
  if (!authenticating_) return {};
  return Close(kUnauthorized, reason, 0);
}

void Server::AskRoom(Channel channel, Conversation& conversation, ServerEffects& effects) {
  conversation.asked = true;
  const Place from =
      options_.durable ? conversation.from : Place{.generation = conversation.from.generation};
  effects.push_back(JoinRoom{channel, conversation.room, from});
}

ServerEffects Server::Opened(Channel channel, Opening opening) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || !conversation->asked || conversation->open) return effects;
  conversation->open = true;
  conversation->place = opening.head;
  conversation->generation = opening.head.generation;
  conversation->allowance = ToCredit(options_.window_bytes);
  const bool resumes = options_.durable && opening.tail.has_value();
  Say(Joined{.channel = channel,
             .head = opening.head,
             .role = opening.role,
             .how = resumes ? How::kResumed : How::kSynced,
             .credit = options_.window_bytes},
      effects);
  const auto changed = std::exchange(conversation->changed_access, std::nullopt);
  if (changed) {
    Say(AccessIs{.channel = channel, .role = changed->first, .reason = changed->second}, effects);
  }

  std::deque<Waiting> said = std::exchange(conversation->waiting, {});
  conversation->waiting_bytes = 0;
  if (resumes) {
    for (const crdt::Bytes& update : *opening.tail) {
      // A client that cannot take the tail now hears of the whole document later.
      Queue(channel, *conversation, MakeFrame(Update{update}), effects);
    }
    if (!conversation->lagging) {
      conversation->incomplete = false;
      NoteHeard(channel, *conversation, opening.head);
    }
  } else {
    const Frame question = MakeFrame(SyncStep1{conversation->state_vector});
    DeliverNow(channel, *conversation, {channel, *question, question}, 0, effects);
  }
  for (Waiting& waiting : said) {
    // A room asks whoever joins for what it made offline. Who resumes knows what that is. It asks
    // again who may write again, and then it is to be answered.
    if (resumes && !changed && !options_.told_early && IsSync(*waiting.message, kStep1)) continue;
    Queue(channel, *conversation, std::move(waiting.message), effects);
    if (waiting.heard) NoteHeard(channel, *conversation, *waiting.heard);
  }
  conversation->state_vector = {};
  SendQueued(channel, *conversation, effects);
  return effects;
}

ServerEffects Server::Refuse(Channel channel, std::uint64_t code, std::uint64_t generation,
                             std::string_view reason) {
  ServerEffects effects;
  const Conversation* conversation = Find(channel);
  if (conversation == nullptr || conversation->open) return effects;
  conversations_.erase(channel);
  Say(Refused{.channel = channel, .code = code, .generation = generation, .reason = reason},
      effects);
  return effects;
}

// --- What the room says
// -----------------------------------------------------------------------------------

ServerEffects Server::Tell(Channel channel, Frame message) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation != nullptr) Queue(channel, *conversation, std::move(message), effects);
  return effects;
}

void Server::Queue(Channel channel, Conversation& conversation, Frame message,
                   ServerEffects& effects) {
  if (conversation.lagging) return;
  if (conversation.open && conversation.waiting.empty() && conversation.credit > 0) {
    return SendData(channel, conversation, std::move(message), effects);
  }
  if (conversation.waiting_bytes >= options_.queue_bytes) {
    conversation.waiting.clear();
    conversation.waiting_bytes = 0;
    conversation.lagging = true;
    conversation.incomplete = true;
    conversation.heard.reset();
    return;
  }
  conversation.waiting_bytes += message->size();
  conversation.waiting.push_back({std::move(message), std::nullopt});
}

void Server::SendQueued(Channel channel, Conversation& conversation, ServerEffects& effects) {
  if (!conversation.open) return;
  while (!conversation.waiting.empty() && conversation.credit > 0) {
    Waiting next = std::move(conversation.waiting.front());
    conversation.waiting.pop_front();
    conversation.waiting_bytes -= next.message->size();
    SendData(channel, conversation, std::move(next.message), effects);
    if (next.heard) MarkHeard(channel, conversation, *next.heard);
  }
  if (conversation.waiting.empty()) SayHeard(channel, conversation, effects);
  if (conversation.lagging && conversation.credit > 0) {
    conversation.lagging = false;
    effects.push_back(CatchUp{channel});
  }
}

void Server::SendData(Channel channel, Conversation& conversation, Frame message,
                      ServerEffects& effects) {
  conversation.credit -= ToCredit(message->size());
  const bool completes = conversation.incomplete && IsSync(*message, kStep2);
  effects.push_back(SendFrame{EncodeDataHead(channel), std::move(message)});
  if (!completes) return;
  conversation.incomplete = false;
  MarkHeard(channel, conversation, conversation.place);
  SayHeard(channel, conversation, effects);
}

void Server::TellHeard(Channel channel, const Place& place) {
  Conversation* conversation = Find(channel);
  if (conversation == nullptr) return;
  // Before the room is open nothing has been heard that the head of then does not have.
  if (conversation->open || !conversation->waiting.empty()) {
    NoteHeard(channel, *conversation, place);
  }
}

// Everything up to `place` was told: it is heard once what waits has been sent.
void Server::NoteHeard(Channel channel, Conversation& conversation, const Place& place) {
  if (!conversation.waiting.empty()) {
    conversation.waiting.back().heard = place;
  } else {
    MarkHeard(channel, conversation, place);
  }
}

// Everything up to `place` was sent, if nothing was dropped.
void Server::MarkHeard(Channel channel, Conversation& conversation, const Place& place) {
  if (place.sequence >= conversation.place.sequence) conversation.place = place;
  if (conversation.incomplete) return;
  conversation.heard = conversation.place;
  if (!std::exchange(conversation.in_heard, true)) heard_.push_back(channel);
}

void Server::SayHeard(Channel channel, Conversation& conversation, ServerEffects& effects) {
  if (!conversation.heard) return;
  const Place place = *std::exchange(conversation.heard, std::nullopt);
  SayGeneration(channel, conversation, place.generation, effects);
  Say(Heard{.channel = channel, .sequence = options_.durable ? place.sequence : 0}, effects);
}

// Before anything is said of a history, so that nobody takes it for one of another.
void Server::SayGeneration(Channel channel, Conversation& conversation, std::uint64_t generation,
                           ServerEffects& effects) {
  if (std::exchange(conversation.generation, generation) == generation) return;
  Say(Generation{.channel = channel, .generation = generation}, effects);
}

ServerEffects Server::Flush() {
  ServerEffects effects;
  for (const Channel channel : std::exchange(heard_, {})) {
    Conversation* conversation = Find(channel);
    if (conversation == nullptr) continue;
    conversation->in_heard = false;
    SayHeard(channel, *conversation, effects);
  }
  return effects;
}

ServerEffects Server::Acknowledge(Channel channel, Level level, std::uint64_t count,
                                  const Place& place) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || count == 0) return effects;
  SayGeneration(channel, *conversation, place.generation, effects);
  Say(Ack{.channel = channel, .level = level, .count = count, .sequence = place.sequence}, effects);
  SettleWrites(channel, *conversation, count, effects);
  return effects;
}

ServerEffects Server::RefuseWrites(Channel channel, std::uint64_t code, std::uint64_t count,
                                   std::string_view reason) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || count == 0) return effects;
  Say(Nack{.channel = channel, .code = code, .count = count, .reason = reason}, effects);
  SettleWrites(channel, *conversation, count, effects);
  return effects;
}

ServerEffects Server::SetAccess(Channel channel, Role role, std::string_view reason) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  if (role == Role::kNone) {
    if (conversation->asked) effects.push_back(LeaveRoom{channel});
    ServerEffects end = Ended(channel, kForbidden, reason);
    std::move(end.begin(), end.end(), std::back_inserter(effects));
  } else if (conversation->open) {
    Say(AccessIs{.channel = channel, .role = role, .reason = reason}, effects);
  } else {
    conversation->changed_access = {role, std::string(reason)};
  }
  return effects;
}

ServerEffects Server::SetReading(Channel channel, bool reading) {
  ServerEffects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  conversation->reading = reading;
  while (reading && !conversation->inbox.empty()) {
    Received next = std::move(conversation->inbox.front());
    conversation->inbox.pop_front();
    conversation->inbox_bytes -= next.cost;
    const crdt::ByteView message = *next.message;
    DeliverNow(channel, *conversation, {channel, message, std::move(next.message)}, next.cost,
               effects);
  }
  return effects;
}

ServerEffects Server::Ended(Channel channel, std::uint64_t code, std::string_view reason) {
  ServerEffects effects;
  const Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  if (!conversation->open) return Refuse(channel, code, 0, reason);
  conversations_.erase(channel);
  Say(Left{.channel = channel, .code = code, .reason = reason}, effects);
  return effects;
}

ServerEffects Server::TellChecksum(Channel channel, std::uint64_t hash,
                                   crdt::ByteView state_vector) {
  ServerEffects effects;
  if (FindOpen(channel) == nullptr) return effects;
  Say(Checksum{.channel = channel, .hash = hash, .state_vector = state_vector}, effects);
  return effects;
}

ServerEffects Server::Close(std::uint64_t code, std::string_view reason, std::uint64_t retry_ms) {
  ServerEffects effects;
  if (std::exchange(state_, State::kClosed) == State::kClosed) return effects;
  effects.push_back(SendFrame{
      EncodeMessage(Closing{.code = code, .retry_ms = retry_ms, .reason = reason}), nullptr});
  for (const auto& [channel, conversation] : std::exchange(conversations_, {})) {
    if (conversation.asked) effects.push_back(LeaveRoom{channel});
  }
  effects.push_back(CloseSocket{code, std::string(CutText(reason, kMaxCloseReasonBytes))});
  return effects;
}

// --- Parts
// -----------------------------------------------------------------------------------

void Server::Say(const Message& message, ServerEffects& effects) {
  effects.push_back(SendFrame{EncodeMessage(message), nullptr});
}

Server::Conversation* Server::Find(Channel channel) {
  const auto found = conversations_.find(channel);
  return found == conversations_.end() ? nullptr : &found->second;
}

Server::Conversation* Server::FindOpen(Channel channel) {
  Conversation* found = Find(channel);
  return found != nullptr && found->open ? found : nullptr;
}

std::vector<Channel> Server::channels() const {
  std::vector<Channel> open;
  for (const auto& [channel, conversation] : conversations_) open.push_back(channel);
  return open;
}

std::size_t Server::waiting_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [channel, conversation] : conversations_) {
    bytes += conversation.waiting_bytes + conversation.inbox_bytes;
  }
  return bytes;
}

}  // namespace weft::sync::weft_v1
