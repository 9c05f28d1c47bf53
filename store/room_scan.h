#pragma once

// Reading a room's snapshots and records with proof.

#include <functional>
#include <optional>

#include "store/environment.h"
#include "store/format.h"
#include "store/record.h"

namespace weft::store {

using VisitRecord = std::function<void(const Record&)>;

// What to show of a room.
struct ScanRange {
  // With: the newest sound snapshot below `records.end`, then the records after it. Without: the
  // records themselves, as far as they are kept.
  bool from_snapshot = true;
  SequenceRange records;
};

// Shows every intact record of a room to `visit` in order, and reports the others. Without a row
// (it is damaged) the room is taken to end with its last record. LMDB's code; `report` counts what
// was shown until then.
int ScanRoom(const Transaction& transaction, RoomId id, const std::optional<RoomRow>& row,
             const ScanRange& range, const VisitRecord& visit, LoadReport& report);

// The newest sound snapshot with a sequence below `end`, 0 when there is none; damaged ones above
// it are reported. LMDB's code.
struct FoundSnapshot {
  Sequence sequence = 0;
  StoredSnapshot stored;
};
int FindSnapshot(const Transaction& transaction, RoomId id, Sequence end, FoundSnapshot& found,
                 std::vector<Damage>& damage);

// The checksum of a record; zeros when it is damaged or not there. LMDB's code.
int ReadChecksum(const Transaction& transaction, RoomId id, Sequence sequence, Checksum& checksum);

// The sequences of a room that are in quarantine, ascending. LMDB's code.
int ListQuarantined(const Transaction& transaction, RoomId id, std::vector<Sequence>& sequences);

}  // namespace weft::store
