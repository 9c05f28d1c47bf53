#pragma once

// The blocks of one client, in the order of their clocks, without holes from clock 0 on: what a
// document knows to be missing is a block too (HoleMode).
//
// Chunks of at most kChunkSize references: finding a clock costs two binary searches, inserting or
// erasing moves at most one chunk. The place of the last hit is remembered, because work comes in
// runs. Threads: one, const methods included.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "crdt/item.h"

namespace weft::crdt::internal {

class BlockList {
 public:
  // A place in the list. Dies with the next insertion or removal.
  struct Cursor {
    std::uint32_t chunk = 0;
    std::uint32_t slot = 0;
    friend bool operator==(Cursor, Cursor) = default;
  };

  bool empty() const { return chunks_.empty(); }
  std::size_t size() const { return size_; }
  // The next clock expected: where the last block ends.
  Clock end() const { return end_; }

  Cursor first() const { return {}; }
  // Requires: not empty.
  Cursor last() const {
    return {static_cast<std::uint32_t>(chunks_.size() - 1),
            static_cast<std::uint32_t>(chunks_.back().refs.size() - 1)};
  }
  bool is_first(Cursor cursor) const { return cursor.chunk == 0 && cursor.slot == 0; }

  ItemRef At(Cursor cursor) const { return chunks_[cursor.chunk].refs[cursor.slot]; }

  // Moves to the next block; false, and the cursor stays, at the last.
  bool Next(Cursor& cursor) const {
    if (cursor.slot + 1 < chunks_[cursor.chunk].refs.size()) {
      ++cursor.slot;
      return true;
    }
    if (cursor.chunk + 1 == chunks_.size()) return false;
    cursor = {cursor.chunk + 1, 0};
    return true;
  }
  // Moves to the block before; false, and the cursor stays, at the first.
  bool Previous(Cursor& cursor) const {
    if (cursor.slot > 0) {
      --cursor.slot;
      return true;
    }
    if (cursor.chunk == 0) return false;
    --cursor.chunk;
    cursor.slot = static_cast<std::uint32_t>(chunks_[cursor.chunk].refs.size() - 1);
    return true;
  }

  // The block that covers `clock`. Requires: clock < end().
  Cursor Find(const ItemPool& pool, Clock clock) const;

  // Appends a block. Requires: clock == end().
  void PushBack(ItemRef ref, Clock clock, Clock length);

  // The last block got `length` longer. Requires: not empty.
  void ExtendLast(Clock length) { end_ += length; }

  // Inserts the second half of the block at `cursor`, which was split. Returns its place.
  Cursor InsertAfter(const ItemPool& pool, Cursor cursor, ItemRef ref);

  // Puts a block in the place of the one at `cursor`. Requires: it begins at the same clock.
  void Replace(Cursor cursor, ItemRef ref) { chunks_[cursor.chunk].refs[cursor.slot] = ref; }

  // Removes `count` blocks behind `cursor`, which now covers their clocks.
  void EraseAfter(const ItemPool& pool, Cursor cursor, std::size_t count);

  std::size_t bytes() const;

 private:
  static constexpr std::size_t kChunkSize = 256;
  struct Chunk {
    Clock first = 0;  // clock of refs[0]
    std::vector<ItemRef> refs;
  };

  std::vector<Chunk> chunks_;  // none is empty
  std::size_t size_ = 0;
  Clock end_ = 0;
  mutable Cursor hint_;
};

}  // namespace weft::crdt::internal
