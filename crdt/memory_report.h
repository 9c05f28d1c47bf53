#pragma once

// What a document holds in memory, in bytes as the allocator hands them out (Doc::MemoryUsage). A
// test holds the total against the allocator's own count, within 5 %.
// Threads: a value type.

#include <cstddef>

namespace weft::crdt {

struct MemoryReport {
  std::size_t blocks = 0;   // the nodes it is made of, and the lists of each client's
  std::size_t text = 0;     // characters, with room for more
  std::size_t content = 0;  // other values, formats, types and their entries
  std::size_t index = 0;    // from positions to nodes: of sequences that were asked by position
  std::size_t pending = 0;  // what waits for missing blocks
  std::size_t tables = 0;   // clients, keys, roots, and the document itself

  // Without subdocuments, which report for themselves, and what observers hold.
  std::size_t total() const { return blocks + text + content + index + pending + tables; }
};

}  // namespace weft::crdt
