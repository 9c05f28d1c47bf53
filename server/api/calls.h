#pragma once

// What the calls of the API do, one function a call. They answer with a problem when it cannot be done.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "server/api/access.h"
#include "server/api/event_hub.h"
#include "server/api/idempotency.h"
#include "server/api/request.h"
#include "server/api/rooms.h"
#include "server/api/routes.h"
#include "server/api/target.h"
#include "server/lease/room_modes.h"
#include "server/publish/turns.h"
#include "server/publish/version_drafts.h"

namespace weft::server::api {

// What calls work with. Outlives them.
struct Tools {
  Rooms& rooms;
  RoomWatcher& watcher;  // told what calls do to rooms
  IdempotencyTable& keys;
  lease::RoomModes& modes;
  publish::VersionDrafts& drafts;
  publish::Turns turns = {};                    // of publishing and discarding
  std::atomic<std::uint64_t> last_publish = 0;  // numbers them
};

// One call. References live until its answer is there.
struct Context {
  const Request& request;
  const Target& target;
  const Route& route;
  const std::shared_ptr<const Rights>& rights;
  const std::string& room;   // of calls that name one
  const std::string& value;  // the second {} of the path
};

using CallResult = asio::awaitable<HttpAnswer>;

// --- Lists of rooms (list_calls.cc) ---
CallResult ListRooms(Tools& tools, const Context& call);

// --- Reading (read_calls.cc) ---
CallResult ReadRoom(Tools& tools, const Context& call);
// Update, state vector, JSON, text, XML, delta.
CallResult ReadContent(Tools& tools, const Context& call);

// --- History (history_calls.cc) ---
CallResult ReadChanges(Tools& tools, const Context& call);
CallResult ReadDiff(Tools& tools, const Context& call);
CallResult ListVersions(Tools& tools, const Context& call);
CallResult ReadVersion(Tools& tools, const Context& call);
CallResult PutVersion(Tools& tools, const Context& call);
CallResult DropVersion(Tools& tools, const Context& call);
CallResult Restore(Tools& tools, const Context& call);

// --- Writing (write_calls.cc) ---
CallResult SeedRoom(Tools& tools, const Context& call);
CallResult PostUpdate(Tools& tools, const Context& call);
CallResult PostEdits(Tools& tools, const Context& call);
CallResult DeleteRoom(Tools& tools, const Context& call);

// --- Working together (mode_calls.cc, room_work.h) ---
CallResult ListModes(Tools& tools, const Context& call);
CallResult PostMode(Tools& tools, const Context& call);
CallResult DropMode(Tools& tools, const Context& call);
CallResult ReadDraft(Tools& tools, const Context& call);
CallResult PostPublish(Tools& tools, const Context& call);
CallResult DropDraft(Tools& tools, const Context& call);

// --- Administration (member_calls.cc) ---
CallResult ListMembers(Tools& tools, const Context& call);
CallResult KickMember(Tools& tools, const Context& call);
CallResult Freeze(Tools& tools, const Context& call);
CallResult Unfreeze(Tools& tools, const Context& call);

}  // namespace weft::server::api
