#pragma once

// Rooms in which something is under way that has to be alone: one thing at a time a room.
//
// Threads: any. Bound: what asks for turns. Ownership: outlives its turns.

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/base/string_map.h"

namespace weft::server::publish {

class Turns {
 public:
  // A room, for as long as this lives.
  class Turn {
   public:
    Turn(Turns& turns, std::string room) : turns_(&turns), room_(std::move(room)) {}
    Turn(Turn&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)), room_(std::move(other.room_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() { End(); }
    void End() {
      if (Turns* const turns = std::exchange(turns_, nullptr)) turns->Give(room_);
    }

   private:
    Turns* turns_;  // null when it has ended
    std::string room_;
  };

  // Nothing when somebody has it.
  std::optional<Turn> TryTake(const std::string& room) {
    const std::lock_guard lock(mutex_);
    if (!rooms_.try_emplace(room, true).second) return std::nullopt;
    return std::optional<Turn>(std::in_place, *this, room);
  }
  bool taken(std::string_view room) const {
    const std::lock_guard lock(mutex_);
    return rooms_.contains(room);
  }

 private:
  void Give(const std::string& room) {
    const std::lock_guard lock(mutex_);
    rooms_.erase(room);
  }

  mutable std::mutex mutex_;
  crdt::StringMap<bool> rooms_;
};

}  // namespace weft::server::publish
