#pragma once

// Putting many appends into one transaction.

#include <string>

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
  explicit BatchWriter(const Transaction& transaction) : transaction_(transaction) {}

  // Stores the append as the next record of its room and sets its sequence; makes the room when it
  // is unknown. LMDB's code.
  int Put(QueuedAppend& append);

  // Writes the rows of the rooms touched. LMDB's code.
  int Finish();

 private:
  struct OpenRoom {
    RoomId id{};
    RoomRow row;
  };

  int Open(std::string_view name, OpenRoom& room);
  int PutRecord(OpenRoom& room, const QueuedAppend& append);

  const Transaction& transaction_;
  crdt::StringMap<OpenRoom> rooms_;
};

}  // namespace weft::store
