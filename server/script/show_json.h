#pragma once

// Shows and users as JSON: in the file format (import.h), and in their rows.

#include "crdt/any.h"
#include "server/script/json_place.h"
#include "server/script/script.h"

namespace weft::server::script {

// {"id":1,"username":"ada","admin":false,"roles":{"1":"write"}}; a role is "read" or "write".
crdt::AnyObject ToJson(const User& user);
User ReadUser(const JsonPlace& place);

// {"id","name","acts":[{"id","name"}],"scenes":[{"id","act_id","name"}],"characters":[{"id","name"}],
//  "character_groups":[{"id","name","characters":[…]}],"stage_direction_styles":[{"id","name"}]}
crdt::AnyObject ToJson(const Show& show);
// Tells ids that come twice, and references that lead nowhere. A member "script" is left to the caller.
Show ReadShow(const JsonPlace& place);

// A number, or null.
crdt::Any RefToJson(Ref ref);

}  // namespace weft::server::script
