#include "crdt/block_list.h"

namespace weft::crdt::internal {

BlockList::Cursor BlockList::Find(const ItemPool& pool, Clock clock) const {
  DCHECK(clock < end_);
  const auto covers = [&](Cursor cursor) {
    const Item& item = pool.At(At(cursor));
    return item.clock() <= clock && clock < item.end();
  };
  if (hint_.chunk < chunks_.size() && hint_.slot < chunks_[hint_.chunk].refs.size()) {
    if (covers(hint_)) return hint_;
  }
  const auto chunk = std::ranges::upper_bound(chunks_, clock, {}, &Chunk::first) - 1;
  const auto slot = std::ranges::upper_bound(chunk->refs, clock, {},
                                             [&](ItemRef ref) { return pool.At(ref).clock(); }) -
                    1;
  hint_ = {static_cast<std::uint32_t>(chunk - chunks_.begin()),
           static_cast<std::uint32_t>(slot - chunk->refs.begin())};
  DCHECK(covers(hint_));
  return hint_;
}

void BlockList::PushBack(ItemRef ref, Clock clock, Clock length) {
  DCHECK(clock == end_ && length > 0);
  if (chunks_.empty() || chunks_.back().refs.size() >= kChunkSize) {
    chunks_.push_back({.first = clock, .refs = {}});
  }
  chunks_.back().refs.push_back(ref);
  ++size_;
  end_ = clock + length;
}

BlockList::Cursor BlockList::InsertAfter(const ItemPool& pool, Cursor cursor, ItemRef ref) {
  ++size_;
  if (chunks_[cursor.chunk].refs.size() >= kChunkSize) {
    constexpr std::uint32_t kHalf = kChunkSize / 2;
    std::vector<ItemRef>& full = chunks_[cursor.chunk].refs;
    Chunk tail{.first = pool.At(full[kHalf]).clock(), .refs = {}};
    tail.refs.reserve(kChunkSize);
    tail.refs.assign(full.begin() + kHalf, full.end());
    full.resize(kHalf);
    chunks_.insert(chunks_.begin() + cursor.chunk + 1, std::move(tail));
    if (cursor.slot >= kHalf) cursor = {cursor.chunk + 1, cursor.slot - kHalf};
  }
  std::vector<ItemRef>& refs = chunks_[cursor.chunk].refs;
  ++cursor.slot;
  refs.insert(refs.begin() + cursor.slot, ref);
  return cursor;
}

void BlockList::EraseAfter(const ItemPool& pool, Cursor cursor, std::size_t count) {
  size_ -= count;
  std::size_t chunk = cursor.chunk;
  std::size_t slot = cursor.slot + std::size_t{1};
  while (count > 0) {
    std::vector<ItemRef>& refs = chunks_[chunk].refs;
    const std::size_t here = std::min(count, refs.size() - slot);
    refs.erase(refs.begin() + static_cast<std::ptrdiff_t>(slot),
               refs.begin() + static_cast<std::ptrdiff_t>(slot + here));
    if (slot == 0 && !refs.empty()) chunks_[chunk].first = pool.At(refs.front()).clock();
    count -= here;
    ++chunk;
    slot = 0;
  }
  // Chunks behind the cursor's own that became empty, and one neighbour that now fits, are given
  // back.
  const auto begin = chunks_.begin() + cursor.chunk + 1;
  auto end = begin;
  while (end != chunks_.end() && end->refs.empty()) ++end;
  std::vector<ItemRef>& own = chunks_[cursor.chunk].refs;
  if (end != chunks_.end() && own.size() + end->refs.size() <= kChunkSize / 2) {
    own.insert(own.end(), end->refs.begin(), end->refs.end());
    ++end;
  }
  chunks_.erase(begin, end);
}

std::size_t BlockList::bytes() const {
  std::size_t total = chunks_.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : chunks_) total += chunk.refs.capacity() * sizeof(ItemRef);
  return total;
}

}  // namespace weft::crdt::internal
