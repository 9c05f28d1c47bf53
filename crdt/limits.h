#pragma once

// What a decoder accepts at most. Each limit bounds what hostile input can cost; each can be set
// for a Doc. Exceeding one is kResourceExhausted, with the name and the number of the limit; the
// document stays as it was.
//
// Counts are not enough: in format v2 a few bytes say "the same again, 2^31 times", and a byte can
// stand for a value of forty. What decoding may cost in memory is therefore counted as it goes
// (codec/decode_budget.h), and small updates may cost less than large ones.

#include <cstddef>

namespace weft::crdt {

struct DecodeLimits {
  // Bytes of one update. A larger one is no edit but an attack or a mistake; a client that pastes a
  // book sends a few megabytes.
  std::size_t update_bytes = std::size_t{256} << 20;

  // Blocks of one update. A document of so many takes a gigabyte; years of work of a team are a few
  // millions.
  std::size_t update_blocks = std::size_t{1} << 24;

  // Sections of one update, one a client. Every page that was ever opened to write is a client.
  std::size_t update_clients = std::size_t{1} << 22;

  // Ranges of one update's delete set. Collected text of a long document leaves one for each run
  // that was deleted.
  std::size_t delete_ranges = std::size_t{1} << 22;

  // Memory that one update may cost, decoded and applied, beyond its own bytes: an honest estimate,
  // not a measurement. A process that gets any single update stays below a gigabyte.
  std::size_t update_memory = std::size_t{768} << 20;

  // The same for an update of no bytes; each byte adds DecodeBudget::kMemoryPerByte, up to
  // update_memory. Runs of blocks that cost nothing in format v2 are honest: a list that grows at
  // its front and loses its oldest entries, 100,000 times over, is an update of 94 bytes. The floor
  // lets more than a million such blocks through; all others pay a byte at least.
  std::size_t update_memory_floor = std::size_t{256} << 20;

  // Nesting of values inside one another. Yjs itself overflows its stack near 3,000.
  std::size_t value_depth = 512;

  // Bytes of one string: a run of text, a JSON text, a string among values. The engine holds it
  // twice over while it is taken in.
  std::size_t string_bytes = std::size_t{128} << 20;

  // Bytes of one map key, format key, element or root name. They are interned, and no editor has
  // keys that long.
  std::size_t key_bytes = std::size_t{1} << 20;

  // Bytes of everything that waits for missing blocks, in encoded form. It is merged with each
  // further update that waits.
  std::size_t pending_bytes = std::size_t{64} << 20;

  // Items that integration may pass, in one update, looking for the places of concurrent ones. The
  // search is quadratic by nature, and a few bytes of format v2 can ask for 10^12 steps; an honest
  // update takes a few for each item. This one refuses nothing: blocks beyond it wait, as those do
  // whose neighbours are missing, until the document is loaded anew.
  std::size_t conflict_steps = std::size_t{1} << 24;

  // Clients of one state vector.
  std::size_t state_vector_entries = std::size_t{1} << 22;
};

}  // namespace weft::crdt
