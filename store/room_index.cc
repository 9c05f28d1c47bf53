#include "store/room_index.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "store/cursor.h"

namespace weft::store {

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
    const auto id = DecodeRoomKey(value.subspan(rest.size()));
    if (!id) continue;
    FoundRoom room{.id = *id, .row = {}};
    code = ReadRoomRow(transaction, room.id, room.row);
    if (code != 0) return code;
    // A sound row with another name shows that the index is damaged, not that the room is ours.
    if (room.row && room.row->name != name) continue;
    found = std::move(room);
    return 0;
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

int CreateRoom(const Transaction& transaction, std::string_view name, RoomId& id) {
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

  const NameEntry entry = EncodeName(name);
  const std::string duplicate = EncodeNameValue(entry, id);
  key = ToVal(entry.key);
  value = ToVal(duplicate);
  return mdb_put(transaction.handle(), transaction.tables().names, &key, &value, 0);
}

int RebuildRoomRow(const Transaction& transaction, RoomId id, std::string_view name, RoomRow& row) {
  row = RoomRow{.name = std::string(name)};
  Cursor records;
  int code = records.Open(transaction.handle(), transaction.tables().records);
  if (code != 0) return code;
  code = records.MoveTo(EncodeRecordKey(id, 1), MDB_SET_RANGE);
  for (; code == 0; code = records.Move(MDB_NEXT)) {
    const auto place = DecodeRecordKey(records.key());
    if (!place) continue;
    if (place->room != id) return 0;
    const auto stored = DecodeRecord(records.value());
    row.head = place->sequence;
    row.head_checksum = stored ? stored->checksum : Checksum{};
    row.payload_bytes += stored ? stored->payload.size() : 0;
    if (row.records++ == 0) row.created_ms = stored ? stored->fields.time_ms : 0;
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace weft::store
