#include "store/batch_writer.h"

#include <optional>
#include <utility>

#include "store/cursor.h"
#include "store/room_index.h"

namespace weft::store {

int BatchWriter::Open(std::string_view name, OpenRoom& room) {
  std::optional<FoundRoom> found;
  const int code = FindRoom(transaction_, name, found);
  if (code != 0) return code;
  if (!found) {
    room.row.name = name;
    return CreateRoom(transaction_, name, room.id);
  }
  room.id = found->id;
  if (!found->row) return RebuildRoomRow(transaction_, room.id, name, room.row);
  room.row = std::move(*found->row);
  return 0;
}

int BatchWriter::PutRecord(OpenRoom& room, const QueuedAppend& append) {
  const RecordKey record_key = EncodeRecordKey(room.id, room.row.head + 1);
  MDB_val key = ToVal(record_key);
  MDB_val value{.mv_size = kRecordHeaderBytes + append.payload.size(), .mv_data = nullptr};
  const int code = mdb_put(transaction_.handle(), transaction_.tables().records, &key, &value,
                           MDB_RESERVE | MDB_NOOVERWRITE);
  if (code != 0) return code;
  room.row.head_checksum = WriteRecord(
      record_key,
      {.link = LinkTo(room.row.head_checksum), .time_ms = append.time_ms, .origin = append.origin},
      append.payload, static_cast<std::uint8_t*>(value.mv_data));
  if (room.row.records == 0) room.row.created_ms = append.time_ms;
  ++room.row.head;
  ++room.row.records;
  room.row.payload_bytes += append.payload.size();
  return 0;
}

int BatchWriter::Put(QueuedAppend& append) {
  auto found = rooms_.find(append.room);
  if (found == rooms_.end()) {
    OpenRoom opened;
    const int code = Open(append.room, opened);
    if (code != 0) return code;
    found = rooms_.emplace(append.room, std::move(opened)).first;
  }
  OpenRoom& room = found->second;
  int code = PutRecord(room, append);
  if (code == MDB_KEYEXIST) {
    // Something lies beyond the head that the row knows: the row is stale, or a damaged key put a
    // record there. Nothing is overwritten; the room goes on behind it.
    code = RebuildRoomRow(transaction_, room.id, append.room, room.row);
    if (code == 0) code = PutRecord(room, append);
  }
  append.sequence = room.row.head;
  return code;
}

int BatchWriter::Finish() {
  for (const auto& [name, room] : rooms_) {
    const int code = WriteRoomRow(transaction_, room.id, room.row);
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace weft::store
