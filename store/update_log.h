#pragma once

// The durable log of updates of all rooms of a server.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/string_map.h"
#include "store/append_queue.h"
#include "store/batch_writer.h"
#include "store/compaction.h"
#include "store/directory_lock.h"
#include "store/environment.h"
#include "store/log_reader.h"
#include "store/record.h"

namespace weft::store {

// Sanitizers pay for each page of a map, used or not.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr std::size_t kDefaultMapBytes = std::size_t{4} << 30;
#else
inline constexpr std::size_t kDefaultMapBytes = std::size_t{256} << 30;
#endif

enum class Durability : std::uint8_t {
  kFsync,     // a completed append is on the medium
  kInterval,  // a completed append is in memory, and on the medium Options::interval later; what a
              // crash or a power cut costs is bounded by Stats::window_max
  kNone,      // a completed append is with the operating system; a power cut may ruin the whole log
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
// appends run on the writer thread, reads on the thread of their caller. Methods that answer a
// Status wait for a commit: not from a callback.
// Ownership: the log owns its directory (other processes, and other logs of this one, are refused)
// and dies after all calls into it have returned.
class UpdateLog {
 public:
  struct Options {
    std::string directory;  // made when absent
    Durability durability = Durability::kFsync;
    std::chrono::milliseconds interval{1'000};  // of kInterval
    // Between the beginnings of two commits at least, of kFsync and kNone: fewer and larger ones, for
    // appends that nobody waits for. Not while somebody waits for an edit or a flush, or half of
    // queue_bytes is in use.
    std::chrono::milliseconds commit_gap{0};
    // Bound of what has been accepted and not completed, counting names, payloads and bookkeeping.
    std::size_t queue_bytes = std::size_t{64} << 20;
    // Address space to begin with, or as much as there is; it grows by itself. Not memory, and not
    // disk. So large that growth, for which new reads wait, is for logs that are larger yet.
    std::size_t initial_map_bytes = kDefaultMapBytes;
    // How much is appended to the journal before it is folded into the rooms (store/journal.h): more
    // is less writing for many rooms, and up to twice as much to be read when the log is opened.
    // 0: every record goes to its room at once.
    std::size_t journal_bytes = std::size_t{16} << 20;
    // When nothing came for so long, the journal is folded.
    std::chrono::milliseconds journal_idle{5'000};
    // Proves the pages before LMDB reads them, O(pages): what is damaged is then refused with
    // kDataLoss, to be salvaged, where LMDB would crash or answer something else.
    bool check_pages = true;
    Progress progress{};  // of that check, within Open
    // Called once, on the writer thread, when append_status() stops being OK. Rules as for `done`.
    std::function<void(const absl::Status&)> on_failure;
    // Told how long each commit took, on the writer thread. Rules as for `done`.
    std::function<void(std::chrono::microseconds)> on_commit;
    // Remembers which rooms got appends, for TakeTouchedRooms.
    bool track_touched = false;
  };

  struct Stats {
    std::uint64_t commits = 0;  // transactions that succeeded
    std::uint64_t appends = 0;  // appends in them
    std::uint64_t failed = 0;   // appends that were accepted and completed with an error
    std::uint64_t map_growths = 0;
    std::size_t queued_bytes = 0;               // now, of Options::queue_bytes
    std::size_t map_bytes = 0;                  // now
    std::chrono::microseconds commit_total{0};  // time spent in commits
    std::chrono::microseconds commit_max{0};
    // How long a completed append was not on the medium: the last one, and the longest. Zero with
    // kFsync.
    std::chrono::microseconds window_last{0};
    std::chrono::microseconds window_max{0};
    std::uint64_t quarantined = 0;      // records set aside since the log was opened
    std::uint64_t journal_entries = 0;  // now, moved to their rooms already or not
  };

  // Fails: kUnavailable when another log holds the directory (its process id is in the message) or
  // it cannot be written; kInvalidArgument when the directory holds a newer format, or another
  // database; kDataLoss when its pages are damaged; kResourceExhausted when the disk is full.
  static absl::StatusOr<std::unique_ptr<UpdateLog>> Open(Options options);

  // Completes and commits every accepted append, then closes.
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
  // A completion's error: kResourceExhausted for a full disk or address space, or the room's quota;
  // kUnavailable for a medium that went read-only (these heal by themselves when the cause goes);
  // kFailedPrecondition for another generation; and append_status().
  absl::Status TryAppend(const Append& append, AppendDone done);

  // Calls `ready` once, on the writer thread, as soon as at most half the queue's bound is in use,
  // or appends are refused for good. Rules as for `done`. The number waiting is the caller's to
  // bound.
  void CallWhenSpace(std::move_only_function<void()> ready);

  // Returns when every append accepted before the call is on the medium, or has failed.
  void Flush();

  Durability durability() const { return options_.durability; }

  // OK, or why this log takes no more appends until it is opened anew: after a failed fsync nobody
  // knows what the medium holds, so the log stops promising instead of pretending. Reads go on.
  absl::Status append_status() const;

  // Seeds a room: stores the update as its record 1 if no room has the name, in one step with the
  // look. What is there afterwards, and whether this call made it. Fails: as TryAppend.
  struct Created {
    bool created = false;
    Generation generation{};
    Sequence head = 0;
  };
  absl::StatusOr<Created> CreateIfAbsent(const Append& first);

  // The room and its history are gone when this returns; their space is given back step by step. A
  // room of the same name made later has another generation. Fails: kNotFound; kFailedPrecondition
  // when the room has another generation than `generation`, unless that is 0.
  absl::Status DeleteRoom(std::string_view room, Generation generation = {});

  // Names the state after record `version.sequence` and keeps it, whatever the retention: a snapshot
  // of it is made with `merge`. Fails: kNotFound; kAlreadyExists unless `replace`;
  // kInvalidArgument for a name that is empty or too long.
  absl::Status PutVersion(std::string_view room, const Version& version, const Merge& merge,
                          bool replace = false);
  absl::Status DropVersion(std::string_view room, std::string_view name);

  absl::Status SetPolicy(std::string_view room, const RoomPolicy& policy);

  // Sets records aside, so that they are found damaged this once: they are kept in the quarantine
  // as they are and reported from then on as kQuarantined.
  absl::Status Quarantine(std::string_view room, std::span<const Damage> damage,
                          std::int64_t now_ms);
  // Puts a record back that is sound after all, or gives its bytes up.
  absl::Status ReleaseQuarantined(std::string_view room, Sequence sequence, bool restore);

  // Merges the room's records into a snapshot (store/compaction.h).
  absl::StatusOr<CompactReport> Compact(std::string_view room, const Merge& merge,
                                        const CompactOptions& options);

  // Writes a log of this moment into a new directory, while everything goes on.
  // Fails: kAlreadyExists; as the system's write.
  absl::Status Backup(const std::string& directory) const;

  // Everything that can be read. What is completed but not on the medium (kInterval) is committed
  // first by Load and FindRoom, which then wait for that commit.
  const LogReader& reader() const { return reader_; }
  absl::StatusOr<LoadReport> Load(std::string_view room, const VisitRecord& visit) const;
  absl::StatusOr<std::optional<RoomInfo>> FindRoom(std::string_view room) const;
  absl::StatusOr<std::vector<RoomInfo>> ListRooms() const;

  // The rooms that got appends since the last call. Requires: Options::track_touched.
  std::vector<std::string> TakeTouchedRooms();

  // Queues an edit for the next transaction; `done` as for TryAppend, told nothing but whether it was
  // committed. The bound of the queue does not refuse it.
  absl::Status TryEdit(Edit edit, AppendDone done);

  // Runs an edit in the next transaction and waits for its commit.
  absl::Status Submit(std::function<int(BatchWriter&)> edit);

  Stats stats() const;

 private:
  UpdateLog(DirectoryLock lock, std::unique_ptr<Environment> environment, Options options);

  void RunWriter();
  void RunIntervalWriter();
  // Commits the batch, growing the map as often as needed; puts each append's sequence into it.
  absl::Status CommitBatch(std::vector<QueuedAppend>& batch);
  absl::Status ExplainFailure(int code, std::size_t bytes);
  void FoldAll();
  // Folds some of the journal in a transaction of its own; `more` tells whether some is left.
  int FoldJournal(bool& more);
  // Puts the whole batch or nothing. LMDB's code.
  int WriteBatch(std::vector<QueuedAppend>& batch);
  int CommitSealed(Transaction& transaction);
  int CommitTimed(Transaction& transaction, const BatchWriter& writer);
  // Repairs the index of names, and forgets deleted rooms. LMDB's code.
  absl::Status Tidy();
  void PurgeDeleted();
  void SettleForRead() const;

  const Options options_;
  DirectoryLock lock_;
  std::unique_ptr<Environment> environment_;
  LogReader reader_;
  mutable AppendQueue queue_;
  RoomCache rooms_;  // the writer's
  Journal journal_;  // the writer's

  std::atomic<std::uint64_t> commits_ = 0;
  std::atomic<std::int64_t> commit_total_us_ = 0;
  std::atomic<std::int64_t> commit_max_us_ = 0;
  std::atomic<std::int64_t> window_last_us_ = 0;
  std::atomic<std::int64_t> window_max_us_ = 0;
  std::atomic<std::uint64_t> quarantined_ = 0;
  std::atomic<std::uint64_t> journal_entries_ = 0;
  std::mutex touched_mutex_;
  crdt::StringMap<bool> touched_;

  std::thread writer_;  // last: runs on the members above
};

}  // namespace weft::store
