#pragma once

// A place in a sequence that stays where it is while others edit around it: a cursor, the end of a
// comment.
//
//   RelativePosition := (0 item:id | 1 name:string | 2 type:id) assoc:varint      ids and counts varuint
// Source: Yjs 13.6, RelativePosition.js.
// Threads: a value type; making and resolving are calls to the document.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/types.h"

namespace weft::crdt {

// Where a relative position is now.
struct AbsolutePosition {
  SharedType type;
  std::uint64_t index = 0;  // UTF-16 code units in a text, else elements
  std::int64_t assoc = 0;
};

struct RelativePosition {
  // Exactly what Yjs keeps: `type` or `root` says which sequence, `item` which element; without an
  // element the position is the end of the sequence (assoc >= 0) or its beginning. A decoded
  // position has one of the three only.
  std::optional<Id> type;
  std::optional<std::string> root;
  std::optional<Id> item;
  // Negative: belongs to the element before, else to the one behind. Only the sign counts.
  std::int64_t assoc = 0;

  // Requires: `type` exists, index <= its length.
  static RelativePosition At(const SharedType& type, std::uint64_t index, std::int64_t assoc = 0);

  // None when the element has not arrived yet, or was collected. With `follow_redone`, an element
  // that was deleted and brought back by an UndoManager counts as what it was brought back as. A
  // root that nobody has named yet is made, as in Yjs.
  std::optional<AbsolutePosition> Resolve(Doc& doc, bool follow_redone = true) const;

  Bytes Encode() const;
  // Fails: kInvalidArgument with the offset. Bytes behind the position are ignored, as in Yjs.
  static absl::StatusOr<RelativePosition> Decode(ByteView bytes);

  // {"type"?: id, "tname"?: string, "item"?: id, "assoc": number}; an id is {"client", "clock"}.
  Any ToJson() const;
  // Fails: kInvalidArgument, naming the member.
  static absl::StatusOr<RelativePosition> FromJson(const Any& json);

  friend bool operator==(const RelativePosition&, const RelativePosition&) = default;
};

}  // namespace weft::crdt
