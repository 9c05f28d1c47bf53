#pragma once

// A revision as one gzip-compressed JSON file for those who only show it: an object of pages by number,
// each a list of lines,
//
//   {"1":[line, …],"2":…}      lines as line_json.h has them
//
// Lines on no page are those of page "0". The same revision always gives the same bytes.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

// The file before it is compressed.
std::string CompiledJson(const Revision& revision);

crdt::Bytes Compile(const Revision& revision);

// What is stored, when it was made from the revision as it is now; else it is made, stored and answered.
// Fails: as LoadRevision.
absl::StatusOr<crdt::Bytes> CompileRevision(store::RowWriter& rows, ShowId show,
                                            RevisionId revision);

// The same without keeping the log's writer busy meanwhile: what takes long is done outside of the
// transaction. Nothing is stored when the revision changed meanwhile: then whoever changed it compiles it.
// Not from a callback of the log. Fails: as LoadRevision; as store::Rows::Write.
absl::Status CompileStored(store::Rows& rows, ShowId show, RevisionId revision);

// The stored file, if the revision is still what it was made from.
absl::StatusOr<std::optional<crdt::Bytes>> FindCompiled(const store::RowReader& rows, ShowId show,
                                                        RevisionId revision);

}  // namespace weft::server::script
