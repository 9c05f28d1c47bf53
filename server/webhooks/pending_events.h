#pragma once

// Events between the moment when they happen and the outbox. Changes of a room gather until they pause;
// everything else leaves at once, behind the changes of its room.
//
// Bounds: kMaxMoments events that do not gather, beyond which further ones are dropped and counted;
// kMaxRooms rooms with changes, beyond which further ones are forgotten, and `forgot_changes` says that
// somebody has to look what they were. Threads: one, no locks, no clock.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/string_map.h"
#include "server/room_event.h"

namespace weft::server::webhooks {

class PendingEvents {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMaxMoments = 10'000;
  static constexpr std::size_t kMaxRooms = 100'000;
  // A change is told after this many times the pause, if there is none.
  static constexpr int kMaxPauses = 10;

  // An event that owns its words.
  struct Event {
    RoomEvent::Kind kind = RoomEvent::Kind::kChanged;
    std::string room;
    LogPlace head;
    std::string name;
    std::string subject;
    std::uint64_t holder = 0;
    std::uint64_t publish = 0;
    std::uint64_t members = 0;
    std::int64_t time_ms = 0;  // since 1970
  };

  explicit PendingEvents(std::chrono::milliseconds pause) : pause_(pause) {}

  void Add(const RoomEvent& event, TimePoint now, std::int64_t time_ms);

  // Up to `limit` events that are to leave by now, in the order of each room; with `all` those of
  // rooms that still change, too.
  std::vector<Event> Take(TimePoint now, std::size_t limit, bool all = false);

  // When Take has something next; nothing when nothing waits.
  std::optional<TimePoint> next() const;

  std::uint64_t dropped() const { return dropped_; }
  // Whether changes were forgotten since the last call.
  bool TakeForgotten() { return std::exchange(forgot_changes_, false); }
  std::size_t size() const { return moments_.size() + changes_.size(); }

 private:
  struct Change {
    Event event;
    TimePoint first;
    TimePoint last;
  };
  TimePoint DueOf(const Change& change) const;

  const std::chrono::milliseconds pause_;
  std::deque<Event> moments_;
  crdt::StringMap<Change> changes_;
  std::uint64_t dropped_ = 0;
  bool forgot_changes_ = false;
};

}  // namespace weft::server::webhooks
