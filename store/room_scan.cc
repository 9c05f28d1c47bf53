#include "store/room_scan.h"

#include <algorithm>

#include "store/cursor.h"
#include "store/journal.h"
#include "store/room_index.h"

namespace weft::store {

namespace {

// Follows the records of one room and notes where they are not what the room should have.
class RoomScan {
 public:
  RoomScan(RoomId id, const std::optional<RoomRow>& row, const ScanRange& range,
           const VisitRecord& visit, LoadReport& report)
      : id_(id), row_(row), range_(range), visit_(visit), report_(report) {
    if (!row_) Note(DamageKind::kRoomRow, 0, 0);
  }

  // LMDB's code.
  int Run(const Transaction& transaction) {
    int code = ListQuarantined(transaction, id_, quarantined_);
    if (code == 0) code = Begin(transaction);
    if (code != 0) return code;
    Cursor records;
    code = records.Open(transaction.handle(), transaction.tables().records);
    if (code != 0) return code;
    code = records.MoveTo(EncodeRecordKey(id_, expected_), MDB_SET_RANGE);
    for (; code == 0; code = records.Move(MDB_NEXT)) {
      const std::optional<RecordPlace> place = DecodeRecordKey(records.key());
      if (!place) continue;
      if (place->room != id_ || place->sequence >= range_.records.end) break;
      Show(place->sequence, records.value());
    }
    if (code == 0 || code == MDB_NOTFOUND) code = ShowJournal(transaction);
    if (code != 0) return code;
    Finish();
    return 0;
  }

 private:
  // What the journal has behind the room's range. LMDB's code.
  int ShowJournal(const Transaction& transaction) {
    std::optional<RoomRow> row;
    int code = ReadRoomRow(transaction, id_, row);
    std::vector<JournalRecord> records;
    const Sequence head = row ? row->head : expected_ - 1;
    if (code == 0) code = ReadJournal(transaction, id_, head, records);
    for (const JournalRecord& record : records) {
      if (record.sequence >= range_.records.end) break;
      if (record.sequence >= expected_) Show(record.sequence, record.value);
    }
    return code;
  }

  // Where to begin, and what came before. LMDB's code.
  int Begin(const Transaction& transaction) {
    const Sequence first = row_ ? row_->first : 1;
    expected_ = range_.from_snapshot ? first : std::max(range_.records.begin, first);
    if (expected_ == 1) previous_ = Checksum{};
    if (row_ && expected_ == first && first > 1) SetPrevious(row_->base_checksum);
    if (!range_.from_snapshot) return 0;

    FoundSnapshot snapshot;
    const int code = FindSnapshot(transaction, id_, range_.records.end, snapshot, report_.damage);
    if (code != 0) return code;
    if (row_ && row_->snapshot > snapshot.sequence && row_->snapshot < range_.records.end &&
        report_.damage.empty()) {
      Note(DamageKind::kSnapshot, row_->snapshot, row_->snapshot + 1);
    }
    if (snapshot.sequence == 0) {
      if (row_ && row_->first > 1) Note(DamageKind::kMissing, 1, row_->first);
      return 0;
    }
    expected_ = snapshot.sequence + 1;
    SetPrevious(snapshot.stored.fields.tie);
    report_.snapshot = snapshot.sequence;
    report_.payload_bytes += snapshot.stored.payload.size();
    visit_(Record{.sequence = snapshot.sequence,
                  .time_ms = snapshot.stored.fields.time_ms,
                  .origin = {},
                  .payload = snapshot.stored.payload,
                  .is_snapshot = true});
    return 0;
  }

  // Zeros where the record was damaged.
  void SetPrevious(const Checksum& checksum) {
    previous_.reset();
    if (checksum != Checksum{}) previous_ = checksum;
  }

  void Show(Sequence sequence, ByteView value) {
    const std::optional<Checksum> checksum = ProveRecord(EncodeRecordKey(id_, sequence), value);
    const bool intact = checksum.has_value();
    // A record that is neither sound nor expected lies where a damaged key put it: it says nothing
    // about the records between.
    const bool stray = !intact && row_ && sequence > row_->head;
    if (!stray) {
      if (sequence > expected_) {
        NoteGap(expected_, sequence);
        previous_.reset();
      }
      expected_ = sequence + 1;
    }
    if (!intact) {
      Note(value.size() < kMinRecordHeaderBytes ? DamageKind::kMalformed : DamageKind::kChecksum,
           sequence, sequence + 1);
      previous_.reset();
      return;
    }
    const std::optional<StoredRecord> stored = DecodeRecord(value);
    if (previous_ && stored->fields.link != LinkTo(*previous_)) {
      Note(DamageKind::kBrokenChain, sequence, sequence + 1);
    }
    previous_ = checksum;
    ++report_.records;
    report_.payload_bytes += stored->payload.size();
    visit_(Record{.sequence = sequence,
                  .time_ms = stored->fields.time_ms,
                  .origin = stored->fields.origin,
                  .payload = stored->payload});
  }

  void Finish() {
    report_.head = expected_ - 1;
    if (!row_) return;
    const Sequence last = std::min(row_->head, range_.records.end - 1);
    if (last >= expected_) {
      NoteGap(expected_, last + 1);
      report_.head = last;
    } else if (previous_ && row_->head == report_.head && row_->head_checksum != Checksum{} &&
               *previous_ != row_->head_checksum) {
      Note(DamageKind::kBrokenChain, row_->head, row_->head + 1);
    }
  }

  // Records that are not there: set aside, or missing.
  void NoteGap(Sequence begin, Sequence end) {
    auto next = std::ranges::lower_bound(quarantined_, begin);
    while (begin < end) {
      const bool aside = next != quarantined_.end() && *next == begin;
      const Sequence to = aside                                       ? begin + 1
                          : next != quarantined_.end() && *next < end ? *next
                                                                      : end;
      Note(aside ? DamageKind::kQuarantined : DamageKind::kMissing, begin, to);
      if (aside) ++next;
      begin = to;
    }
  }

  // Findings that touch become one.
  void Note(DamageKind kind, Sequence begin, Sequence end) {
    if (!report_.damage.empty()) {
      Damage& last = report_.damage.back();
      if (last.kind == kind && last.end == begin) {
        last.end = end;
        return;
      }
    }
    report_.damage.push_back({.kind = kind, .begin = begin, .end = end});
  }

  const RoomId id_;
  const std::optional<RoomRow>& row_;
  const ScanRange& range_;
  const VisitRecord& visit_;
  LoadReport& report_;
  std::vector<Sequence> quarantined_;
  Sequence expected_ = 1;
  // The checksum of the record before, while it is known: record 1 continues zeros.
  std::optional<Checksum> previous_;
};

}  // namespace

int ScanRoom(const Transaction& transaction, RoomId id, const std::optional<RoomRow>& row,
             const ScanRange& range, const VisitRecord& visit, LoadReport& report) {
  if (row) report.generation = row->generation;
  return RoomScan(id, row, range, visit, report).Run(transaction);
}

int FindSnapshot(const Transaction& transaction, RoomId id, Sequence end, FoundSnapshot& found,
                 std::vector<Damage>& damage) {
  found = {};
  Cursor snapshots;
  int code = snapshots.Open(transaction.handle(), transaction.tables().snapshots);
  if (code != 0) return code;
  code = snapshots.MoveTo(EncodeRecordKey(id, end), MDB_SET_RANGE);
  code = snapshots.Move(code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
  for (; code == 0; code = snapshots.Move(MDB_PREV)) {
    const std::optional<RecordPlace> place = DecodeRecordKey(snapshots.key());
    if (!place) continue;
    if (place->room != id) return 0;
    const auto stored = DecodeSnapshot(EncodeRecordKey(id, place->sequence), snapshots.value());
    if (stored) {
      found = {.sequence = place->sequence, .stored = *stored};
      return 0;
    }
    damage.push_back({DamageKind::kSnapshot, place->sequence, place->sequence + 1});
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int ReadChecksum(const Transaction& transaction, RoomId id, Sequence sequence, Checksum& checksum) {
  checksum = {};
  const RecordKey record_key = EncodeRecordKey(id, sequence);
  MDB_val key = ToVal(record_key);
  MDB_val value{};
  int code = mdb_get(transaction.handle(), transaction.tables().records, &key, &value);
  if (code == MDB_NOTFOUND) {
    if (sequence == 0) return 0;
    std::vector<JournalRecord> records;
    code = ReadJournal(transaction, id, sequence - 1, records);
    if (code != 0 || records.empty() || records.front().sequence != sequence) return code;
    value = ToVal(records.front().value);
  }
  if (code != 0) return code;
  checksum = ProveRecord(record_key, ToView(value)).value_or(Checksum{});
  return 0;
}

int ListQuarantined(const Transaction& transaction, RoomId id, std::vector<Sequence>& sequences) {
  sequences.clear();
  Cursor quarantine;
  int code = quarantine.Open(transaction.handle(), transaction.tables().quarantine);
  if (code != 0) return code;
  code = quarantine.MoveTo(EncodeRecordKey(id, 0), MDB_SET_RANGE);
  for (; code == 0; code = quarantine.Move(MDB_NEXT)) {
    const std::optional<RecordPlace> place = DecodeRecordKey(quarantine.key());
    if (place && place->room != id) break;
    if (place) sequences.push_back(place->sequence);
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace weft::store
