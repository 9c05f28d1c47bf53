#include "server/room_trace.h"

#include <algorithm>

#include "server/log_event.h"
#include "server/room_name.h"
#include "sync/message.h"

namespace weft::server {
namespace {

std::vector<std::string>& TracedRooms() {
  static std::vector<std::string> rooms;
  return rooms;
}

bool IsTraced(std::string_view room) {
  const std::vector<std::string>& rooms = TracedRooms();
  return std::find(rooms.begin(), rooms.end(), room) != rooms.end();
}

std::string_view KindOf(crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  if (!decoded.ok()) return "malformed";
  constexpr std::string_view kKinds[] = {"sync-step-1",       "sync-step-2",     "update",
                                         "awareness",         "query-awareness", "sync-marker",
                                         "permission-denied", "unknown"};
  static_assert(std::variant_size_v<sync::Message> == std::size(kKinds));
  return kKinds[decoded->index()];
}

}  // namespace

void TraceRooms(std::vector<std::string> names) {
  internal::traces_rooms = !names.empty();
  TracedRooms() = std::move(names);
}

void TraceMessage(std::string_view room, std::uint64_t member, crdt::ByteView message) {
  if (!IsTraced(room)) return;
  const std::string_view kind = KindOf(message);
  LogEvent(LogLevel::kInfo, "message",
           {{"room", room},
            {"member", member},
            {"kind", kind},
            {"bytes", std::uint64_t{message.size()}}},
           fmt::format("trace of \"{}\": member {} sent {}, {} bytes", PrintableName(room), member,
                       kind, message.size()));
}

void TraceTicket(std::string_view room, std::uint64_t member, std::uint64_t ticket,
                 std::size_t bytes) {
  if (!IsTraced(room)) return;
  LogEvent(
      LogLevel::kInfo, "taken",
      {{"room", room}, {"member", member}, {"ticket", ticket}, {"bytes", std::uint64_t{bytes}}},
      fmt::format("trace of \"{}\": an edit of member {} is number {}, {} bytes",
                  PrintableName(room), member, ticket, bytes));
}

void TraceCommit(std::string_view room, std::uint64_t ticket,
                 const absl::StatusOr<LogPlace>& result) {
  if (!IsTraced(room)) return;
  if (!result.ok()) {
    const std::string reason = result.status().ToString();
    LogEvent(LogLevel::kInfo, "not-committed",
             {{"room", room}, {"ticket", ticket}, {"reason", reason}},
             fmt::format("trace of \"{}\": edit {} is not stored: {}", PrintableName(room), ticket,
                         reason));
    return;
  }
  LogEvent(LogLevel::kInfo, "committed",
           {{"room", room}, {"ticket", ticket}, {"sequence", result->sequence}},
           fmt::format("trace of \"{}\": edit {} is committed with sequence {}",
                       PrintableName(room), ticket, result->sequence));
}

}  // namespace weft::server
