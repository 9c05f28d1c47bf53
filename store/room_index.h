#pragma once

// Which rooms there are: names to numbers to rows.

#include <optional>
#include <string_view>
#include <vector>

#include "store/environment.h"
#include "store/format.h"

namespace weft::store {

struct FoundRoom {
  RoomId id{};
  std::optional<RoomRow> row;  // nothing when it is damaged; RebuildRoomRow makes another
};

// `found` is nothing for an unknown room. LMDB's code.
int FindRoom(const Transaction& transaction, std::string_view name,
             std::optional<FoundRoom>& found);

// Every named room, in the order of the names' bytes. LMDB's code.
int ListRooms(const Transaction& transaction, std::vector<NamedRoom>& rooms);

// The row of a room, as FoundRoom has it. LMDB's code.
int ReadRoomRow(const Transaction& transaction, RoomId id, std::optional<RoomRow>& row);

// LMDB's code. Requires: a write transaction.
int WriteRoomRow(const Transaction& transaction, RoomId id, const RoomRow& row);

// Names a room and gives it a number that no room had before; it has no row yet. LMDB's code; EFBIG
// when all numbers are given. Requires: a write transaction; no room has the name.
int CreateRoom(const Transaction& transaction, std::string_view name, RoomId& id);

// The row that a room's records tell, sound or not: how many they are, how large, where they end.
// O(records), needed only when the row itself is lost. LMDB's code.
int RebuildRoomRow(const Transaction& transaction, RoomId id, std::string_view name, RoomRow& row);

}  // namespace weft::store
