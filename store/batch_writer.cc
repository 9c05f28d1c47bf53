#include "store/batch_writer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/room_index.h"

namespace weft::store {

namespace {

// Steps ahead at which memory is asked for: enough to hide a miss behind the work of a step.
constexpr std::size_t kAhead = 8;

template <typename Object>
void Prefetch(const Object& object) {
  constexpr std::size_t kLineBytes = 64;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&object);
  for (std::size_t at = 0; at < sizeof(Object); at += kLineBytes) __builtin_prefetch(bytes + at);
}

}  // namespace

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

int BatchWriter::OpenRecords() {
  if (std::exchange(records_open_, true)) return 0;
  return records_.Open(transaction_.handle(), transaction_.tables().records);
}

namespace {

// The record behind the head is there: what the row says of it.
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

}  // namespace

int BatchWriter::PutRecord(OpenRoom& room, std::int64_t time_ms, OriginId origin,
                           ByteView payload) {
  const int opened = OpenRecords();
  if (opened != 0) return opened;
  RecordFields fields{.link = LinkTo(room.row.head_checksum), .time_ms = time_ms, .origin = origin};
  MDB_val value{.mv_size = RecordBytes(fields, payload.size()), .mv_data = nullptr};
  RecordKey record_key;
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
    fields.link = LinkTo(room.row.head_checksum);
    value = {.mv_size = RecordBytes(fields, payload.size()), .mv_data = nullptr};
    code = put();
  }
  if (code != 0) return code;
  const Checksum checksum =
      WriteRecord(record_key, fields, payload, static_cast<std::uint8_t*>(value.mv_data));
  Touch(room);
  CountRecord(room.row, time_ms, payload.size(), checksum);
  return 0;
}

int BatchWriter::AskWhetherAmidOthers(const OpenRoom& room, bool& amid) {
  int code = OpenRecords();
  if (code == 0) code = records_.MoveTo(EncodeRecordKey(room.id, room.row.head + 1), MDB_SET_RANGE);
  amid = false;
  if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
  const std::optional<RecordPlace> place = DecodeRecordKey(records_.key());
  amid = place && place->room != room.id;
  return 0;
}

void BatchWriter::Postpone(OpenRoom& room, const QueuedAppend& append) {
  const RecordKey record_key = EncodeRecordKey(room.id, room.row.head + 1);
  const std::size_t begin = postponed_.size();
  const RecordFields fields{
      .link = LinkTo(room.row.head_checksum), .time_ms = append.time_ms, .origin = append.origin};
  postponed_.resize(begin + RecordBytes(fields, append.payload.size()));
  const Checksum checksum =
      WriteRecord(record_key, fields, append.payload, postponed_.data() + begin);
  postponed_ends_.emplace_back(record_key, postponed_.size());
  CountRecord(room.row, append.time_ms, append.payload.size(), checksum);
}

int BatchWriter::PutPostponed() {
  int code = 0;
  std::size_t begin = 0;
  for (const auto& [record_key, end] : postponed_ends_) {
    MDB_val key = ToVal(record_key);
    MDB_val value = ToVal(ByteView(postponed_).subspan(begin, end - begin));
    code = records_.Put(key, value, MDB_NOOVERWRITE);
    if (code != 0) break;
    begin = end;
  }
  postponed_.clear();
  postponed_ends_.clear();
  return code;
}

int BatchWriter::Enqueue(QueuedAppend& append) {
  OpenRoom* room = nullptr;
  const int code = Open(append.room, /*create=*/!append.generation, room);
  if (code != 0) return code;
  if (append.generation && (room == nullptr || room->row.generation != *append.generation)) {
    append.refused = absl::FailedPreconditionError("the room was deleted or made anew");
    return 0;
  }
  append.next_of_room = nullptr;
  if (room->waiting_count++ == 0) {
    room->first_waiting = &append;
    waiting_.emplace_back(room->id, room);
  } else {
    room->last_waiting->next_of_room = &append;
  }
  room->last_waiting = &append;
  return 0;
}

namespace {

// The next record of a room, made but not put.
struct MadeRecord {
  RecordKey key;
  Checksum checksum{};
  std::size_t size = 0;  // 0 when it was not made: it is too long, or not alone
  std::array<std::uint8_t, 256> bytes;

  ByteView value() const { return {bytes.data(), size}; }

  void Make(const OpenRoom& room) {
    const QueuedAppend& append = *room.first_waiting;
    const RecordFields fields{
        .link = LinkTo(room.row.head_checksum), .time_ms = append.time_ms, .origin = append.origin};
    size = RecordBytes(fields, append.payload.size());
    if (size > bytes.size() || room.waiting_count > 1 || room.row.policy.quota_bytes > 0) {
      size = 0;
      return;
    }
    key = RecordKey(room.id, room.row.head + 1);
    checksum = WriteRecord(key, fields, append.payload, bytes.data());
  }
};

}  // namespace

// Of some rooms at a time the records are made first and then put. A checksum reads what was just
// written piece by piece, for which the processor waits until all that it wrote before has arrived: a
// record that was put into a page is long in coming.
int BatchWriter::PutWaiting() {
  if (waiting_.empty()) return 0;
  int code = OpenRecords();
  std::ranges::sort(waiting_);
  std::array<MadeRecord, kAhead> made;
  for (std::size_t begin = 0; begin < waiting_.size(); begin += kAhead) {
    const std::size_t end = std::min(begin + kAhead, waiting_.size());
    for (std::size_t i = begin; i < end; ++i) {
      if (i + 2 * kAhead < waiting_.size()) Prefetch(*waiting_[i + 2 * kAhead].second);
      if (i + kAhead < waiting_.size()) Prefetch(*waiting_[i + kAhead].second->first_waiting);
      made[i - begin].Make(*waiting_[i].second);
    }
    for (std::size_t i = begin; i < end; ++i) {
      OpenRoom& room = *waiting_[i].second;
      const MadeRecord& record = made[i - begin];
      int put = MDB_KEYEXIST;
      if (code == 0 && record.size > 0) {
        MDB_val key = ToVal(record.key);
        MDB_val value = ToVal(record.value());
        put = records_.Put(key, value, MDB_NOOVERWRITE);
        if (put != MDB_KEYEXIST) code = put;
      }
      if (put == 0) {
        QueuedAppend& append = *room.first_waiting;
        append.stored = {.sequence = room.row.head + 1, .generation = room.row.generation};
        Touch(room);
        CountRecord(room.row, append.time_ms, append.payload.size(), record.checksum);
      } else if (code == 0) {
        code = PutWaiting(room);
      }
      room.first_waiting = room.last_waiting = nullptr;
      room.waiting_count = 0;
    }
  }
  waiting_.clear();
  return code;
}

// A full leaf in the midst of the tree is split in its middle, and what is appended to a room lands
// behind that: the front half would stay half empty. Hence, of many records of a room, seven of
// fifteen are put after their neighbours, and fill what the splits left.
int BatchWriter::PutWaiting(OpenRoom& room) {
  constexpr std::size_t kMany = 16;
  constexpr std::size_t kSmallBytes = 500;  // of larger ones few go on a page
  bool postpones = false;
  int code = 0;
  if (room.waiting_count >= kMany) code = AskWhetherAmidOthers(room, postpones);
  std::size_t count = 0;
  for (QueuedAppend* append = room.first_waiting; append != nullptr && code == 0;
       append = append->next_of_room) {
    const RoomRow& row = room.row;
    if (row.policy.quota_bytes > 0 &&
        row.payload_bytes + row.snapshot_bytes + append->payload.size() > row.policy.quota_bytes) {
      append->refused = absl::ResourceExhaustedError(
          absl::StrCat("the room keeps ", row.payload_bytes + row.snapshot_bytes,
                       " bytes of at most ", row.policy.quota_bytes));
      continue;
    }
    if (postpones && count++ % 15 % 2 == 1 && append->payload.size() <= kSmallBytes) {
      Postpone(room, *append);
    } else {
      code = PutRecord(room, append->time_ms, append->origin, append->payload);
    }
    append->stored = {.sequence = row.head, .generation = row.generation};
  }
  return code == 0 ? PutPostponed() : code;
}

int BatchWriter::Put(std::span<QueuedAppend> batch) {
  int code = 0;
  for (std::size_t i = 0; i < batch.size() && code == 0; ++i) {
    batch[i].refused = absl::OkStatus();
    if (!batch[i].edit) {
      code = Enqueue(batch[i]);
    } else {
      code = PutWaiting();
      if (code == 0) code = batch[i].edit(*this);
    }
  }
  if (code == 0) code = PutWaiting();
  return code;
}

int BatchWriter::Finish() {
  records_.Close();  // LMDB would free it with the transaction
  if (touched_.empty()) return 0;
  // In the order of their keys, each is found from where the one before was put. So they are already,
  // unless edits came between.
  if (!std::ranges::is_sorted(touched_, {}, &OpenRoom::id)) {
    std::ranges::sort(touched_, {}, &OpenRoom::id);
  }
  Cursor rows;
  int code = rows.Open(transaction_.handle(), transaction_.tables().rooms);
  for (std::size_t i = 0; i < touched_.size() && code == 0; ++i) {
    if (i + kAhead < touched_.size()) Prefetch(*touched_[i + kAhead]);
    OpenRoom& room = *touched_[i];
    const RoomKey room_key = EncodeRoomKey(room.id);
    MDB_val key = ToVal(room_key);
    const std::string bytes = EncodeRoomRow(room.id, room.row);
    MDB_val value = ToVal(bytes);
    code = rows.Put(key, value, 0);
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
