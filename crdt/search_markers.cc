#include "crdt/search_markers.h"

#include <algorithm>

namespace weft::crdt::internal {

namespace {

std::uint64_t Distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

SearchMarkers::Marker& SearchMarkers::Put(Marker marker) {
  if (markers_.size() < kMost) {
    marker.used = uses_++;
    marked_.insert(marker.item);
    return markers_.emplace_back(marker);
  }
  Marker& oldest = *std::ranges::min_element(markers_, {}, &Marker::used);
  Move(oldest, marker.item, marker.index);
  return oldest;
}

void SearchMarkers::Move(Marker& marker, ItemRef item, std::uint64_t index) {
  marked_.erase(marker.item);
  marked_.insert(item);
  marker = {.item = item, .index = index, .used = uses_++};
}

SearchMarkers::Marker SearchMarkers::Find(const ItemPool& items, ItemRef start,
                                          std::uint64_t length, std::uint64_t index) {
  Marker* nearest = nullptr;
  for (Marker& marker : markers_) {
    if (nearest == nullptr || Distance(index, marker.index) <= Distance(index, nearest->index)) {
      nearest = &marker;
    }
  }
  ItemRef ref = start;
  std::uint64_t at = 0;
  if (nearest != nullptr) {
    ref = nearest->item;
    at = nearest->index;
    nearest->used = uses_++;
  }
  while (items.At(ref).right != kNoItem && at < index) {
    const std::uint64_t here = items.At(ref).visible_length();
    if (here > 0 && index < at + here) break;
    at += here;
    ref = items.At(ref).right;
  }
  const auto step_left = [&] {
    ref = items.At(ref).left;
    at -= items.At(ref).visible_length();
  };
  while (items.At(ref).left != kNoItem && at > index) step_left();
  // Not at an item that may be merged with the one before it.
  while (items.At(ref).left != kNoItem) {
    const Item& left = items.At(items.At(ref).left);
    if (left.id.Plus(left.length()) != items.At(ref).id) break;
    step_left();
  }
  if (nearest != nullptr && static_cast<double>(Distance(nearest->index, at)) <
                                static_cast<double>(length) / static_cast<double>(kMost)) {
    Move(*nearest, ref, at);
    return *nearest;
  }
  return Put({.item = ref, .index = at});
}

void SearchMarkers::Update(const ItemPool& items, std::uint64_t index, std::int64_t count) {
  for (std::size_t i = markers_.size(); i-- > 0;) {
    Marker& marker = markers_[i];
    if (count > 0) {
      // To the last visible item at or before it.
      ItemRef ref = marker.item;
      marked_.erase(ref);
      while (ref != kNoItem && !items.At(ref).visible()) {
        ref = items.At(ref).left;
        if (ref != kNoItem) marker.index -= items.At(ref).visible_length();
      }
      if (ref == kNoItem || marked_.contains(ref)) {
        markers_.erase(markers_.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      marker.item = ref;
      marked_.insert(ref);
    }
    if (index < marker.index || (count > 0 && index == marker.index)) {
      const auto first = static_cast<std::int64_t>(index);
      marker.index = static_cast<std::uint64_t>(
          std::max(first, static_cast<std::int64_t>(marker.index) + count));
    }
  }
}

void SearchMarkers::Merge(const ItemPool& items, ItemRef left, ItemRef right) {
  for (Marker& marker : markers_) {
    if (marker.item != right) continue;
    marker.item = left;
    marker.index -= items.At(left).visible_length();
  }
  marked_.erase(right);
}

}  // namespace weft::crdt::internal
