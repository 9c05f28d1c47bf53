#pragma once

// What was appended last, of all rooms together in the order of commits.
//
// An append to a room of its own changes a page of its own, and that of the room's row: with many
// rooms a keystroke costs more than 4 KiB of writing. So small records go to the end of one table
// first, where a commit changes a page or two however many rooms it concerns, and are folded into
// their rooms' ranges later, many at a time. There are two such tables: one takes what comes, and when it is full
// the other takes over, while the rooms of the first are folded one by one; then it is emptied.
//
// What a transaction sees of a room is its row and range and, behind the row's head, the journal's
// records. Folding a room moves those and writes the row, in one transaction; what has been moved
// stays in its table, at or below the head, where nobody looks for it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "store/cursor.h"
#include "store/environment.h"
#include "store/format.h"

namespace weft::store {

// Which entries of the journal are whose. Learns what is new with each transaction that asks: memory
// O(entries), 8 bytes each; time O(entries since the last one that asked).
// Threads: any, at the same time as any other.
class JournalIndex {
 public:
  // The entries of a room in ascending order: all that the transaction sees, and perhaps some that
  // it does not. LMDB's code.
  int Find(const Transaction& transaction, RoomId room, std::vector<std::uint64_t>& entries);

  // For the writer, whose index nobody else uses ---

  // Knows what the transaction sees. LMDB's code.
  int Refresh(const Transaction& transaction);
  // The transaction has this entry now. Requires: behind all others.
  void Add(RoomId room, std::size_t table, std::uint64_t entry);
  bool Has(RoomId room) const { return rooms_.contains(room); }
  // All of it has been folded.
  void Forget(RoomId room) { rooms_.erase(room); }
  void ForgetTable(std::size_t table) { known_[table] = {}; }
  JournalRange range(std::size_t table) const { return known_[table]; }
  // Those that have entries, ascending.
  std::vector<RoomId> Rooms() const;
  void Clear();

 private:
  // Whether all that the transaction sees is known afterwards: not when it is older than what an
  // emptied table taught. LMDB's code.
  int Refresh(const Transaction& transaction, bool& usable);

  std::mutex mutex_;
  absl::flat_hash_map<RoomId, std::vector<std::uint64_t>> rooms_;
  std::array<JournalRange, 2> known_{};
  std::uint64_t oldest_ = 0;  // transactions that this is true of, [oldest_, newest_]
  std::uint64_t newest_ = 0;
  std::uint64_t end_ = 0;  // of the entries there ever were
};

// A room's record in the journal.
struct JournalRecord {
  Sequence sequence = 0;
  ByteView value;  // as in the records table; as long as the transaction's views
};

// The records of a room behind `head`, in ascending order, sound or not. LMDB's code.
int ReadJournal(const Transaction& transaction, RoomId room, Sequence head,
                std::vector<JournalRecord>& records);

// Counts the records of the journal into a row as the rooms table has it. LMDB's code.
int AddJournal(const Transaction& transaction, RoomId room, RoomRow& row);
void AddJournal(RoomId room, std::span<const JournalRecord> records, RoomRow& row);

// Calls visit(entry number, value) for all entries of a table, in their order; 0 where the number does
// not decode. LMDB's code.
template <typename Visit>
int VisitJournal(const Transaction& transaction, std::size_t table, std::uint64_t from,
                 const Visit& visit) {
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), transaction.tables().journal[table]);
  if (code != 0) return code;
  for (code = cursor.MoveTo(EncodeJournalKey(from), MDB_SET_RANGE); code == 0;
       code = cursor.Move(MDB_NEXT)) {
    visit(DecodeJournalKey(cursor.key()).value_or(0), cursor.value());
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

// The journal as its writer has it. True of what is committed, and of the transaction that is open:
// reset when one fails. Threads: the writer's.
class Journal {
 public:
  // Longer records are worth a page of their own.
  static constexpr std::size_t kMaxRecordBytes = 512;
  static constexpr std::size_t kMaxPayloadBytes = kMaxRecordBytes - kMinRecordHeaderBytes - 16;

  // How much goes into one of the tables; 0 keeps everything out.
  explicit Journal(std::size_t table_bytes) : table_bytes_(table_bytes) {}

  // First in each write transaction. LMDB's code.
  int Begin(Transaction& transaction);
  void Reset();

  bool takes() const { return table_bytes_ > 0; }
  std::size_t active() const { return active_; }
  // Puts an entry behind all others. The cursor is on the table active(). LMDB's code.
  int Put(Cursor& cursor, RoomId room, ByteView value);

  bool empty() const { return range().empty(); }
  JournalRange range() const;
  JournalIndex& index() { return index_; }

  bool full() const { return bytes_ >= table_bytes_; }
  // The other table takes what comes, and the rooms of this one are to be folded.
  // Requires: not folding().
  void Turn();
  // Between a turn and the emptying of the table that was full.
  bool folding() const { return folding_; }
  // The next room to fold; false when none is left, and the table can be emptied.
  bool NextToFold(RoomId& room);
  // Empties the table whose rooms have been folded. LMDB's code.
  int EmptyFolded(const Transaction& transaction);

 private:
  const std::size_t table_bytes_;
  JournalIndex index_;
  bool known_ = false;
  std::uint64_t next_ = 0;  // the number of the next entry
  std::size_t active_ = 0;
  std::size_t bytes_ = 0;  // in the active table
  bool folding_ = false;
  std::vector<RoomId> to_fold_;  // descending: taken from the end
};

}  // namespace weft::store
