#include "store/room_scan.h"

#include "store/cursor.h"

namespace weft::store {

namespace {

// Follows the records of one room and notes where they are not what the room should have.
class RoomScan {
 public:
  RoomScan(RoomId id, const std::optional<RoomRow>& row,
           const std::function<void(const Record&)>& visit, LoadReport& report)
      : id_(id), row_(row), visit_(visit), report_(report) {
    if (!row_) Note(DamageKind::kRoomRow, 0, 0);
  }

  void Show(Sequence sequence, ByteView value) {
    const std::optional<StoredRecord> stored = DecodeRecord(value);
    const bool intact = stored && IsIntact(EncodeRecordKey(id_, sequence), value);
    // A record that is neither sound nor expected lies where a damaged key put it: it says nothing
    // about the records between.
    const bool stray = !intact && row_ && sequence > row_->head;
    if (!stray) {
      if (sequence > expected_) {
        Note(DamageKind::kMissing, expected_, sequence);
        previous_.reset();
      }
      expected_ = sequence + 1;
    }
    if (!intact) {
      Note(stored ? DamageKind::kChecksum : DamageKind::kMalformed, sequence, sequence + 1);
      previous_.reset();
      return;
    }
    if (previous_ && stored->fields.link != LinkTo(*previous_)) {
      Note(DamageKind::kBrokenChain, sequence, sequence + 1);
    }
    previous_ = stored->checksum;
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
    if (row_->head >= expected_) {
      Note(DamageKind::kMissing, expected_, row_->head + 1);
      report_.head = row_->head;
    } else if (previous_ && row_->head == report_.head && *previous_ != row_->head_checksum) {
      Note(DamageKind::kBrokenChain, row_->head, row_->head + 1);
    }
  }

 private:
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
  const std::function<void(const Record&)>& visit_;
  LoadReport& report_;
  Sequence expected_ = 1;
  // Of the record before, while it is known: record 1 continues zeros.
  std::optional<Checksum> previous_ = Checksum{};
};

}  // namespace

int ScanRoom(const Transaction& transaction, RoomId id, const std::optional<RoomRow>& row,
             const std::function<void(const Record&)>& visit, LoadReport& report) {
  RoomScan scan(id, row, visit, report);
  Cursor records;
  int code = records.Open(transaction.handle(), transaction.tables().records);
  if (code != 0) return code;
  code = records.MoveTo(EncodeRecordKey(id, 1), MDB_SET_RANGE);
  for (; code == 0; code = records.Move(MDB_NEXT)) {
    const std::optional<RecordPlace> place = DecodeRecordKey(records.key());
    if (!place) continue;
    if (place->room != id) break;
    scan.Show(place->sequence, records.value());
  }
  if (code != 0 && code != MDB_NOTFOUND) return code;
  scan.Finish();
  return 0;
}

}  // namespace weft::store
