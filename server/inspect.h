#pragma once

// A Yjs update in words, for people who wonder what is in it.

#include <string>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/update_format.h"

namespace weft::server {

// Several lines: how much of what there is, then the blocks of each client, then what is deleted.
// Fails: kInvalidArgument, kResourceExhausted (crdt/update.h).
absl::StatusOr<std::string> InspectUpdate(crdt::ByteView update,
                                          crdt::UpdateFormat format = crdt::UpdateFormat::kV1);

}  // namespace weft::server
