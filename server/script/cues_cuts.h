#pragma once

// Cues stand at lines and cuts at parts of lines, by id: whatever happens to the content or to the place
// of a line, they still point at it. They go with their line or part (revision_writer.h).

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

// By line, then by cue.
absl::StatusOr<std::vector<Cue>> ListCues(const store::RowReader& rows, ShowId show,
                                          RevisionId revision);
// Requires: the line is in the revision.
absl::Status PutCue(store::RowWriter& rows, ShowId show, RevisionId revision, const Cue& cue);

// The parts that are cut, ascending.
absl::StatusOr<std::vector<PartId>> ListCuts(const store::RowReader& rows, ShowId show,
                                             RevisionId revision);
// Requires: the part is in the revision.
absl::Status PutCut(store::RowWriter& rows, ShowId show, RevisionId revision, PartId part);

// Cuts just these parts. Fails: kNotFound; kInvalidArgument, naming all parts that the revision lacks.
absl::Status SetCuts(store::RowWriter& rows, ShowId show, RevisionId revision,
                     const std::vector<PartId>& parts);

}  // namespace weft::server::script
