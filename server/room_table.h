#pragma once

// The rooms of one thread: made when the first connection asks for them, forgotten when idle.
//
// A room is forgotten only when nobody is in it, everything it was given is committed and no
// callback of the log is awaited; so the next one to join reads all of it from the log. Threads:
// one.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "crdt/base/string_map.h"
#include "server/room.h"

namespace weft::server {

class RoomTable {
 public:
  // `services.awareness_waits` is the table's own matter.
  explicit RoomTable(const RoomServices& services);
  RoomTable(const RoomTable&) = delete;  // rooms point here
  RoomTable& operator=(const RoomTable&) = delete;

  // The room of that name. Valid until a Tick that finds it unused; a member keeps it.
  Room& Get(std::string_view name);

  // Time has passed: about once a second.
  void Tick();

  // Whether TellAwareness is to be called, Limits::awareness_tick after this became true.
  bool awareness_waits() const { return !awareness_waits_.empty(); }
  void TellAwareness();

  std::size_t size() const { return rooms_.size(); }

  // The way to the end of a server: reading stops, then all rooms become idle, then members are
  // closed.
  void StopReading();
  bool idle() const;
  void CloseAll(CloseCode code, std::string_view reason);

 private:
  RoomServices services_;
  std::vector<Room*> awareness_waits_;
  crdt::StringMap<std::unique_ptr<Room>> rooms_;
};

}  // namespace weft::server
