#pragma once

// The nodes a document is made of, in 48 bytes each.
//
// An Item covers a range of one client's clocks. Blocks of all clients live in one pool and name
// each other by 32-bit references: half the size of pointers, and stable while the pool grows.
//
// Limits that follow from the packing: clocks below 2^40, 2^24 clients, 2^28 - 1 blocks and
// 2^30 - 1 types a document.
// Blocks past the first stay pending, an update past one of the others is refused
// (crdt/apply_update.cc).

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "crdt/base/allocated.h"
#include "crdt/base/check.h"
#include "crdt/id.h"

namespace weft::crdt::internal {

// Names a block in its document's pool; kNoItem is none.
using ItemRef = std::uint32_t;
inline constexpr ItemRef kNoItem = 0;
inline constexpr unsigned kItemRefBits = 28;
inline constexpr std::size_t kMaxBlocks = (std::size_t{1} << kItemRefBits) - 1;

// Names a type (type_node.h); kNoType is none.
using TypeRef = std::uint32_t;
inline constexpr TypeRef kNoType = 0;

// Names a string of the document's key table; kNoKey is none.
using KeyRef = std::uint32_t;
inline constexpr KeyRef kNoKey = 0;

// The place of a client in the document's client table, in order of first appearance.
using ClientIndex = std::uint32_t;

inline constexpr unsigned kClockBits = 40;
inline constexpr Clock kClockEnd = Clock{1} << kClockBits;
inline constexpr std::size_t kMaxClients = (std::size_t{1} << 24) - 1;

// An Id whose client is an index into the client table. Equality is one comparison.
struct PackedId {
  std::uint64_t bits = ~std::uint64_t{0};

  static PackedId Make(ClientIndex client, Clock clock) {
    DCHECK(clock < kClockEnd);
    return {static_cast<std::uint64_t>(client) << kClockBits | clock};
  }
  bool has_value() const { return bits != ~std::uint64_t{0}; }
  ClientIndex client() const { return static_cast<ClientIndex>(bits >> kClockBits); }
  Clock clock() const { return bits & (kClockEnd - 1); }
  // The id `count` elements later.
  PackedId Plus(Clock count) const { return {bits + count}; }

  friend bool operator==(PackedId, PackedId) = default;
};

// What a block holds. The numbers are those of the format.
enum class ContentKind : std::uint8_t {
  kGc = 0,
  kDeleted = 1,
  kJson = 2,
  kBinary = 3,
  kString = 4,
  kEmbed = 5,
  kFormat = 6,
  kType = 7,
  kAny = 8,
  kDoc = 9,
  kSkip = 10,  // a hole: the blocks are elsewhere, or have not come yet
};

// Whether content of this kind takes up positions of a sequence.
constexpr bool IsCountable(ContentKind kind) {
  return kind != ContentKind::kGc && kind != ContentKind::kDeleted &&
         kind != ContentKind::kFormat && kind != ContentKind::kSkip;
}

struct Item {
  PackedId id;            // of the first element; covers [clock, clock + length)
  PackedId origin;        // left neighbour at insertion
  PackedId right_origin;  // right neighbour at insertion
  // Neighbours now, deleted ones included; of a keyed item the one that it replaced and the one that
  // replaced it.
  ItemRef left : kItemRefBits = kNoItem;
  ContentKind kind : 4 = ContentKind::kGc;
  ItemRef right : kItemRefBits = kNoItem;
  bool wide : 1 = false;    // kString: two bytes a unit instead of one
  bool free : 1 = false;    // not in use
  bool keep : 1 = false;    // an UndoManager may want it back: not to be collected
  bool redone : 1 = false;  // was brought back as another item (DocCore::redone_)
  TypeRef parent : 30 = kNoType;
  bool deleted : 1 = false;
  bool keyed : 1 = false;     // an entry of a map or an attribute, and no part of the sequence
  std::uint32_t content = 0;  // kString: byte offset in the client's TextBuffer; kGc, kSkip and
      // kDeleted: what its length has above 32 bits; else a ContentStore slot

 private:
  std::uint32_t length_low_ = 0;
  std::uint32_t place_ = 0;  // keyed: the key; else the leaf of the parent's SequenceIndex, if any

 public:
  Clock length() const {
    const std::uint32_t has_high = kLengthKinds >> static_cast<unsigned>(kind) & 1;
    return static_cast<Clock>(content & (0 - has_high)) << 32 | length_low_;
  }
  // Call it when `kind` is set.
  void set_length(Clock length) {
    DCHECK(length < kClockEnd);
    length_low_ = static_cast<std::uint32_t>(length);
    if ((kLengthKinds >> static_cast<unsigned>(kind) & 1) != 0) {
      content = static_cast<std::uint32_t>(length >> 32);
    } else {
      DCHECK(length <= kMaxRun);
    }
  }
  Clock clock() const { return id.clock(); }
  Clock end() const { return id.clock() + length(); }
  PackedId last_id() const { return id.Plus(length() - 1); }

  KeyRef key() const { return keyed ? place_ : kNoKey; }
  void set_key(KeyRef key) {
    keyed = key != kNoKey;
    place_ = key;
  }
  // Requires: not keyed.
  std::uint32_t leaf() const { return place_; }
  void set_leaf(std::uint32_t leaf) {
    DCHECK(!keyed);
    place_ = leaf;
  }

  // What an item of text or values covers at most.
  static constexpr Clock kMaxRun = 0xffffffff;
  // Requires: kString.
  std::uint32_t run_units() const { return length_low_; }

  // Nothing is here: it was collected, or it is a hole of a document that integrates around holes.
  bool is_gc() const { return kind == ContentKind::kGc || kind == ContentKind::kSkip; }
  bool is_hole() const { return kind == ContentKind::kSkip; }
  bool countable() const { return IsCountable(kind); }
  bool visible() const { return !deleted && countable(); }
  // Positions that this item takes up in its sequence.
  std::uint32_t visible_length() const { return visible() ? length_low_ : 0; }

 private:
  // Kinds without content, which may be longer than 32 bits can tell.
  static constexpr std::uint32_t kLengthKinds = 1u << static_cast<unsigned>(ContentKind::kGc) |
                                                1u << static_cast<unsigned>(ContentKind::kDeleted) |
                                                1u << static_cast<unsigned>(ContentKind::kSkip);
};
static_assert(sizeof(Item) == 48 && std::is_trivially_destructible_v<Item>);

// Owns the blocks of one document. References stay valid until freed, addresses too.
class ItemPool {
 public:
  ItemPool() = default;
  ItemPool(ItemPool&& other) noexcept { *this = std::move(other); }
  ItemPool& operator=(ItemPool&& other) noexcept {
    std::swap(slabs_, other.slabs_);
    std::swap(pieces_, other.pieces_);
    std::swap(next_, other.next_);
    std::swap(free_, other.free_);
    std::swap(expected_, other.expected_);
    return *this;
  }
  ~ItemPool();

  // About so many more will be added: memory for them is taken in large pieces. A claim costs
  // nothing by itself.
  void Expect(std::size_t count) {
    expected_ = std::max<std::size_t>(expected_, next_) + std::min(count, kMaxBlocks);
  }

  ItemRef Allocate() { return Allocate(Item{}); }
  // Takes a copy.
  ItemRef Allocate(const Item& item) {
    if (free_ == kNoItem) return Add(item);
    const ItemRef ref = free_;
    free_ = At(ref).right;
    At(ref) = item;
    return ref;
  }

  // The same. Requires: nothing freed is waiting to be used again.
  ItemRef Add(const Item& item) {
    DCHECK(free_ == kNoItem);
    if (next_ >> kSlabBits == slabs_.size()) [[unlikely]]
      AddSlabs();
    new (Place(next_)) Item(item);
    return next_++;
  }

  void Free(ItemRef ref) {
    Item& item = At(ref);
    item = Item{};
    item.free = true;
    item.right = free_;
    free_ = ref;
  }

  Item& At(ItemRef ref) {
    DCHECK(ref != kNoItem && ref < next_);
    return *std::launder(reinterpret_cast<Item*>(Place(ref)));
  }
  const Item& At(ItemRef ref) const {
    DCHECK(ref != kNoItem && ref < next_);
    return *std::launder(reinterpret_cast<const Item*>(Place(ref)));
  }

  // The references given out so far, at most.
  std::size_t size() const { return next_; }
  std::size_t bytes() const;

 private:
  // 64 items: small enough for a server that holds many small documents.
  static constexpr unsigned kSlabBits = 6;
  static constexpr ItemRef kSlabMask = (1u << kSlabBits) - 1;
  static constexpr std::size_t kSlabBytes = sizeof(Item) << kSlabBits;
  // 12 MiB: so much of a piece stays unused at most.
  static constexpr std::size_t kMostSlabs = 4096;
  // Slabs that were allocated together.
  struct Piece {
    std::uint32_t first;
    std::uint32_t count;
  };

  void AddSlabs();
  // Calls `visit` with the number of each piece's first slab and how many it has.
  template <typename Visit>
  void ForEachPiece(const Visit& visit) const {
    auto piece = pieces_.begin();
    for (std::size_t slab = 0; slab < slabs_.size();) {
      const bool is_piece = piece != pieces_.end() && piece->first == slab;
      const std::size_t count = is_piece ? (piece++)->count : 1;
      visit(slab, count);
      slab += count;
    }
  }
  std::byte* Place(ItemRef ref) const {
    return slabs_[ref >> kSlabBits] + (ref & kSlabMask) * sizeof(Item);
  }

  std::vector<std::byte*> slabs_;  // room for items, which are made one by one
  std::vector<Piece> pieces_;      // of more than one slab, ascending
  ItemRef next_ = 1;               // 0 is kNoItem; its place in the first slab stays unused
  ItemRef free_ = kNoItem;
  std::size_t expected_ = 0;  // what `next_` will come to, as far as somebody has told
};

}  // namespace weft::crdt::internal
