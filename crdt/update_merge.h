#pragma once

// Work on updates without a document: joining several into one, cutting off what is known, changing
// the format.
//
// Memory: the result and a few hundred bytes an input, beside the inputs. Limits hold for each
// input; what limits the memory of decoded updates counts for all inputs of a merge together, and
// grows with their bytes without end, so that any number of small updates can be merged.

#include <span>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/limits.h"
#include "crdt/state_vector.h"
#include "crdt/update.h"

namespace weft::crdt {

// One update that brings what all of `updates` bring. Holes between blocks of a client become
// Skip blocks. The bytes are those of Yjs: one input comes back unchanged (though it is checked),
// an overlap is cut from the block that comes later. Only where an input has its clients in another
// order than from the highest down, as no writer that is known has them and of which Yjs loses a part,
// the inputs are put in order first. Cost: O(total blocks * log inputs). Fails: as DecodeUpdate.
absl::StatusOr<Bytes> MergeUpdates(std::span<const ByteView> updates,
                                   const DecodeLimits& limits = {},
                                   UpdateFormat format = UpdateFormat::kV1);

// What `update` brings beyond `known`; its whole delete set stays.
// Fails: as DecodeUpdate.
absl::StatusOr<Bytes> DiffUpdate(ByteView update, const StateVector& known,
                                 const DecodeLimits& limits = {},
                                 UpdateFormat format = UpdateFormat::kV1);

// The same update in the other format.
// Fails: as DecodeUpdate.
absl::StatusOr<Bytes> ConvertUpdate(ByteView update, UpdateFormat from, UpdateFormat to,
                                    const DecodeLimits& limits = {});

// What a replica has seen that got nothing but `update`: of each client as far as its blocks follow
// one another from clock 0 on. Fails: as DecodeUpdate.
absl::StatusOr<StateVector> StateVectorOfUpdate(ByteView update, const DecodeLimits& limits = {},
                                                UpdateFormat format = UpdateFormat::kV1);

}  // namespace weft::crdt
