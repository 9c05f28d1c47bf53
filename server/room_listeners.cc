#include "server/room_listeners.h"

#include <utility>

#include "server/api/event_hub.h"
#include "server/durability.h"

namespace weft::server {
namespace {

bool IsTold(RoomEvent::Kind kind) {
  switch (kind) {
    case RoomEvent::Kind::kOpened:
    case RoomEvent::Kind::kClosed:
    case RoomEvent::Kind::kChanged:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::shared_ptr<void> RoomListeners::Listen(const std::string& room, RoomCalls::Hear hear) {
  auto* const kept = new RoomCalls::Hear(std::move(hear));
  {
    const std::lock_guard lock(table_->mutex);
    table_->rooms[room].push_back(kept);
  }
  return {kept, [table = table_, room](RoomCalls::Hear* gone) {
            {
              const std::lock_guard lock(table->mutex);
              const auto found = table->rooms.find(room);
              std::erase(found->second, gone);
              if (found->second.empty()) table->rooms.erase(found);
            }
            delete gone;
          }};
}

void RoomListeners::OnRoomEvent(const RoomEvent& event) {
  if (!IsTold(event.kind)) return;
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->rooms.find(event.room);
  if (found == table_->rooms.end()) return;
  const auto text = std::make_shared<const std::string>(api::DescribeEvent(event, WallTimeMs()));
  for (const RoomCalls::Hear* const hear : found->second) (*hear)(text);
}

}  // namespace weft::server
