#include "server/weft_v1_socket.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/auth/refusal.h"
#include "server/room_name.h"
#include "server/worker.h"

namespace weft::server {

namespace dialect = sync::weft_v1;
namespace event = channel_event;

namespace {

// Of updates that are resent to who comes back, and of what waits for a client's credit.
constexpr std::size_t kQueueBytes = std::size_t{4} << 20;
constexpr std::uint64_t kRetryMs = 1'000;

dialect::Place ToPlace(const LogPlace& place) {
  return {.generation = place.generation, .sequence = place.sequence};
}

// Of the channel that a frame of the machine belongs to, if it does.
std::optional<dialect::Channel> ChannelOfFrame(crdt::ByteView head) {
  const auto message = dialect::DecodeMessage(head);
  if (!message.ok()) return std::nullopt;
  return std::visit(
      []<typename Kind>(const Kind& kind) -> std::optional<dialect::Channel> {
        if constexpr (requires { kind.channel; }) return kind.channel;
        return std::nullopt;
      },
      *message);
}

dialect::Role ToRole(sync::Access access) {
  return access == sync::Access::kReadWrite ? dialect::Role::kWrite : dialect::Role::kRead;
}

}  // namespace

WeftV1Socket::WeftV1Socket(SocketConnection& socket, Worker& worker, auth::Credentials shown)
    : Multiplexer(socket, worker, std::move(shown)),
      machine_({.session = absl::StrCat("s", worker.NextSession()),
                .message_bytes = worker.limits().message_bytes,
                .channels = worker.limits().rooms_per_socket,
                .queue_bytes = kQueueBytes,
                .durable = worker.log().answers_when_durable(),
                .told_early = worker.relay() == RelayMoment::kAccepted}) {}

WeftV1Socket::~WeftV1Socket() {
  for (const auto& [number, person] : people_) {
    worker().room_calls()->EndHolder(person.room, person.holder);
  }
}

// --- Beside the document
// ------------------------------------------------------------------------------

void WeftV1Socket::Forget(std::uint64_t number) {
  const auto found = people_.find(number);
  if (found == people_.end()) return;
  worker().room_calls()->EndHolder(found->second.room, found->second.holder);
  people_.erase(found);
}

void WeftV1Socket::CarryOut(dialect::AskForAnswer& effect) {
  const std::uint64_t number = NumberOf(effect.channel);
  const auto found = people_.find(number);
  if (found == people_.end()) return;
  const Person& person = found->second;
  // What was said before is given to the room before.
  FlushDeliveries();
  RoomCalls* const calls = worker().room_calls();
  auto take = [this, channel = effect.channel, question = effect.number,
               holder = person.holder](const RoomCalls::Answered& answered) {
    const auto here = people_.find(NumberOf(channel));
    if (here == people_.end() || here->second.holder != holder) return false;
    Carry(machine_.GiveAnswer(channel, question, static_cast<std::uint64_t>(answered.status),
                              answered.text));
    return true;
  };
  calls->Ask({.room = person.room,
              .subject = person.subject,
              .may_write = MayWrite(number),
              .holder = person.holder,
              .verb = std::move(effect.verb),
              .arguments = std::move(effect.arguments)},
             worker().io().get_executor(),
             [calls, back = MakeBack(), take = std::move(take), room = person.room,
              holder = person.holder](RoomCalls::Answered answered) {
               // Who has gone meanwhile may have been given a mode.
               const auto end = [calls, room, holder] { calls->EndHolder(room, holder); };
               back(
                   [take, end, answered = std::move(answered)] {
                     if (!take(answered)) end();
                   },
                   end);
             });
}

void WeftV1Socket::CarryOut(dialect::WatchRoom& effect) {
  const std::uint64_t number = NumberOf(effect.channel);
  const auto found = people_.find(number);
  if (found == people_.end()) return;
  Person& person = found->second;
  if (!effect.wanted) {
    person.listening.reset();
    person.inbox.reset();
    return;
  }
  if (person.inbox != nullptr) return;
  person.inbox = std::make_shared<Inbox>();
  auto hear = [this, number, inbox = person.inbox,
               back = MakeBack()](const std::shared_ptr<const std::string>& event) {
    const std::lock_guard lock(inbox->mutex);
    if (inbox->events.size() == Inbox::kMaxEvents) {
      inbox->events.pop_front();
      ++inbox->lost;
    }
    inbox->events.push_back(event);
    if (!std::exchange(inbox->is_told, true)) back([this, number] { TakeEvents(number); }, {});
  };
  person.listening = worker().room_calls()->Listen(person.room, std::move(hear));
}

void WeftV1Socket::TakeEvents(std::uint64_t number) {
  const auto found = people_.find(number);
  if (found == people_.end() || found->second.inbox == nullptr) return;
  if (!has_space()) return unread_.push_back(number);
  std::deque<std::shared_ptr<const std::string>> events;
  std::uint64_t lost = 0;
  {
    Inbox& inbox = *found->second.inbox;
    const std::lock_guard lock(inbox.mutex);
    events.swap(inbox.events);
    lost = std::exchange(inbox.lost, 0);
    inbox.is_told = false;
  }
  const dialect::Channel channel = ChannelOf(number);
  if (lost > 0) {
    Carry(machine_.TellEvent(channel, absl::StrCat("{\"type\":\"gap\",\"lost\":", lost, "}")));
  }
  for (const auto& event : events) {
    if (ended()) return;
    Carry(machine_.TellEvent(channel, *event));
  }
}

void WeftV1Socket::OnSpaceLeft() {
  for (const std::uint64_t number : std::exchange(unread_, {})) {
    if (!ended()) TakeEvents(number);
  }
}

// --- From the rooms
// -----------------------------------------------------------------------------------

void WeftV1Socket::OnEvent(std::uint64_t number, ChannelEvent event) {
  const dialect::Channel channel = ChannelOf(number);
  if (auto* said = std::get_if<event::Said>(&event)) {
    Carry(machine_.Tell(channel, std::move(said->message)));
  } else if (const auto* settled = std::get_if<event::Settled>(&event)) {
    OnSettled(channel, *settled);
  } else if (auto* opened = std::get_if<event::Opened>(&event)) {
    OnOpened(number, *opened);
  } else if (const auto* reading = std::get_if<event::ReadingIs>(&event)) {
    Carry(machine_.SetReading(channel, reading->reading));
  } else if (const auto* access = std::get_if<event::AccessIs>(&event)) {
    Carry(machine_.SetAccess(channel, ToRole(access->access), access->reason));
  } else if (const auto* checked = std::get_if<event::Checked>(&event)) {
    Carry(machine_.TellChecksum(channel, checked->checksum, checked->state_vector));
  } else if (std::holds_alternative<event::FellBehind>(event)) {
    constexpr auto kCode = static_cast<std::uint64_t>(CloseCode::kBusy);
    Carry(machine_.Close(kCode, "this client reads more slowly than others write", kRetryMs));
  } else if (const auto* ended = std::get_if<event::Ended>(&event)) {
    openings_.erase(number);
    Forget(number);
    Carry(machine_.Ended(channel, static_cast<std::uint64_t>(ended->code), ended->reason));
  }
}

void WeftV1Socket::OnOpened(std::uint64_t number, event::Opened& opened) {
  const auto found = openings_.find(number);
  if (found == openings_.end()) return;
  const Opening opening = found->second;
  openings_.erase(found);
  const dialect::Channel channel = ChannelOf(number);
  if (opening.generation != 0 && opening.generation != opened.head.generation) {
    Leave(number);
    Forget(number);
    return Carry(machine_.Refuse(channel, dialect::kOtherGeneration, opened.head.generation,
                                 "the room has another history"));
  }
  Carry(machine_.Opened(channel, {.head = ToPlace(opened.head),
                                  .role = ToRole(opening.access),
                                  .tail = std::move(opened.tail)}));
}

void WeftV1Socket::OnSettled(dialect::Channel channel, const event::Settled& settled) {
  switch (settled.kind) {
    case Receipt::Kind::kDurable:
      return Carry(machine_.Acknowledge(channel, dialect::Level::kDurable, settled.count,
                                        ToPlace(settled.place)));
    case Receipt::Kind::kReceived:
      return Carry(machine_.Acknowledge(channel, dialect::Level::kReceived, settled.count,
                                        ToPlace(settled.place)));
    case Receipt::Kind::kRefused:
      return Carry(
          machine_.RefuseWrites(channel, dialect::kForbidden, settled.count, settled.reason));
    case Receipt::Kind::kHeard:
      return machine_.TellHeard(channel, ToPlace(settled.place));
  }
}

void WeftV1Socket::OnTurnEnd() {
  if (machine_.wants_flush()) Carry(machine_.Flush());
}

void WeftV1Socket::OnStopped() {
  Carry(machine_.Close(static_cast<std::uint64_t>(CloseCode::kRestart),
                       "the server stops; come back in a moment", kRetryMs));
}

// --- Effects
// ----------------------------------------------------------------------------------------

void WeftV1Socket::Carry(dialect::ServerEffects effects) {
  for (dialect::ServerEffect& effect : effects) effects_.push_back(std::move(effect));
  if (std::exchange(carrying_, true)) return;
  while (!effects_.empty() && !ended()) {
    dialect::ServerEffect effect = std::move(effects_.front());
    effects_.pop_front();
    std::visit([this](auto& kind) { CarryOut(kind); }, effect);
  }
  carrying_ = false;
}

void WeftV1Socket::CarryOut(dialect::SendFrame& effect) {
  // What belongs to a channel stays in its order; Welcome, Closing and Pong do not.
  const auto channel = ChannelOfFrame(effect.head);
  Write(channel ? NumberOf(*channel) : 0, std::move(effect.head), std::move(effect.body),
        /*is_content=*/false);
}

void WeftV1Socket::CarryOut(dialect::Authenticate& effect) {
  AuthenticateSocket(effect.token, [this](absl::StatusOr<std::chrono::milliseconds> holds) {
    if (!holds.ok()) return Carry(machine_.Unauthenticated(std::string(holds.status().message())));
    Carry(machine_.Authenticated(static_cast<std::uint64_t>(holds->count())));
  });
}

void WeftV1Socket::CarryOut(dialect::JoinRoom& effect) {
  const absl::Status name = CheckRoomName(effect.room);
  if (!name.ok()) {
    return Carry(machine_.Refuse(effect.channel,
                                 static_cast<std::uint64_t>(CloseCode::kBadRoomName), 0,
                                 std::string(name.message())));
  }
  const std::uint64_t number = NumberOf(effect.channel);
  openings_[number] = {.generation = effect.from.generation, .access = sync::Access::kReadWrite};
  std::optional<LogPlace> from;
  if (effect.from.sequence > 0) {
    from = LogPlace{.sequence = effect.from.sequence, .generation = effect.from.generation};
  }
  Authenticate(
      effect.room, "",
      [this, number, from, room = effect.room](absl::StatusOr<Admission> admission) mutable {
        if (!openings_.contains(number)) return;  // it has left meanwhile
        if (admission.ok()) {
          return Enter(number, std::move(room), *std::move(admission), from);
        }
        openings_.erase(number);
        EndOpening(number, admission.status());
      });
}

void WeftV1Socket::Enter(std::uint64_t number, std::string room, Admission admission,
                         std::optional<LogPlace> from) {
  openings_[number].access = admission.access;
  const Person& person = people_[number] = {.room = room,
                                            .subject = admission.subject,
                                            .holder = worker().room_calls()->NewHolder(),
                                            .inbox = nullptr};
  Join(number, std::move(room),
       {.access = admission.access,
        .subject = std::move(admission.subject),
        .address = address(),
        .holder = person.holder},
       from, kQueueBytes);
  Watch(number, std::move(admission.pass));
}

// Without a token that counts nothing is left to be done on the socket; without a role here, elsewhere.
void WeftV1Socket::EndOpening(std::uint64_t number, const absl::Status& refused) {
  const CloseCode code = auth::CloseCodeOf(auth::RefusalOf(refused));
  const std::string reason(refused.message());
  if (code == CloseCode::kUnauthorized) return EndSocket(code, reason);
  Carry(machine_.Refuse(ChannelOf(number), static_cast<std::uint64_t>(code), 0, reason));
}

void WeftV1Socket::EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) {
  openings_.erase(number);
  Forget(number);
  if (code == CloseCode::kUnauthorized) return EndSocket(code, reason);
  Carry(machine_.Ended(ChannelOf(number), static_cast<std::uint64_t>(code), reason));
}

void WeftV1Socket::EndSocket(CloseCode code, std::string_view reason) {
  const std::uint64_t retry_ms = code == CloseCode::kBusy ? kRetryMs : 0;
  Carry(machine_.Close(static_cast<std::uint64_t>(code), reason, retry_ms));
}

void WeftV1Socket::CarryOut(dialect::Deliver& effect) {
  Deliver(NumberOf(effect.channel), effect.message);
}

void WeftV1Socket::CarryOut(dialect::CatchUp& effect) {
  FlushDeliveries();
  if (Channel* channel = Find(NumberOf(effect.channel))) channel->CatchUp();
}

void WeftV1Socket::CarryOut(dialect::CheckState& effect) {
  FlushDeliveries();
  if (Channel* channel = Find(NumberOf(effect.channel))) channel->Check();
}

void WeftV1Socket::CarryOut(dialect::LeaveRoom& effect) {
  openings_.erase(NumberOf(effect.channel));
  Forget(NumberOf(effect.channel));
  Leave(NumberOf(effect.channel));
}

void WeftV1Socket::CarryOut(dialect::CloseSocket& effect) {
  Close(static_cast<CloseCode>(effect.code), effect.reason);
}

}  // namespace weft::server
