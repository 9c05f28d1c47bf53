#pragma once

// The places in a text that Yjs remembers, in order to find a position without walking from the
// beginning. Positions here are found by SequenceIndex; the markers matter in one case only. A root
// that got formatting before anybody asked for it as a text is searched by markers in Yjs as if it
// had none: attributes then count from the marker on, and decide what an insertion writes. So the
// markers of such a text are kept exactly as Yjs keeps them, until it gets its next mark.
//
// Cost: 80 markers at most; a search walks from the nearest. Threads: one.
// Source: Yjs 13.6, AbstractType.js (findMarker, updateMarkerChanges).

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "crdt/item.h"

namespace weft::crdt::internal {

class SearchMarkers {
 public:
  struct Marker {
    ItemRef item = kNoItem;
    std::uint64_t index = 0;  // of the beginning of `item`
    std::uint64_t used = 0;   // when it was last of use
  };

  // The place from which Yjs would look for `index`. Requires: the text is not empty, index > 0.
  Marker Find(const ItemPool& items, ItemRef start, std::uint64_t length, std::uint64_t index);

  // `count` positions were inserted at `index`, or deleted from there on when negative.
  void Update(const ItemPool& items, std::uint64_t index, std::int64_t count);

  // `right` is about to be merged into `left`.
  void Merge(const ItemPool& items, ItemRef left, ItemRef right);

  void Clear() { markers_.clear(); }

  std::size_t bytes() const {
    return Allocated(sizeof(*this)) + Allocated(markers_) + Allocated(marked_);
  }

 private:
  static constexpr std::size_t kMost = 80;

  Marker& Put(Marker marker);
  void Move(Marker& marker, ItemRef item, std::uint64_t index);

  std::vector<Marker> markers_;
  absl::flat_hash_set<ItemRef> marked_;
  std::uint64_t uses_ = 0;
};

}  // namespace weft::crdt::internal
