#pragma once

// The durable log of updates of all rooms of a server.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/append_queue.h"
#include "store/directory_lock.h"
#include "store/environment.h"
#include "store/record.h"

namespace weft::store {

enum class Durability : std::uint8_t {
  kFsync,  // a completed append is on the medium
  kNone,   // a completed append is with the operating system; a power cut may ruin the whole log
};

// An ordered, checked history of opaque byte strings for each room, in one LMDB environment.
//
// The promise (kFsync): when an append completes with sequence n, record n and all before it
// survive the death of the process, and a power cut as far as the medium keeps what fdatasync
// reported. An append that completes with an error is not promised; it may or may not be found
// afterwards.
//
// One writer thread commits everything that gathered since its last commit in one transaction with
// one fsync, so that the cost of the medium is shared by all rooms.
//
// Threads: every method may be called from any thread, at the same time as any other. Callbacks of
// appends run on the writer thread, reads on the thread of their caller.
// Ownership: the log owns its directory (other processes, and other logs of this one, are refused)
// and dies after all calls into it have returned.
class UpdateLog {
 public:
  struct Options {
    std::string directory;  // made when absent
    Durability durability = Durability::kFsync;
    // Bound of what has been accepted and not completed, counting names, payloads and bookkeeping.
    std::size_t queue_bytes = std::size_t{64} << 20;
    // Address space to begin with; it grows by itself. Not memory, and not disk.
    std::size_t initial_map_bytes = std::size_t{4} << 30;
  };

  struct Stats {
    std::uint64_t commits = 0;  // transactions that succeeded
    std::uint64_t appends = 0;  // appends in them
    std::uint64_t failed = 0;   // appends that were accepted and completed with an error
    std::uint64_t map_growths = 0;
    std::size_t queued_bytes = 0;  // now, of Options::queue_bytes
    std::size_t map_bytes = 0;     // now
  };

  // Fails: kUnavailable when another log holds the directory (its process id is in the message) or
  // it cannot be written; kInvalidArgument when the directory holds a newer format, or another
  // database; kDataLoss when LMDB finds its file damaged; kResourceExhausted when the disk is full.
  static absl::StatusOr<std::unique_ptr<UpdateLog>> Open(Options options);

  // Completes every accepted append, then closes.
  ~UpdateLog();

  UpdateLog(const UpdateLog&) = delete;
  UpdateLog& operator=(const UpdateLog&) = delete;

  // Queues one update for a room, which begins to exist with its first update. When this returns
  // OK, `done` is called exactly once, on the writer thread, with the sequence or the reason;
  // otherwise never. Appends get their sequences and complete in the order they were accepted, so
  // appends of one thread to one room are in order. `done` must be quick and post its work to its
  // own thread; it may append, but must not wait for the log (Flush) or destroy it.
  //
  // At the bound of the queue this refuses and keeps nothing: the caller stops taking updates from
  // its peers and is told by CallWhenSpace when to go on.
  //
  // Fails: kResourceExhausted at the bound; kInvalidArgument when the name exceeds
  // kMaxRoomNameBytes or the update alone exceeds the bound; append_status() when that is not OK.
  // A completion's error: kResourceExhausted for a full disk or address space, kUnavailable for a
  // medium that went read-only (both heal by themselves when the cause goes), and append_status().
  absl::Status TryAppend(const Append& append, AppendDone done);

  // Calls `ready` once, on the writer thread, as soon as at most half the queue's bound is in use,
  // or appends are refused for good. Rules as for `done`. The number waiting is the caller's to
  // bound.
  void CallWhenSpace(std::move_only_function<void()> ready);

  // Returns when every append accepted before the call has completed, one way or the other.
  void Flush();

  // OK, or why this log takes no more appends until it is opened anew: after a failed fsync nobody
  // knows what the medium holds, so the log stops promising instead of pretending. Reads go on.
  absl::Status append_status() const;

  // Shows the records of a room in order, each verified, all as of one moment. A damaged record is
  // quarantined: it is reported and not shown, again at each load, and hinders nothing else. An
  // unknown room is an empty one. The map cannot grow under `visit`: it must not read from the log,
  // and it waits forever if it waits for an append that needs the map to grow.
  //
  // Reads do not wait for writes, with one exception: while the map grows (Stats::map_growths) a
  // new read waits for the reads already running. Fails: kInternal or kDataLoss, when LMDB itself
  // fails.
  absl::StatusOr<LoadReport> Load(std::string_view room,
                                  const std::function<void(const Record&)>& visit) const;

  // Nothing for an unknown room. Fails: as Load.
  absl::StatusOr<std::optional<RoomInfo>> FindRoom(std::string_view room) const;

  // All rooms, in the order of their names' bytes. Fails: as Load.
  absl::StatusOr<std::vector<RoomInfo>> ListRooms() const;

  Stats stats() const;

 private:
  UpdateLog(DirectoryLock lock, std::unique_ptr<Environment> environment, std::size_t queue_bytes);

  void RunWriter();
  // Commits the batch, growing the map as often as needed; puts each append's sequence into it.
  absl::Status CommitBatch(std::vector<QueuedAppend>& batch);

  DirectoryLock lock_;
  std::unique_ptr<Environment> environment_;
  AppendQueue queue_;
  std::thread writer_;  // last: runs on the members above
};

}  // namespace weft::store
