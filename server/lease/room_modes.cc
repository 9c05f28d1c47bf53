#include "server/lease/room_modes.h"

#include <algorithm>
#include <utility>

namespace weft::server::lease {
namespace {

// Who was in a mode and is not in `now`, whatever its number: who goes on after a reconnect has neither left nor
// come.
std::vector<Lease> Missing(const std::vector<Lease>& before, const std::vector<Lease>& now) {
  std::vector<const Lease*> left;
  for (const Lease& lease : now) left.push_back(&lease);
  std::vector<Lease> missing;
  for (const Lease& lease : before) {
    const auto same = std::ranges::find_if(left, [&](const Lease* other) {
      return other->mode == lease.mode && other->subject == lease.subject;
    });
    if (same != left.end()) {
      left.erase(same);
    } else {
      missing.push_back(lease);
    }
  }
  return missing;
}

}  // namespace

RoomModes::RoomModes(Options options, RoomWatcher& watcher)
    : options_(std::move(options)), watcher_(watcher) {}

HolderId RoomModes::NewHolder() {
  const std::lock_guard lock(mutex_);
  return ++last_holder_;
}

void RoomModes::Change(std::string_view room, absl::FunctionRef<Changes(LeaseTable&)> change) {
  auto found = tables_.find(room);
  if (found == tables_.end()) {
    found = tables_
                .emplace(std::string(room),
                         std::make_unique<LeaseTable>(options_.rules, options_.grace))
                .first;
  }
  LeaseTable& table = *found->second;
  const std::vector<Lease> before = table.leases();
  const Changes changes = change(table);
  const auto tell = [&](RoomEvent::Kind kind, const Lease& lease) {
    watcher_.OnRoomEvent({.kind = kind,
                          .room = room,
                          .name = lease.mode->name,
                          .subject = lease.subject,
                          .holder = lease.holder});
  };
  for (const Lease& lease : Missing(before, table.leases()))
    tell(RoomEvent::Kind::kModeLeft, lease);
  for (const std::string& mode : changes.emptied) {
    watcher_.OnRoomEvent({.kind = RoomEvent::Kind::kModeEmptied, .room = room, .name = mode});
  }
  for (const Lease& lease : Missing(table.leases(), before)) {
    tell(RoomEvent::Kind::kModeTaken, lease);
  }
  const std::optional<TimePoint> next = table.next_tick();
  if (table.leases().empty()) tables_.erase(found);
  if (next && (!next_tick_ || *next < *next_tick_)) {
    next_tick_ = next;
    if (options_.wake) options_.wake(*next);
  }
}

RoomModes::Taken RoomModes::Take(const Wish& wish, TimePoint now) {
  const std::lock_guard lock(mutex_);
  Taken taken;
  if (stopped_) {
    taken.refusal = Refusal{Refusal::Code::kHeld, std::string(wish.mode)};
    return taken;
  }
  Change(wish.room, [&](LeaseTable& table) {
    Changes changes = table.Tick(now);
    std::string token = options_.new_token();
    const auto join = [&changes](Changes more) {
      changes.any |= more.any;
      for (std::string& mode : more.emptied) changes.emptied.push_back(std::move(mode));
    };
    // What it was away from begins again, even if it then does not get what it wants.
    taken.resumed = table.Resume(wish.holder, wish.token, wish.subject, token).has_value();
    if (table.Find(wish.holder) == nullptr && table.leases().size() >= kMaxHolders) {
      taken.refusal = Refusal{Refusal::Code::kHeld, std::string(wish.mode)};
    } else {
      LeaseTable::Taken result =
          table.Take(wish.holder, wish.mode, wish.subject, token, wish.blockers);
      taken.refusal = std::move(result.refusal);
      join(std::move(result.changes));
    }
    if (const Lease* const lease = table.Find(wish.holder)) {
      taken.mode = lease->mode;
      taken.token = lease->token;
      if (!wish.stays) join(table.Drop(wish.holder, now));
    }
    return changes;
  });
  return taken;
}

bool RoomModes::Give(std::string_view room, HolderId holder) {
  const std::lock_guard lock(mutex_);
  bool held = false;
  Change(room, [&](LeaseTable& table) {
    const Changes changes = table.Evict(holder);
    held = changes.any;
    return changes;
  });
  return held;
}

HolderId RoomModes::HolderOf(std::string_view room, std::string_view token,
                             std::string_view subject) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(room);
  if (found == tables_.end()) return kNoHolder;
  const Lease* const lease = found->second->FindByToken(token, subject);
  return lease == nullptr ? kNoHolder : lease->holder;
}

std::size_t RoomModes::Evict(std::string_view room, std::string_view mode,
                             std::optional<HolderId> holder) {
  const std::lock_guard lock(mutex_);
  std::size_t evicted = 0;
  Change(room, [&](LeaseTable& table) {
    std::vector<HolderId> holders;
    for (const Lease* const lease : table.HoldersOf(mode)) {
      if (!holder || lease->holder == *holder) holders.push_back(lease->holder);
    }
    evicted = holders.size();
    Changes changes;
    for (const HolderId one : holders) {
      Changes more = table.Evict(one);
      changes.any = true;
      for (std::string& emptied : more.emptied) changes.emptied.push_back(std::move(emptied));
    }
    return changes;
  });
  return evicted;
}

void RoomModes::Drop(std::string_view room, HolderId holder, TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !tables_.contains(room)) return;
  Change(room, [&](LeaseTable& table) { return table.Drop(holder, now); });
}

void RoomModes::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  std::vector<std::string> rooms;
  for (const auto& [room, table] : tables_) rooms.push_back(room);
  std::ranges::sort(rooms);
  for (const std::string& room : rooms) {
    Change(room, [](LeaseTable& table) {
      Changes changes;
      while (!table.leases().empty()) {
        for (std::string& mode : table.Evict(table.leases().front().holder).emptied) {
          changes.emptied.push_back(std::move(mode));
        }
      }
      return changes;
    });
  }
}

std::optional<TimePoint> RoomModes::Tick(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return std::nullopt;
  std::vector<std::string> due;
  for (const auto& [room, table] : tables_) {
    const std::optional<TimePoint> next = table->next_tick();
    if (next && *next <= now) due.push_back(room);
  }
  std::ranges::sort(due);
  for (const std::string& room : due) {
    Change(room, [now](LeaseTable& table) { return table.Tick(now); });
  }
  next_tick_.reset();
  for (const auto& [room, table] : tables_) {
    const std::optional<TimePoint> next = table->next_tick();
    if (next && (!next_tick_ || *next < *next_tick_)) next_tick_ = next;
  }
  return next_tick_;
}

void RoomModes::Look(std::string_view room, absl::FunctionRef<void(const LeaseTable*)> look) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(room);
  look(found == tables_.end() ? nullptr : found->second.get());
}

std::size_t RoomModes::rooms() const {
  const std::lock_guard lock(mutex_);
  return tables_.size();
}

}  // namespace weft::server::lease
