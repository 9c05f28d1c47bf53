#include "server/script/script_socket.h"

#include <array>
#include <utility>
#include <variant>

#include "crdt/update_merge.h"
#include "server/asio.h"
#include "sync/message.h"

namespace weft::server::script {
namespace {

namespace event = channel_event;

constexpr std::array<std::uint8_t, 1> kNothingKnown = {0};  // an empty state vector

// What a client that fell behind is told anew, or can do without.
bool MayBeDropped(std::string_view text) {
  constexpr std::string_view kUpdate = R"({"OP":"NOOP","ACTION":"YJS_UPDATE")";
  constexpr std::string_view kPresence = R"({"OP":"NOOP","ACTION":"YJS_AWARENESS")";
  return text.starts_with(kUpdate) || text.starts_with(kPresence);
}

sync::Access ToAccess(bool may_write) {
  return may_write ? sync::Access::kReadWrite : sync::Access::kReadOnly;
}

}  // namespace

void ScriptSocket::Tell(const std::string& text) {
  Write(number_, crdt::Bytes(text.begin(), text.end()), nullptr, MayBeDropped(text));
}

void ScriptSocket::Enter(std::string room, std::string subject, bool may_write) {
  number_ = ++last_number_;
  has_joined_ = false;
  generation_.reset();
  whole_.reset();
  early_.clear();
  asked_ = 0;
  room_ = room;
  Join(number_, std::move(room),
       {.access = ToAccess(may_write), .subject = std::move(subject), .address = address()});
  Deliver(number_, sync::EncodeMessage(sync::SyncStep1{.state_vector = kNothingKnown}));
  FlushDeliveries();
}

void ScriptSocket::Exit() {
  if (number_ == 0) return;
  Leave(std::exchange(number_, 0));
}

void ScriptSocket::SetAccess(bool may_write) {
  // What was sent under other rights is handled under them.
  FlushDeliveries();
  if (Channel* const channel = Find(number_)) {
    channel->SetAccess(ToAccess(may_write), "Insufficient permissions");
  }
}

void ScriptSocket::Ask(crdt::ByteView state_vector) {
  ++asked_;
  Deliver(number_, sync::EncodeMessage(sync::SyncStep1{.state_vector = state_vector}));
}

void ScriptSocket::Write(crdt::ByteView update) {
  Deliver(number_, sync::EncodeMessage(sync::Update{.update = update}));
}

void ScriptSocket::OnMessage(crdt::ByteView message) {
  events_.hub().OnText(id_, crdt::AsText(message), Clock::now());
}

void ScriptSocket::OnSaid(crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  if (!decoded.ok()) return;
  if (const auto* update = std::get_if<sync::Update>(&*decoded)) {
    if (has_joined_) return events_.hub().OnUpdate(id_, update->update);
    // What a commit brought while the room answered: the document that comes next was made before it.
    early_.emplace_back(update->update.begin(), update->update.end());
    return;
  }
  const auto* answer = std::get_if<sync::SyncStep2>(&*decoded);
  if (answer == nullptr) return;
  if (!has_joined_) {
    whole_.emplace(answer->update.begin(), answer->update.end());
    FinishJoin();
  } else if (asked_ > 0) {
    --asked_;
    events_.hub().OnDiff(id_, answer->update);
  } else {
    // The room tells everything anew.
    events_.hub().OnUpdate(id_, answer->update);
  }
}

// A room that is in memory says first that it is open; one that is read from the log answers before that.
void ScriptSocket::FinishJoin() {
  if (!whole_ || !generation_) return;
  const crdt::Bytes whole = *std::exchange(whole_, std::nullopt);
  const auto known = crdt::StateVectorOfUpdate(whole);
  if (!known.ok()) return Close(CloseCode::kInternalError, "the document cannot be read");
  has_joined_ = true;
  const crdt::Bytes state_vector = crdt::EncodeStateVector(*known);
  events_.hub().OnJoined(id_, {.state = whole,
                               .state_vector = state_vector,
                               .generation = *generation_,
                               .warnings = events_.WarningsOf(room_, lost_)});
  for (const crdt::Bytes& update : std::exchange(early_, {})) events_.hub().OnUpdate(id_, update);
}

void ScriptSocket::OnEvent(std::uint64_t channel, ChannelEvent happened) {
  if (channel != number_) return;
  if (auto* opened = std::get_if<event::Opened>(&happened)) {
    generation_ = opened->head.generation;
    lost_ = std::move(opened->lost);
    FinishJoin();
  } else if (const auto* said = std::get_if<event::Said>(&happened)) {
    OnSaid(*said->message);
  } else if (const auto* settled = std::get_if<event::Settled>(&happened)) {
    if (settled->kind == Receipt::Kind::kHeard) return;
    const bool refused = settled->kind == Receipt::Kind::kRefused;
    events_.hub().OnReceipt(id_, settled->count,
                            refused ? std::string_view(settled->reason) : std::string_view());
  } else if (const auto* ended = std::get_if<event::Ended>(&happened)) {
    EndChannel(channel, ended->code, ended->reason);
  }
}

void ScriptSocket::EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) {
  if (number != number_) return;
  number_ = 0;
  if (!has_joined_ && code != CloseCode::kRestart) {
    return events_.hub().OnJoinRefused(id_, reason);
  }
  switch (code) {
    case CloseCode::kDiscarded:  // who discards says so to everybody
      return events_.hub().OnRoomEnded(id_, {});
    case CloseCode::kRoomDeleted:
    case CloseCode::kForbidden:
      return events_.hub().OnRoomEnded(id_, reason);
    default:
      // The client keeps its document, comes back, and brings along what the room lacks.
      Close(code, reason);
  }
}

}  // namespace weft::server::script
