#pragma once

// Two replicas that write as one client: the same id comes with two contents.
//
// An id names one element for ever; a replica that was restored from an old copy, or two that were
// given one client id, break that, and documents that heard them in different orders differ for
// ever without anybody noticing. Where an update names elements that the document has, they are
// compared: origin, right origin, parent and key, the kind of content, and the content as far as
// the document still holds it.
//
// Never taken for a collision: runs that are cut or merged otherwise; content that one side has
// deleted or collected; halves of surrogate pairs that became U+FFFD; values that differ as formats
// and other libraries make them differ (the order of keys, numbers and BigInts of one size, JSON
// beside "any", undefined beside null). Not seen: what the document has collected, what waits, and
// two contents within one update.
//
// The cost: nothing for an update that names no known element, a comparison of each that is named.

#include <cstdint>
#include <optional>
#include <string>

#include "crdt/id.h"

namespace weft::crdt {

enum class CollisionPolicy {
  // As Yjs: what came first stays, the other content is dropped without a word.
  kIgnore,
  // The same, but Doc::collisions() tells of it.
  kReport,
  // The update is refused whole, and told of.
  kRefuse,
};

struct Collision {
  Id id;             // the first element that differs
  std::string what;  // what of it differs, for people
};

struct CollisionCount {
  std::uint64_t updates = 0;  // in which a collision was seen
  std::optional<Collision> latest;
};

}  // namespace weft::crdt
