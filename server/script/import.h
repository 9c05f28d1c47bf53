#pragma once

// Shows, scripts and users from a file of JSON, as other systems write it and `weft script export` does.
//
//   {"users":[{"id":1,"username":"ada","admin":false,"roles":{"1":"write"}}],
//    "shows":[{"id":1,"name":"…","acts":[{"id","name"}],"scenes":[{"id","act_id","name"}],
//              "characters":[{"id","name"}],
//              "character_groups":[{"id","name","characters":[…]}],
//              "stage_direction_styles":[{"id","name"}],
//              "script":{"mode":"full",
//                        "revisions":[{"id":1,"parent":null,"description":"…","current":true,
//                                      "lines":[{"id","page","act_id","scene_id","line_type",
//                                                "stage_direction_style_id",
//                                                "parts":[{"id","part_index","character_id",
//                                                          "character_group_id","text"}]}],
//                                      "cues":[{"id","line_id","label"}],
//                                      "cuts":[part ids]}]}}]}
//
// Lines stand in their order, and pages never go down. Ids of lines and parts may be left out: new ones
// are given. The same line id in two revisions is the same line. References may be null or left out, and
// so may "page", "part_index" (the place in the list is taken), "text", "mode" (full or compact),
// "admin", "roles", all lists, and of a revision "number" (its place in the list), "created_ms",
// "edited_ms". One revision has no parent, and one is current. Members with other names are problems.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

struct ImportedRevision {
  Revision revision;  // versions of its lines and their contents are final
  std::vector<Cue> cues;
  std::vector<PartId> cuts;
};

struct ImportedShow {
  Show show;
  ScriptInfo script;
  std::vector<ImportedRevision> revisions;  // by number
};

struct Imported {
  std::vector<User> users;
  std::vector<ImportedShow> shows;
};

// Reads a file. `problems` are all that is wrong with it, each with its path; what is answered then is
// not to be used. `now_ms`: the time of revisions that tell none.
Imported ReadImport(std::string_view json, std::int64_t now_ms, std::vector<std::string>& problems);

// Stores everything, in the transaction of the caller. Fails: kAlreadyExists, naming all shows and users
// that are there already; nothing is to be committed then.
absl::Status WriteImport(store::RowWriter& rows, const Imported& imported);

// The file of everything that is stored, of one moment. Fails: kDataLoss.
absl::StatusOr<std::string> Export(const store::RowReader& rows);

}  // namespace weft::server::script
