#include "server/publish/draft_watch.h"

#include <string>

namespace weft::server::publish {

void DraftWatch::OnRoomEvent(const RoomEvent& event) {
  if (teller_ == nullptr || stopped_ || event.kind != RoomEvent::Kind::kChanged) return;
  const absl::StatusOr<std::optional<DraftRow>> row = find_(event.room);
  if (!row.ok() || !*row || (*row)->generation != event.head.generation) return;
  const std::optional<std::uint64_t> first = (*row)->FirstUnsaved(event.head.sequence);
  if (!first) return;
  {
    const std::lock_guard lock(mutex_);
    if (told_.size() >= kMaxRooms && !told_.contains(event.room)) told_.clear();
    const Beginning beginning(event.head.generation, *first);
    Beginning& told = told_[std::string(event.room)];
    if (std::exchange(told, beginning) == beginning) return;
  }
  teller_->OnRoomEvent(
      {.kind = RoomEvent::Kind::kDraftCreated, .room = event.room, .head = event.head});
}

}  // namespace weft::server::publish
