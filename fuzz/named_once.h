#pragma once

// Whether updates are such as replicas write, in that none names an id that it or another one names
// too. What comes of an id with two contents depends on the order of coming (crdt/collision.h).

#include <algorithm>
#include <span>
#include <vector>

#include "crdt/id.h"
#include "crdt/update.h"

namespace weft::fuzz {

inline bool NameEachIdOnce(std::span<const crdt::Update> updates) {
  struct Stretch {
    crdt::ClientId client{};
    crdt::Clock begin = 0;
    crdt::Clock end = 0;
    auto operator<=>(const Stretch&) const = default;
  };
  std::vector<Stretch> stretches;
  for (const crdt::Update& update : updates) {
    for (const crdt::Block& block : update.blocks) {
      if (block.kind == crdt::ContentKind::kSkip) continue;
      stretches.push_back({block.id.client, block.id.clock, block.end()});
    }
  }
  std::ranges::sort(stretches);
  for (std::size_t i = 1; i < stretches.size(); ++i) {
    const Stretch& before = stretches[i - 1];
    if (stretches[i].client == before.client && stretches[i].begin < before.end) return false;
  }
  return true;
}

}  // namespace weft::fuzz
