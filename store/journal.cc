#include "store/journal.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "store/room_index.h"

namespace weft::store {

namespace {

constexpr std::size_t kPageBytes = 4096;
// What LMDB adds to an entry: a node's header, the key, its place in the page.
constexpr std::size_t kEntryOverheadBytes = 18;

// From the first entry to the last. LMDB's code.
int ReadRange(const Transaction& transaction, std::size_t table, JournalRange& range) {
  range = {};
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), transaction.tables().journal[table]);
  if (code == 0) code = cursor.Move(MDB_FIRST);
  if (code != 0) return code == MDB_NOTFOUND ? 0 : code;
  const auto first = DecodeJournalKey(cursor.key());
  code = cursor.Move(MDB_LAST);
  if (code != 0) return code;
  const auto last = DecodeJournalKey(cursor.key());
  if (first && last && *first <= *last) range = {.begin = *first, .end = *last + 1};
  return 0;
}

// The tables, the one with the lower numbers first.
std::array<std::size_t, 2> InOrder(const std::array<JournalRange, 2>& ranges) {
  if (ranges[0].begin <= ranges[1].begin) return {0, 1};
  return {1, 0};
}

}  // namespace

// --- The index
// ------------------------------------------------------------------------------------------

int JournalIndex::Refresh(const Transaction& transaction, bool& usable) {
  const std::uint64_t number = transaction.number();
  usable = number >= oldest_;
  if (!usable || (number <= newest_ && newest_ > 0)) return 0;
  std::array<JournalRange, 2> now;
  for (std::size_t table = 0; table < now.size(); ++table) {
    const int code = ReadRange(transaction, table, now[table]);
    if (code != 0) return code;
  }
  Seal seal;
  const int sealed = ReadSeal(transaction, seal);
  if (sealed != 0) return sealed;
  // Entries that came and went since the last one that asked are seen by those who began between.
  std::uint64_t seen = 0;
  for (const JournalRange& range : now)
    seen += range.end - std::clamp(end_, range.begin, range.end);
  const std::uint64_t end = std::max({seal.journal.value_or(JournalRange{}).end, end_});
  if (seen != end - end_) oldest_ = number;
  end_ = end;
  bool emptied = newest_ == 0;
  for (std::size_t table = 0; table < now.size(); ++table) {
    emptied = emptied || (!known_[table].empty() &&
                          (now[table].empty() || now[table].begin != known_[table].begin));
  }
  if (emptied) {
    rooms_.clear();
    known_ = {};
    oldest_ = number;
  }
  for (const std::size_t table : InOrder(now)) {
    if (now[table].empty() || now[table] == known_[table]) continue;
    const std::uint64_t from = std::max(known_[table].end, now[table].begin);
    const int code =
        VisitJournal(transaction, table, from, [&](std::uint64_t entry, ByteView value) {
          if (const auto decoded = DecodeJournalEntry(value)) {
            rooms_[decoded->place.room].push_back(entry);
          }
        });
    if (code != 0) {
      Clear();
      return code;
    }
    known_[table] = now[table];
  }
  newest_ = number;
  return 0;
}

int JournalIndex::Refresh(const Transaction& transaction) {
  bool usable = true;
  return Refresh(transaction, usable);
}

int JournalIndex::Find(const Transaction& transaction, RoomId room,
                       std::vector<std::uint64_t>& entries) {
  entries.clear();
  bool usable = false;
  {
    const std::lock_guard lock(mutex_);
    const int code = Refresh(transaction, usable);
    if (code != 0) return code;
    if (usable) {
      const auto found = rooms_.find(room);
      if (found != rooms_.end()) entries = found->second;
      return 0;
    }
  }
  // Somebody who began later has seen a table emptied that this transaction still has.
  JournalIndex own;
  return own.Find(transaction, room, entries);
}

void JournalIndex::Add(RoomId room, std::size_t table, std::uint64_t entry) {
  rooms_[room].push_back(entry);
  JournalRange& known = known_[table];
  if (known.empty()) known.begin = entry;
  known.end = entry + 1;
}

std::vector<RoomId> JournalIndex::Rooms() const {
  std::vector<RoomId> rooms;
  rooms.reserve(rooms_.size());
  for (const auto& [room, entries] : rooms_) rooms.push_back(room);
  std::ranges::sort(rooms);
  return rooms;
}

void JournalIndex::Clear() {
  rooms_.clear();
  known_ = {};
  oldest_ = newest_ = 0;
}

// --- Reading
// --------------------------------------------------------------------------------------------

namespace {

// Entries by their numbers.
class EntryReader {
 public:
  EntryReader(const Transaction& transaction, RoomId room)
      : transaction_(transaction), room_(room) {}

  // Nothing when the transaction does not see it, or it is another room's. LMDB's code.
  int Read(std::uint64_t entry, std::optional<JournalRecord>& record) {
    record.reset();
    const JournalKey journal_key = EncodeJournalKey(entry);
    for (int tries = 0; tries < 2; ++tries, table_ = 1 - table_) {
      MDB_val key = ToVal(journal_key);
      MDB_val value{};
      const int code =
          mdb_get(transaction_.handle(), transaction_.tables().journal[table_], &key, &value);
      if (code == MDB_NOTFOUND) continue;
      if (code != 0) return code;
      const auto decoded = DecodeJournalEntry(ToView(value));
      if (decoded && decoded->place.room == room_) {
        record = JournalRecord{.sequence = decoded->place.sequence, .value = decoded->record};
      }
      return 0;
    }
    return 0;
  }

 private:
  const Transaction& transaction_;
  const RoomId room_;
  std::size_t table_ = 0;  // that had the last one
};

}  // namespace

int ReadJournal(const Transaction& transaction, RoomId room, Sequence head,
                std::vector<JournalRecord>& records) {
  records.clear();
  std::vector<std::uint64_t> entries;
  JournalIndex own;
  JournalIndex* const index = transaction.journal() != nullptr ? transaction.journal() : &own;
  int code = index->Find(transaction, room, entries);
  if (code != 0 || entries.empty()) return code;
  // Those that have been moved come first, and may be many.
  EntryReader reader(transaction, room);
  std::optional<JournalRecord> record;
  auto begin = entries.begin();
  for (std::size_t count = entries.size(); count > 0 && code == 0;) {
    const std::size_t half = count / 2;
    const auto middle = begin + static_cast<std::ptrdiff_t>(half);
    code = reader.Read(*middle, record);
    if (record && record->sequence <= head) {
      begin = middle + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  for (; begin != entries.end() && code == 0; ++begin) {
    code = reader.Read(*begin, record);
    if (code == 0 && record && record->sequence > head) records.push_back(*record);
  }
  return code;
}

void AddJournal(RoomId room, std::span<const JournalRecord> records, RoomRow& row) {
  const JournalRecord* last = nullptr;
  for (const JournalRecord& record : records) {
    if (record.sequence <= row.head) continue;
    // A number that does not follow may be a damaged one: then the record has to prove itself.
    if (record.sequence != row.head + 1) {
      if (!ProveRecord(EncodeRecordKey(room, record.sequence), record.value)) continue;
      row.head = record.sequence - 1;
    }
    const auto stored = DecodeRecord(record.value);
    CountRecord(row, stored ? stored->fields.time_ms : row.last_ms,
                stored ? stored->payload.size() : 0, {});
    last = &record;
  }
  if (last == nullptr) return;
  row.head_checksum =
      ProveRecord(EncodeRecordKey(room, last->sequence), last->value).value_or(Checksum{});
}

int AddJournal(const Transaction& transaction, RoomId room, RoomRow& row) {
  std::vector<JournalRecord> records;
  const int code = ReadJournal(transaction, room, row.head, records);
  if (code == 0) AddJournal(room, records, row);
  return code;
}

// --- Writing
// --------------------------------------------------------------------------------------------

int Journal::Begin(Transaction& transaction) {
  transaction.UseJournal(&index_);
  int code = index_.Refresh(transaction);
  if (code != 0 || known_) return code;
  Seal seal;
  code = ReadSeal(transaction, seal);
  if (code != 0) return code;
  const std::array<JournalRange, 2> ranges = {index_.range(0), index_.range(1)};
  next_ = std::max({seal.journal.value_or(JournalRange{}).end, ranges[0].end, ranges[1].end});
  active_ = InOrder(ranges)[1];
  if (ranges[active_].empty()) active_ = 1 - active_;
  folding_ = !ranges[1 - active_].empty();
  to_fold_.clear();
  if (folding_) {
    to_fold_ = index_.Rooms();
    std::ranges::reverse(to_fold_);
  }
  MDB_stat stat{};
  code = mdb_stat(transaction.handle(), transaction.tables().journal[active_], &stat);
  if (code != 0) return code;
  bytes_ = stat.ms_leaf_pages * kPageBytes;
  known_ = true;
  return 0;
}

void Journal::Reset() {
  index_.Clear();
  known_ = false;
}

int Journal::Put(Cursor& cursor, RoomId room, ByteView value) {
  const JournalKey journal_key = EncodeJournalKey(next_);
  MDB_val key = ToVal(journal_key);
  MDB_val data = ToVal(value);
  const int code = cursor.Put(key, data, MDB_APPEND);
  if (code != 0) return code;
  index_.Add(room, active_, next_);
  bytes_ += value.size() + kEntryOverheadBytes;
  ++next_;
  return 0;
}

JournalRange Journal::range() const {
  const JournalRange& current = index_.range(active_);
  const JournalRange& other = index_.range(1 - active_);
  if (!other.empty()) return {.begin = other.begin, .end = next_};
  return {.begin = current.empty() ? next_ : current.begin, .end = next_};
}

void Journal::Turn() {
  active_ = 1 - active_;
  bytes_ = 0;
  folding_ = true;
  to_fold_ = index_.Rooms();
  std::ranges::reverse(to_fold_);
}

bool Journal::NextToFold(RoomId& room) {
  while (!to_fold_.empty()) {
    room = to_fold_.back();
    to_fold_.pop_back();
    if (index_.Has(room)) return true;
  }
  return false;
}

int Journal::EmptyFolded(const Transaction& transaction) {
  const std::size_t folded = 1 - active_;
  const int code = mdb_drop(transaction.handle(), transaction.tables().journal[folded], 0);
  if (code != 0) return code;
  index_.ForgetTable(folded);
  folding_ = false;
  return 0;
}

}  // namespace weft::store
