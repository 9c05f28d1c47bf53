#pragma once

// Where many replicas have inserted at one place, the order of their items by client.
//
// Items of one parent and key with one origin and one right origin are a group: they stand in the
// order of their clients, each followed by what was inserted behind it. A new member goes right in
// front of the next larger client's. Without this each insertion walks over all smaller ones: 10,000
// replicas at one place would take 50 million steps.
//
// A group is made when a walk was long, from all items behind the origin, and only if a walk for any
// client would pass all smaller members and stop at the first larger one. It names its members by
// id, since blocks are split and joined; who asks checks what an id leads to, and gives the group up
// when it is no such member any more. Threads: one.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "crdt/base/allocated.h"
#include "crdt/item.h"

namespace weft::crdt::internal {

class ConflictGroups {
 public:
  struct Place {
    TypeRef parent = kNoType;
    KeyRef key = kNoKey;
    PackedId origin;

    friend bool operator==(const Place&, const Place&) = default;
    template <typename Hash>
    friend Hash AbslHashValue(Hash hash, const Place& place) {
      return Hash::combine(std::move(hash), place.parent, place.key, place.origin.bits);
    }
  };
  struct Group {
    PackedId right_origin;
    absl::btree_map<std::uint64_t, PackedId> members;  // the first element of each, by client
    bool usable = true;  // false: what stands there is no group, and need not be looked at again
  };

  bool empty() const { return groups_.empty(); }
  // About: nodes of a B-tree are two thirds full.
  std::size_t bytes() const {
    std::size_t bytes = Allocated(groups_) + Allocated(origins_);
    for (const auto& [place, group] : groups_) {
      bytes += group.members.size() * sizeof(*group.members.begin()) * 3 / 2;
    }
    return bytes;
  }
  // Null when there is none.
  Group* Find(const Place& place) {
    if (!MayHave(place)) return nullptr;
    const auto found = groups_.find(place);
    return found == groups_.end() ? nullptr : &found->second;
  }
  void Put(const Place& place, Group group) {
    if (origins_.empty()) origins_.resize(kOriginBits / kWordBits);
    const std::uint64_t bit = BitOf(place);
    origins_[bit / kWordBits] |= std::uint64_t{1} << bit % kWordBits;
    groups_.insert_or_assign(place, std::move(group));
  }
  void Drop(const Place& place) {
    if (MayHave(place)) groups_.erase(place);
  }

 private:
  // Most places that are asked for have no group.
  static constexpr std::uint64_t kOriginBits = 1024;
  static constexpr std::uint64_t kWordBits = 64;
  static std::uint64_t BitOf(const Place& place) {
    return place.origin.bits * 0x9e3779b97f4a7c15 >> 54;  // multiplicative hashing, Knuth 6.4
  }
  bool MayHave(const Place& place) const {
    if (groups_.empty()) return false;
    const std::uint64_t bit = BitOf(place);
    return (origins_[bit / kWordBits] >> bit % kWordBits & 1) != 0;
  }

  absl::flat_hash_map<Place, Group> groups_;
  std::vector<std::uint64_t>
      origins_;  // a bit for each origin that had a group, and for some others
};

}  // namespace weft::crdt::internal
