#include "store/room_index.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "store/cursor.h"
#include "store/journal.h"

namespace weft::store {

Generation DrawGeneration() {
  std::uint64_t number = 0;
  // Fails for no cause that random_device would not fail for, and says so; 0 stands for unknown.
  while (number == 0) {
    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
      number = static_cast<std::uint64_t>(std::random_device{}()) << 32 | std::random_device{}();
    }
  }
  return Generation{number};
}

namespace {

// The first number above all that were ever given. The counter alone would do; the rooms are asked
// too, so that a damaged counter cannot give a number twice. LMDB's code.
int ReadNextRoom(const Transaction& transaction, std::uint32_t& next) {
  next = 1;
  MDB_val key = ToVal(kNextRoomKey);
  MDB_val value{};
  int code = mdb_get(transaction.handle(), transaction.tables().meta, &key, &value);
  if (code != 0 && code != MDB_NOTFOUND) return code;
  if (code == 0) {
    if (const auto stored = DecodeRoomKey(ToView(value))) next = std::to_underlying(*stored);
  }
  Cursor rooms;
  code = rooms.Open(transaction.handle(), transaction.tables().rooms);
  if (code == 0) code = rooms.Move(MDB_LAST);
  if (code == MDB_NOTFOUND) return 0;
  if (code != 0) return code;
  const auto last = DecodeRoomKey(rooms.key());
  if (last && std::to_underlying(*last) >= next) {
    if (std::to_underlying(*last) == std::numeric_limits<std::uint32_t>::max()) return EFBIG;
    next = std::to_underlying(*last) + 1;
  }
  return 0;
}

}  // namespace

int FindRoom(const Transaction& transaction, std::string_view name,
             std::optional<FoundRoom>& found) {
  found.reset();
  const NameEntry entry = EncodeName(name);
  const ByteView rest = crdt::AsBytes(entry.rest);
  Cursor names;
  int code = names.Open(transaction.handle(), transaction.tables().names);
  if (code != 0) return code;
  code = names.MoveTo(crdt::AsBytes(entry.key), rest, MDB_GET_BOTH_RANGE);
  for (; code == 0; code = names.Move(MDB_NEXT_DUP)) {
    const ByteView value = names.value();
    if (value.size() < rest.size() || !std::equal(rest.begin(), rest.end(), value.begin())) break;
    const auto named = DecodeNameEntry(names.key(), value);
    if (!named) continue;
    FoundRoom room{.id = named->room, .generation = named->generation, .row = {}};
    code = ReadRoomRow(transaction, room.id, room.row);
    if (code != 0) return code;
    // A sound row with another name shows that the index is damaged, not that the room is ours.
    if (room.row && (room.row->name != name || room.row->deleted)) continue;
    found = std::move(room);
    return found->row ? AddJournal(transaction, found->id, *found->row) : 0;
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int ListRooms(const Transaction& transaction, std::vector<NamedRoom>& rooms) {
  rooms.clear();
  Cursor names;
  int code = names.Open(transaction.handle(), transaction.tables().names);
  if (code != 0) return code;
  for (code = names.Move(MDB_FIRST); code == 0; code = names.Move(MDB_NEXT)) {
    auto named = DecodeNameEntry(names.key(), names.value());
    if (named) rooms.push_back(std::move(*named));
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int ListRooms(const Transaction& transaction, const RoomPage& page, std::vector<NamedRoom>& rooms) {
  rooms.clear();
  if (page.prefix.size() > kMaxRoomNameBytes) return 0;
  Cursor names;
  int code = names.Open(transaction.handle(), transaction.tables().names);
  if (code != 0) return code;
  const bool goes_on = page.after && *page.after >= page.prefix;
  const std::string_view first = goes_on
                                     ? std::string_view(*page.after).substr(0, kMaxRoomNameBytes)
                                     : std::string_view(page.prefix);
  const NameEntry begin = EncodeName(first);
  code = names.MoveTo(crdt::AsBytes(begin.key), MDB_SET_RANGE);
  for (; code == 0 && rooms.size() < page.limit; code = names.Move(MDB_NEXT)) {
    auto named = DecodeNameEntry(names.key(), names.value());
    if (!named || (goes_on && named->name <= *page.after) || named->name < page.prefix) continue;
    if (!named->name.starts_with(page.prefix)) return 0;
    rooms.push_back(std::move(*named));
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int ReadRoomRow(const Transaction& transaction, RoomId id, std::optional<RoomRow>& row) {
  row.reset();
  const RoomKey room_key = EncodeRoomKey(id);
  MDB_val key = ToVal(room_key);
  MDB_val value{};
  const int code = mdb_get(transaction.handle(), transaction.tables().rooms, &key, &value);
  if (code == 0) row = DecodeRoomRow(id, ToView(value));
  return code == MDB_NOTFOUND ? 0 : code;
}

int WriteRoomRow(const Transaction& transaction, RoomId id, const RoomRow& row) {
  const RoomKey room_key = EncodeRoomKey(id);
  const std::string text = EncodeRoomRow(id, row);
  MDB_val key = ToVal(room_key);
  MDB_val value = ToVal(text);
  return mdb_put(transaction.handle(), transaction.tables().rooms, &key, &value, 0);
}

namespace {

int PutName(const Transaction& transaction, const NamedRoom& room) {
  const NameEntry entry = EncodeName(room.name);
  const std::string duplicate = EncodeNameValue(entry, room.room, room.generation);
  MDB_val key = ToVal(entry.key);
  MDB_val value = ToVal(duplicate);
  return mdb_put(transaction.handle(), transaction.tables().names, &key, &value, 0);
}

}  // namespace

int CreateRoom(const Transaction& transaction, std::string_view name, Generation generation,
               RoomId& id) {
  std::uint32_t next = 0;
  int code = ReadNextRoom(transaction, next);
  if (code != 0) return code;
  if (next == std::numeric_limits<std::uint32_t>::max()) return EFBIG;
  id = RoomId{next};

  const RoomKey after = EncodeRoomKey(RoomId{next + 1});
  MDB_val key = ToVal(kNextRoomKey);
  MDB_val value = ToVal(after);
  code = mdb_put(transaction.handle(), transaction.tables().meta, &key, &value, 0);
  if (code != 0) return code;

  return PutName(transaction, {.name = std::string(name), .room = id, .generation = generation});
}

int RestoreName(const Transaction& transaction, const NamedRoom& room) {
  return PutName(transaction, room);
}

int ForgetName(const Transaction& transaction, std::string_view name, RoomId id) {
  const NameEntry entry = EncodeName(name);
  Cursor names;
  int code = names.Open(transaction.handle(), transaction.tables().names);
  if (code != 0) return code;
  code = names.MoveTo(crdt::AsBytes(entry.key), crdt::AsBytes(entry.rest), MDB_GET_BOTH_RANGE);
  for (; code == 0; code = names.Move(MDB_NEXT_DUP)) {
    const auto named = DecodeNameEntry(names.key(), names.value());
    if (named && named->room == id && named->name == name) return names.Delete();
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int RebuildRoomRow(const Transaction& transaction, const NamedRoom& room, RoomRow& row) {
  row = RoomRow{.generation = room.generation, .name = room.name};
  const RecordKey begin = EncodeRecordKey(room.room, 0);
  Cursor snapshots;
  int code = snapshots.Open(transaction.handle(), transaction.tables().snapshots);
  if (code != 0) return code;
  Checksum tie{};
  for (code = snapshots.MoveTo(begin, MDB_SET_RANGE); code == 0; code = snapshots.Move(MDB_NEXT)) {
    const auto place = DecodeRecordKey(snapshots.key());
    if (!place) continue;
    if (place->room != room.room) break;
    const auto snapshot =
        DecodeSnapshot(EncodeRecordKey(room.room, place->sequence), snapshots.value());
    if (!snapshot) continue;
    row.snapshot = place->sequence;
    row.snapshot_bytes += snapshot->payload.size();
    tie = snapshot->fields.tie;
    row.last_ms = snapshot->fields.time_ms;
  }
  if (code != 0 && code != MDB_NOTFOUND) return code;

  Cursor records;
  code = records.Open(transaction.handle(), transaction.tables().records);
  if (code != 0) return code;
  for (code = records.MoveTo(begin, MDB_SET_RANGE); code == 0; code = records.Move(MDB_NEXT)) {
    const auto place = DecodeRecordKey(records.key());
    if (!place) continue;
    if (place->room != room.room) break;
    const auto stored = DecodeRecord(records.value());
    const std::uint64_t bytes = stored ? stored->payload.size() : 0;
    row.head = place->sequence;
    row.head_checksum = ProveRecord(EncodeRecordKey(room.room, place->sequence), records.value())
                            .value_or(Checksum{});
    row.payload_bytes += bytes;
    if (place->sequence > row.snapshot) row.tail_bytes += bytes;
    if (row.records++ == 0) {
      // Without a snapshot up to there, what lies before it is missing and not dropped.
      row.first = place->sequence <= row.snapshot + 1 ? place->sequence : 1;
      row.created_ms = stored ? stored->fields.time_ms : 0;
    }
    if (stored) row.last_ms = stored->fields.time_ms;
  }
  if (code != 0 && code != MDB_NOTFOUND) return code;
  if (row.head < row.snapshot) {
    row.head = row.snapshot;
    row.head_checksum = tie;
    if (row.records == 0) row.first = row.head + 1;
  }
  // The checksum of what was dropped is known where the snapshot ends just before.
  if (row.first > 1 && row.first == row.snapshot + 1) row.base_checksum = tie;
  row.appended_bytes = row.payload_bytes;
  return 0;
}

int RebuildCurrentRow(const Transaction& transaction, const NamedRoom& room, RoomRow& row) {
  const int code = RebuildRoomRow(transaction, room, row);
  return code == 0 ? AddJournal(transaction, room.room, row) : code;
}

void CountRecord(RoomRow& row, std::int64_t time_ms, std::size_t payload_bytes,
                 const Checksum& checksum) {
  if (row.head == 0) row.created_ms = time_ms;
  row.last_ms = time_ms;
  row.head_checksum = checksum;
  ++row.head;
  ++row.records;
  row.payload_bytes += payload_bytes;
  row.appended_bytes += payload_bytes;
  row.tail_bytes += payload_bytes;
}

int CheckIndex(const Transaction& transaction, IndexReport& report) {
  report = {};
  std::vector<NamedRoom> named;
  int code = ListRooms(transaction, named);
  if (code != 0) return code;
  MDB_stat stat{};
  code = mdb_stat(transaction.handle(), transaction.tables().names, &stat);
  if (code != 0) return code;
  report.undecodable = stat.ms_entries - std::min(stat.ms_entries, named.size());
  std::vector<std::pair<RoomId, std::size_t>> by_id;
  by_id.reserve(named.size());
  for (std::size_t i = 0; i < named.size(); ++i) by_id.emplace_back(named[i].room, i);
  std::ranges::sort(by_id);
  std::vector<bool> known(named.size(), false);

  Cursor rooms;
  code = rooms.Open(transaction.handle(), transaction.tables().rooms);
  if (code != 0) return code;
  for (code = rooms.Move(MDB_FIRST); code == 0; code = rooms.Move(MDB_NEXT)) {
    const auto id = DecodeRoomKey(rooms.key());
    const auto row = id ? DecodeRoomRow(*id, rooms.value()) : std::nullopt;
    if (!row) continue;
    const NamedRoom room{.name = row->name, .room = *id, .generation = row->generation};
    bool found = false;
    for (auto entry = std::ranges::lower_bound(by_id, std::pair(*id, std::size_t{0}));
         entry != by_id.end() && entry->first == *id; ++entry) {
      const NamedRoom& other = named[entry->second];
      known[entry->second] = true;
      if (!row->deleted && other.name == room.name && other.generation == room.generation) {
        found = true;
      } else {
        report.false_entries.push_back(other);
      }
    }
    if (!found && !row->deleted) report.lost.push_back(room);
  }
  if (code != 0 && code != MDB_NOTFOUND) return code;
  // An entry whose room has no sound row is all that is left to name it, unless a row that the
  // index lacks has this very entry's room under a damaged number: then there are no records.
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (known[i]) continue;
    bool stands_for_lost = false;
    for (const NamedRoom& lost : report.lost) {
      stands_for_lost |= lost.name == named[i].name || lost.generation == named[i].generation;
    }
    if (stands_for_lost) report.false_entries.push_back(named[i]);
  }
  return 0;
}

int RepairIndex(const Transaction& transaction, const IndexReport& report) {
  std::vector<NamedRoom> rooms;
  int code = ListRooms(transaction, rooms);
  if (code != 0) return code;
  std::erase_if(rooms, [&](const NamedRoom& room) {
    return std::ranges::any_of(report.false_entries, [&](const NamedRoom& entry) {
      return entry.room == room.room && entry.name == room.name &&
             entry.generation == room.generation;
    });
  });
  rooms.insert(rooms.end(), report.lost.begin(), report.lost.end());
  code = mdb_drop(transaction.handle(), transaction.tables().names, 0);
  for (std::size_t i = 0; i < rooms.size() && code == 0; ++i) {
    code = PutName(transaction, rooms[i]);
  }
  return code;
}

int ListDeletedRooms(const Transaction& transaction, std::vector<RoomId>& deleted) {
  deleted.clear();
  Cursor rooms;
  int code = rooms.Open(transaction.handle(), transaction.tables().rooms);
  if (code != 0) return code;
  for (code = rooms.Move(MDB_FIRST); code == 0; code = rooms.Move(MDB_NEXT)) {
    const auto id = DecodeRoomKey(rooms.key());
    const auto row = id ? DecodeRoomRow(*id, rooms.value()) : std::nullopt;
    if (row && row->deleted && row->head > 0) deleted.push_back(*id);
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

int RenewGenerations(const Transaction& transaction) {
  std::vector<NamedRoom> named;
  int code = ListRooms(transaction, named);
  for (std::size_t i = 0; i < named.size() && code == 0; ++i) {
    NamedRoom& room = named[i];
    code = ForgetName(transaction, room.name, room.room);
    if (code != 0) return code;
    room.generation = DrawGeneration();
    std::optional<RoomRow> row;
    code = ReadRoomRow(transaction, room.room, row);
    if (code != 0) return code;
    if (row) {
      row->generation = room.generation;
    } else {
      code = RebuildRoomRow(transaction, room, row.emplace());
    }
    if (code == 0) code = WriteRoomRow(transaction, room.room, *row);
    if (code == 0) code = PutName(transaction, room);
  }
  return code;
}

}  // namespace weft::store
