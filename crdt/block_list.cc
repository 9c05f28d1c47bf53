#include "crdt/block_list.h"

namespace weft::crdt::internal {

BlockList::Cursor BlockList::Search(Clock clock) const {
  const auto chunk = std::ranges::upper_bound(chunks_, clock, {}, &Chunk::first) - 1;
  // Without branches: which way a search goes cannot be foretold.
  const Clock offset = clock - chunk->first;
  const Entry* base = chunk->entries.data();
  for (std::size_t count = chunk->entries.size(); count > 1;) {
    const std::size_t half = count / 2;
    base += base[half].offset <= offset ? half : 0;
    count -= half;
  }
  return {static_cast<std::uint32_t>(chunk - chunks_.begin()),
          static_cast<std::uint32_t>(base - chunk->entries.data())};
}

void BlockList::AddChunk(Clock first) {
  // The first one grows with a small client's blocks; behind a full one there will be as many more.
  const bool is_first = chunks_.empty();
  chunks_.push_back({.first = first, .entries = {}});
  if (!is_first) chunks_.back().entries.reserve(kChunkSize);
}

BlockList::Cursor BlockList::InsertAfter(Cursor cursor, ItemRef ref, Clock clock) {
  ++size_;
  if (clock - chunks_[cursor.chunk].first >= kChunkSpan) {
    // Nothing in the chunk begins as late as that.
    chunks_.insert(chunks_.begin() + cursor.chunk + 1, {.first = clock, .entries = {{0, ref}}});
    return {cursor.chunk + 1, 0};
  }
  if (chunks_[cursor.chunk].entries.size() >= kChunkSize) {
    constexpr std::uint32_t kHalf = kChunkSize / 2;
    std::vector<Entry>& full = chunks_[cursor.chunk].entries;
    Chunk tail{.first = chunks_[cursor.chunk].first, .entries = {}};
    tail.entries.reserve(kChunkSize);
    tail.entries.assign(full.begin() + kHalf, full.end());
    full.resize(kHalf);
    Rebase(tail);
    chunks_.insert(chunks_.begin() + cursor.chunk + 1, std::move(tail));
    if (cursor.slot >= kHalf) cursor = {cursor.chunk + 1, cursor.slot - kHalf};
  }
  Chunk& chunk = chunks_[cursor.chunk];
  ++cursor.slot;
  chunk.entries.insert(chunk.entries.begin() + cursor.slot,
                       {static_cast<std::uint32_t>(clock - chunk.first), ref});
  return cursor;
}

void BlockList::Rebase(Chunk& chunk) {
  const std::uint32_t shift = chunk.entries.front().offset;
  if (shift == 0) return;
  chunk.first += shift;
  for (Entry& entry : chunk.entries) entry.offset -= shift;
}

void BlockList::MoveBoundary(Cursor cursor, Clock clock) {
  Chunk& chunk = chunks_[cursor.chunk];
  if (cursor.slot > 0 && clock - chunk.first >= kChunkSpan) {
    // Nothing in the chunk begins as late as that, so it is the last one there.
    const ItemRef ref = chunk.entries.back().ref;
    chunk.entries.pop_back();
    chunks_.insert(chunks_.begin() + cursor.chunk + 1, {.first = clock, .entries = {{0, ref}}});
    return;
  }
  if (cursor.slot > 0) {
    chunk.entries[cursor.slot].offset = static_cast<std::uint32_t>(clock - chunk.first);
    return;
  }
  const Clock last = chunk.ClockOf(chunk.entries.size() - 1);
  const ItemRef ref = chunk.entries.front().ref;
  if (chunk.entries.size() > 1 && last - std::min(clock, last) >= kChunkSpan) {
    chunk.entries.erase(chunk.entries.begin());
    Rebase(chunk);
    chunks_.insert(chunks_.begin() + cursor.chunk, {.first = clock, .entries = {{0, ref}}});
    return;
  }
  const Clock shift = clock - chunk.first;  // modulo 2^64 when it moves back
  chunk.first = clock;
  for (std::size_t slot = 1; slot < chunk.entries.size(); ++slot) {
    chunk.entries[slot].offset -= static_cast<std::uint32_t>(shift);
  }
}

void BlockList::EraseAfter(Cursor cursor, std::size_t count) {
  size_ -= count;
  std::size_t chunk = cursor.chunk;
  std::size_t slot = cursor.slot + std::size_t{1};
  while (count > 0) {
    std::vector<Entry>& entries = chunks_[chunk].entries;
    const std::size_t here = std::min(count, entries.size() - slot);
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(slot),
                  entries.begin() + static_cast<std::ptrdiff_t>(slot + here));
    if (slot == 0 && !entries.empty()) Rebase(chunks_[chunk]);
    count -= here;
    ++chunk;
    slot = 0;
  }
  // Chunks behind the cursor's own that became empty, and one neighbour that now fits, are given
  // back.
  const auto begin = chunks_.begin() + cursor.chunk + 1;
  auto end = begin;
  while (end != chunks_.end() && end->entries.empty()) ++end;
  Chunk& own = chunks_[cursor.chunk];
  if (end != chunks_.end() && own.entries.size() + end->entries.size() <= kChunkSize / 2 &&
      end->ClockOf(end->entries.size() - 1) - own.first < kChunkSpan) {
    const auto shift = static_cast<std::uint32_t>(end->first - own.first);
    for (const Entry entry : end->entries) own.entries.push_back({entry.offset + shift, entry.ref});
    ++end;
  }
  chunks_.erase(begin, end);
}

std::size_t BlockList::bytes() const {
  std::size_t total = Allocated(chunks_);
  for (const Chunk& chunk : chunks_) total += Allocated(chunk.entries);
  return total;
}

}  // namespace weft::crdt::internal
