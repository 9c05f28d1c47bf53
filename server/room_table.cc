#include "server/room_table.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/room_name.h"

namespace weft::server {
namespace {

// Looking for unused rooms costs time for each room there is: at a bound, this part of it is made
// free at once, and when there is nothing to forget, it is not looked for again for a while.
constexpr std::size_t kSparePart = 64;
constexpr std::chrono::milliseconds kSearchInterval{1'000};

}  // namespace

absl::StatusOr<Room*> RoomTable::Enter(std::string_view name) {
  const Limits& limits = services_.limits;
  LimitHits& hits = services_.stats.limits;
  if (Room* room = Find(name)) {
    if (room->member_count() < limits.connections_per_room) return room;
    hits.Hit(Limit::kConnectionsPerRoom, "the room " + PrintableName(name));
    return absl::UnavailableError("the room has as many connections as it may have");
  }
  ForgetUnused();
  if (!SpaceFor(1)) {
    hits.Hit(Limit::kRooms, "the room " + PrintableName(name));
    return absl::UnavailableError("the server has as many rooms as it may have");
  }
  if (!MemoryWithin(limits.room_memory_bytes)) {
    hits.Hit(Limit::kRoomMemoryBytes, "the room " + PrintableName(name));
    return absl::UnavailableError("the memory for rooms is used up");
  }
  return &Get(name);
}

bool RoomTable::SpaceFor(std::size_t more) const {
  return services_.stats.rooms.load(std::memory_order_relaxed) + more <= services_.limits.rooms;
}

bool RoomTable::MemoryWithin(std::size_t bound) const {
  return services_.stats.room_memory_bytes.load(std::memory_order_relaxed) <= bound;
}

// At a bound, forgets unused rooms, the least recently used first.
void RoomTable::ForgetUnused() {
  const std::size_t memory = services_.limits.room_memory_bytes;
  if (SpaceFor(1) && MemoryWithin(memory)) return;
  const sync::TimePoint now = services_.now();
  if (now < next_search_) return;
  std::vector<Room*> unused;
  for (const auto& [name, room] : rooms_) {
    if (room->unused()) unused.push_back(room.get());
  }
  if (unused.empty()) next_search_ = now + kSearchInterval;
  std::sort(unused.begin(), unused.end(),
            [](const Room* a, const Room* b) { return a->empty_since() < b->empty_since(); });
  const std::size_t spare = std::max<std::size_t>(1, services_.limits.rooms / kSparePart);
  for (const Room* room : unused) {
    if (SpaceFor(spare) && MemoryWithin(memory - memory / kSparePart)) return;
    rooms_.erase(rooms_.find(room->name()));
  }
}

Room* RoomTable::Find(std::string_view name) {
  const auto found = rooms_.find(name);
  return found == rooms_.end() ? nullptr : found->second.get();
}

RoomTable::RoomTable(const RoomServices& services) : services_(services) {
  services_.awareness_waits = [this](Room& room) { awareness_waits_.push_back(&room); };
}

// A room that waits is not forgotten meanwhile (Room::CanUnload).
void RoomTable::TellAwareness() {
  for (Room* room : std::exchange(awareness_waits_, {})) room->TellAwareness();
}

Room& RoomTable::Get(std::string_view name) {
  if (Room* room = Find(name)) return *room;
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
  // Others may be waiting for a room that this table can spare.
  ForgetUnused();
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
