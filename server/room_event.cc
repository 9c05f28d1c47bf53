#include "server/room_event.h"

namespace weft::server {

std::string_view EventName(RoomEvent::Kind kind) {
  switch (kind) {
    case RoomEvent::Kind::kOpened:
      return "room.opened";
    case RoomEvent::Kind::kClosed:
      return "room.closed";
    case RoomEvent::Kind::kChanged:
      return "room.changed";
    case RoomEvent::Kind::kJoined:
      return "member.joined";
    case RoomEvent::Kind::kLeft:
      return "member.left";
    case RoomEvent::Kind::kFrozen:
      return "room.frozen";
    case RoomEvent::Kind::kUnfrozen:
      return "room.unfrozen";
    case RoomEvent::Kind::kDeleted:
      return "room.deleted";
    case RoomEvent::Kind::kVersion:
      return "version.made";
    case RoomEvent::Kind::kQuota:
      return "room.quota";
    case RoomEvent::Kind::kDraftCreated:
      return "draft.created";
    case RoomEvent::Kind::kDraftSaved:
      return "draft.saved";
    case RoomEvent::Kind::kDraftDiscarded:
      return "draft.discarded";
    case RoomEvent::Kind::kPublishFailed:
      return "publish.failed";
    case RoomEvent::Kind::kPublishProgress:
      return "publish.progress";
    case RoomEvent::Kind::kModeTaken:
      return "mode.taken";
    case RoomEvent::Kind::kModeLeft:
      return "mode.left";
    case RoomEvent::Kind::kModeEmptied:
      return "mode.emptied";
  }
  return "room.changed";
}

}  // namespace weft::server
