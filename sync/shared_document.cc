#include "sync/shared_document.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/snapshot.h"
#include "crdt/update.h"
#include "crdt/update_meta.h"
#include "sync/state_checksum.h"

namespace weft::sync {
namespace {

// Measuring costs as much as encoding the document, so it has to be earned by new bytes: as many as
// the document had, and this many.
constexpr std::size_t kMeasureBytes = std::size_t{1} << 20;
// Near the bound, where the result decides, by one part of so many of it.
constexpr std::size_t kMeasuresNearBound = 64;
// What a document of no content takes, and how many times its encoded size one of much.
constexpr std::size_t kMemoryOfEmpty = std::size_t{4} << 10;
constexpr std::size_t kMemoryFactor = 4;

crdt::Doc::Options DocOptions(const crdt::DecodeLimits& limits) {
  crdt::Doc::Options options;
  options.limits = limits;
  return options;
}

// Both are merged: a range lies within one of the other, or something of it is missing there.
bool Contains(const crdt::DeleteSet& all, const crdt::DeleteSet& part) {
  for (const crdt::DeleteSet::ClientRanges& wanted : part.clients()) {
    const auto found =
        std::ranges::find(all.clients(), wanted.client, &crdt::DeleteSet::ClientRanges::client);
    if (found == all.clients().end()) return false;
    for (const crdt::IdRange& range : wanted.ranges) {
      const auto after =
          std::ranges::upper_bound(found->ranges, range.clock, {}, &crdt::IdRange::clock);
      if (after == found->ranges.begin() || std::prev(after)->end() < range.end()) return false;
    }
  }
  return true;
}

}  // namespace

SharedDocument::SharedDocument(const Options& options)
    : options_(options), doc_(DocOptions(options.limits)), awareness_(options.awareness) {
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
  const bool news = integrated_ || waits_for_more;
  if (news) counted_bytes_ += update.size();
  if (counted_bytes_ > std::max(measured_bytes_, kMeasureBytes)) Measure();
  return Applied{.news = news, .gap = has_pending ? gap_count_ : 0};
}

absl::StatusOr<bool> SharedDocument::BringsNews(crdt::ByteView update) const {
  const absl::StatusOr<crdt::UpdateMeta> meta =
      crdt::ParseUpdateMeta(update, crdt::UpdateFormat::kV1, options_.limits);
  if (!meta.ok()) return meta.status();
  const crdt::StateVector known = doc_.GetStateVector();
  for (const crdt::UpdateMeta::ClientClocks& clocks : meta->clients) {
    if (clocks.to > known.Get(clocks.client)) return true;
  }
  const absl::StatusOr<crdt::Update> decoded = crdt::DecodeUpdate(update, options_.limits);
  if (!decoded.ok()) return decoded.status();
  if (decoded->deletes.empty()) return false;
  return !Contains(doc_.TakeSnapshot().deletes(), decoded->deletes);
}

absl::Status SharedDocument::CheckSpace(crdt::ByteView update) {
  const std::size_t bound = options_.document_bytes;
  const auto fits = [&] {
    return update.size() <= bound && document_bytes() <= bound - update.size();
  };
  if (fits()) return absl::OkStatus();
  const absl::StatusOr<crdt::UpdateMeta> meta =
      crdt::ParseUpdateMeta(update, crdt::UpdateFormat::kV1, options_.limits);
  if (!meta.ok()) return meta.status();
  const crdt::StateVector known = doc_.GetStateVector();
  if (std::all_of(meta->clients.begin(), meta->clients.end(),
                  [&known](const auto& clocks) { return clocks.to <= known.Get(clocks.client); })) {
    return absl::OkStatus();
  }
  // Who is refused is closed, so that a measurement for each refusal can be afforded; who is not
  // pays for it in bytes. People may have deleted since the last one.
  const auto fits_as_measured = [&] { return measured_bytes_ <= bound - update.size(); };
  const bool refused = update.size() > bound || !fits_as_measured();
  if (counted_bytes_ > (refused ? 0 : bound / kMeasuresNearBound)) Measure();
  if (update.size() <= bound && fits_as_measured()) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the document would have more than ", bound,
                                                   " bytes; deleting is still possible"));
}

std::size_t SharedDocument::memory_bytes() const {
  return kMemoryOfEmpty + kMemoryFactor * document_bytes() + awareness_.state_bytes();
}

void SharedDocument::Measure() {
  measured_bytes_ = doc_.EncodeStateAsUpdate().size();
  counted_bytes_ = 0;
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

std::uint64_t SharedDocument::Checksum() const { return StateChecksum(doc_.TakeSnapshot()); }

crdt::Bytes SharedDocument::EncodeStateVector() const {
  return crdt::EncodeStateVector(doc_.GetStateVector());
}

crdt::Bytes SharedDocument::EncodePending() const {
  return doc_.EncodeStateAsUpdate(doc_.GetStateVector());
}

}  // namespace weft::sync
