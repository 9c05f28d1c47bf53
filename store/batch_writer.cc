#include "store/batch_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/room_index.h"

namespace weft::store {

int BatchWriter::Open(std::string_view name, bool create, OpenRoom*& room) {
  room = cache_.Find(name);
  if (room != nullptr) return 0;
  std::optional<FoundRoom> found;
  int code = FindRoom(transaction_, name, found);
  if (code != 0) return code;
  if (!found && !create) return 0;
  auto opened = std::make_unique<OpenRoom>();
  if (!found) {
    opened->row.name = name;
    opened->row.generation = DrawGeneration();
    code = CreateRoom(transaction_, name, opened->row.generation, opened->id);
  } else if (!found->row) {
    opened->id = found->id;
    code = RebuildRoomRow(
        transaction_,
        {.name = std::string(name), .room = found->id, .generation = found->generation},
        opened->row);
  } else {
    opened->id = found->id;
    opened->row = std::move(*found->row);
  }
  if (code != 0) return code;
  room = cache_.Add(name, std::move(opened));
  return 0;
}

void BatchWriter::Touch(OpenRoom& room) {
  if (std::exchange(room.touched, true)) return;
  touched_.push_back(&room);
}

void BatchWriter::Forget(std::string_view name) {
  std::erase(touched_, cache_.Find(name));
  cache_.Forget(name);
}

int BatchWriter::PutRecord(OpenRoom& room, std::int64_t time_ms, OriginId origin,
                           ByteView payload) {
  if (!std::exchange(records_open_, true)) {
    const int opened = records_.Open(transaction_.handle(), transaction_.tables().records);
    if (opened != 0) return opened;
  }
  MDB_val value{.mv_size = kRecordHeaderBytes + payload.size(), .mv_data = nullptr};
  RecordKey record_key{};
  const auto put = [&] {
    record_key = EncodeRecordKey(room.id, room.row.head + 1);
    MDB_val key = ToVal(record_key);
    return records_.Put(key, value, MDB_RESERVE | MDB_NOOVERWRITE);
  };
  int code = put();
  if (code == MDB_KEYEXIST) {
    // Something lies beyond the head that the row knows: the row is stale, or a damaged key put a
    // record there. Nothing is overwritten; the room goes on behind it.
    RoomRow rebuilt;
    code = RebuildRoomRow(
        transaction_, {.name = room.row.name, .room = room.id, .generation = room.row.generation},
        rebuilt);
    if (code != 0) return code;
    rebuilt.policy = room.row.policy;
    rebuilt.quarantined = room.row.quarantined;
    room.row = std::move(rebuilt);
    value = {.mv_size = kRecordHeaderBytes + payload.size(), .mv_data = nullptr};
    code = put();
  }
  if (code != 0) return code;
  room.row.head_checksum = WriteRecord(
      record_key, {.link = LinkTo(room.row.head_checksum), .time_ms = time_ms, .origin = origin},
      payload, static_cast<std::uint8_t*>(value.mv_data));
  Touch(room);
  if (room.row.head == 0) room.row.created_ms = time_ms;
  room.row.last_ms = time_ms;
  ++room.row.head;
  ++room.row.records;
  room.row.payload_bytes += payload.size();
  room.row.appended_bytes += payload.size();
  room.row.tail_bytes += payload.size();
  return 0;
}

int BatchWriter::Put(QueuedAppend& append) {
  append.refused = absl::OkStatus();
  if (append.edit) return append.edit(*this);
  OpenRoom* room = nullptr;
  const int code = Open(append.room, /*create=*/!append.generation, room);
  if (code != 0) return code;
  if (append.generation && (room == nullptr || room->row.generation != *append.generation)) {
    append.refused = absl::FailedPreconditionError("the room was deleted or made anew");
    return 0;
  }
  const RoomRow& row = room->row;
  if (row.policy.quota_bytes > 0 &&
      row.payload_bytes + row.snapshot_bytes + append.payload.size() > row.policy.quota_bytes) {
    append.refused = absl::ResourceExhaustedError(
        absl::StrCat("the room keeps ", row.payload_bytes + row.snapshot_bytes,
                     " bytes of at most ", row.policy.quota_bytes));
    return 0;
  }
  const int put = PutRecord(*room, append.time_ms, append.origin, append.payload);
  append.stored = {.sequence = room->row.head, .generation = room->row.generation};
  return put;
}

int BatchWriter::Finish() {
  records_.Close();  // LMDB would free it with the transaction
  if (touched_.empty()) return 0;
  // In the order of their keys, each is found from where the one before was put.
  std::ranges::sort(touched_, {}, &OpenRoom::id);
  Cursor rows;
  int code = rows.Open(transaction_.handle(), transaction_.tables().rooms);
  for (std::size_t i = 0; i < touched_.size() && code == 0; ++i) {
    OpenRoom& room = *touched_[i];
    const RoomKey room_key = EncodeRoomKey(room.id);
    MDB_val key = ToVal(room_key);
    MDB_val value{.mv_size = RoomRowBytes(room.row), .mv_data = nullptr};
    code = rows.Put(key, value, MDB_RESERVE);
    if (code == 0) WriteRoomRow(room.id, room.row, static_cast<std::uint8_t*>(value.mv_data));
    room.touched = false;
  }
  return code;
}

std::vector<std::string> BatchWriter::TouchedRooms() const {
  std::vector<std::string> names;
  names.reserve(touched_.size());
  for (const OpenRoom* room : touched_) names.push_back(room->row.name);
  return names;
}

}  // namespace weft::store
