#pragma once

// What a request "edit" does to a document.
//
//   action := {"op": "text.insert", index, "text", "attrs"?}   attrs: exactly these; else as before
//           | {"op": "text.delete", index, "len"}
//           | {"op": "text.format", index, "len", "attrs"}     past the end, newlines are made
//           | {"op": "text.embed", index, "embed", "attrs"?}
//           | {"op": "text.delta", "delta": [operation], "sanitize"?}
//           | {"op": "text.setAttribute" or "xml.setAttribute", "key", "value"}
//           | {"op": "text.removeAttribute" or "xml.removeAttribute", "key"}
//           | {"op": "array.insert", index, "values": [content]}
//           | {"op": "array.delete" or "xml.delete", index, "len"}
//           | {"op": "map.set", "key", "value": content}
//           | {"op": "map.delete", "key"} | {"op": "map.clear"}
//           | {"op": "xml.insert", index, "node": node}
//           | {"op": "subdocument.load"}                        at the end of "path"
// each with "name" and "path"? (type_path.h); {"action": name, …}, {"type": name, …} and {name: {…}}
// mean the same as {"op": name, …}. Contents and nodes are told in content.h.

#include "absl/status/status.h"
#include "crdt/any.h"
#include "crdt/driver/type_path.h"

namespace weft::crdt::driver {

// Does one action, in the open transaction. Fails: kInvalidArgument when there is no such action,
// type or place; nothing has changed then, except that a root may have got its kind.
absl::Status RunAction(Roots& roots, const Any& action);

}  // namespace weft::crdt::driver
