#pragma once

// Reading a room's records with proof.

#include <functional>
#include <optional>

#include "store/environment.h"
#include "store/format.h"
#include "store/record.h"

namespace weft::store {

// Shows every intact record of a room to `visit` in order, and reports the others. Without a row
// (it is damaged) the room is taken to end with its last record. LMDB's code; `report` counts what
// was shown until then.
int ScanRoom(const Transaction& transaction, RoomId id, const std::optional<RoomRow>& row,
             const std::function<void(const Record&)>& visit, LoadReport& report);

}  // namespace weft::store
