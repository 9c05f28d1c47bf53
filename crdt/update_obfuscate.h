#pragma once

// Takes what people wrote out of an update and keeps its structure, so that a document that makes
// trouble can be shown to others.
// Source: Yjs, obfuscateUpdate; the bytes are the same.

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/limits.h"
#include "crdt/update_format.h"

namespace weft::crdt {

struct ObfuscateOptions {
  bool formatting = true;  // keys and values of formats
  bool subdocs = true;     // ids and options of subdocuments
  bool yxml = true;        // names of XML elements and hooks
};

// Text becomes digits, values become numbers, keys of maps become numbers, the same key the same
// one; lengths, ids, origins, deletes and the names of roots stay. Fails: as DecodeUpdate.
absl::StatusOr<Bytes> ObfuscateUpdate(ByteView update, const ObfuscateOptions& options = {},
                                      UpdateFormat format = UpdateFormat::kV1,
                                      const DecodeLimits& limits = {});

}  // namespace weft::crdt
