#pragma once

// For each client, the next clock expected: what a replica has seen.
//
// Invariants: clients are sorted, ascending; clock 0 has none but what SetKnown put there.
// Threads: a value type.
//
//   StateVector := count (client clock)*      all varuint; clients descending
// Source: Yjs, encodeStateVector; one encoding serves update formats v1 and v2.

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/limits.h"

namespace weft::crdt {

class StateVector {
 public:
  struct Entry {
    ClientId client{};
    Clock clock = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // 0 for a client that was never seen. O(log n).
  Clock Get(ClientId client) const;

  // Clock 0 removes the client. O(1) for a client above all others, else O(n).
  void Set(ClientId client, Clock clock);

  // As Set, but clock 0 stays: of a client that is known from behind a hole at its beginning.
  void SetKnown(ClientId client, Clock clock);

  // Raises each client to the larger of both clocks.
  void MergeMax(const StateVector& other);

  // Whether each clock here is at least the one in `other`.
  bool Covers(const StateVector& other) const;

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  // Ascending by client.
  const std::vector<Entry>& entries() const { return entries_; }

  // OK, or the first broken invariant.
  absl::Status Validate() const;

  friend bool operator==(const StateVector&, const StateVector&) = default;

 private:
  friend absl::StatusOr<StateVector> DecodeStateVector(ByteView input, std::size_t max_entries);

  std::vector<Entry> entries_;
};

Bytes EncodeStateVector(const StateVector& vector);

// Fails: kInvalidArgument on malformed bytes, kResourceExhausted when it names more than
// `max_entries` clients. Of a client named twice the last clock counts, as in Yjs. Bytes after the
// vector are ignored, as in Yjs.
absl::StatusOr<StateVector> DecodeStateVector(
    ByteView input, std::size_t max_entries = DecodeLimits{}.state_vector_entries);

}  // namespace weft::crdt
