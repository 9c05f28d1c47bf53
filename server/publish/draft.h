#pragma once

// What of a room is not published yet. A draft is the tail of the room's log, so there is nothing that could
// be set too early, cleared too late or written back by who closes the room:
//
//   draft  <=>  some sequence in (saved, head] is not neutral
//
// `saved` is the place that was published last, or of the seed. Neutral are the updates by which the server
// itself told what publishing changed: they are after `saved`, because edits may have come in between, and
// are in what was published all the same.
//
//   "draft" row of a room := generation:u64 saved:u64 base:u64 (first:u64 last:u64)* neutral:u64*
//   key                   := name of the room              integers big-endian
//
// What was lost of the log (RoomLog::Loaded) is one of two things. Updates above `saved` are edits: the draft is
// without them, and people are told. Others are what the draft builds on: the document is then not what is
// saved with edits, and publishing it would take back what it lacks. The pairs first..last, all up to `saved`, are
// updates that were lost before publishing and published without: nothing builds on them.
//
// A draft that lost what it builds on is set aside: its room gets another name, where it stays with all that
// the log has of it until somebody decides, and the document is made anew from what is saved. That it was is kept
// until the next publish or discard, for those who come:
//
//   "set aside" row of a room := generation:u64 edits:u64
//
// The row is written in the transaction of the update that it speaks of (Room::Commit). It counts for the
// history (generation) that it names; a room that was made anew without it has none.
//
// Threads: pure, or those of store::Rows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/room_log.h"
#include "store/rows.h"
#include "store/update_log.h"

namespace weft::server::publish {

struct DraftRow {
  std::uint64_t generation = 0;  // of the history that it speaks of
  std::uint64_t saved = 0;
  std::uint64_t base = 0;              // what the publisher built on, in its own terms
  std::vector<std::uint64_t> neutral;  // ascending, all above `saved`
  // Was published without; ascending and apart from each other, all up to `saved`.
  std::vector<LostUpdates> given_up = {};

  // The first sequence up to `head` that is not published; nothing when all is.
  std::optional<std::uint64_t> FirstUnsaved(std::uint64_t head) const;

  // What was published is the state after `snapshot`, and the update at `patch` says so. Before the
  // patch is known it is 0. `lost`: what the snapshot was without.
  // Requires: saved <= snapshot < patch, if there is one; not LosesBase(lost).
  void Publish(std::uint64_t snapshot, std::uint64_t patch, std::uint64_t new_base,
               const std::vector<LostUpdates>& lost = {});

  // Whether something of what was lost is what the draft builds on.
  bool LosesBase(const std::vector<LostUpdates>& lost) const;
  // Of what was lost, the edits of the draft. Requires: not LosesBase(lost).
  std::vector<LostUpdates> LostEdits(const std::vector<LostUpdates>& lost) const;

  // OK, or what is wrong with it.
  absl::Status Validate() const;

  friend bool operator==(const DraftRow&, const DraftRow&) = default;
};

crdt::Bytes Encode(const DraftRow& row);
// Fails: kDataLoss.
absl::StatusOr<DraftRow> DecodeDraftRow(crdt::ByteView bytes);

// Rooms with longer names have no drafts.
inline constexpr std::size_t kMaxDraftRoomBytes = store::RowWriter::kMaxKeyBytes;
absl::StatusOr<std::optional<DraftRow>> FindDraftRow(const store::RowReader& rows,
                                                     std::string_view room);
absl::Status PutDraftRow(store::RowWriter& rows, std::string_view room, const DraftRow& row);
absl::Status EraseDraftRow(store::RowWriter& rows, std::string_view room);

// The draft that a room had before it was made anew, because it lost what it was built on.
struct SetAside {
  std::uint64_t generation = 0;  // of its history
  std::uint64_t edits = 0;       // that were not published

  friend bool operator==(const SetAside&, const SetAside&) = default;
};
// Where it is.
std::string SetAsideRoom(std::string_view room, const SetAside& draft);
absl::StatusOr<std::optional<SetAside>> FindSetAside(const store::RowReader& rows,
                                                     std::string_view room);
absl::Status PutSetAside(store::RowWriter& rows, std::string_view room, const SetAside& draft);
absl::Status EraseSetAside(store::RowWriter& rows, std::string_view room);

// What people are to know of a draft that they are shown.
struct DraftDamage {
  std::uint64_t lost_edits = 0;  // that it is without
  std::uint64_t first_lost = 0;  // their first sequence
  std::optional<SetAside> set_aside;

  friend bool operator==(const DraftDamage&, const DraftDamage&) = default;
};

// The same in a read of its own.
absl::StatusOr<std::optional<DraftRow>> ReadDraftRow(const store::Rows& rows,
                                                     std::string_view room);

// What is known of a room's draft.
struct DraftStatus {
  bool has_draft = false;
  std::uint64_t saved = 0;
  std::uint64_t head = 0;  // the last committed update
  std::uint64_t generation = 0;
  std::uint64_t base = 0;
  // When the first edit came that is not published, since 1970, or the first behind it that can be read; 0
  // without a draft, and when the log does not keep that edit by itself any more.
  std::int64_t since_ms = 0;
};

// Nothing when the room has no draft row, or none of its present history: it was never published, or is not
// there. O(1). Fails: as the reads.
absl::StatusOr<std::optional<DraftStatus>> ReadDraft(const store::Rows& rows,
                                                     const store::UpdateLog& log,
                                                     std::string_view room);

}  // namespace weft::server::publish
