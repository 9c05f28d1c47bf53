#pragma once

// Ids known to be deleted: for each client, ranges of clocks.
//
// Invariants after SortAndMerge: clients ascending and with at least one range; ranges of a client
// sorted, and neither empty, overlapping nor touching.
// Threads: a value type.
//
//   DeleteSet := count (client count (clock length)*)*      all varuint; clients descending
// Source: Yjs, DeleteSet.

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "crdt/base/bytes.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/id.h"
#include "crdt/limits.h"

namespace weft::crdt {

class DeleteSet {
 public:
  struct ClientRanges {
    ClientId client{};
    std::vector<IdRange> ranges;
    friend bool operator==(const ClientRanges&, const ClientRanges&) = default;
  };

  // Adds a range in any order; SortAndMerge before reading. O(1) for the client that was added to
  // last and for one above all others, else O(log n) amortized. A range that goes on where the
  // client's last one ended, or ends where it began, extends it. Empty ranges are dropped.
  // Requires: range.end() <= kMaxSafeInteger.
  void Add(ClientId client, IdRange range);
  // Adds ranges that are sorted and merged. Requires: of the client there are none yet.
  void AddMerged(ClientId client, std::span<const IdRange> ranges);

  // Sorts clients and ranges and joins what overlaps or touches. O(n log n), O(n) when sorted.
  void SortAndMerge();

  // Requires: merged. O(log n).
  bool Contains(Id id) const;

  bool empty() const { return clients_.empty(); }
  void Clear();
  const std::vector<ClientRanges>& clients() const { return clients_; }

  // OK, or the first broken invariant of a merged set.
  absl::Status Validate() const;

  // Requires: both merged.
  friend bool operator==(const DeleteSet& a, const DeleteSet& b) {
    return a.clients_ == b.clients_;
  }

 private:
  ClientRanges& RangesOf(ClientId client);
  void SortClients();

  // Until merged: ranges as added, and clients ascending in [0, sorted_), then in the order of
  // their arrival, where a client may stand more than once.
  std::vector<ClientRanges> clients_;
  std::size_t sorted_ = 0;
  std::size_t latest_ = 0;  // where the latest range went
};

// Requires: merged.
void WriteDeleteSet(ByteWriter& writer, const DeleteSet& set);

// Reads ranges as they stand, in any order and with clients named twice, then sorts and merges.
// Fails through the reader, and is then empty: malformed, or a range that ends past 2^53 - 1.
DeleteSet ReadDeleteSet(ByteReader& reader);
// The same within the limits on ranges and memory.
DeleteSet ReadDeleteSet(ByteReader& reader, const DecodeLimits& limits, DecodeBudget& budget);

// What a range takes while it is decoded and applied, the two cuts of blocks included.
inline constexpr std::size_t kDeleteRangeMemory = 128;

}  // namespace weft::crdt
