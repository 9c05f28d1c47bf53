#pragma once

// Compaction in the background, by policy.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "crdt/base/string_map.h"
#include "store/compaction.h"
#include "store/update_log.h"

namespace weft::store {

// When a room's records are merged into a snapshot: as soon as one of these is so, and never while
// fewer than `min_records` lie after the newest snapshot.
struct CompactPolicy {
  std::uint64_t records = 5'000;  // after the newest snapshot
  // Bytes after the newest snapshot; at least half of its own, so that the merging of a growing room
  // costs in all no more than a few times its bytes.
  std::uint64_t bytes = std::uint64_t{4} << 20;
  std::chrono::milliseconds age{std::chrono::hours(1)};      // since the room's first such record
  std::chrono::milliseconds idle{std::chrono::seconds(30)};  // since its last one
  std::uint64_t min_records = 16;
  std::chrono::milliseconds retention{std::chrono::hours(24 * 7)};  // CompactOptions
  std::chrono::milliseconds tick{500};                              // how often it is looked
};

// A thread that watches the rooms of a log and compacts one at a time. A room whose records cannot
// be merged is left alone until it has as many more again, so it costs neither time nor log lines.
//
// Threads: any. Ownership: ends before its log. Requires: the log tracks touched rooms.
class Compactor {
 public:
  using Now = std::function<std::int64_t()>;  // wall time, for the retention
  // Told what became of each compaction, on the compactor's thread.
  using Report =
      std::function<void(const std::string& room, const absl::StatusOr<CompactReport>& report)>;

  Compactor(UpdateLog& log, CompactPolicy policy, Merge merge, Now now, Report report);
  ~Compactor();
  Compactor(const Compactor&) = delete;
  Compactor& operator=(const Compactor&) = delete;

  struct Stats {
    std::uint64_t compactions = 0;
    std::uint64_t failures = 0;
    std::uint64_t merged_bytes = 0;
    std::uint64_t watched_rooms = 0;  // with records after their snapshot
  };
  Stats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Watched {
    Clock::time_point first;
    Clock::time_point last;
    std::uint64_t retry_records = 0;  // after a failure: not before so many
  };

  void Run();
  // Whether the thread is to go on.
  bool Wait();
  void Touch(const std::string& room);
  void Sweep();
  bool IsDue(const RoomInfo& room, const Watched& watched) const;

  UpdateLog& log_;
  const CompactPolicy policy_;
  const Merge merge_;
  const Now now_;
  const Report report_;

  crdt::StringMap<Watched> watched_;  // the thread's
  std::atomic<std::uint64_t> compactions_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> merged_bytes_ = 0;
  std::atomic<std::uint64_t> watched_rooms_ = 0;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;  // last
};

}  // namespace weft::store
