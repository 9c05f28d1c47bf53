#pragma once

// Making one snapshot of a room's records, and dropping what nobody keeps.
//
// Every step is one transaction and leaves a room that loads the same: first the snapshot is put
// beside the records that it merges, then, in bounded pieces, the history goes that is older than
// the retention, then old snapshots. A crash between two steps costs nothing but the work.

#include <functional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/log_reader.h"
#include "store/record.h"
#include "store/room_edit.h"

namespace weft::store {

// One byte string that stands for all of them, in their order. Associative: what it answers is
// merged again. Called on the thread that compacts; the views die with the call.
using Merge = std::function<absl::StatusOr<Bytes>(std::span<const ByteView> payloads)>;

// Runs an edit on the writer's thread and waits for its commit. The edit's answer is LMDB's code.
using SubmitEdit = std::function<absl::Status(std::function<int(BatchWriter&)>)>;

struct CompactOptions {
  std::int64_t now_ms = 0;
  std::int64_t retention_ms = 0;  // where the room's own policy says nothing
  // Up to where to merge; the head when kNoBound. Below the head no history is dropped.
  Sequence up_to = kNoBound;
};

struct CompactReport {
  Sequence snapshot = 0;             // of the snapshot that is there now
  std::uint64_t merged_records = 0;  // after the snapshot before; 0 when there was nothing to do
  std::uint64_t merged_bytes = 0;    // what went into the merge
  std::uint64_t snapshot_bytes = 0;  // what came out
  std::uint64_t set_aside = 0;       // damaged records that went into quarantine
};

// Merges what is after the newest snapshot into a new one. Requires: not the writer's thread, one
// at a time for a room. Fails: kNotFound for an unknown room; as `merge`, the room is then as it
// was; as the log's appends.
absl::StatusOr<CompactReport> CompactRoom(const LogReader& reader, const SubmitEdit& submit,
                                          std::string_view room, const Merge& merge,
                                          const CompactOptions& options);

}  // namespace weft::store
