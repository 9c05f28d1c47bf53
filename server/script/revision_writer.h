#pragma once

// The one place that writes the lines of a revision: publishing, importing, branching and repairing
// all say what the order is to be.

#include <vector>

#include "absl/status/status.h"
#include "server/script/chain.h"
#include "server/script/script.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

// Writes what differs: the order, the links derived from it, new contents, uses; frees versions that
// nobody uses any more, drops the cues of lines that are gone and cuts of `gone_parts`, and puts
// `revision` with the ends, count and hash of `after`. Then proves it (ProveOrder), so that no
// transaction commits a broken chain. O(lines).
// Requires: `before` is what is stored; the pages of `after` never go down.
absl::Status WriteRevision(store::RowWriter& rows, ShowId show, RevisionInfo revision,
                           const std::vector<Placement>& before,
                           const std::vector<Placement>& after,
                           const std::vector<NewContent>& contents,
                           const std::vector<PartId>& gone_parts);

// Ends the use of a version by a revision; a content that nobody uses any more is freed.
absl::Status ReleaseVersion(store::RowWriter& rows, ShowId show, RevisionId revision, LineId line,
                            Version version);

}  // namespace weft::server::script
