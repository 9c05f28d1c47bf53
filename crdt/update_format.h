#pragma once

namespace weft::crdt {

// The two ways in which Yjs lays out the fields of an update (codec/update_v1.h,
// codec/update_v2.h). The bytes do not tell which it is: sender and receiver agree on one.
enum class UpdateFormat { kV1, kV2 };

}  // namespace weft::crdt
