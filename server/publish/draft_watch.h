#pragma once

// Tells when a draft begins. Nothing is stored for it: it looks, whenever a room has changed, whether the room
// has a draft whose first edit it has not told of. So after a restart the drafts that there are may be told again,
// with their rooms' next change.
//
// Bound: kMaxRooms rooms are remembered; beyond them all are forgotten, and told again.
// Threads: any; reads the rows within the call, and waits for no writer.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "crdt/base/string_map.h"
#include "server/publish/draft.h"
#include "server/room_event.h"

namespace weft::server::publish {

class DraftWatch final : public RoomWatcher {
 public:
  static constexpr std::size_t kMaxRooms = 100'000;
  using FindRow = std::function<absl::StatusOr<std::optional<DraftRow>>(std::string_view room)>;

  // `teller` is told RoomEvent::Kind::kDraftCreated; null: nobody.
  DraftWatch(FindRow find, RoomWatcher* teller) : find_(std::move(find)), teller_(teller) {}

  void OnRoomEvent(const RoomEvent& event) override;

  // From now on it does not look. Rooms tell of their last change after the log has gone.
  void Stop() { stopped_ = true; }

 private:
  // Of a draft: the history, and its first edit.
  using Beginning = std::pair<std::uint64_t, std::uint64_t>;

  const FindRow find_;
  RoomWatcher* const teller_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  crdt::StringMap<Beginning> told_;
};

}  // namespace weft::server::publish
