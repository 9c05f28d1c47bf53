#pragma once

// Work on updates without a document: joining several into one, and cutting off what is known.

#include <span>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/limits.h"
#include "crdt/state_vector.h"
#include "crdt/update.h"

namespace weft::crdt {

// One update (v1) that brings what all of `updates` bring. Holes between blocks of a client become
// Skip blocks. The bytes are those of Yjs: one input comes back unchanged (though it is checked),
// an overlap is cut from the block that comes later. Cost: O(total blocks * log inputs). Fails: as
// DecodeUpdate.
absl::StatusOr<Bytes> MergeUpdates(std::span<const ByteView> updates,
                                   const DecodeLimits& limits = {});

// What `update` (v1) brings beyond `known`; its whole delete set stays.
// Fails: as DecodeUpdate.
absl::StatusOr<Bytes> DiffUpdate(ByteView update, const StateVector& known,
                                 const DecodeLimits& limits = {});

}  // namespace weft::crdt
