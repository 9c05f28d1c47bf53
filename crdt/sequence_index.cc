#include "crdt/sequence_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::crdt::internal {

SequenceIndex::SequenceIndex(ItemPool& pool, ItemRef start) : pool_(pool) {
  nodes_.emplace_back();  // kNone
  // Leaves are filled to three quarters, level by level.
  constexpr std::uint32_t kFill = kFanout * 3 / 4;
  std::vector<std::uint32_t> level{NewNode(true)};
  for (ItemRef ref = start; ref != kNoItem; ref = pool_.At(ref).right) {
    if (nodes_[level.back()].count == kFill) level.push_back(NewNode(true));
    Node& leaf = nodes_[level.back()];
    Item& item = pool_.At(ref);
    item.leaf = level.back();
    leaf.refs[leaf.count] = ref;
    leaf.sums[leaf.count++] = item.visible_length();
    leaf.total += item.visible_length();
  }
  while (level.size() > 1) {
    std::vector<std::uint32_t> above;
    for (const std::uint32_t child : level) {
      if (above.empty() || nodes_[above.back()].count == kFill) above.push_back(NewNode(false));
      Node& node = nodes_[above.back()];
      nodes_[child].parent = above.back();
      node.refs[node.count] = child;
      node.sums[node.count++] = nodes_[child].total;
      node.total += nodes_[child].total;
    }
    level = std::move(above);
  }
  root_ = level.front();
}

std::uint32_t SequenceIndex::NewNode(bool leaf) {
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    nodes_[index] = Node{};
  }
  nodes_[index].leaf = leaf;
  return index;
}

SequenceIndex::Place SequenceIndex::Find(std::uint64_t position) const {
  DCHECK(position <= length());
  if (position == length()) return {};
  const Node* node = &nodes_[root_];
  while (true) {
    std::uint32_t slot = 0;
    while (position >= node->sums[slot]) position -= node->sums[slot++];
    DCHECK(slot < node->count);
    if (node->leaf) return {node->refs[slot], static_cast<std::uint32_t>(position)};
    node = &nodes_[node->refs[slot]];
  }
}

SequenceIndex::Place SequenceIndex::FindBefore(std::uint64_t position) const {
  Place place = Find(position - 1);
  ++place.offset;
  return place;
}

ItemRef SequenceIndex::last() const {
  const Node* node = &nodes_[root_];
  if (node->count == 0) return kNoItem;
  while (!node->leaf) node = &nodes_[node->refs[node->count - 1]];
  return node->refs[node->count - 1];
}

std::uint32_t SequenceIndex::SlotOf(const Node& node, std::uint32_t ref) const {
  for (std::uint32_t slot = 0; slot < node.count; ++slot) {
    if (node.refs[slot] == ref) return slot;
  }
  CHECK(false && "an item is in the leaf that it names");
}

std::uint64_t SequenceIndex::PositionOf(ItemRef item) const {
  std::uint64_t position = 0;
  std::uint32_t ref = item;
  for (std::uint32_t index = pool_.At(item).leaf; index != kNone; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    for (std::uint32_t slot = 0; node.refs[slot] != ref; ++slot) position += node.sums[slot];
    ref = index;
  }
  return position;
}

void SequenceIndex::Propagate(std::uint32_t index, std::uint64_t delta) {
  while (true) {
    Node& node = nodes_[index];
    node.total += delta;
    if (node.parent == kNone) return;
    Node& parent = nodes_[node.parent];
    parent.sums[SlotOf(parent, index)] += delta;
    index = node.parent;
  }
}

std::uint32_t SequenceIndex::FirstLeaf() const {
  std::uint32_t index = root_;
  while (!nodes_[index].leaf) index = nodes_[index].refs[0];
  return index;
}

void SequenceIndex::Insert(ItemRef left, ItemRef item) {
  const auto place = [&]() -> std::pair<std::uint32_t, std::uint32_t> {
    if (left == kNoItem) return {FirstLeaf(), 0};
    const std::uint32_t leaf = pool_.At(left).leaf;
    return {leaf, SlotOf(nodes_[leaf], left) + 1};
  };
  auto [leaf, slot] = place();
  if (nodes_[leaf].count == kFanout) {
    // Typing appends at the far end: there the full node stays nearly full.
    Split(leaf, slot == kFanout ? kFanout - 1 : kFanout / 2);
    std::tie(leaf, slot) = place();
  }
  const std::uint64_t length = pool_.At(item).visible_length();
  InsertInto(leaf, slot, item, length);
  pool_.At(item).leaf = leaf;
  if (length > 0) Propagate(leaf, length);
}

void SequenceIndex::InsertInto(std::uint32_t index, std::uint32_t slot, std::uint32_t ref,
                               std::uint64_t sum) {
  Node& node = nodes_[index];
  DCHECK(node.count < kFanout && slot <= node.count);
  std::copy_backward(node.refs + slot, node.refs + node.count, node.refs + node.count + 1);
  std::copy_backward(node.sums + slot, node.sums + node.count, node.sums + node.count + 1);
  node.refs[slot] = ref;
  node.sums[slot] = sum;
  ++node.count;
}

void SequenceIndex::Adopt(std::uint32_t index) {
  const Node& node = nodes_[index];
  for (std::uint32_t slot = 0; slot < node.count; ++slot) {
    if (node.leaf) {
      pool_.At(node.refs[slot]).leaf = index;
    } else {
      nodes_[node.refs[slot]].parent = index;
    }
  }
}

void SequenceIndex::Split(std::uint32_t index, std::uint32_t keep) {
  if (nodes_[index].parent == kNone) {
    root_ = NewNode(false);
    nodes_[index].parent = root_;
    nodes_[root_].total = nodes_[index].total;
    InsertInto(root_, 0, index, nodes_[index].total);
  } else if (nodes_[nodes_[index].parent].count == kFanout) {
    Split(nodes_[index].parent, kFanout / 2);
  }
  const std::uint32_t sibling = NewNode(nodes_[index].leaf);
  Node& node = nodes_[index];
  Node& tail = nodes_[sibling];
  tail.count = static_cast<std::uint16_t>(node.count - keep);
  std::copy(node.refs + keep, node.refs + node.count, tail.refs);
  std::copy(node.sums + keep, node.sums + node.count, tail.sums);
  node.count = static_cast<std::uint16_t>(keep);
  for (std::uint32_t slot = 0; slot < tail.count; ++slot) tail.total += tail.sums[slot];
  node.total -= tail.total;
  Adopt(sibling);

  tail.parent = node.parent;
  Node& parent = nodes_[node.parent];
  const std::uint32_t slot = SlotOf(parent, index);
  parent.sums[slot] = node.total;
  InsertInto(node.parent, slot + 1, sibling, tail.total);
}

void SequenceIndex::Update(ItemRef ref) {
  const Item& item = pool_.At(ref);
  Node& leaf = nodes_[item.leaf];
  std::uint64_t& length = leaf.sums[SlotOf(leaf, ref)];
  const std::uint64_t delta = item.visible_length() - length;  // modulo 2^64 when it shrinks
  if (delta == 0) return;
  length = item.visible_length();
  Propagate(item.leaf, delta);
}

void SequenceIndex::Remove(ItemRef ref) {
  const std::uint32_t leaf = pool_.At(ref).leaf;
  const std::uint64_t length = nodes_[leaf].sums[SlotOf(nodes_[leaf], ref)];
  if (length > 0) Propagate(leaf, std::uint64_t{0} - length);
  pool_.At(ref).leaf = kNone;
  std::uint32_t index = leaf;
  std::uint32_t entry = ref;
  while (true) {
    Node& node = nodes_[index];
    const std::uint32_t slot = SlotOf(node, entry);
    std::copy(node.refs + slot + 1, node.refs + node.count, node.refs + slot);
    std::copy(node.sums + slot + 1, node.sums + node.count, node.sums + slot);
    --node.count;
    if (node.count > 0 || node.parent == kNone) break;
    entry = index;
    index = node.parent;
    free_.push_back(entry);
  }
  // An inner root without children becomes an empty leaf; one with a single child gives way to it.
  if (nodes_[root_].count == 0) nodes_[root_].leaf = true;
  while (!nodes_[root_].leaf && nodes_[root_].count == 1) {
    free_.push_back(root_);
    root_ = nodes_[root_].refs[0];
    nodes_[root_].parent = kNone;
  }
}

absl::Status SequenceIndex::Validate(ItemRef start) const {
  ItemRef expected = start;
  // Depth first, in order: the children of each inner node stand on the stack in reverse.
  std::vector<std::uint32_t> stack{root_};
  while (!stack.empty()) {
    const std::uint32_t index = stack.back();
    stack.pop_back();
    const Node& node = nodes_[index];
    if (node.count == 0 && index != root_) return absl::InternalError("an index node is empty");
    std::uint64_t total = 0;
    for (std::uint32_t slot = 0; slot < node.count; ++slot) {
      total += node.sums[slot];
      const std::uint32_t child = node.refs[node.count - 1 - slot];
      if (!node.leaf) {
        if (nodes_[child].parent != index)
          return absl::InternalError("an index node has lost its parent");
        if (nodes_[child].total != node.sums[node.count - 1 - slot]) {
          return absl::InternalError("an index node has a wrong sum");
        }
        stack.push_back(child);
        continue;
      }
      const ItemRef ref = node.refs[slot];
      if (ref != expected) {
        return absl::InternalError(
            absl::StrCat("the index has item ", ref, " where the sequence has ", expected));
      }
      const Item& item = pool_.At(ref);
      if (item.leaf != index) return absl::InternalError("an item names another leaf than its own");
      if (item.visible_length() != node.sums[slot]) {
        return absl::InternalError(absl::StrCat("the index has a stale length for item ", ref));
      }
      expected = item.right;
    }
    if (total != node.total) return absl::InternalError("an index node has a wrong total");
  }
  if (expected != kNoItem) return absl::InternalError("the index ends before the sequence");
  return absl::OkStatus();
}

}  // namespace weft::crdt::internal
