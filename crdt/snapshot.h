#pragma once

// A state of a document that one can come back to: what had been seen, and what of it was deleted.
// It holds no content: the document must keep deleted content (Doc::Options::gc false) to show it.
//
// Source: Yjs 13.6, Snapshot.js. Encoded: the delete set, then the state vector.
// Threads: a value type.

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/delete_set.h"
#include "crdt/limits.h"
#include "crdt/state_vector.h"
#include "crdt/update_format.h"

namespace weft::crdt {

class Snapshot {
 public:
  Snapshot() = default;
  // Requires: `deletes` is merged.
  Snapshot(DeleteSet deletes, StateVector state)
      : deletes_(std::move(deletes)), state_(std::move(state)) {}

  const DeleteSet& deletes() const { return deletes_; }
  const StateVector& state() const { return state_; }

  // Whether the snapshot shows `id`.
  bool Shows(Id id) const;

  // Whether all that `update` brings is part of the snapshot. Fails as DecodeUpdate.
  absl::StatusOr<bool> Contains(ByteView update, UpdateFormat format = UpdateFormat::kV1,
                                const DecodeLimits& limits = {}) const;

  Bytes Encode(UpdateFormat format = UpdateFormat::kV1) const;
  // Fails: kInvalidArgument with the offset, kResourceExhausted past `limits`.
  static absl::StatusOr<Snapshot> Decode(ByteView bytes, UpdateFormat format = UpdateFormat::kV1,
                                         const DecodeLimits& limits = {});

  friend bool operator==(const Snapshot&, const Snapshot&) = default;

 private:
  DeleteSet deletes_;
  StateVector state_;
};

}  // namespace weft::crdt
