#pragma once

// From a position to the item that stands there, and back, in O(log n).
//
// A B+-tree over the items of one sequence in document order, deleted ones included, with the
// visible length under each node, and where there are formatting marks. An item knows its leaf
// (Item::leaf), so that a change costs one walk up. It is built when a type is first asked by
// position, and kept from then on: documents that are only loaded, relayed and saved never pay for
// it.
//
// What the marks under a node do to the attributes in force is worked out when it is asked for, and
// forgotten when one of them comes or goes: texts without formatting pay a word a node.
//
// Invariants: leaves hold the sequence in order; sums and mark bits are exact; what is remembered
// of marks is true; all leaves have one depth.
// Threads: one. Source: a counted B+-tree; see README.md for what was weighed against it.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "crdt/attribute_map.h"
#include "crdt/content_store.h"
#include "crdt/item.h"
#include "crdt/mark_effect.h"

namespace weft::crdt::internal {

class SequenceIndex {
 public:
  // Indexes the items from `start` on, following Item::right.
  SequenceIndex(ItemPool& pool, ItemRef start);

  // Visible positions.
  std::uint64_t length() const { return nodes_[root_].total; }

  // Where a position falls.
  struct Place {
    ItemRef item = kNoItem;    // the visible item that covers the position; none at the very end
    std::uint32_t offset = 0;  // positions into it
  };
  // Requires: position <= length(). O(1) in the leaf of the last answer.
  Place Find(std::uint64_t position) const;

  // The visible item that ends at `position` or covers the position before it, and how far
  // `position` reaches into it. Requires: 0 < position <= length().
  Place FindBefore(std::uint64_t position) const;

  // The last item, visible or not; none of an empty sequence.
  ItemRef last() const;

  // Visible positions before `item`.
  std::uint64_t PositionOf(ItemRef item) const;

  // The nearest item behind `item`, or before it, that is not deleted; kNoItem of none.
  ItemRef NextLive(ItemRef item) const;
  ItemRef PreviousLive(ItemRef item) const;

  // The attributes in force right behind `item`. `contents` holds what the marks say.
  AttributeMap AttributesBehind(ItemRef item, const ContentStore& contents);

  // `item` was linked behind `left` (kNoItem: at the front).
  void Insert(ItemRef left, ItemRef item);

  // `item` is about to be unlinked.
  void Remove(ItemRef item);

  // The visible length of `item` changed, or it was deleted.
  void Update(ItemRef item);

  absl::Status Validate(ItemRef start) const;

  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kFanout = 32;
  static constexpr std::uint32_t kNone = 0;

  // A leaf holds items and their visible lengths, an inner node children and their totals.
  struct Node {
    std::uint64_t total = 0;
    std::uint32_t parent = kNone;
    std::uint16_t count = 0;
    bool leaf = true;
    std::uint32_t marks = 0;  // a bit a slot: there are marks in force, or it is one
    std::uint32_t refs[kFanout];
    std::uint64_t sums[kFanout];
  };

  std::uint32_t NewNode(bool leaf);
  std::uint32_t SlotOf(const Node& node, std::uint32_t ref) const;
  // Adds to the totals of `node` and of all above it.
  void Propagate(std::uint32_t node, std::uint64_t delta);
  // Puts an entry into a node that has room; totals are the caller's.
  void InsertInto(std::uint32_t node, std::uint32_t slot, std::uint32_t ref, std::uint64_t sum);
  // Moves all but the first `keep` entries of a full node to a new neighbour. Its parents are split
  // first where they are full: the depth of the tree bounds the recursion.
  void Split(std::uint32_t node, std::uint32_t keep);
  // Makes the entries of a node name it as theirs.
  void Adopt(std::uint32_t node);
  std::uint32_t FirstLeaf() const;
  static bool IsLive(const Node& node, std::uint32_t slot) {
    return node.sums[slot] > 0 || (node.marks >> slot & 1) != 0;
  }
  static void SetMarkBit(Node& node, std::uint32_t slot, bool on) {
    node.marks = (node.marks & ~(1u << slot)) | static_cast<std::uint32_t>(on) << slot;
  }
  // A mark of this leaf came or went.
  void MarksChanged(std::uint32_t leaf);
  // What the marks under a node do; worked out where it is not known. The depth of the tree bounds
  // the recursion.
  const MarkEffect& EffectOf(std::uint32_t node, const ContentStore& contents);
  // Calls `on_mark` or `on_effect` with what stands in the first `end` slots of a node, in order.
  template <typename OnMark, typename OnEffect>
  void ForEachEffect(std::uint32_t node, std::uint32_t end, const ContentStore& contents,
                     OnMark on_mark, OnEffect on_effect);
  void ForgetEffect(std::uint32_t node) {
    if (node < effects_.size()) effects_[node].reset();
  }

  ItemPool& pool_;
  std::vector<Node> nodes_;  // [0] is kNone, and empty
  std::vector<std::uint32_t> free_;
  std::vector<std::unique_ptr<MarkEffect>> effects_;  // by node, of those that are known
  std::uint32_t root_ = kNone;
  // The leaf where a position was found last, and the positions before it: edits come near each other,
  // and one edit asks more than once. kNone when what stands before it may have changed.
  mutable std::uint32_t near_leaf_ = kNone;
  mutable std::uint64_t near_begin_ = 0;
};

}  // namespace weft::crdt::internal
