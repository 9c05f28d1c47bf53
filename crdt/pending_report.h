#pragma once

// What of a document waits, and for what: the answer to "why does my edit not show?".
//
// An update that arrives before those that it builds on is kept and tried again; it is part of the
// state that is encoded. Nothing is wrong with it as long as the missing ids are on their way.

#include <cstddef>
#include <cstdint>

#include "crdt/delete_set.h"

namespace weft::crdt {

struct PendingReport {
  // The ids that blocks wait for and that neither the document nor what waits has: once these
  // have arrived, every block is integrated. A gap before a block counts whole, of a neighbour or a
  // parent its one id.
  DeleteSet missing;
  // The ids that deletes wait for, where no block of them waits either.
  DeleteSet missing_of_deletes;

  std::uint64_t blocks = 0;         // that wait
  std::uint64_t elements = 0;       // in them
  std::uint64_t delete_ranges = 0;  // that wait
  std::uint64_t deletes = 0;        // elements in them
  std::size_t bytes = 0;            // of both, encoded, as DecodeLimits::pending_bytes counts them

  // Some blocks wait for ever: their clocks are beyond what a document can hold (item.h), or to
  // find their places takes too long (DecodeLimits::conflict_steps).
  bool beyond_limits = false;

  bool empty() const { return blocks == 0 && deletes == 0; }
};

}  // namespace weft::crdt
