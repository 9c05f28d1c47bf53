#pragma once

// Cues stand at lines and cuts at parts of lines, by id: whatever happens to the content or to the place
// of a line, they still point at it. They go with their line or part (revision_writer.h).

#include <string>
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

// The same for a new cue, whose id no cue of the show ever had: one that a branch still has keeps its own.
// Fails: kNotFound when the revision lacks the line.
absl::StatusOr<Cue> AddCue(store::RowWriter& rows, ShowId show, RevisionId revision, LineId line,
                           std::string label);
// Fails: kNotFound.
absl::Status EraseCue(store::RowWriter& rows, ShowId show, RevisionId revision, CueId cue);

// The parts that are cut, ascending.
absl::StatusOr<std::vector<PartId>> ListCuts(const store::RowReader& rows, ShowId show,
                                             RevisionId revision);
// Requires: the part is in the revision.
absl::Status PutCut(store::RowWriter& rows, ShowId show, RevisionId revision, PartId part);

// Cuts just these parts. Fails: kNotFound; kInvalidArgument, naming all parts that the revision lacks.
absl::Status SetCuts(store::RowWriter& rows, ShowId show, RevisionId revision,
                     const std::vector<PartId>& parts);

}  // namespace weft::server::script
