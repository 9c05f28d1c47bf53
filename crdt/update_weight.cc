#include "crdt/update_weight.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "crdt/base/string_map.h"
#include "crdt/update.h"
#include "crdt/update_builder.h"

namespace weft::crdt {
namespace {

using BlockIndex = std::size_t;

// Where a block belongs.
struct Place {
  static constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);
  std::size_t root = kUnknown;
  bool nested = false;  // in a type of the root
  bool keyed = false;   // an entry, no part of a sequence
};

// Finds the place of each block by way of its parent or of a neighbour, and so on, which an update
// may name in any order.
class Places {
 public:
  Places(const Update& update, std::vector<UpdateWeight::Root>& roots)
      : update_(update),
        roots_(roots),
        states_(update.blocks.size()),
        places_(update.blocks.size()) {
    for (const Update::Section& section : update.sections) {
      sections_[ToNumber(section.client)] = &section;
    }
  }

  Place Of(BlockIndex block) {
    std::vector<BlockIndex> way;
    // Up to a block whose place is known, or one that closes a circle, which has none.
    std::optional<BlockIndex> next = block;
    Place place;
    while (next) {
      if (states_[*next] == State::kKnown) place = places_[*next];
      if (states_[*next] != State::kNew) break;
      states_[*next] = State::kOnTheWay;
      way.push_back(*next);
      next = Begin(*next, place);
    }
    for (; !way.empty(); way.pop_back()) {
      const BlockIndex here = way.back();
      place = Continue(here, place);
      places_[here] = place;
      states_[here] = State::kKnown;
    }
    return place;
  }

 private:
  enum class State : std::uint8_t { kNew, kOnTheWay, kKnown };

  // The block that decides about this one; none when it says itself, in `place`, or nothing does.
  std::optional<BlockIndex> Begin(BlockIndex index, Place& place) {
    const Block& block = update_.blocks[index];
    if (block.kind == ContentKind::kGc || block.kind == ContentKind::kSkip) return std::nullopt;
    switch (block.parent) {
      case Block::Parent::kRoot:
        place.root = RootNamed(block.root_name);
        return std::nullopt;
      case Block::Parent::kItem:
        return Find(block.parent_item);
      case Block::Parent::kOfOrigin:
        break;
    }
    return Find(block.has_origin ? block.origin : block.right_origin);
  }

  // The place of a block, from that of the one which decides about it.
  Place Continue(BlockIndex index, Place place) const {
    const Block& block = update_.blocks[index];
    if (block.parent == Block::Parent::kItem) place = {.root = place.root, .nested = true};
    if (block.parent != Block::Parent::kOfOrigin) place.keyed = block.has_key;
    return place;
  }

  std::optional<BlockIndex> Find(Id id) const {
    const auto found = sections_.find(ToNumber(id.client));
    if (found == sections_.end()) return std::nullopt;
    const Update::Section* section = found->second;
    const std::span<const Block> blocks(update_.blocks.data() + section->begin,
                                        section->end - section->begin);
    const auto after = std::ranges::upper_bound(blocks, id.clock, {},
                                                [](const Block& block) { return block.id.clock; });
    if (after == blocks.begin() || std::prev(after)->end() <= id.clock) return std::nullopt;
    return section->begin + static_cast<std::size_t>(after - blocks.begin()) - 1;
  }

  std::size_t RootNamed(std::string_view name) {
    const auto [entry, added] = numbers_.try_emplace(std::string(name), roots_.size());
    if (added) roots_.push_back({.name = std::string(name)});
    return entry->second;
  }

  const Update& update_;
  std::vector<UpdateWeight::Root>& roots_;
  absl::flat_hash_map<std::uint64_t, const Update::Section*> sections_;
  StringMap<std::size_t> numbers_;
  std::vector<State> states_;
  std::vector<Place> places_;
};

std::size_t VarUintBytes(std::uint64_t number) {
  ByteWriter writer;
  writer.WriteVarUint(number);
  return writer.size();
}

// Of the block alone: the counts and the client around it are taken off.
std::size_t BytesOf(const Update& update, const Block& block) {
  UpdateBuilder builder;
  builder.Add(update, block);
  const std::size_t whole = std::move(builder).Finish({}).size();
  return whole - 3 - VarUintBytes(ToNumber(block.id.client)) - VarUintBytes(block.id.clock);
}

// How much of `range` is deleted. Requires: `ranges` is merged.
std::uint64_t DeletedIn(std::span<const IdRange> ranges, IdRange range) {
  std::uint64_t deleted = 0;
  auto first = std::ranges::upper_bound(ranges, range.clock, {}, &IdRange::end);
  for (; first != ranges.end() && first->clock < range.end(); ++first) {
    deleted += std::min(first->end(), range.end()) - std::max(first->clock, range.clock);
  }
  return deleted;
}

// What an element of a root says about the kind of the root, the stronger the larger.
int Evidence(const Block& block, const Place& place) {
  if (place.nested || block.kind == ContentKind::kDeleted) return 0;
  if (place.keyed) return 1;
  switch (block.kind) {
    case ContentKind::kString:
    case ContentKind::kFormat:
    case ContentKind::kEmbed:
      return 4;
    case ContentKind::kType: {
      const bool is_node = block.type == TypeKind::kXmlElement ||
                           block.type == TypeKind::kXmlText || block.type == TypeKind::kXmlHook;
      return is_node ? 3 : 2;
    }
    default:
      return 2;
  }
}

TypeKind KindOf(int evidence) {
  constexpr TypeKind kKinds[] = {TypeKind::kUndefined, TypeKind::kMap, TypeKind::kArray,
                                 TypeKind::kXmlFragment, TypeKind::kText};
  return kKinds[evidence];
}

void Add(UpdateWeight::Share& share, const UpdateWeight::Share& more) {
  share.bytes += more.bytes;
  share.blocks += more.blocks;
  share.elements += more.elements;
  share.deleted += more.deleted;
}

}  // namespace

absl::StatusOr<UpdateWeight> WeighUpdate(ByteView bytes, UpdateFormat format,
                                         const DecodeLimits& limits) {
  const absl::StatusOr<Update> decoded = DecodeUpdate(bytes, limits, format);
  if (!decoded.ok()) return decoded.status();
  const Update& update = *decoded;
  UpdateWeight weight{.bytes = bytes.size()};
  ByteWriter deletes;
  WriteDeleteSet(deletes, update.deletes);
  weight.delete_set_bytes = deletes.size();

  Places places(update, weight.roots);
  std::vector<int> evidence;
  for (const Update::Section& section : update.sections) {
    const auto& deleting = update.deletes.clients();
    const auto ranges =
        std::ranges::lower_bound(deleting, section.client, {}, &DeleteSet::ClientRanges::client);
    UpdateWeight::Client client{.id = section.client};
    for (BlockIndex i = section.begin; i < section.end; ++i) {
      const Block& block = update.blocks[i];
      if (block.kind == ContentKind::kSkip) continue;
      const bool gone = block.kind == ContentKind::kGc || block.kind == ContentKind::kDeleted;
      UpdateWeight::Share share{
          .bytes = BytesOf(update, block), .blocks = 1, .elements = block.length};
      if (gone) {
        share.deleted = block.length;
      } else if (ranges != deleting.end() && ranges->client == section.client) {
        share.deleted = DeletedIn(ranges->ranges, {block.id.clock, block.length});
      }
      const Place place = places.Of(i);
      evidence.resize(weight.roots.size());
      if (place.root == Place::kUnknown) {
        Add(weight.elsewhere, share);
      } else {
        Add(weight.roots[place.root].share, share);
        evidence[place.root] = std::max(evidence[place.root], Evidence(block, place));
      }
      if (gone) Add(weight.tombstones, share);
      Add(client.share, share);
    }
    weight.clients.push_back(std::move(client));
  }
  for (std::size_t i = 0; i < weight.roots.size(); ++i) weight.roots[i].kind = KindOf(evidence[i]);
  const auto size = [](const auto& entry) { return entry.share.bytes; };
  std::ranges::stable_sort(weight.roots, std::greater(), size);
  std::ranges::stable_sort(weight.clients, std::greater(), size);
  return weight;
}

}  // namespace weft::crdt
