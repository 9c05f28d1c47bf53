#include "server/room_table.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weft::server {

RoomTable::RoomTable(const RoomServices& services) : services_(services) {
  services_.awareness_waits = [this](Room& room) { awareness_waits_.push_back(&room); };
}

// A room that waits is not forgotten meanwhile (Room::CanUnload).
void RoomTable::TellAwareness() {
  for (Room* room : std::exchange(awareness_waits_, {})) room->TellAwareness();
}

Room& RoomTable::Get(std::string_view name) {
  const auto found = rooms_.find(name);
  if (found != rooms_.end()) return *found->second;
  auto room = std::make_unique<Room>(std::string(name), services_);
  return *rooms_.emplace(std::string(name), std::move(room)).first->second;
}

void RoomTable::Tick() {
  for (auto entry = rooms_.begin(); entry != rooms_.end();) {
    entry->second->Tick();
    const auto next = std::next(entry);
    if (entry->second->CanUnload()) rooms_.erase(entry);
    entry = next;
  }
}

void RoomTable::StopReading() {
  for (const auto& [name, room] : rooms_) room->StopReading();
}

bool RoomTable::idle() const {
  return std::all_of(rooms_.begin(), rooms_.end(),
                     [](const auto& entry) { return entry.second->idle(); });
}

void RoomTable::CloseAll(CloseCode code, std::string_view reason) {
  for (const auto& [name, room] : rooms_) room->CloseAll(code, reason);
}

}  // namespace weft::server
