#include "store/room_edit.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/room_index.h"
#include "store/room_scan.h"

namespace weft::store {

namespace {

absl::Status NoRoom(std::string_view name) {
  return absl::NotFoundError(absl::StrCat("there is no room \"", std::string(name), "\""));
}

// The room, null and `result` set when there is none. LMDB's code.
int FindOr(BatchWriter& writer, std::string_view name, OpenRoom*& room, absl::Status& result) {
  const int code = writer.Find(name, room);
  result = code == 0 && room == nullptr ? NoRoom(name) : absl::OkStatus();
  return code;
}

int PutValue(const Transaction& transaction, MDB_dbi table, ByteView key_bytes,
             std::string_view text) {
  MDB_val key = ToVal(key_bytes);
  MDB_val value = ToVal(text);
  return mdb_put(transaction.handle(), table, &key, &value, 0);
}

// Deletes up to `count` entries whose keys begin with the room's number. LMDB's code.
int DeleteRange(const Transaction& transaction, MDB_dbi table, RoomId id, std::size_t& count) {
  const RoomKey prefix = EncodeRoomKey(id);
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), table);
  if (code != 0) return code;
  for (code = cursor.MoveTo(prefix, MDB_SET_RANGE); code == 0 && count > 0;
       code = cursor.Move(MDB_NEXT)) {
    const ByteView key = cursor.key();
    if (key.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), key.begin())) break;
    code = cursor.Delete();
    if (code != 0) return code;
    --count;
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

struct PlacedSnapshot {
  Sequence sequence = 0;
  std::int64_t time_ms = 0;
  std::size_t bytes = 0;
  bool sound = false;
};

int ListSnapshots(const Transaction& transaction, RoomId id, std::vector<PlacedSnapshot>& list) {
  list.clear();
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), transaction.tables().snapshots);
  if (code != 0) return code;
  code = cursor.MoveTo(EncodeRecordKey(id, 0), MDB_SET_RANGE);
  for (; code == 0; code = cursor.Move(MDB_NEXT)) {
    const auto place = DecodeRecordKey(cursor.key());
    if (!place) continue;
    if (place->room != id) break;
    // Proving each anew would read all their bytes; damage shows when one is used.
    const ByteView value = cursor.value();
    PlacedSnapshot snapshot{.sequence = place->sequence};
    snapshot.sound = value.size() >= kSnapshotHeaderBytes;
    if (snapshot.sound) {
      snapshot.time_ms = PeekSnapshotTime(value);
      snapshot.bytes = value.size() - kSnapshotHeaderBytes;
    }
    list.push_back(snapshot);
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int ListPinned(const Transaction& transaction, RoomId id, std::vector<Sequence>& pinned) {
  pinned.clear();
  const RoomKey prefix = EncodeRoomKey(id);
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), transaction.tables().versions);
  if (code != 0) return code;
  for (code = cursor.MoveTo(prefix, MDB_SET_RANGE); code == 0; code = cursor.Move(MDB_NEXT)) {
    const ByteView key = cursor.key();
    if (key.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), key.begin())) break;
    if (const auto placed = DecodeVersion(key, cursor.value())) {
      pinned.push_back(placed->version.sequence);
    }
  }
  std::ranges::sort(pinned);
  return code == MDB_NOTFOUND ? 0 : code;
}

int DropSnapshot(BatchWriter& writer, OpenRoom& room, const PlacedSnapshot& snapshot) {
  const RecordKey record_key = EncodeRecordKey(room.id, snapshot.sequence);
  MDB_val key = ToVal(record_key);
  const int code = mdb_del(writer.transaction().handle(), writer.transaction().tables().snapshots,
                           &key, nullptr);
  if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
  room.row.snapshot_bytes -= std::min<std::uint64_t>(room.row.snapshot_bytes, snapshot.bytes);
  writer.Touch(room);
  return 0;
}

// Sets one record aside: its bytes, or that it was missing.
int SetAside(BatchWriter& writer, OpenRoom& room, Sequence sequence, DamageKind kind,
             std::int64_t now_ms) {
  const Transaction& transaction = writer.transaction();
  const RecordKey record_key = EncodeRecordKey(room.id, sequence);
  MDB_val key = ToVal(record_key);
  MDB_val value{};
  int code = mdb_get(transaction.handle(), transaction.tables().quarantine, &key, &value);
  if (code != 0 && code != MDB_NOTFOUND) return code;
  // An entry that does not prove itself lies where a damaged key put it, and gives way.
  if (code == 0 && DecodeQuarantined(record_key, ToView(value))) return 0;
  code = mdb_get(transaction.handle(), transaction.tables().records, &key, &value);
  if (code != 0 && code != MDB_NOTFOUND) return code;
  const bool there = code == 0;
  const ByteView bytes = there ? ToView(value) : ByteView{};
  const std::string entry =
      EncodeQuarantined(record_key, {.kind = kind, .found_ms = now_ms, .value = bytes});
  const auto stored = DecodeRecord(bytes);
  const std::uint64_t payload_bytes = stored ? stored->payload.size() : 0;
  code = PutValue(transaction, transaction.tables().quarantine, record_key, entry);
  if (code != 0) return code;
  if (there) {
    key = ToVal(record_key);
    code = mdb_del(transaction.handle(), transaction.tables().records, &key, nullptr);
    if (code != 0) return code;
    RoomRow& row = room.row;
    row.payload_bytes -= std::min(row.payload_bytes, payload_bytes);
    if (sequence > row.snapshot) row.tail_bytes -= std::min(row.tail_bytes, payload_bytes);
  }
  if (room.row.records > 0) --room.row.records;
  ++room.row.quarantined;
  writer.Touch(room);
  return 0;
}

int SetAsideAll(BatchWriter& writer, OpenRoom& room, std::span<const Damage> damage,
                std::int64_t now_ms) {
  for (const Damage& found : damage) {
    if (found.kind != DamageKind::kChecksum && found.kind != DamageKind::kMalformed &&
        found.kind != DamageKind::kMissing && found.kind != DamageKind::kContent) {
      continue;
    }
    // A long gap is one finding; its records are told one by one, as far as that is of use.
    constexpr Sequence kMaxTold = 10'000;
    const Sequence end = std::min(found.end, found.begin + kMaxTold);
    for (Sequence sequence = found.begin; sequence < end; ++sequence) {
      const int code = SetAside(writer, room, sequence, found.kind, now_ms);
      if (code != 0) return code;
    }
  }
  return 0;
}

// Counts the bytes after the newest snapshot anew. LMDB's code.
int CountTail(BatchWriter& writer, OpenRoom& room) {
  room.row.tail_bytes = 0;
  Cursor records;
  int code = records.Open(writer.transaction().handle(), writer.transaction().tables().records);
  if (code != 0) return code;
  code = records.MoveTo(EncodeRecordKey(room.id, room.row.snapshot + 1), MDB_SET_RANGE);
  for (; code == 0; code = records.Move(MDB_NEXT)) {
    const auto place = DecodeRecordKey(records.key());
    if (!place || place->room != room.id) break;
    const auto stored = DecodeRecord(records.value());
    room.row.tail_bytes += stored ? stored->payload.size() : 0;
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace

int CreateRoomWith(BatchWriter& writer, const Append& first, bool& created, RoomRow& row) {
  OpenRoom* room = nullptr;
  int code = writer.FindOrCreate(first.room, room);
  if (code != 0) return code;
  created = room->row.head == 0;
  if (created) code = writer.PutRecord(*room, first.time_ms, first.origin, first.payload);
  row = room->row;
  return code;
}

int AppendWith(BatchWriter& writer, const Append& append,
               absl::FunctionRef<std::pair<int, absl::Status>(const Appended& place)> with,
               Appended& place, absl::Status& refused) {
  refused = absl::OkStatus();
  OpenRoom* room = nullptr;
  int code = writer.Find(append.room, room);
  if (code != 0) return code;
  const bool is_new = room == nullptr;
  if (append.generation && (is_new || room->row.generation != *append.generation)) {
    refused = absl::FailedPreconditionError("the room was deleted or made anew");
    return 0;
  }
  if (is_new) code = writer.FindOrCreate(append.room, room);
  if (code == 0) code = writer.SettleHead(*room);
  if (code != 0) return code;
  const RoomRow& row = room->row;
  const std::uint64_t kept = row.payload_bytes + row.snapshot_bytes;
  if (row.policy.quota_bytes > 0 && kept + append.payload.size() > row.policy.quota_bytes) {
    refused = absl::ResourceExhaustedError(
        absl::StrCat("the room keeps ", kept, " bytes of at most ", row.policy.quota_bytes));
    return 0;
  }
  place = {.sequence = row.head + 1, .generation = row.generation};
  std::tie(code, refused) = with(place);
  if (code != 0) return code;
  if (refused.ok()) return writer.PutRecord(*room, append.time_ms, append.origin, append.payload);
  absl::Status gone;
  return is_new ? DeleteRoom(writer, append.room, {}, gone) : 0;
}

int DeleteRoom(BatchWriter& writer, std::string_view name, Generation generation,
               absl::Status& result) {
  OpenRoom* room = nullptr;
  int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  if (generation != Generation{} && room->row.generation != generation) {
    result = absl::FailedPreconditionError("the room was deleted or made anew");
    return 0;
  }
  room->row.deleted = true;
  code = WriteRoomRow(writer.transaction(), room->id, room->row);
  if (code == 0) code = ForgetName(writer.transaction(), name, room->id);
  writer.Forget(name);
  return code;
}

int RenameRoom(BatchWriter& writer, std::string_view name, std::string_view new_name,
               absl::Status& result) {
  OpenRoom* room = nullptr;
  int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  room->row.name = new_name;
  code = WriteRoomRow(writer.transaction(), room->id, room->row);
  if (code == 0) code = ForgetName(writer.transaction(), name, room->id);
  if (code == 0) {
    code = RestoreName(
        writer.transaction(),
        {.name = std::string(new_name), .room = room->id, .generation = room->row.generation});
  }
  writer.Forget(name);
  return code;
}

int PurgeRoom(BatchWriter& writer, RoomId id, std::size_t count, bool& more) {
  more = false;
  const Transaction& transaction = writer.transaction();
  std::optional<RoomRow> row;
  int code = ReadRoomRow(transaction, id, row);
  if (code != 0 || !row || !row->deleted) return code;
  for (const MDB_dbi table : {transaction.tables().records, transaction.tables().snapshots,
                              transaction.tables().versions, transaction.tables().quarantine}) {
    code = DeleteRange(transaction, table, id, count);
    if (code != 0) return code;
    if (count == 0) {
      more = true;
      return 0;
    }
  }
  // What is left is that there was a room, and which.
  const RoomRow stone{.deleted = true, .generation = row->generation, .name = std::move(row->name)};
  return WriteRoomRow(transaction, id, stone);
}

int PutSnapshot(BatchWriter& writer, std::string_view name, const NewSnapshot& snapshot,
                absl::Status& result) {
  OpenRoom* room = nullptr;
  int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  if (room->row.generation != snapshot.generation) {
    result = absl::FailedPreconditionError("the room was deleted or made anew");
    return 0;
  }
  if (snapshot.sequence == 0 || snapshot.sequence > room->row.head) {
    result = absl::NotFoundError("a snapshot of records that are not there");
    return 0;
  }
  const Transaction& transaction = writer.transaction();
  const RecordKey record_key = EncodeRecordKey(room->id, snapshot.sequence);
  MDB_val key = ToVal(record_key);
  MDB_val old{};
  code = mdb_get(transaction.handle(), transaction.tables().snapshots, &key, &old);
  if (code == 0 && DecodeSnapshot(record_key, ToView(old))) return 0;
  if (code != 0 && code != MDB_NOTFOUND) return code;
  if (code == 0) {
    const std::size_t bytes = old.mv_size;
    room->row.snapshot_bytes -= std::min<std::uint64_t>(
        room->row.snapshot_bytes, bytes > kSnapshotHeaderBytes ? bytes - kSnapshotHeaderBytes : 0);
  }
  MDB_val value{.mv_size = kSnapshotHeaderBytes + snapshot.payload.size(), .mv_data = nullptr};
  code = mdb_put(transaction.handle(), transaction.tables().snapshots, &key, &value, MDB_RESERVE);
  if (code != 0) return code;
  WriteSnapshot(
      record_key,
      {.tie = snapshot.tie, .time_ms = snapshot.time_ms, .generation = snapshot.generation},
      snapshot.payload, static_cast<std::uint8_t*>(value.mv_data));
  writer.Touch(*room);
  room->row.snapshot_bytes += snapshot.payload.size();
  code = SetAsideAll(writer, *room, snapshot.damage, snapshot.now_ms);
  if (code != 0) return code;
  if (snapshot.sequence <= room->row.snapshot) return 0;
  room->row.snapshot = snapshot.sequence;
  if (snapshot.sequence == room->row.head) {
    room->row.tail_bytes = 0;
    return 0;
  }
  return CountTail(writer, *room);
}

int TrimHistory(BatchWriter& writer, std::string_view name, const Trim& trim, bool& more) {
  more = false;
  OpenRoom* room = nullptr;
  int code = writer.Find(name, room);
  if (code != 0 || room == nullptr || room->row.snapshot == 0) return code;
  const Transaction& transaction = writer.transaction();
  std::vector<PlacedSnapshot> snapshots;
  std::vector<Sequence> pinned;
  code = ListSnapshots(transaction, room->id, snapshots);
  if (code == 0) code = ListPinned(transaction, room->id, pinned);
  if (code != 0) return code;

  const std::int64_t retention_ms = room->row.policy.retention_ms == RoomPolicy::kDefault
                                        ? trim.default_retention_ms
                                        : room->row.policy.retention_ms;
  const std::int64_t cutoff_ms = trim.now_ms - retention_ms;
  // The newest snapshot that is old enough begins what is kept.
  const PlacedSnapshot* base = nullptr;
  for (const PlacedSnapshot& snapshot : snapshots) {
    const bool old = retention_ms == 0 || snapshot.time_ms <= cutoff_ms;
    if (!snapshot.sound || !old || snapshot.sequence > room->row.snapshot) continue;
    // A version without a snapshot of its own is made of what came before it: that stays.
    const bool needed = std::ranges::any_of(pinned, [&](Sequence version) {
      return version < snapshot.sequence &&
             !std::ranges::binary_search(snapshots, version, {}, &PlacedSnapshot::sequence);
    });
    if (!needed) base = &snapshot;
  }
  const Sequence keep_from = base != nullptr ? base->sequence + 1 : 0;

  if (room->row.first < keep_from) {
    // Its bytes are about to be all there is: prove them.
    const RecordKey record_key = EncodeRecordKey(room->id, base->sequence);
    MDB_val key = ToVal(record_key);
    MDB_val value{};
    code = mdb_get(transaction.handle(), transaction.tables().snapshots, &key, &value);
    if (code != 0) return code;
    const auto proven = DecodeSnapshot(record_key, ToView(value));
    if (!proven) return 0;
    const Checksum tie = proven->fields.tie;

    Cursor records;
    code = records.Open(transaction.handle(), transaction.tables().records);
    if (code != 0) return code;
    std::size_t count = 0;
    code = records.MoveTo(EncodeRecordKey(room->id, 0), MDB_SET_RANGE);
    for (; code == 0; code = records.Move(MDB_NEXT)) {
      const auto place = DecodeRecordKey(records.key());
      if (!place || place->room != room->id || place->sequence >= keep_from) break;
      if (count++ == trim.count) {
        more = true;
        break;
      }
      const auto stored = DecodeRecord(records.value());
      room->row.base_checksum =
          ProveRecord(EncodeRecordKey(room->id, place->sequence), records.value())
              .value_or(Checksum{});
      room->row.first = place->sequence + 1;
      room->row.payload_bytes -=
          std::min<std::uint64_t>(room->row.payload_bytes, stored ? stored->payload.size() : 0);
      if (room->row.records > 0) --room->row.records;
      writer.Touch(*room);
      code = records.Delete();
      if (code != 0) return code;
    }
    if (code != 0 && code != MDB_NOTFOUND) return code;
    if (more) return 0;
    room->row.first = keep_from;
    room->row.base_checksum = tie;
    writer.Touch(*room);
  }

  // The snapshot just before the first record that is kept begins the history, whenever that was
  // trimmed; those between are for speed alone, and one in eight parts of the retention is enough.
  const Sequence begin = room->row.first - 1;
  std::optional<std::int64_t> last_kept_ms;
  for (const PlacedSnapshot& snapshot : snapshots) {
    if (snapshot.sequence >= room->row.snapshot) break;
    const bool far = !last_kept_ms || snapshot.time_ms - *last_kept_ms > retention_ms / 8;
    if (snapshot.sequence == begin || (snapshot.sequence > begin && far)) {
      last_kept_ms = snapshot.time_ms;
      continue;
    }
    if (std::ranges::binary_search(pinned, snapshot.sequence)) continue;
    code = DropSnapshot(writer, *room, snapshot);
    if (code != 0) return code;
  }
  return 0;
}

int QuarantineRecords(BatchWriter& writer, std::string_view name, std::span<const Damage> damage,
                      std::int64_t now_ms, absl::Status& result) {
  OpenRoom* room = nullptr;
  const int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  writer.Touch(*room);  // a rebuilt row is written for good
  return SetAsideAll(writer, *room, damage, now_ms);
}

int ReleaseQuarantined(BatchWriter& writer, std::string_view name, Sequence sequence, bool restore,
                       absl::Status& result) {
  OpenRoom* room = nullptr;
  int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  const Transaction& transaction = writer.transaction();
  const RecordKey record_key = EncodeRecordKey(room->id, sequence);
  MDB_val key = ToVal(record_key);
  MDB_val value{};
  code = mdb_get(transaction.handle(), transaction.tables().quarantine, &key, &value);
  if (code == MDB_NOTFOUND) {
    result = absl::NotFoundError(absl::StrCat("record ", sequence, " is not in quarantine"));
    return 0;
  }
  if (code != 0) return code;
  const auto entry = DecodeQuarantined(record_key, ToView(value));
  const std::string bytes(entry ? crdt::AsText(entry->value) : std::string_view{});
  if (restore) {
    if (!ProveRecord(record_key, crdt::AsBytes(bytes))) {
      result = absl::DataLossError(absl::StrCat("record ", sequence, " is damaged for good"));
      return 0;
    }
    code = PutValue(transaction, transaction.tables().records, record_key, bytes);
    if (code != 0) return code;
    const std::uint64_t payload_bytes = DecodeRecord(crdt::AsBytes(bytes))->payload.size();
    ++room->row.records;
    room->row.payload_bytes += payload_bytes;
    if (sequence > room->row.snapshot) room->row.tail_bytes += payload_bytes;
  }
  if (restore) {
    key = ToVal(record_key);
    code = mdb_del(transaction.handle(), transaction.tables().quarantine, &key, nullptr);
  } else {
    // That it is known to be gone stays known: only the bytes go.
    code =
        PutValue(transaction, transaction.tables().quarantine, record_key,
                 EncodeQuarantined(record_key, {.kind = entry ? entry->kind : DamageKind::kMissing,
                                                .found_ms = entry ? entry->found_ms : 0,
                                                .value = {}}));
  }
  if (code != 0) return code;
  if (restore && room->row.quarantined > 0) --room->row.quarantined;
  writer.Touch(*room);
  return 0;
}

int PutVersion(BatchWriter& writer, std::string_view name, const Version& version, bool replace,
               absl::Status& result) {
  OpenRoom* room = nullptr;
  const int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  if (version.sequence == 0 || version.sequence > room->row.head) {
    result = absl::NotFoundError(absl::StrCat("the room has no record ", version.sequence));
    return 0;
  }
  const Transaction& transaction = writer.transaction();
  const std::string version_key = EncodeVersionKey(room->id, version.name);
  const std::string text = EncodeVersion(version_key, version);
  MDB_val key = ToVal(version_key);
  MDB_val value = ToVal(text);
  const int put = mdb_put(transaction.handle(), transaction.tables().versions, &key, &value,
                          replace ? 0 : MDB_NOOVERWRITE);
  if (put == MDB_KEYEXIST) {
    result = absl::AlreadyExistsError(
        absl::StrCat("the room has a version \"", version.name, "\" already"));
    return 0;
  }
  return put;
}

int DropVersion(BatchWriter& writer, std::string_view name, std::string_view version,
                absl::Status& result) {
  OpenRoom* room = nullptr;
  const int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  const Transaction& transaction = writer.transaction();
  const std::string version_key = EncodeVersionKey(room->id, version);
  MDB_val key = ToVal(version_key);
  const int deleted = mdb_del(transaction.handle(), transaction.tables().versions, &key, nullptr);
  if (deleted == MDB_NOTFOUND) {
    result =
        absl::NotFoundError(absl::StrCat("the room has no version \"", std::string(version), "\""));
    return 0;
  }
  return deleted;
}

int SetPolicy(BatchWriter& writer, std::string_view name, const RoomPolicy& policy,
              absl::Status& result) {
  OpenRoom* room = nullptr;
  const int code = FindOr(writer, name, room, result);
  if (code != 0 || !result.ok()) return code;
  room->row.policy = policy;
  writer.Touch(*room);
  return 0;
}

}  // namespace weft::store
