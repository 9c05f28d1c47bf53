#include "crdt/base/allocated.h"
#include "crdt/base/huge_pages.h"
#include "crdt/item.h"

namespace weft::crdt::internal {

void ItemPool::AddSlabs() {
  CHECK(next_ + kSlabMask <= kMaxBlocks && "updates past the bound were refused");
  std::size_t count = 1;
  if (expected_ > next_) {
    const std::size_t most = std::min(kMostSlabs, kMaxBlocks / (kSlabMask + 1) - slabs_.size());
    count = std::clamp<std::size_t>((expected_ - next_ + kSlabMask) >> kSlabBits, 1, most);
  }
  auto* const memory = static_cast<std::byte*>(::operator new(count * kSlabBytes));
  AdviseHugePages(memory, count * kSlabBytes);
  if (count > 1) {
    pieces_.push_back({.first = static_cast<std::uint32_t>(slabs_.size()),
                       .count = static_cast<std::uint32_t>(count)});
  }
  for (std::size_t i = 0; i < count; ++i) slabs_.push_back(memory + i * kSlabBytes);
}

ItemPool::~ItemPool() {
  ForEachPiece([&](std::size_t slab, std::size_t) { ::operator delete(slabs_[slab]); });
}

std::size_t ItemPool::bytes() const {
  std::size_t bytes = Allocated(slabs_) + Allocated(pieces_);
  ForEachPiece([&](std::size_t, std::size_t count) { bytes += Allocated(count * kSlabBytes); });
  return bytes;
}

}  // namespace weft::crdt::internal
