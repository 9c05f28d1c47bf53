#pragma once

// The tree of a script's revisions. Who calls these has asked for the blockers (an unsaved draft, people
// in the room, a live session) first: rows know nothing of rooms.
//
// All of them run inside of a write of store::Rows and leave the transaction to the caller; one that
// fails is not to be committed.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

// A new revision with the lines, cues and cuts of `parent`, which is proved first. Contents are shared,
// not copied. Fails: kNotFound; kDataLoss when the parent is broken; kInvalidArgument without a
// description.
struct Branch {
  ShowId show{};
  RevisionId parent{};
  std::string description;
  bool set_current = true;
  std::int64_t now_ms = 0;
};
absl::StatusOr<RevisionInfo> BranchRevision(store::RowWriter& rows, const Branch& branch);

// Makes it the current one. Fails: kNotFound.
absl::Status SetCurrent(store::RowWriter& rows, ShowId show, RevisionId revision);

// Its children become those of its parent; if it was current, the parent is. Versions of lines that only
// it had are freed. Fails: kNotFound; kFailedPrecondition for the root.
absl::Status DeleteRevision(store::RowWriter& rows, ShowId show, RevisionId revision);

}  // namespace weft::server::script
