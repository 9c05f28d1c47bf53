#include "sync/shared_document.h"

#include <algorithm>
#include <utility>

namespace weft::sync {
namespace {

crdt::Doc::Options DocOptions(const crdt::DecodeLimits& limits) {
  crdt::Doc::Options options;
  options.limits = limits;
  return options;
}

}  // namespace

SharedDocument::SharedDocument(const Options& options)
    : doc_(DocOptions(options.limits)), awareness_(options.awareness) {
  subscription_ = doc_.OnUpdate([this](const crdt::UpdateEvent&) { integrated_ = true; });
}

absl::StatusOr<SharedDocument::Applied> SharedDocument::ApplyUpdate(crdt::ByteView update) {
  const bool had_pending = doc_.has_pending();
  const crdt::Bytes pending_before = had_pending ? EncodePending() : crdt::Bytes();
  integrated_ = false;
  if (absl::Status status = doc_.ApplyUpdate(update); !status.ok()) return status;

  const bool has_pending = doc_.has_pending();
  if (integrated_ || has_pending) ForgetAnswer();
  if (has_pending && !had_pending) ++gap_count_;
  const bool waits_for_more =
      has_pending && (!had_pending || (!integrated_ && EncodePending() != pending_before));
  return Applied{.news = integrated_ || waits_for_more, .gap = has_pending ? gap_count_ : 0};
}

absl::StatusOr<crdt::Bytes> SharedDocument::DiffFor(crdt::ByteView encoded_state_vector) const {
  const absl::StatusOr<crdt::StateVector> known = crdt::DecodeStateVector(encoded_state_vector);
  if (!known.ok()) return known.status();
  return doc_.EncodeStateAsUpdate(*known);
}

absl::StatusOr<Frame> SharedDocument::AnswerFor(crdt::ByteView encoded_state_vector) {
  if (answer_ != nullptr && std::ranges::equal(answered_, encoded_state_vector)) return answer_;
  const absl::StatusOr<crdt::Bytes> diff = DiffFor(encoded_state_vector);
  if (!diff.ok()) return diff.status();
  answer_ = MakeFrame(SyncStep2{*diff});
  answered_.assign(encoded_state_vector.begin(), encoded_state_vector.end());
  return answer_;
}

crdt::Bytes SharedDocument::EncodeStateVector() const {
  return crdt::EncodeStateVector(doc_.GetStateVector());
}

crdt::Bytes SharedDocument::EncodePending() const {
  return doc_.EncodeStateAsUpdate(doc_.GetStateVector());
}

}  // namespace weft::sync
