#pragma once

// Lines as JSON, as the compiled file (compile.h) and the HTTP calls have them:
//
//   {"id","page","act_id","scene_id","line_type","stage_direction_style_id",
//    "line_parts":[{"id","line_id","part_index","character_id","character_group_id","line_text"}]}
//
// null for none; the page of a line on no page is null.

#include <cstdint>
#include <vector>

#include "crdt/any.h"
#include "server/script/document_extractor.h"
#include "server/script/json_place.h"
#include "server/script/script.h"

namespace weft::server::script {

crdt::Any ToJson(const Line& line);

// The elements of a list as lines of `page`, in order. Lines and parts without an id are new ones; a part
// without an index has that of its place. Members "page" and "line_id" say what stands elsewhere and are not
// read. The lines are in no document (ExtractedLine::map).
std::vector<ExtractedLine> ReadLines(const JsonPlace& list, std::uint32_t page);

}  // namespace weft::server::script
