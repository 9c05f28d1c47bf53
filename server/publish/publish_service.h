#pragma once

// Rooms of an application: made from its rows when somebody comes, published into them, thrown away.
//
//   Publish:  room ──Query──> snapshot at n ──pool──> Prepare ──room──> Commit: rows, draft row and patch
//                ^                                       │              in one transaction
//                └── kAborted: what it was prepared from moved, at most kMaxAttempts ──────┘
//
// Edits that come in between are neither in the snapshot nor held up: their sequences are above n, so the draft
// remains, as it should. A crash before the commit leaves everything as it was; after it the next load
// has the patch.
//
// One thing at a time happens in a room. Publish and Discard are refused with kAborted, "publishing" or
// "busy", while another one is under way. EnsureBegun waits for its turn when there is something to make: of
// calls that come together the first makes the room, and the others find it.
//
// Events: the watcher is told of each publish that has begun, under its number: progress, then exactly one of
// kDraftSaved and kPublishFailed. Terminal events: who began a Publish is told its end exactly once, whatever becomes of it (a scope
// guard says kCancelled when the work is dropped), unless the service was stopped; and progress never
// after the end. Progress: at most kMaxProgress messages of a publish.
//
// Bound: what is under way, one thing a room; EnsureBegun waits without a bound of its own: who asks has a
// connection, or a request, and asks once.
//
// Threads: any. Callbacks come on the executor that the caller names, in order if it runs one thing at a time.
// What may block runs on `pool`. The end: Stop, then the pool is stopped and joined, whatever is under way
// (what was given to the log may still be stored), then the rooms go, then the service, then the pool.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/publish/draft.h"
#include "server/publish/publisher.h"
#include "server/room.h"
#include "server/room_event.h"
#include "store/update_log.h"

namespace weft::server::publish {

// The way to rooms, each on its own thread: Worker::WithRoom and WithRoomInMemory of the room's worker.
struct RoomAccess {
  using Visit = std::move_only_function<void(absl::StatusOr<Room*>)>;
  std::function<void(const std::string& room, Visit visit)> with_room;
  using VisitInMemory = std::move_only_function<void(Room*)>;
  std::function<void(const std::string& room, VisitInMemory visit)> with_room_in_memory;
};

// What became of a publish.
struct Outcome {
  std::uint64_t id = 0;  // of this publish, as Publish answered
  // OK: it is saved. kInvalidArgument with problems: the document is not as it should be.
  // kFailedPrecondition: what it was built from has moved, at once or in each attempt. kAborted: another one
  // is under way. kDataLoss: the draft has lost what it builds on; EnsureBegun sets it aside. kNotFound: the
  // room was not begun. kPermissionDenied: the room is frozen. kCancelled: it
  // was given up. kUnavailable, …: as Room::Commit. The message is for humans, but for kAborted.
  absl::Status status;
  std::string problems_json;  // a JSON array; empty without problems
  std::string report_json;    // of the publisher, when it is saved
  LogPlace place;  // of the patch, when it is saved: its members have been sent it before this
};

struct Listener {
  asio::any_io_executor executor;                      // where it is called
  Progress progress;                                   // may be empty
  std::move_only_function<void(const Outcome&)> done;  // called once
};

class PublishService {
 public:
  static constexpr int kMaxAttempts = 3;
  static constexpr std::uint64_t kMaxProgress = 100;

  using Done = std::move_only_function<void(absl::Status)>;

  struct Services {
    store::UpdateLog& log;
    RoomAccess rooms;
    Publisher& publisher;
    asio::any_io_executor pool;
    RoomWatcher* watcher = nullptr;  // told of drafts, when there is one
  };
  explicit PublishService(Services services);
  ~PublishService();
  PublishService(const PublishService&) = delete;
  PublishService& operator=(const PublishService&) = delete;

  // Makes the room when the log lacks it, from the publisher's rows. One without a draft that was built from
  // something else than is there now, or of which something is damaged, is made anew, and its members are closed
  // as by Discard; one with a draft that lost what it builds on is set aside first (draft.h). OK: who joins now
  // finds the document, unless it is discarded before.
  // Fails: kNotFound: no such document; kFailedPrecondition: the room has content that was not begun here;
  // kUnavailable, …: as Room::Commit.
  void EnsureBegun(std::string room, asio::any_io_executor executor, Done done);

  // `who`: for the log and the watcher. Answers the number of this publish, also of one that is refused.
  std::uint64_t Publish(std::string room, std::string who, Listener listener);

  // The room, its history and its draft row are gone in one transaction; then its members are closed
  // with CloseCode::kDiscarded. Who comes back calls EnsureBegun and gets a document made anew. A room that
  // is not there is fine. Fails: kAborted when something is under way; as UpdateLog::DeleteRoom.
  void Discard(std::string room, std::string who, asio::any_io_executor executor, Done done);

  // What who is shown the room is to be told; `lost` is Room::lost.
  absl::StatusOr<DraftDamage> DamageOf(std::string_view room,
                                       const std::vector<LostUpdates>& lost) const;

  // What is committed. Nothing for a room that was not begun. Waits for no writer.
  absl::StatusOr<std::optional<DraftStatus>> Draft(std::string_view room) const;

  // For guards (lease/write_blockers.h).
  bool publishing(std::string_view room) const;

  // To be told what happens to rooms: tells Services::watcher when a draft begins.
  RoomWatcher& draft_watch();

  // From now on nobody is told anything, and nothing begins.
  void Stop();

 private:
  class Shared;

  const std::shared_ptr<Shared> shared_;
};

}  // namespace weft::server::publish
