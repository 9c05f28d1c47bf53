#include "server/webhooks/pending_events.h"

#include <algorithm>
#include <utility>

namespace weft::server::webhooks {

PendingEvents::TimePoint PendingEvents::DueOf(const Change& change) const {
  return std::min(change.last + pause_, change.first + kMaxPauses * pause_);
}

void PendingEvents::Add(const RoomEvent& event, TimePoint now, std::int64_t time_ms) {
  Event owned{.kind = event.kind,
              .room = std::string(event.room),
              .head = event.head,
              .name = std::string(event.name),
              .subject = std::string(event.subject),
              .holder = event.holder,
              .publish = event.publish,
              .members = event.members,
              .time_ms = time_ms};
  const auto known = changes_.find(event.room);
  if (event.kind == RoomEvent::Kind::kChanged) {
    if (known != changes_.end()) {
      known->second.event = std::move(owned);
      known->second.last = now;
    } else if (changes_.size() >= kMaxRooms) {
      forgot_changes_ = true;
    } else {
      std::string room = owned.room;
      changes_.emplace(std::move(room), Change{std::move(owned), now, now});
    }
    return;
  }
  const std::size_t needed = known != changes_.end() ? 2 : 1;
  if (moments_.size() + needed > kMaxMoments) {
    ++dropped_;
    return;
  }
  if (known != changes_.end()) {
    moments_.push_back(std::move(known->second.event));
    changes_.erase(known);
  }
  moments_.push_back(std::move(owned));
}

std::vector<PendingEvents::Event> PendingEvents::Take(TimePoint now, std::size_t limit, bool all) {
  std::vector<Event> events;
  while (!moments_.empty() && events.size() < limit) {
    events.push_back(std::move(moments_.front()));
    moments_.pop_front();
  }
  // What waits among the moments of a room came before its changes.
  if (!moments_.empty()) return events;
  std::vector<std::string> due;
  for (const auto& [room, change] : changes_) {
    if (all || DueOf(change) <= now) due.push_back(room);
  }
  std::ranges::sort(due);
  for (const std::string& room : due) {
    if (events.size() == limit) break;
    const auto change = changes_.find(room);
    events.push_back(std::move(change->second.event));
    changes_.erase(change);
  }
  return events;
}

std::optional<PendingEvents::TimePoint> PendingEvents::next() const {
  if (!moments_.empty()) return TimePoint();
  std::optional<TimePoint> next;
  for (const auto& [room, change] : changes_) {
    if (!next || DueOf(change) < *next) next = DueOf(change);
  }
  return next;
}

}  // namespace weft::server::webhooks
