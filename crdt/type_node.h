#pragma once

// A shared type inside a document: a sequence of items, and entries by key. Every kind of type has
// both (an array's entries are never used, an XML element uses both).

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crdt/base/allocated.h"
#include "crdt/item.h"
#include "crdt/search_markers.h"
#include "crdt/sequence_index.h"
#include "crdt/type_kind.h"
#include "crdt/type_observers.h"

namespace weft::crdt::internal {

// For each key its newest item, in the order in which the keys first came.
class KeyedItems {
 public:
  // kNoItem when the key never had a value.
  ItemRef Find(KeyRef key) const {
    if (!places_.empty()) {
      const auto place = places_.find(key);
      return place == places_.end() ? kNoItem : entries_[place->second].second;
    }
    for (const auto& [entry_key, item] : entries_) {
      if (entry_key == key) return item;
    }
    return kNoItem;
  }

  void Set(KeyRef key, ItemRef item) {
    if (!places_.empty()) {
      const auto [place, added] =
          places_.try_emplace(key, static_cast<std::uint32_t>(entries_.size()));
      if (added) {
        entries_.emplace_back(key, item);
      } else {
        entries_[place->second].second = item;
      }
      return;
    }
    for (auto& [entry_key, entry_item] : entries_) {
      if (entry_key == key) {
        entry_item = item;
        return;
      }
    }
    entries_.emplace_back(key, item);
    if (entries_.size() <= kLinearSize) return;
    for (std::uint32_t i = 0; i < entries_.size(); ++i) places_.emplace(entries_[i].first, i);
  }

  void Clear() {
    entries_.clear();
    places_.clear();
  }

  const std::vector<std::pair<KeyRef, ItemRef>>& entries() const { return entries_; }
  std::size_t bytes() const { return Allocated(entries_) + Allocated(places_); }

 private:
  static constexpr std::size_t kLinearSize = 8;  // most maps are smaller: a scan beats a hash
  std::vector<std::pair<KeyRef, ItemRef>> entries_;
  absl::flat_hash_map<KeyRef, std::uint32_t> places_;  // filled past kLinearSize
};

struct TypeNode {
  TypeKind kind = TypeKind::kUndefined;
  bool alive = false;
  // Whether marks were ever integrated into the sequence; and whether they were since it has its
  // kind, which is all that Yjs remembers.
  bool holds_formats = false;
  bool has_formats = false;
  std::uint32_t generation = 0;  // counts the types that have used this slot, for handles
  ItemRef item = kNoItem;        // the item that holds this type; none for a root
  KeyRef name = kNoKey;          // of a root, an XML element or a hook
  ItemRef start = kNoItem;       // the first item of the sequence
  std::uint64_t length = 0;      // visible positions of the sequence
  KeyedItems entries;
  std::unique_ptr<SequenceIndex> index;  // once someone asked by position
  // Of a text that holds formats from before it had its kind (search_markers.h).
  std::unique_ptr<SearchMarkers> markers;
  std::unique_ptr<TypeObservers> observers;  // once someone observed it

  // Takes out everything, as if nothing had ever been in it.
  void Empty() {
    holds_formats = false;
    has_formats = false;
    start = kNoItem;
    length = 0;
    entries.Clear();
    index.reset();
    markers.reset();
  }
};

// Owns the types of a document. Addresses are stable.
class TypePool {
 public:
  TypePool() { Add(); }  // kNoType

  TypeRef Allocate(TypeKind kind, KeyRef name) {
    TypeRef ref;
    if (free_.empty()) {
      ref = Add();
    } else {
      ref = free_.back();
      free_.pop_back();
    }
    TypeNode& node = At(ref);
    node.kind = kind;
    node.name = name;
    node.alive = true;
    return ref;
  }

  void Free(TypeRef ref) {
    const std::uint32_t generation = At(ref).generation;
    At(ref) = TypeNode{};
    At(ref).generation = generation + 1;
    free_.push_back(ref);
  }

  // Keeps the first `count` types and takes all out of them. Requires: none was ever freed but by what
  // was done since there were no more.
  void Empty(std::size_t count) {
    for (; size_ > count + 1; --size_) At(size_ - 1) = TypeNode{};
    slabs_.resize((size_ + kSlabMask) >> kSlabBits);
    free_.clear();
    for (TypeRef ref = 0; ref < size_; ++ref) At(ref).Empty();
  }

  TypeNode& At(TypeRef ref) {
    DCHECK(ref < size_);
    return (*slabs_[ref >> kSlabBits])[ref & kSlabMask];
  }
  const TypeNode& At(TypeRef ref) const {
    DCHECK(ref < size_);
    return (*slabs_[ref >> kSlabBits])[ref & kSlabMask];
  }
  std::size_t size() const { return size_; }
  std::size_t table_bytes() const {
    return slabs_.size() * Allocated(sizeof(Slab)) + Allocated(slabs_) + Allocated(free_);
  }

 private:
  // Four types: most documents have a few.
  static constexpr unsigned kSlabBits = 2;
  static constexpr TypeRef kSlabMask = (1u << kSlabBits) - 1;
  using Slab = std::array<TypeNode, 1u << kSlabBits>;

  TypeRef Add() {
    if ((size_ & kSlabMask) == 0) slabs_.push_back(std::make_unique<Slab>());
    return size_++;
  }

  std::vector<std::unique_ptr<Slab>> slabs_;
  TypeRef size_ = 0;
  std::vector<TypeRef> free_;
};

}  // namespace weft::crdt::internal
