#include "server/hocuspocus_socket.h"

#include <utility>

#include "server/worker.h"

namespace weft::server {

namespace dialect = sync::hocuspocus;
namespace event = channel_event;

HocuspocusSocket::HocuspocusSocket(SocketConnection& socket, Worker& worker,
                                   auth::Credentials shown)
    : Multiplexer(socket, worker, std::move(shown)),
      machine_({.documents = worker.limits().rooms_per_socket}) {}

void HocuspocusSocket::OnEvent(std::uint64_t channel, ChannelEvent event) {
  if (auto* said = std::get_if<event::Said>(&event)) {
    Carry(machine_.Tell(channel, std::move(said->message)));
  } else if (const auto* settled = std::get_if<event::Settled>(&event)) {
    if (settled->kind == Receipt::Kind::kHeard) return;
    Carry(settled->kind == Receipt::Kind::kRefused ? machine_.Refused(channel, settled->count)
                                                   : machine_.Saved(channel, settled->count));
  } else if (const auto* reading = std::get_if<event::ReadingIs>(&event)) {
    Carry(machine_.SetReading(channel, reading->reading));
  } else if (auto* stateless = std::get_if<event::Stateless>(&event)) {
    Carry(machine_.Stateless(channel, std::move(stateless->body)));
  } else if (const auto* access = std::get_if<event::AccessIs>(&event)) {
    Carry(machine_.SetAccess(channel, access->access));
  } else if (const auto* ended = std::get_if<event::Ended>(&event)) {
    admissions_.erase(channel);
    Carry(machine_.Ended(channel, static_cast<std::uint16_t>(ended->code), ended->reason));
  }
}

void HocuspocusSocket::EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) {
  admissions_.erase(number);
  Carry(machine_.Ended(number, static_cast<std::uint16_t>(code), std::string(reason)));
}

void HocuspocusSocket::OnStopped() {
  Close(CloseCode::kRestart, "the server stops; come back in a moment");
}

void HocuspocusSocket::Carry(dialect::Effects effects) {
  for (dialect::Effect& effect : effects) effects_.push_back(std::move(effect));
  if (std::exchange(carrying_, true)) return;
  while (!effects_.empty() && !ended()) {
    dialect::Effect effect = std::move(effects_.front());
    effects_.pop_front();
    std::visit([this](auto& kind) { CarryOut(kind); }, effect);
  }
  carrying_ = false;
}

void HocuspocusSocket::CarryOut(dialect::SendFrame& effect) {
  Write(effect.channel, std::move(effect.head), std::move(effect.body), effect.is_content);
}

void HocuspocusSocket::CarryOut(dialect::Authenticate& effect) {
  Authenticate(effect.room, effect.token,
               [this, channel = effect.channel](absl::StatusOr<Admission> admission) {
                 if (!admission.ok()) {
                   Carry(machine_.Denied(channel, std::string(admission.status().message())));
                   return;
                 }
                 const sync::Access access = admission->access;
                 admissions_.insert_or_assign(channel, *std::move(admission));
                 Carry(machine_.Admitted(channel, access));
                 // The client may have left the document meanwhile.
                 if (!carrying_ && Find(channel) == nullptr) admissions_.erase(channel);
               });
}

void HocuspocusSocket::CarryOut(dialect::JoinRoom& effect) {
  const Admission& admission = admissions_[effect.channel];
  Join(effect.channel, std::move(effect.room),
       {.access = admission.access,
        .subject = admission.subject,
        .address = address(),
        .asks_in_return = true});
  Watch(effect.channel, admission.pass);
}

void HocuspocusSocket::CarryOut(dialect::ChangeAccess& effect) {
  FlushDeliveries();
  if (Channel* channel = Find(effect.channel)) {
    const Admission& admission = admissions_[effect.channel];
    Watch(effect.channel, admission.pass);
    channel->SetAccess(admission.access, "the token says so");
  }
}

void HocuspocusSocket::CarryOut(dialect::Deliver& effect) {
  Deliver(effect.channel, effect.message);
}

void HocuspocusSocket::CarryOut(dialect::TellStateless& effect) {
  FlushDeliveries();
  if (Channel* channel = Find(effect.channel)) channel->TellStateless(std::move(effect.body));
}

void HocuspocusSocket::CarryOut(dialect::LeaveRoom& effect) {
  admissions_.erase(effect.channel);
  Leave(effect.channel);
}

void HocuspocusSocket::CarryOut(dialect::CloseSocket& effect) {
  Close(static_cast<CloseCode>(effect.code), effect.reason);
}

}  // namespace weft::server
