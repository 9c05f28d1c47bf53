#pragma once

// The part of an update that concerns given ids: what one client wrote, what a time brought, what a
// reader may see.

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/delete_set.h"
#include "crdt/limits.h"
#include "crdt/update_format.h"

namespace weft::crdt {

// Of each client the elements that `ids` holds, and of the deletes those of such ids. Blocks are
// cut where needed, what is missing between two blocks of a client becomes a Skip, and no client
// begins or ends with one. What stays keeps its origins: to be applied, the part needs what these
// name.
//
// Law: the intersection with some ids and the one with all others, merged, bring what the whole
// brings (UpdatesEqual), unless a cut falls between the halves of a surrogate pair: each becomes
// U+FFFD, as in Yjs, since UTF-8 has no form for it.
// Requires: `ids` is merged. Fails: as DecodeUpdate.
absl::StatusOr<Bytes> IntersectUpdate(ByteView update, const DeleteSet& ids,
                                      UpdateFormat format = UpdateFormat::kV1,
                                      const DecodeLimits& limits = {});

}  // namespace weft::crdt
