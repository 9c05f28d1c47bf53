#pragma once

// The blocks of one client, in the order of their clocks, without holes from clock 0 on: what a
// document knows to be missing is a block too (HoleMode).
//
// Chunks of at most kChunkSize references, each beside the clock that its block begins at, so that
// finding a clock looks at no block: two binary searches in a row of words each. Inserting or erasing
// moves at most one chunk. The place of the last hit is remembered, because work comes in runs.
// Threads: one, const methods included.

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
            static_cast<std::uint32_t>(chunks_.back().entries.size() - 1)};
  }
  bool is_first(Cursor cursor) const { return cursor.chunk == 0 && cursor.slot == 0; }

  // The blocks from the one at `cursor` on. A step for each chunk between it and the nearer end.
  std::size_t CountFrom(Cursor cursor) const {
    if (cursor.chunk < chunks_.size() / 2) {
      std::size_t count = size_ - cursor.slot;
      for (std::size_t i = 0; i < cursor.chunk; ++i) count -= chunks_[i].entries.size();
      return count;
    }
    std::size_t count = chunks_[cursor.chunk].entries.size() - cursor.slot;
    for (std::size_t i = cursor.chunk + 1; i < chunks_.size(); ++i) {
      count += chunks_[i].entries.size();
    }
    return count;
  }

  ItemRef At(Cursor cursor) const { return chunks_[cursor.chunk].entries[cursor.slot].ref; }
  // Where that block begins.
  Clock ClockAt(Cursor cursor) const { return chunks_[cursor.chunk].ClockOf(cursor.slot); }

  // Moves to the next block; false, and the cursor stays, at the last.
  bool Next(Cursor& cursor) const {
    if (cursor.slot + 1 < chunks_[cursor.chunk].entries.size()) {
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
    cursor.slot = static_cast<std::uint32_t>(chunks_[cursor.chunk].entries.size() - 1);
    return true;
  }

  // The block that covers `clock`. Requires: clock < end().
  Cursor Find(Clock clock) const {
    hint_ = FindNear<4>(hint_, clock);
    return hint_;
  }

  // The same, looked for first in so many blocks from a place on that is a guess: it need not be one
  // of the list.
  template <std::uint32_t kNear>
  Cursor FindNear(Cursor guess, Clock clock) const {
    DCHECK(clock < end_);
    if (guess.chunk >= chunks_.size()) return Search(clock);
    const Chunk& chunk = chunks_[guess.chunk];
    const std::size_t size = chunk.entries.size();
    if (guess.slot >= size || clock < chunk.ClockOf(guess.slot)) return Search(clock);
    const Clock offset = clock - chunk.first;
    const auto last = static_cast<std::uint32_t>(size - 1);
    const std::uint32_t end = std::min(guess.slot + kNear, last);
    for (std::uint32_t slot = guess.slot; slot < end; ++slot) {
      if (offset < chunk.entries[slot + 1].offset) return {.chunk = guess.chunk, .slot = slot};
    }
    const bool is_here = end == last && (guess.chunk + 1 == chunks_.size() ||
                                         clock < chunks_[guess.chunk + 1].first);
    return is_here ? Cursor{.chunk = guess.chunk, .slot = last} : Search(clock);
  }

  // The place of a block by its number, as long as the list was only appended to.
  static Cursor PlaceOf(std::uint32_t number) {
    return {.chunk = number / kChunkSize, .slot = number % kChunkSize};
  }

  // Appends a block. Requires: clock == end().
  void PushBack(ItemRef ref, Clock clock, Clock length) {
    DCHECK(clock == end_ && length > 0);
    if (chunks_.empty() || chunks_.back().entries.size() >= kChunkSize ||
        clock - chunks_.back().first >= kChunkSpan) {
      AddChunk(clock);
    }
    Chunk& chunk = chunks_.back();
    chunk.entries.push_back({static_cast<std::uint32_t>(clock - chunk.first), ref});
    ++size_;
    end_ = clock + length;
  }

  // The last block got `length` longer. Requires: not empty.
  void ExtendLast(Clock length) { end_ += length; }

  // Inserts a block that begins at `clock`, in the one at `cursor` or where that ends now. Returns
  // its place.
  Cursor InsertAfter(Cursor cursor, ItemRef ref, Clock clock);

  // Puts a block in the place of the one at `cursor`. Requires: it begins at the same clock.
  void Replace(Cursor cursor, ItemRef ref) { chunks_[cursor.chunk].entries[cursor.slot].ref = ref; }

  // The block at `cursor` now begins at `clock`; the one before it ends there. Requires: not the
  // first block, and neither gets empty.
  void MoveBoundary(Cursor cursor, Clock clock);

  // Removes `count` blocks behind `cursor`, which now covers their clocks.
  void EraseAfter(Cursor cursor, std::size_t count);

  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kChunkSize = 256;
  static constexpr Clock kChunkSpan = Clock{1} << 32;
  struct Entry {
    std::uint32_t offset;  // of its clock from the chunk's first one
    ItemRef ref;
  };
  struct Chunk {
    Clock first = 0;  // clock of entries[0]
    std::vector<Entry> entries;

    Clock ClockOf(std::size_t slot) const { return first + entries[slot].offset; }
  };

  Cursor Search(Clock clock) const;
  // At the end.
  void AddChunk(Clock first);
  // Counts offsets from the first entry again.
  static void Rebase(Chunk& chunk);

  std::vector<Chunk> chunks_;  // none is empty
  std::size_t size_ = 0;
  Clock end_ = 0;
  mutable Cursor hint_;
};

}  // namespace weft::crdt::internal
