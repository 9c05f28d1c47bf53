#pragma once

// Which rooms there are: names to numbers to rows.

#include <optional>
#include <string_view>
#include <vector>

#include "store/environment.h"
#include "store/format.h"

namespace weft::store {

// A new room's: a random number.
Generation DrawGeneration();

struct FoundRoom {
  RoomId id{};
  Generation generation{};  // as the index has it
  // With the journal's records. Nothing when it is damaged; RebuildCurrentRow makes another.
  std::optional<RoomRow> row;
};

// `found` is nothing for an unknown room. LMDB's code.
int FindRoom(const Transaction& transaction, std::string_view name,
             std::optional<FoundRoom>& found);

// Every named room, in the order of the names' bytes. LMDB's code.
int ListRooms(const Transaction& transaction, std::vector<NamedRoom>& rooms);
// Those of one page, as LogReader::ListRooms. LMDB's code.
int ListRooms(const Transaction& transaction, const RoomPage& page, std::vector<NamedRoom>& rooms);

// The row of a room as the table has it, which knows nothing of the journal; nothing when it is
// damaged. LMDB's code.
int ReadRoomRow(const Transaction& transaction, RoomId id, std::optional<RoomRow>& row);

// LMDB's code. Requires: a write transaction.
int WriteRoomRow(const Transaction& transaction, RoomId id, const RoomRow& row);

// Names a room and gives it a number that no room had before; it has no row yet. LMDB's code; EFBIG
// when all numbers are given. Requires: a write transaction; no room has the name.
int CreateRoom(const Transaction& transaction, std::string_view name, Generation generation,
               RoomId& id);

// Names a room that has its number already. LMDB's code. Requires: a write transaction.
int RestoreName(const Transaction& transaction, const NamedRoom& room);

// Takes the name away. LMDB's code. Requires: a write transaction.
int ForgetName(const Transaction& transaction, std::string_view name, RoomId id);

// The row that a room's records and snapshots tell, sound or not: how many they are, how large,
// where they end. O(records), needed only when the row itself is lost. Without the journal's records,
// and with them. LMDB's code.
int RebuildRoomRow(const Transaction& transaction, const NamedRoom& room, RoomRow& row);
int RebuildCurrentRow(const Transaction& transaction, const NamedRoom& room, RoomRow& row);

// The record behind the head is there: what the row says of it.
void CountRecord(RoomRow& row, std::int64_t time_ms, std::size_t payload_bytes,
                 const Checksum& checksum);

// Whether the index and the rows name the same rooms. Rooms that the index lacks are in `lost`,
// entries that no sound row knows, though its room has one, in `false_entries`. LMDB's code.
struct IndexReport {
  std::vector<NamedRoom> lost;
  std::vector<NamedRoom> false_entries;
  std::size_t undecodable = 0;  // entries
  bool sound() const { return lost.empty() && false_entries.empty() && undecodable == 0; }
};
int CheckIndex(const Transaction& transaction, IndexReport& report);
// Makes the index anew: what the rows say, and of rooms without a sound row what it said itself.
// LMDB's code. Requires: a write transaction.
int RepairIndex(const Transaction& transaction, const IndexReport& report);

// Rooms that were deleted and whose records may still be there. LMDB's code.
int ListDeletedRooms(const Transaction& transaction, std::vector<RoomId>& rooms);

// Gives every room another generation. LMDB's code. Requires: a write transaction.
int RenewGenerations(const Transaction& transaction);

}  // namespace weft::store
