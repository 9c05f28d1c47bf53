#include "server/history.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/driver/type_path.h"
#include "crdt/undo_manager.h"
#include "crdt/update.h"
#include "crdt/update_merge.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"

namespace weft::server {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using store::Record;
using store::Sequence;

Bytes EmptyUpdate() { return {0, 0}; }

// Copies payloads in a visit, whose views do not outlive it, and merges them after it.
class Collector {
 public:
  void Add(const Record& record) {
    payloads_.emplace_back(record.payload.begin(), record.payload.end());
  }
  // As one update, whether or not it is all of a document.
  absl::StatusOr<Bytes> Finish() {
    std::vector<ByteView> views(payloads_.begin(), payloads_.end());
    if (views.empty()) return EmptyUpdate();
    return crdt::MergeUpdates(views, LogLimits());
  }

 private:
  std::vector<Bytes> payloads_;
};

using Roots = std::vector<crdt::UpdateWeight::Root>;

// The roots of two states of a document, of the kinds that either tells.
absl::StatusOr<Roots> RootsOf(ByteView state, ByteView other) {
  Roots roots;
  for (const ByteView update : {state, other}) {
    auto weight = crdt::WeighUpdate(update, crdt::UpdateFormat::kV1, LogLimits());
    if (!weight.ok()) return weight.status();
    for (crdt::UpdateWeight::Root& root : weight->roots) {
      const auto known = std::ranges::find(roots, root.name, &crdt::UpdateWeight::Root::name);
      if (known == roots.end()) {
        roots.push_back(std::move(root));
      } else if (known->kind == crdt::TypeKind::kUndefined) {
        known->kind = root.kind;
      }
    }
  }
  return roots;
}

// What the roots of a document hold, whatever ids it has.
std::string ContentOf(crdt::Doc& doc, const Roots& roots) {
  std::string content;
  for (const crdt::UpdateWeight::Root& root : roots) {
    if (root.kind == crdt::TypeKind::kUndefined) continue;
    crdt::AppendElement(content, crdt::driver::AsElement(doc.GetType(root.name, root.kind)));
    content += '\n';
  }
  return content;
}

absl::StatusOr<std::string> ContentOf(std::span<const ByteView> updates, const Roots& roots) {
  crdt::Doc doc({.limits = LogLimits()});
  for (const ByteView update : updates) {
    const absl::Status status = doc.ApplyUpdate(update);
    if (!status.ok()) return status;
  }
  return ContentOf(doc, roots);
}

}  // namespace

crdt::DecodeLimits LogLimits() {
  crdt::DecodeLimits limits;
  limits.update_bytes = std::size_t{1} << 40;
  limits.update_blocks = std::size_t{1} << 40;
  limits.update_clients = std::size_t{1} << 40;
  limits.delete_ranges = std::size_t{1} << 40;
  limits.update_memory = std::size_t{1} << 40;
  limits.pending_bytes = std::size_t{1} << 40;
  return limits;
}

// A document's own encoding is a fraction of the merged updates: it joins what was typed one
// character at a time, and drops what was deleted. Merged first, because parts that wait for others
// are dear to apply one by one, and the log merges long histories in parts.
absl::StatusOr<Bytes> MergePayloads(std::span<const ByteView> payloads) {
  if (payloads.empty()) return EmptyUpdate();
  absl::StatusOr<Bytes> merged = crdt::MergeUpdates(payloads, LogLimits());
  if (!merged.ok()) return merged;
  crdt::Doc doc({.limits = LogLimits(), .collisions = crdt::CollisionPolicy::kIgnore});
  // What no document takes, or is not whole, stays as it is: whoever loads it decides.
  if (!doc.ApplyUpdate(*merged).ok() || doc.has_pending()) return merged;
  return doc.EncodeStateAsUpdate();
}

absl::Status CheckPayload(ByteView payload) {
  return crdt::DecodeUpdate(payload, LogLimits()).status();
}

absl::StatusOr<Bytes> StateAt(const store::LogReader& log, std::string_view room, Sequence sequence,
                              store::LoadReport& report) {
  Collector collector;
  const auto visit = [&](const Record& record) { collector.Add(record); };
  auto loaded =
      sequence == store::kNoBound ? log.Load(room, visit) : log.LoadAt(room, sequence, visit);
  if (!loaded.ok()) return loaded.status();
  report = *std::move(loaded);
  return collector.Finish();
}

absl::StatusOr<Bytes> ChangesBetween(const store::LogReader& log, std::string_view room,
                                     Sequence from, Sequence to) {
  const auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (!*info) {
    return absl::NotFoundError(absl::StrCat("there is no room \"", std::string(room), "\""));
  }
  const Sequence end = std::min(to, (*info)->head);
  if (from + 1 >= (*info)->first) {
    Collector collector;
    const auto report = log.ReadRecords(room, {.begin = from + 1, .end = end + 1},
                                        [&](const Record& record) { collector.Add(record); });
    if (!report.ok()) return report.status();
    return collector.Finish();
  }
  // The single records are gone: what the later state has beyond the earlier one.
  store::LoadReport ignored;
  const absl::StatusOr<Bytes> before = StateAt(log, room, from, ignored);
  if (!before.ok()) return before.status();
  const absl::StatusOr<Bytes> after = StateAt(log, room, end, ignored);
  if (!after.ok()) return after.status();
  const auto known = crdt::StateVectorOfUpdate(*before, LogLimits());
  if (!known.ok()) return known.status();
  return crdt::DiffUpdate(*after, *known, LogLimits());
}

absl::StatusOr<Bytes> RestoringUpdate(const store::LogReader& log, std::string_view room,
                                      Sequence sequence) {
  store::LoadReport ignored;
  const absl::StatusOr<Bytes> wanted = StateAt(log, room, sequence, ignored);
  if (!wanted.ok()) return wanted.status();
  const absl::StatusOr<Bytes> newest = StateAt(log, room, store::kNoBound, ignored);
  if (!newest.ok()) return newest.status();
  return RestoringUpdate(*wanted, *newest);
}

// The document takes the wanted state, then, watched by an undo manager, everything since; undoing
// that is the restoration, with the rules of undo: what was inserted is deleted, what was deleted is
// inserted again, map entries get their old values as new ones.
absl::StatusOr<Bytes> RestoringUpdate(ByteView wanted, ByteView newest) {
  constexpr std::string_view kSince = "since";
  const absl::StatusOr<Roots> roots = RootsOf(wanted, newest);
  if (!roots.ok()) return roots.status();
  const ByteView before[] = {wanted};
  const ByteView now[] = {newest};
  const auto expected = ContentOf(before, *roots);
  const auto current = ContentOf(now, *roots);
  if (!expected.ok()) return expected.status();
  if (!current.ok()) return current.status();
  if (*expected == *current) return Bytes{};

  crdt::Doc doc({.gc = false, .limits = LogLimits()});
  absl::Status status = doc.ApplyUpdate(wanted);
  if (!status.ok()) return status;
  crdt::UndoManager undo(
      doc, {}, {.tracked_origins = {std::string(kSince)}, .ignore_remote_map_changes = true});
  status = doc.ApplyUpdate(newest, kSince);
  if (!status.ok()) return status;

  std::vector<Bytes> updates;
  {
    const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
      updates.emplace_back(event.update.begin(), event.update.end());
    });
    while (undo.can_undo()) undo.Undo();
  }
  std::vector<ByteView> views(updates.begin(), updates.end());
  const absl::StatusOr<Bytes> restoring =
      views.empty() ? EmptyUpdate() : crdt::MergeUpdates(views, LogLimits());
  if (!restoring.ok()) return restoring.status();
  // What others will see is what counts.
  const ByteView after[] = {newest, *restoring};
  const auto restored = ContentOf(after, *roots);
  if (!restored.ok()) return restored.status();
  if (*expected != *restored) {
    return absl::InternalError("the restored document would show something else");
  }
  return restoring;
}

absl::StatusOr<Change> DescribeChange(ByteView payload) {
  const auto update = crdt::DecodeUpdate(payload, LogLimits());
  if (!update.ok()) return update.status();
  Change change;
  for (const crdt::Update::Section& section : update->sections) {
    Change::Writer writer{.client = section.client};
    for (std::size_t i = section.begin; i < section.end; ++i) {
      const crdt::Block& block = update->blocks[i];
      if (block.kind != crdt::ContentKind::kSkip) writer.elements += block.length;
    }
    if (writer.elements > 0) change.writers.push_back(writer);
  }
  for (const auto& client : update->deletes.clients()) {
    for (const crdt::IdRange& range : client.ranges) change.deleted += range.length;
  }
  return change;
}

}  // namespace weft::server
