#pragma once

// Publishing without an application: what is published is a version of the room (UpdateLog::PutVersion), the
// draft is what was edited since the last one, and to discard it brings the content of that one back, as an edit
// behind all others: history is not cut, and whoever edits goes on.
//
// A room has a draft from its first publish on; of others nothing is kept, and no row is made.
//
// Threads: any; all but Find waits for the log. Ownership: the log outlives it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/publish/draft.h"
#include "server/publish/publisher.h"
#include "server/room_log.h"
#include "store/rows.h"
#include "store/update_log.h"

namespace weft::server::publish {

class VersionDrafts {
 public:
  // Fails: as store::Rows::OpenIfThere.
  static absl::StatusOr<std::unique_ptr<VersionDrafts>> Open(store::UpdateLog& log);

  // Nothing for a room that was never published. Fails: as ReadDraft.
  absl::StatusOr<std::optional<DraftStatus>> Find(std::string_view room) const;

  // Names the newest committed state, once all of it is known to be sound: the version and the draft's row in one
  // transaction. An empty name stands for "published-" and the sequence, and makes no version when nothing was
  // edited since the last one. `progress` may be empty.
  // Fails, and then nothing has changed: kNotFound without a room; kDataLoss when its log is damaged; kAlreadyExists
  // when it has a version of this name; kInvalidArgument as UpdateLog::PutVersion, and when the room's name is too
  // long (draft.h).
  struct Published {
    std::optional<store::Version> version;  // nothing when nothing was to be published
    DraftStatus draft;
  };
  struct Wish {
    std::string name = {};
    std::string note = {};
    std::int64_t now_ms = 0;
  };
  absl::StatusOr<Published> Publish(std::string_view room, const Wish& wish,
                                    const Progress& progress = {});

  // For DraftWatch.
  absl::StatusOr<std::optional<DraftRow>> FindRow(std::string_view room) const;

  // What brings the content back that was published last: for Room::Commit. With an empty update there is nothing
  // to bring back, and Apply does it.
  // Fails: kNotFound without a room; kFailedPrecondition when it was never published; kOutOfRange when the
  // version is gone and the log does not keep what it showed.
  struct Return {
    crdt::Bytes update;
    RowChange change;  // fails with kAborted when it was published meanwhile
    LogPlace newest;   // what it was made from
  };
  absl::StatusOr<Return> PrepareDiscard(std::string_view room) const;
  absl::Status Apply(const Return& without_update) const;

  // As UpdateLog::DeleteRoom, with what is kept here.
  absl::Status DeleteRoom(std::string_view room, store::Generation generation) const;

 private:
  explicit VersionDrafts(store::UpdateLog& log) : log_(log) {}
  absl::StatusOr<store::Rows*> MakeRows();
  absl::StatusOr<bool> IsPublished(std::string_view room, const store::RoomInfo& info) const;
  absl::Status Store(std::string_view room, store::Generation generation,
                     const store::Version& version);

  store::UpdateLog& log_;
  std::mutex making_;
  std::unique_ptr<store::Rows> owned_;
  std::atomic<store::Rows*> rows_ = nullptr;  // null: nothing was ever published here
};

}  // namespace weft::server::publish
