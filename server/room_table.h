#pragma once

// The rooms of one thread: made when the first connection asks for them, forgotten when idle.
//
// A room is forgotten only when nobody is in it, everything it was given is committed and no
// callback of the log is awaited; so the next one to join reads all of it from the log.
//
// All tables of a server share Limits::rooms and Limits::room_memory_bytes, counted in Stats. At
// these bounds unused rooms are forgotten at once, the least recently used first: by who needs a
// new one, and in all tables with their next Tick. Threads: one.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/string_map.h"
#include "server/room.h"

namespace weft::server {

class RoomTable {
 public:
  // `services.awareness_waits` is the table's own matter.
  explicit RoomTable(const RoomServices& services);
  RoomTable(const RoomTable&) = delete;  // rooms point here
  RoomTable& operator=(const RoomTable&) = delete;

  // The room of that name, for one more member to join at once. Valid until a call that finds it
  // unused; a member keeps it.
  // Fails: kUnavailable, with a reason for humans, when the room has as many members as it may
  // have, or it would be one room too many.
  absl::StatusOr<Room*> Enter(std::string_view name);

  // The room of that name, or nothing when it is not in memory.
  Room* Find(std::string_view name);

  // The room of that name, whatever the bounds.
  Room& Get(std::string_view name);

  // Time has passed: about once a second.
  void Tick();

  // Whether TellAwareness is to be called, Limits::awareness_tick after this became true.
  bool awareness_waits() const { return !awareness_waits_.empty(); }
  void TellAwareness();

  std::size_t size() const { return rooms_.size(); }
  // All of them, in no order.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (const auto& [name, room] : rooms_) visit(*room);
  }

  // The way to the end of a server: reading stops, then all rooms become idle, then members are
  // closed.
  void StopReading();
  bool idle() const;
  void CloseAll(CloseCode code, std::string_view reason);
  // Forgets all rooms as they are. Requires: as Room::~Room.
  void Clear() { rooms_.clear(); }

 private:
  // Of all tables together.
  bool SpaceFor(std::size_t more_rooms) const;
  bool MemoryWithin(std::size_t bound) const;
  void ForgetUnused();

  RoomServices services_;
  sync::TimePoint next_search_{};  // for unused rooms
  std::vector<Room*> awareness_waits_;
  crdt::StringMap<std::unique_ptr<Room>> rooms_;
};

}  // namespace weft::server
