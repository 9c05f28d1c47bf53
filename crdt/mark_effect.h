#pragma once

// What a row of formatting marks, as a whole, does to the attributes in force before it: some end,
// then some are set. Adding marks one by one and adding what rows of them do come to the same, the
// order of keys included: a key that was ended and set again stands behind those set before.

#include <algorithm>
#include <vector>

#include "crdt/attribute_map.h"
#include "crdt/base/allocated.h"
#include "crdt/content_store.h"
#include "crdt/item.h"

namespace weft::crdt::internal {

class MarkEffect {
 public:
  void Add(const Format& mark) {
    set_.Apply(mark);
    if (mark.value->is_null()) ended_.push_back(mark.key);
  }
  void Add(const MarkEffect& later) {
    later.ApplyTo(set_);
    ended_.insert(ended_.end(), later.ended_.begin(), later.ended_.end());
  }
  // When all were added, before it is applied.
  void Finish() {
    std::ranges::sort(ended_);
    ended_.erase(std::ranges::unique(ended_).begin(), ended_.end());
    ended_.shrink_to_fit();
  }

  // Costs as many searches as attributes are in force, however many keys end.
  void ApplyTo(AttributeMap& attributes) const {
    attributes.EraseIf([&](KeyRef key) { return std::ranges::binary_search(ended_, key); });
    for (const auto& [key, value] : set_.entries()) attributes.Set(key, value);
  }

  std::size_t bytes() const { return Allocated(ended_) + Allocated(set_.entries()); }

 private:
  std::vector<KeyRef> ended_;
  AttributeMap set_;
};

}  // namespace weft::crdt::internal
