#include "store/compactor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::store {

Compactor::Compactor(UpdateLog& log, CompactPolicy policy, Merge merge, Now now, Report report)
    : log_(log),
      policy_(policy),
      merge_(std::move(merge)),
      now_(std::move(now)),
      report_(std::move(report)) {
  thread_ = std::thread([this] { Run(); });
}

Compactor::~Compactor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

Compactor::Stats Compactor::stats() const {
  return {.compactions = compactions_,
          .failures = failures_,
          .merged_bytes = merged_bytes_,
          .watched_rooms = watched_rooms_};
}

void Compactor::Run() {
  // What an earlier run left.
  if (const auto rooms = log_.reader().ListRooms(); rooms.ok()) {
    for (const RoomInfo& room : *rooms) {
      if (room.tail_records > 0) Touch(room.name);
    }
  }
  while (Wait()) {
    for (const std::string& room : log_.TakeTouchedRooms()) Touch(room);
    Sweep();
    watched_rooms_ = watched_.size();
  }
}

bool Compactor::Wait() {
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, policy_.tick, [this] { return stopping_; });
  return !stopping_;
}

void Compactor::Touch(const std::string& room) {
  const Clock::time_point now = Clock::now();
  const auto [watched, fresh] = watched_.try_emplace(room, Watched{.first = now, .last = now});
  if (!fresh) watched->second.last = now;
}

bool Compactor::IsDue(const RoomInfo& room, const Watched& watched) const {
  if (room.tail_records < std::max(policy_.min_records, watched.retry_records)) return false;
  const Clock::time_point now = Clock::now();
  return room.tail_records >= policy_.records ||
         room.tail_bytes >= std::max(policy_.bytes, room.snapshot_bytes / 2) ||
         now - watched.first >= policy_.age || now - watched.last >= policy_.idle;
}

void Compactor::Sweep() {
  std::vector<std::string> due;
  std::vector<std::string> done;
  for (const auto& [name, watched] : watched_) {
    const auto room = log_.reader().FindRoom(name);
    if (!room.ok() || !*room || (*room)->tail_records == 0) {
      done.push_back(name);
    } else if (IsDue(**room, watched)) {
      due.push_back(name);
    } else if (Clock::now() - watched.last >= policy_.idle &&
               (*room)->tail_records < policy_.min_records) {
      done.push_back(name);  // too little to be worth it; the next append brings it back
    }
  }
  for (const std::string& name : done) watched_.erase(name);
  for (const std::string& name : due) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const auto report =
        log_.Compact(name, merge_, {.now_ms = now_(), .retention_ms = policy_.retention.count()});
    if (report.ok()) {
      ++compactions_;
      merged_bytes_ += report->merged_bytes;
      watched_.erase(name);
    } else {
      ++failures_;
      const auto room = log_.reader().FindRoom(name);
      watched_[name].retry_records = room.ok() && *room ? 2 * (*room)->tail_records : kNoBound;
    }
    if (report_) report_(name, report);
  }
}

}  // namespace weft::store
