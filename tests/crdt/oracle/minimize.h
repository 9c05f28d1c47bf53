#pragma once

// Delta debugging: makes a failing list short.
// Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (ddmin).

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace weft::crdt::oracle {

// A part of `items`, in their order, for which `fails` is true, and of which no element can go
// without making it false. Requires: fails(items). Calls `fails` O(n^2) times at worst.
template <typename Item, typename Fails>
std::vector<Item> Minimize(std::vector<Item> items, const Fails& fails) {
  std::size_t chunk = std::max<std::size_t>(1, items.size() / 2);
  while (!items.empty()) {
    bool removed = false;
    for (std::size_t begin = 0; begin < items.size();) {
      const std::size_t end = std::min(items.size(), begin + chunk);
      std::vector<Item> rest(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), items.begin() + static_cast<std::ptrdiff_t>(end), items.end());
      if (fails(std::as_const(rest))) {
        items = std::move(rest);
        removed = true;
      } else {
        begin = end;
      }
    }
    if (chunk == 1 && !removed) break;
    if (chunk > 1) chunk /= 2;
  }
  return items;
}

}  // namespace weft::crdt::oracle
