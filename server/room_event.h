#pragma once

// What happens to rooms, for whoever watches the server as a whole: the event stream of the API,
// webhooks.

#include <cstdint>
#include <string>
#include <string_view>

#include "server/room_log.h"

namespace weft::server {

struct RoomEvent {
  enum class Kind : std::uint8_t {
    kOpened,   // its first member came
    kClosed,   // its last member left
    kChanged,  // updates were committed; told about once a second at most, the last state counts
    kJoined,   // a member came
    kLeft,     // a member left
    kFrozen,   // nobody writes until kUnfrozen
    kUnfrozen,
    kDeleted,
    kVersion,          // a version was made or moved
    kQuota,            // an edit was refused because of a bound of the document
    kDraftCreated,     // the first edit that is not published
    kDraftSaved,       // published
    kDraftDiscarded,   // thrown away
    kPublishFailed,    // and nothing has changed
    kPublishProgress,  // of a publish under way; kDraftSaved or kPublishFailed ends it
    kModeTaken,        // somebody is in a mode (lease/room_modes.h)
    kModeLeft,         // and is not any more
    kModeEmptied,      // its last holder has left
  };
  Kind kind = Kind::kChanged;
  std::string_view room;
  LogPlace head{};  // of the room, as far as it is known
  // Of the version or the mode, the subject of a member or of who publishes, the reason of a freeze or a
  // failure.
  std::string_view name = {};
  std::string_view subject = {};  // of kModeTaken and kModeLeft
  std::uint64_t holder = 0;       // of the same
  std::uint64_t publish = 0;      // of a publish: its number, the same from its progress to its end
  std::uint64_t done = 0;         // of kPublishProgress: so much of `total`
  std::uint64_t total = 0;
  std::uint64_t member = 0;   // of kJoined and kLeft
  std::uint64_t members = 0;  // how many there are afterwards; of those two, kOpened, kClosed
};

// "room.opened" and so on: part of the API, never changed.
std::string_view EventName(RoomEvent::Kind kind);

// Whoever is told. Threads: called from any; views live as long as the call.
class RoomWatcher {
 public:
  virtual ~RoomWatcher() = default;
  virtual void OnRoomEvent(const RoomEvent& event) = 0;
};

}  // namespace weft::server
