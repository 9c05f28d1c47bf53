#include "sync/session.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace weft::sync {

Session::Session(SharedDocument* document, Options options)
    : document_(document), options_(std::move(options)), id_(document->NewSessionId()) {}

Effects Session::Open() {
  Effects effects;
  if (options_.access == Access::kReadWrite || options_.asks_in_return) {
    effects.push_back(AskForMissing());
  }
  if (!document_->awareness().empty()) effects.push_back(TellAwareness());
  return effects;
}

Effects Session::SetAccess(Access access, std::string refusal) {
  options_.refusal = std::move(refusal);
  if (std::exchange(options_.access, access) == access || access == Access::kReadOnly) return {};
  asked_gap_ = 0;
  return Effects{AskForMissing()};
}

absl::StatusOr<Effects> Session::TellEverything() {
  const crdt::Bytes nothing_known = crdt::EncodeStateVector({});
  absl::StatusOr<Frame> answer = document_->AnswerFor(nothing_known);
  if (!answer.ok()) return answer.status();
  Effects effects;
  effects.push_back(Reply{*std::move(answer)});
  for (Effect& effect : Open()) effects.push_back(std::move(effect));
  return effects;
}

absl::StatusOr<Effects> Session::Receive(crdt::ByteView frame, TimePoint now) {
  if (frame.size() > options_.frame_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "a message of ", frame.size(), " bytes; at most ", options_.frame_bytes, " are taken"));
  }
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  if (!message.ok()) return message.status();
  return std::visit([&](const auto& kind) { return On(kind, now); }, *message);
}

Effects Session::Close() {
  Effects effects;
  const crdt::Bytes departures = document_->awareness().RemoveOwnedBy(id_);
  if (!departures.empty()) {
    effects.push_back(MakePublishAwareness(departures));
  }
  return effects;
}

absl::StatusOr<Effects> Session::On(const SyncStep1& message, TimePoint) {
  absl::StatusOr<Frame> answer = document_->AnswerFor(message.state_vector);
  if (!answer.ok()) return answer.status();
  Effects effects{Reply{*std::move(answer)}};
  if (std::exchange(asked_first_, true) && options_.asks_in_return) {
    effects.push_back(AskForMissing());
  }
  return effects;
}

absl::StatusOr<Effects> Session::On(const SyncStep2& message, TimePoint) {
  return AcceptUpdate(message.update);
}

absl::StatusOr<Effects> Session::On(const Update& message, TimePoint) {
  return AcceptUpdate(message.update);
}

absl::StatusOr<Effects> Session::AcceptUpdate(crdt::ByteView update) {
  if (options_.access == Access::kReadOnly) {
    const absl::StatusOr<bool> news = document_->BringsNews(update);
    if (!news.ok()) return news.status();
    if (!*news) return Effects();
    return Effects{RefuseWrite{options_.refusal}};
  }
  if (absl::Status space = document_->CheckSpace(update); !space.ok()) return space;
  const absl::StatusOr<SharedDocument::Applied> applied = document_->ApplyUpdate(update);
  if (!applied.ok()) return applied.status();

  Effects effects;
  if (applied->news) effects.push_back(MakePublishUpdate(update));
  if (applied->gap != 0 && applied->gap != asked_gap_) {
    asked_gap_ = applied->gap;
    effects.push_back(AskForMissing());
  }
  return effects;
}

absl::StatusOr<Effects> Session::On(const AwarenessUpdate& message, TimePoint now) {
  const absl::StatusOr<Awareness::Applied> applied =
      document_->awareness().Apply(id_, message.update, now);
  if (!applied.ok()) return applied.status();

  Effects effects;
  if (!applied->to_all.empty()) {
    effects.push_back(MakePublishAwareness(applied->to_all, applied->is_renewal));
  }
  if (!applied->to_sender.empty()) {
    effects.push_back(Reply{MakeFrame(AwarenessUpdate{applied->to_sender})});
  }
  return effects;
}

absl::StatusOr<Effects> Session::On(const QueryAwareness&, TimePoint) {
  return Effects{TellAwareness()};
}

// Replies leave once all that was accepted before them is stored.
absl::StatusOr<Effects> Session::On(const SyncMarker& message, TimePoint) {
  return Effects{Reply{MakeFrame(message)}};
}

// Peers are not asked for permission here, and other dialects may say what they like.
absl::StatusOr<Effects> Session::On(const PermissionDenied&, TimePoint) { return Effects(); }
absl::StatusOr<Effects> Session::On(const Unknown&, TimePoint) { return Effects(); }

Reply Session::AskForMissing() const {
  return Reply{MakeFrame(SyncStep1{document_->EncodeStateVector()})};
}

Reply Session::TellAwareness() const {
  return Reply{MakeFrame(AwarenessUpdate{document_->awareness().EncodeAll()})};
}

Effects ExpireAwareness(SharedDocument& document, TimePoint now) {
  Effects effects;
  const crdt::Bytes departures = document.awareness().RemoveExpired(now);
  if (!departures.empty()) {
    effects.push_back(MakePublishAwareness(departures));
  }
  return effects;
}

}  // namespace weft::sync
