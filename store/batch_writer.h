#pragma once

// Putting many appends and edits into one transaction.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/string_map.h"
#include "store/append_queue.h"
#include "store/cursor.h"
#include "store/environment.h"
#include "store/format.h"
#include "store/journal.h"

namespace weft::store {

// A room as the writer knows it: its row as it will be.
struct OpenRoom {
  RoomId id{};
  RoomRow row;
  // The row has to be written. Then the journal has nothing of the room, and gets nothing.
  bool touched = false;
  bool journaled = false;  // the journal got records of it in this transaction
  // What is to be put, first to last, linked by QueuedAppend::next_of_room.
  QueuedAppend* first_waiting = nullptr;
  QueuedAppend* last_waiting = nullptr;
  std::size_t waiting_count = 0;
};

// The rows that the writer read or wrote last, so that a busy room is not looked up for each commit.
// True of what is committed, and of the transaction that is open: dropped when one fails.
// Bounded: at kMaxRooms it begins anew. Threads: the writer's.
class RoomCache {
 public:
  static constexpr std::size_t kMaxRooms = 16'384;

  OpenRoom* Find(std::string_view name) {
    const auto found = rooms_.find(name);
    return found == rooms_.end() ? nullptr : found->second.get();
  }
  OpenRoom* Add(std::string_view name, std::unique_ptr<OpenRoom> room) {
    return rooms_.emplace(name, std::move(room)).first->second.get();
  }
  void Forget(std::string_view name) { rooms_.erase(name); }
  void Clear() { rooms_.clear(); }
  // Between transactions: nobody points into it.
  void Bound() {
    if (rooms_.size() > kMaxRooms) rooms_.clear();
  }

 private:
  crdt::StringMap<std::unique_ptr<OpenRoom>> rooms_;
};

struct MadeRecord;

// Appends to any rooms inside one write transaction: few small records of a room go to the journal,
// others into its range, after which its row is updated once. Records go into the tree in the order of
// its keys, so that what changes of a page changes at once. Beside the cache and the journal it keeps
// nothing beyond the transaction, so a batch that failed can be put again.
// Threads: one.
class BatchWriter {
 public:
  // Requires: the journal has begun with the transaction. The cache must be cleared and the journal
  // reset when the transaction is not committed.
  BatchWriter(const Transaction& transaction, RoomCache& cache, Journal& journal)
      : transaction_(transaction), cache_(cache), journal_(journal) {}

  // Stores each append as the next record of its room and sets its place, or why this append is
  // refused; makes rooms that are unknown. Runs edits, each after what stands before it. LMDB's code.
  int Put(std::span<QueuedAppend> batch);

  // Folds some of what the journal has to give, and writes the rows of the rooms touched. Nothing can
  // be put afterwards. LMDB's code.
  int Finish();

  // Moves at least so many records of the journal to their rooms' ranges, as far as it has any, and
  // empties a table whose rooms are done. LMDB's code.
  int Fold(std::size_t records);

  // For edits (store/room_edit.h) ---

  const Transaction& transaction() const { return transaction_; }
  // The room, with nothing of it in the journal. Null for an unknown one. The pointer lives as long as
  // this. LMDB's code.
  int Find(std::string_view name, OpenRoom*& room) { return OpenSettled(name, false, room); }
  // The same, made when unknown.
  int FindOrCreate(std::string_view name, OpenRoom*& room) { return OpenSettled(name, true, room); }
  // The row has changed and is to be written.
  void Touch(OpenRoom& room);
  // Adds a record behind the head. Requires: a room that was found here. LMDB's code.
  int PutRecord(OpenRoom& room, std::int64_t time_ms, OriginId origin, ByteView payload);
  // Makes the row anew when something lies beyond the head that it knows. LMDB's code.
  int SettleHead(OpenRoom& room);
  // The room is gone: its row is not written any more.
  void Forget(std::string_view name);

  std::vector<std::string> TouchedRooms() const;

 private:
  int Open(std::string_view name, bool create, OpenRoom*& room);
  int OpenSettled(std::string_view name, bool create, OpenRoom*& room);
  // Moves what the journal has of the room into its range. LMDB's code.
  int Settle(OpenRoom& room);
  // The same for any room; how many records that were. LMDB's code.
  int FoldRoom(RoomId room, std::size_t& count);
  int MoveRecords(RoomId room, std::span<const JournalRecord> records);
  // Finds the append's room and links it to what waits there, or refuses it. LMDB's code.
  int Enqueue(QueuedAppend& append);
  // Puts what waits. LMDB's code.
  int PutWaiting();
  // Of one room, into its range; the first one may have been made already.
  int PutInRange(OpenRoom& room, const MadeRecord& first);
  int PutManyInRange(OpenRoom& room);
  // Into the journal.
  int PutInJournal(OpenRoom& room, MadeRecord& first);
  bool GoesToJournal(const OpenRoom& room) const;
  // Refuses an append that its room's quota has no place for.
  static bool ExceedsQuota(const OpenRoom& room, QueuedAppend& append);
  // Whether what comes behind the room's head is of another room: not where the table ends, nor
  // where something of the room lies that its row does not know. LMDB's code.
  int AskWhetherAmidOthers(const OpenRoom& room, bool& amid);
  // As PutRecord, but the record is only made, and put by PutPostponed.
  void Postpone(OpenRoom& room, const QueuedAppend& append);
  int PutPostponed();
  int OpenRecords();
  int SettleHead(OpenRoom& room, bool& is_stale);

  const Transaction& transaction_;
  RoomCache& cache_;
  Journal& journal_;
  std::vector<OpenRoom*> touched_;
  std::vector<OpenRoom*> journaled_;
  std::size_t journaled_records_ = 0;
  // With something that waits. The numbers are beside the pointers for sorting, which would fetch
  // each room many times.
  std::vector<std::pair<RoomId, OpenRoom*>> waiting_;
  // Stays where the last record was put: the next one is often beside it.
  Cursor records_;
  bool records_open_ = false;
  Cursor entries_;  // of the journal, at its end
  bool entries_open_ = false;
  // Records that are put after their neighbours, and where each ends.
  Bytes postponed_;
  std::vector<std::pair<RecordKey, std::size_t>> postponed_ends_;
};

}  // namespace weft::store
