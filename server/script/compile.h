#pragma once

// A revision as one gzip-compressed JSON file for those who only show it: an object of pages by number,
// each a list of lines,
//
//   {"1":[{"id","page","act_id","scene_id","line_type","stage_direction_style_id",
//          "line_parts":[{"id","line_id","part_index","character_id","character_group_id","line_text"}]}]}
//
// null for none; lines on no page are those of page "0", whose "page" is null. The same revision always
// gives the same bytes.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

crdt::Bytes Compile(const Revision& revision);

// What is stored, when it was made from the revision as it is now; else it is made, stored and answered.
// Fails: as LoadRevision.
absl::StatusOr<crdt::Bytes> CompileRevision(store::RowWriter& rows, ShowId show,
                                            RevisionId revision);

// The stored file, if the revision is still what it was made from.
absl::StatusOr<std::optional<crdt::Bytes>> FindCompiled(const store::RowReader& rows, ShowId show,
                                                        RevisionId revision);

}  // namespace weft::server::script
