#pragma once

// Changes updates as a grammar, not as bytes: a block's place, content, length or client, a range of
// deletes, a column of format v2. What comes out still decodes most of the time, so that what is
// tested lies behind the decoder. For fuzzing only: it writes what no replica writes.
//
// Threads: one.

#include <cstdint>
#include <random>

#include "crdt/base/bytes.h"
#include "crdt/update_format.h"

namespace weft::fuzz {

using Random = std::minstd_rand;

// In [0, end). Requires: 0 < end.
inline std::uint64_t Below(Random& random, std::uint64_t end) {
  return (static_cast<std::uint64_t>(random()) << 31 ^ random()) % end;
}

// Changes bytes in place and answers their new size, at most `max_size`: libFuzzer's own mutations.
using MutateBytes = std::size_t (*)(std::uint8_t* data, std::size_t size, std::size_t max_size);

// One of the updates that a client might write next, for a document in which others have written
// `before`, which need not decode.
crdt::Bytes MakeUpdate(crdt::ByteView before, crdt::UpdateFormat format, Random& random);

// Bytes that do not decode get raw mutations, or are replaced.
crdt::Bytes MutateUpdate(crdt::ByteView update, crdt::UpdateFormat format, Random& random,
                         MutateBytes mutate_bytes);

}  // namespace weft::fuzz
