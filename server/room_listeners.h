#pragma once

// Those who are told what happens to one room while they are in it. Everybody who listens to all rooms, or comes
// back to what was missed, has api/event_hub.h.
//
// What is told: all but changes of the document, which members have anyway, and when a room comes into and out of
// use.
//
// Threads: any. Bounds: the listeners are as many as there are channels; what waits for one is its own to bound.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crdt/base/string_map.h"
#include "server/room_calls.h"
#include "server/room_event.h"

namespace weft::server {

class RoomListeners final : public RoomWatcher {
 public:
  // As RoomCalls::Listen. What is answered may outlive this.
  std::shared_ptr<void> Listen(const std::string& room, RoomCalls::Hear hear);

  void OnRoomEvent(const RoomEvent& event) override;

 private:
  struct Table {
    std::mutex mutex;
    crdt::StringMap<std::vector<RoomCalls::Hear*>> rooms;
  };
  const std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace weft::server
