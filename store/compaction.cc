#include "store/compaction.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/room_index.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

// Merging costs a few hundred bytes an input: so many at a time.
constexpr std::size_t kMergeInputs = 16'384;

// What a read saw, merged.
struct Merged {
  Generation generation{};
  Sequence head = 0;
  Sequence base = 0;  // of the snapshot that went in
  Checksum tie{};
  std::int64_t time_ms = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::vector<Damage> damage;
  Bytes payload;
};

// Merges in groups of bounded size, and the groups once more.
class Merger {
 public:
  explicit Merger(const Merge& merge) : merge_(merge) {}

  void Add(ByteView payload) {
    if (!status_.ok()) return;
    inputs_.push_back(payload);
    if (inputs_.size() == kMergeInputs) Fold();
  }

  absl::StatusOr<Bytes> Finish() {
    if (status_.ok() && (groups_.empty() || !inputs_.empty())) Fold();
    if (!status_.ok()) return status_;
    if (groups_.size() == 1) return std::move(groups_.front());
    std::vector<ByteView> views(groups_.begin(), groups_.end());
    return merge_(views);
  }

 private:
  void Fold() {
    absl::StatusOr<Bytes> group = merge_(inputs_);
    inputs_.clear();
    if (group.ok()) {
      groups_.push_back(*std::move(group));
    } else {
      status_ = group.status();
    }
  }

  const Merge& merge_;
  std::vector<ByteView> inputs_;
  std::vector<Bytes> groups_;
  absl::Status status_;
};

absl::StatusOr<Merged> MergeTail(const LogReader& reader, std::string_view room, const Merge& merge,
                                 Sequence up_to) {
  const absl::StatusOr<Transaction> transaction = reader.environment().BeginRead();
  if (!transaction.ok()) return transaction.status();
  std::optional<FoundRoom> found;
  int code = room.size() > kMaxRoomNameBytes ? 0 : FindRoom(*transaction, room, found);
  if (code == 0 && found && !found->row) {
    code = RebuildCurrentRow(
        *transaction,
        {.name = std::string(room), .room = found->id, .generation = found->generation},
        found->row.emplace());
  }
  if (code != 0) return StatusFromCode(code, "cannot read a room to compact it");
  if (!found) {
    return absl::NotFoundError(absl::StrCat("there is no room \"", std::string(room), "\""));
  }
  const RoomRow& row = *found->row;
  Merged merged{.generation = row.generation,
                .head = std::min(row.head, up_to),
                .tie = row.head_checksum,
                .time_ms = row.last_ms};
  if (merged.head < row.head) {
    if (merged.head + 1 < row.first) {
      return absl::NotFoundError(
          absl::StrCat("the history before record ", row.first, " was dropped"));
    }
    merged.tie = {};
  }
  Merger merger(merge);
  LoadReport report;
  code = ScanRoom(
      *transaction, found->id, found->row,
      {.from_snapshot = true, .records = {.begin = 1, .end = merged.head + 1}},
      [&](const Record& record) {
        merger.Add(record.payload);
        merged.bytes += record.payload.size();
        if (record.is_snapshot) {
          merged.base = record.sequence;
        } else {
          ++merged.records;
        }
        if (merged.head < row.head || record.sequence == merged.head) {
          merged.time_ms = record.time_ms;
        }
      },
      report);
  if (code != 0) return StatusFromCode(code, "cannot read a room to compact it");
  if (merged.head < row.head) {
    code = ReadChecksum(*transaction, found->id, merged.head, merged.tie);
    if (code != 0) return StatusFromCode(code, "cannot read a room to compact it");
  }
  merged.damage = std::move(report.damage);
  if (merged.base == merged.head) return merged;  // there is such a snapshot already
  absl::StatusOr<Bytes> payload = merger.Finish();
  if (!payload.ok()) return payload.status();
  merged.payload = *std::move(payload);
  return merged;
}

}  // namespace

absl::StatusOr<CompactReport> CompactRoom(const LogReader& reader, const SubmitEdit& submit,
                                          std::string_view room, const Merge& merge,
                                          const CompactOptions& options) {
  absl::StatusOr<Merged> merged = MergeTail(reader, room, merge, options.up_to);
  if (!merged.ok()) return merged.status();
  CompactReport report{.snapshot = merged->head};
  absl::Status result;
  if (merged->base != merged->head && merged->head > 0) {
    const NewSnapshot snapshot{.generation = merged->generation,
                               .sequence = merged->head,
                               .tie = merged->tie,
                               .time_ms = merged->time_ms,
                               .payload = merged->payload,
                               .damage = merged->damage,
                               .now_ms = options.now_ms};
    const absl::Status put =
        submit([&](BatchWriter& writer) { return PutSnapshot(writer, room, snapshot, result); });
    if (!put.ok()) return put;
    if (!result.ok()) return result;
    report.merged_records = merged->records;
    report.merged_bytes = merged->bytes;
    report.snapshot_bytes = merged->payload.size();
    for (const Damage& damage : merged->damage) {
      if (damage.kind != DamageKind::kSnapshot && damage.kind != DamageKind::kQuarantined) {
        report.set_aside += damage.end - damage.begin;
      }
    }
    merged->payload = {};
  }
  if (options.up_to != kNoBound) return report;
  bool more = true;
  while (more) {
    const absl::Status trimmed = submit([&](BatchWriter& writer) {
      return TrimHistory(writer, room,
                         {.now_ms = options.now_ms, .default_retention_ms = options.retention_ms},
                         more);
    });
    if (!trimmed.ok()) return trimmed;
  }
  return report;
}

}  // namespace weft::store
