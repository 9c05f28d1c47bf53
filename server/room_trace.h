#pragma once

// --trace-room: a line of the log for each message of some rooms, and for each edit as it is taken,
// and committed. Costs other rooms, and servers without it, one load of a flag a message.
//
// Threads: TraceRooms comes before others begin; the rest any.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/room_log.h"

namespace weft::server {

namespace internal {
inline bool traces_rooms = false;
}

void TraceRooms(std::vector<std::string> names);

inline bool TracesRooms() { return internal::traces_rooms; }

// What member `member` sent; joined keystrokes are one message.
void TraceMessage(std::string_view room, std::uint64_t member, crdt::ByteView message);
// An edit of it was taken and goes to the log.
void TraceTicket(std::string_view room, std::uint64_t member, std::uint64_t ticket,
                 std::size_t bytes);
// The log answered.
void TraceCommit(std::string_view room, std::uint64_t ticket,
                 const absl::StatusOr<LogPlace>& result);

}  // namespace weft::server
