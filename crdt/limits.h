#pragma once

// What a decoder accepts at most. Each limit bounds what hostile input can cost; each can be set
// for a Doc. Exceeding one is kResourceExhausted; the document stays as it was.

#include <cstddef>
#include <cstdint>

namespace weft::crdt {

struct DecodeLimits {
  // Bytes of one update. A larger one is no edit but an attack or a mistake; a client that pastes a
  // book sends a few megabytes.
  std::size_t update_bytes = std::size_t{256} << 20;

  // Blocks of one update: what is decoded takes up to 200 bytes a block, of which two arrive.
  std::size_t update_blocks = std::size_t{1} << 24;

  // Nesting of values inside one another. Yjs itself overflows its stack near 3,000.
  std::size_t value_depth = 512;

  // Bytes of one map key or root name.
  std::size_t key_bytes = std::size_t{1} << 20;

  // Bytes of everything that waits for missing blocks, in encoded form.
  std::size_t pending_bytes = std::size_t{64} << 20;

  // Clients of one state vector.
  std::size_t state_vector_entries = std::size_t{1} << 24;
};

}  // namespace weft::crdt
