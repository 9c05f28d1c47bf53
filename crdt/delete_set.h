#pragma once

// Ids known to be deleted: for each client, ranges of clocks.
//
// Invariants after SortAndMerge: clients ascending and with at least one range; ranges of a client
// sorted, and neither empty, overlapping nor touching.
// Threads: a value type.
//
//   DeleteSet := count (client count (clock length)*)*      all varuint; clients descending
// Source: Yjs, DeleteSet.

#include <vector>

#include "absl/status/status.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"

namespace weft::crdt {

class DeleteSet {
 public:
  struct ClientRanges {
    ClientId client{};
    std::vector<IdRange> ranges;
    friend bool operator==(const ClientRanges&, const ClientRanges&) = default;
  };

  // Adds a range in any order; SortAndMerge before reading. O(1) when it extends the last range of
  // the client that was added to last. Empty ranges are dropped.
  void Add(ClientId client, IdRange range);

  // Sorts clients and ranges and joins what overlaps or touches. O(n log n), O(n) when sorted.
  void SortAndMerge();

  // Requires: merged. O(log n).
  bool Contains(Id id) const;

  bool empty() const { return clients_.empty(); }
  void Clear();
  const std::vector<ClientRanges>& clients() const { return clients_; }

  absl::Status Validate() const;

  friend bool operator==(const DeleteSet&, const DeleteSet&) = default;

 private:
  std::vector<ClientRanges> clients_;  // sorted by client; ranges as added until merged
};

// Requires: merged.
void WriteDeleteSet(ByteWriter& writer, const DeleteSet& set);

// Reads ranges as they stand, then sorts and merges. Fails through the reader: malformed, or a range
// that ends past 2^53 - 1.
DeleteSet ReadDeleteSet(ByteReader& reader);

}  // namespace weft::crdt
