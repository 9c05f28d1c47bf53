#pragma once

// Putting many appends and edits into one transaction.

#include <memory>
#include <string>
#include <vector>

#include "crdt/base/string_map.h"
#include "store/append_queue.h"
#include "store/environment.h"
#include "store/format.h"

namespace weft::store {

// Appends to any rooms inside one write transaction, then updates each room's row once. Reads what
// it needs from the transaction and keeps nothing beyond it, so a batch that failed can be put
// again. Threads: one.
class BatchWriter {
 public:
  struct OpenRoom {
    RoomId id{};
    RoomRow row;  // as it will be; write it back with Touch
    bool touched = false;
  };

  explicit BatchWriter(const Transaction& transaction) : transaction_(transaction) {}

  // Stores the append as the next record of its room and sets its sequence, or why this append is
  // refused; makes the room when it is unknown. Runs an edit. LMDB's code.
  int Put(QueuedAppend& append);

  // Writes the rows of the rooms touched. LMDB's code.
  int Finish();

  // For edits (store/room_edit.h) ---

  const Transaction& transaction() const { return transaction_; }
  // Null for an unknown room. The pointer lives as long as this. LMDB's code.
  int Find(std::string_view name, OpenRoom*& room);
  // The same, made when unknown.
  int FindOrCreate(std::string_view name, OpenRoom*& room);
  // Adds a record behind the head. LMDB's code.
  int PutRecord(OpenRoom& room, std::int64_t time_ms, OriginId origin, ByteView payload);
  // The room is gone: its row is not written any more.
  void Forget(std::string_view name) { rooms_.erase(name); }

  std::vector<std::string> TouchedRooms() const;

 private:
  int Open(std::string_view name, bool create, OpenRoom*& room);

  const Transaction& transaction_;
  crdt::StringMap<std::unique_ptr<OpenRoom>> rooms_;
};

}  // namespace weft::store
