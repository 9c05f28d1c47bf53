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
// Of one room at a time, so many fill pages by themselves.
constexpr std::size_t kMany = 16;

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
    code = RebuildCurrentRow(
        transaction_,
        {.name = std::string(name), .room = found->id, .generation = found->generation},
        opened->row);
  } else {
    opened->id = found->id;
    opened->row = std::move(*found->row);
  }
  bool is_stale = !found || !found->row;
  if (code == 0 && !is_stale && journal_.takes()) code = SettleHead(*opened, is_stale);
  if (code != 0) return code;
  room = cache_.Add(name, std::move(opened));
  // Its row first: what the journal has of a room is told from there.
  if (is_stale) Touch(*room);
  return is_stale && found ? Settle(*room) : 0;
}

int BatchWriter::OpenSettled(std::string_view name, bool create, OpenRoom*& room) {
  const int code = Open(name, create, room);
  if (code != 0 || room == nullptr || room->touched) return code;
  return Settle(*room);
}

// Beyond the head that the row knows lies nothing: else the row is stale, or a damaged key put a
// record there. Nothing is overwritten; the room goes on behind it.
int BatchWriter::SettleHead(OpenRoom& room, bool& is_stale) {
  is_stale = false;
  const RecordKey record_key = EncodeRecordKey(room.id, room.row.head + 1);
  MDB_val key = ToVal(record_key);
  MDB_val value{};
  const int found = mdb_get(transaction_.handle(), transaction_.tables().records, &key, &value);
  if (found != 0) return found == MDB_NOTFOUND ? 0 : found;
  RoomRow rebuilt;
  const int code = RebuildCurrentRow(
      transaction_, {.name = room.row.name, .room = room.id, .generation = room.row.generation},
      rebuilt);
  if (code != 0) return code;
  rebuilt.policy = room.row.policy;
  rebuilt.quarantined = room.row.quarantined;
  room.row = std::move(rebuilt);
  is_stale = true;
  return 0;
}

int BatchWriter::SettleHead(OpenRoom& room) {
  bool is_stale = false;
  return SettleHead(room, is_stale);
}

int BatchWriter::MoveRecords(RoomId room, std::span<const JournalRecord> records) {
  int code = OpenRecords();
  const auto put = [&](const JournalRecord& record) {
    const RecordKey record_key = EncodeRecordKey(room, record.sequence);
    MDB_val key = ToVal(record_key);
    // Copied first: a page may be moved to make place for what lies on it.
    const Bytes bytes(record.value.begin(), record.value.end());
    MDB_val value = ToVal(bytes);
    const int stored = records_.Put(key, value, MDB_NOOVERWRITE);
    if (stored != MDB_KEYEXIST) return stored;
    return 0;  // what proves itself under this key is this
  };
  // As for many records of a batch (PutManyInRange).
  const bool postpones = records.size() >= kMany;
  for (std::size_t i = 0; i < records.size() && code == 0; ++i) {
    if (!postpones || i % 15 % 2 == 0) code = put(records[i]);
  }
  for (std::size_t i = 1; i < records.size() && code == 0 && postpones; ++i) {
    if (i % 15 % 2 == 1) code = put(records[i]);
  }
  return code;
}

int BatchWriter::Settle(OpenRoom& room) {
  if (!journal_.index().Has(room.id)) return 0;
  std::optional<RoomRow> row;
  std::vector<JournalRecord> records;
  int code = ReadRoomRow(transaction_, room.id, row);
  // Without a sound row nobody knows what was moved: all that is not in the range goes there.
  if (code == 0) code = ReadJournal(transaction_, room.id, row ? row->head : 0, records);
  if (code == 0 && !records.empty()) {
    code = MoveRecords(room.id, records);
    Touch(room);
  }
  if (code == 0) journal_.index().Forget(room.id);
  return code;
}

int BatchWriter::FoldRoom(RoomId id, std::size_t& count) {
  std::optional<RoomRow> row;
  int code = ReadRoomRow(transaction_, id, row);
  if (code != 0) return code;
  std::vector<JournalRecord> records;
  if (row && !row->deleted) {
    OpenRoom* const open = cache_.Find(row->name);
    if (open != nullptr && open->id == id) {
      // Its row is to be written, so nothing of it is in the journal.
      if (open->touched) return 0;
    }
    code = ReadJournal(transaction_, id, row->head, records);
    count = records.size();
    if (code == 0 && !records.empty()) {
      code = MoveRecords(id, records);
      AddJournal(id, records, *row);
      if (code == 0) code = WriteRoomRow(transaction_, id, *row);
    }
  } else if (!row) {
    // The row is damaged, and will be made anew from what is in the range.
    code = ReadJournal(transaction_, id, 0, records);
    count = records.size();
    if (code == 0) code = MoveRecords(id, records);
  }
  if (code == 0) journal_.index().Forget(id);
  return code;
}

int BatchWriter::Fold(std::size_t records) {
  if (journal_.empty()) return 0;
  if (!journal_.folding()) journal_.Turn();
  RoomId room{};
  for (std::size_t moved = 0; moved < records;) {
    if (!journal_.NextToFold(room)) return journal_.EmptyFolded(transaction_);
    std::size_t count = 0;
    const int code = FoldRoom(room, count);
    if (code != 0) return code;
    moved += std::max<std::size_t>(count, 1);
  }
  return 0;
}

void BatchWriter::Touch(OpenRoom& room) {
  if (std::exchange(room.touched, true)) return;
  touched_.push_back(&room);
}

void BatchWriter::Forget(std::string_view name) {
  std::erase(touched_, cache_.Find(name));
  std::erase(journaled_, cache_.Find(name));
  cache_.Forget(name);
}

int BatchWriter::OpenRecords() {
  if (std::exchange(records_open_, true)) return 0;
  return records_.Open(transaction_.handle(), transaction_.tables().records);
}

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
    code = SettleHead(room);
    if (code != 0) return code;
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

// The next record of a room, made but not put: its place, and how it will stand there.
struct MadeRecord {
  RecordKey key;
  Checksum checksum{};
  std::size_t size = 0;  // 0 when it was not made: it is too long
  std::array<std::uint8_t, RecordKey::kMaxBytes + Journal::kMaxRecordBytes> bytes;

  ByteView entry() const { return {bytes.data(), size}; }
  ByteView record() const { return entry().subspan(key.size()); }

  void Make(const OpenRoom& room, const QueuedAppend& append) {
    const RecordFields fields{
        .link = LinkTo(room.row.head_checksum), .time_ms = append.time_ms, .origin = append.origin};
    size = RecordBytes(fields, append.payload.size());
    if (size > Journal::kMaxRecordBytes) {
      size = 0;
      return;
    }
    key = RecordKey(room.id, room.row.head + 1);
    std::ranges::copy(key, bytes.begin());
    size += key.size();
    checksum = WriteRecord(key, fields, append.payload, bytes.data() + key.size());
  }
};

bool BatchWriter::ExceedsQuota(const OpenRoom& room, QueuedAppend& append) {
  const RoomRow& row = room.row;
  if (row.policy.quota_bytes == 0) return false;
  const std::uint64_t kept = row.payload_bytes + row.snapshot_bytes;
  if (kept + append.payload.size() <= row.policy.quota_bytes) return false;
  append.refused = absl::ResourceExhaustedError(
      absl::StrCat("the room keeps ", kept, " bytes of at most ", row.policy.quota_bytes));
  return true;
}

bool BatchWriter::GoesToJournal(const OpenRoom& room) const {
  // So many records fill a page, near enough, and are not worth being written twice.
  constexpr std::size_t kFew = 8;
  if (!journal_.takes() || room.touched || room.waiting_count > kFew) return false;
  for (const QueuedAppend* append = room.first_waiting; append != nullptr;
       append = append->next_of_room) {
    if (append->payload.size() > Journal::kMaxPayloadBytes) return false;
  }
  return true;
}

// Of some rooms at a time the records are made first and then put. A checksum reads what was just
// written piece by piece, for which the processor waits until all that it wrote before has arrived: a
// record that was put into a page is long in coming.
int BatchWriter::PutWaiting() {
  if (waiting_.empty()) return 0;
  int code = 0;
  std::ranges::sort(waiting_);
  std::array<MadeRecord, kAhead> made;
  for (std::size_t begin = 0; begin < waiting_.size(); begin += kAhead) {
    const std::size_t end = std::min(begin + kAhead, waiting_.size());
    for (std::size_t i = begin; i < end; ++i) {
      if (i + 2 * kAhead < waiting_.size()) Prefetch(*waiting_[i + 2 * kAhead].second);
      if (i + kAhead < waiting_.size()) Prefetch(*waiting_[i + kAhead].second->first_waiting);
      made[i - begin].Make(*waiting_[i].second, *waiting_[i].second->first_waiting);
    }
    for (std::size_t i = begin; i < end; ++i) {
      OpenRoom& room = *waiting_[i].second;
      if (code == 0) {
        code = GoesToJournal(room) ? PutInJournal(room, made[i - begin])
                                   : PutInRange(room, made[i - begin]);
      }
      room.first_waiting = room.last_waiting = nullptr;
      room.waiting_count = 0;
    }
  }
  waiting_.clear();
  return code;
}

int BatchWriter::PutInJournal(OpenRoom& room, MadeRecord& first) {
  int code = 0;
  if (!std::exchange(entries_open_, true)) {
    code = entries_.Open(transaction_.handle(), transaction_.tables().journal[journal_.active()]);
  }
  bool is_made = true;
  for (QueuedAppend* append = room.first_waiting; append != nullptr && code == 0;
       append = append->next_of_room) {
    if (ExceedsQuota(room, *append)) continue;
    if (!is_made || append != room.first_waiting) first.Make(room, *append);
    is_made = false;
    code = journal_.Put(entries_, room.id, first.entry());
    if (code != 0) return code;
    CountRecord(room.row, append->time_ms, append->payload.size(), first.checksum);
    append->stored = {.sequence = room.row.head, .generation = room.row.generation};
    ++journaled_records_;
  }
  if (!std::exchange(room.journaled, true)) journaled_.push_back(&room);
  return code;
}

int BatchWriter::PutInRange(OpenRoom& room, const MadeRecord& first) {
  int code = room.touched ? 0 : Settle(room);
  if (code == 0) code = OpenRecords();
  if (code != 0) return code;
  const bool alone = room.waiting_count == 1 && room.row.policy.quota_bytes == 0;
  if (!alone || first.size == 0) return PutManyInRange(room);
  MDB_val key = ToVal(first.key);
  MDB_val value = ToVal(first.record());
  code = records_.Put(key, value, MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST) return PutManyInRange(room);
  if (code != 0) return code;
  QueuedAppend& append = *room.first_waiting;
  append.stored = {.sequence = room.row.head + 1, .generation = room.row.generation};
  Touch(room);
  CountRecord(room.row, append.time_ms, append.payload.size(), first.checksum);
  return 0;
}

// A full leaf in the midst of the tree is split in its middle, and what is appended to a room lands
// behind that: the front half would stay half empty. Hence, of many records of a room, seven of
// fifteen are put after their neighbours, and fill what the splits left.
int BatchWriter::PutManyInRange(OpenRoom& room) {
  constexpr std::size_t kSmallBytes = 500;  // of larger ones few go on a page
  bool postpones = false;
  int code = 0;
  if (room.waiting_count >= kMany) code = AskWhetherAmidOthers(room, postpones);
  std::size_t count = 0;
  for (QueuedAppend* append = room.first_waiting; append != nullptr && code == 0;
       append = append->next_of_room) {
    if (ExceedsQuota(room, *append)) continue;
    if (postpones && count++ % 15 % 2 == 1 && append->payload.size() <= kSmallBytes) {
      Postpone(room, *append);
    } else {
      code = PutRecord(room, append->time_ms, append->origin, append->payload);
    }
    append->stored = {.sequence = room.row.head, .generation = room.row.generation};
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
  // Folding keeps ahead of what comes, so that a table is empty long before it is needed.
  constexpr std::size_t kMinFolded = 64;
  entries_.Close();  // LMDB would free them with the transaction
  int code = 0;
  if (journal_.folding()) {
    code = Fold(std::max(2 * journaled_records_, kMinFolded));
  } else if (journal_.full()) {
    journal_.Turn();
  }
  records_.Close();
  for (OpenRoom* const room : journaled_) room->journaled = false;
  if (code != 0 || touched_.empty()) return code;
  // In the order of their keys, each is found from where the one before was put. So they are already,
  // unless edits came between.
  if (!std::ranges::is_sorted(touched_, {}, &OpenRoom::id)) {
    std::ranges::sort(touched_, {}, &OpenRoom::id);
  }
  Cursor rows;
  code = rows.Open(transaction_.handle(), transaction_.tables().rooms);
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
  names.reserve(touched_.size() + journaled_.size());
  for (const OpenRoom* room : touched_) names.push_back(room->row.name);
  for (const OpenRoom* room : journaled_) names.push_back(room->row.name);
  return names;
}

}  // namespace weft::store
