#pragma once

// Whether two updates bring the same, however their bytes differ.
//
// Equal means: for every id, both have an element or neither has; the elements are of one kind with
// one content; they stand at the same place, which is the same origin, right origin, parent and key
// where each element of a run but the first has the one before as its origin; and the same ids are
// deleted. The order of clients, how runs are cut into blocks, and holes say nothing. Where an
// update names an id twice, the block with the lower first clock counts, else the one that comes
// first.
//
// An element that was collected differs from the same one with its content, and JSON from "any": a
// document that knows neither shows something else after each.

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/limits.h"
#include "crdt/update.h"
#include "crdt/update_format.h"

namespace weft::crdt {

// O(n log n) in the blocks of both.
bool UpdatesEqual(const Update& a, const Update& b);

// Fails: as DecodeUpdate.
absl::StatusOr<bool> UpdatesEqual(ByteView a, ByteView b, UpdateFormat format = UpdateFormat::kV1,
                                  const DecodeLimits& limits = {});

}  // namespace weft::crdt
