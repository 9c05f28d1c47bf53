#include "crdt/sequence_index.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <tuple>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "absl/strings/str_cat.h"

namespace weft::crdt::internal {

namespace {

bool IsMark(const Item& item) { return item.kind == ContentKind::kFormat && !item.deleted; }

// Where `value` stands first; the size when it does not.
template <std::size_t kSize>
std::uint32_t FirstEqual(const std::uint32_t (&values)[kSize], std::uint32_t value) {
#ifdef __SSE2__
  // Sixteen at once: where in a node an item stands cannot be foretold.
  static_assert(kSize % 16 == 0);
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(value));
  for (std::uint32_t i = 0; i < kSize; i += 16) {
    const auto equal = [&](std::uint32_t at) {
      const auto* four = reinterpret_cast<const __m128i*>(&values[i + at]);
      return _mm_cmpeq_epi32(_mm_loadu_si128(four), wanted);
    };
    const __m128i bytes =
        _mm_packs_epi16(_mm_packs_epi32(equal(0), equal(4)), _mm_packs_epi32(equal(8), equal(12)));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (found != 0) return i + static_cast<std::uint32_t>(std::countr_zero(found));
  }
  return kSize;
#else
  return static_cast<std::uint32_t>(std::ranges::find(values, value) - values);
#endif
}

}  // namespace

SequenceIndex::SequenceIndex(ItemPool& pool, ItemRef start) : pool_(pool) {
  nodes_.emplace_back();  // kNone
  // Leaves are filled to three quarters, level by level.
  constexpr std::uint32_t kFill = kFanout * 3 / 4;
  std::vector<std::uint32_t> level{NewNode(true)};
  for (ItemRef ref = start; ref != kNoItem; ref = pool_.At(ref).right) {
    if (nodes_[level.back()].count == kFill) level.push_back(NewNode(true));
    Node& leaf = nodes_[level.back()];
    Item& item = pool_.At(ref);
    item.set_leaf(level.back());
    leaf.refs[leaf.count] = ref;
    SetMarkBit(leaf, leaf.count, IsMark(item));
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
      SetMarkBit(node, node.count, nodes_[child].marks != 0);
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
    ForgetEffect(index);
  }
  nodes_[index].leaf = leaf;
  return index;
}

SequenceIndex::Place SequenceIndex::Find(std::uint64_t position) const {
  DCHECK(position <= length());
  if (position == length()) return {};
  std::uint64_t rest = position - near_begin_;  // before it: more than any leaf holds
  const Node* node = &nodes_[near_leaf_];
  if (rest >= node->total) {
    rest = position;
    std::uint32_t index = root_;
    for (node = &nodes_[root_]; !node->leaf; node = &nodes_[index]) {
      std::uint32_t slot = 0;
      while (rest >= node->sums[slot]) rest -= node->sums[slot++];
      DCHECK(slot < node->count);
      index = node->refs[slot];
    }
    near_leaf_ = index;
    near_begin_ = position - rest;
  }
  std::uint32_t slot = 0;
  while (rest >= node->sums[slot]) rest -= node->sums[slot++];
  DCHECK(slot < node->count);
  return {node->refs[slot], static_cast<std::uint32_t>(rest)};
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
  const std::uint32_t slot = FirstEqual(node.refs, ref);
  CHECK(slot < node.count && "an item is in the leaf that it names");
  return slot;
}

std::uint64_t SequenceIndex::PositionOf(ItemRef item) const {
  std::uint64_t position = 0;
  std::uint32_t ref = item;
  for (std::uint32_t index = pool_.At(item).leaf(); index != kNone; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    for (std::uint32_t slot = 0; node.refs[slot] != ref; ++slot) position += node.sums[slot];
    ref = index;
  }
  return position;
}

void SequenceIndex::Propagate(std::uint32_t index, std::uint64_t delta) {
  if (index != near_leaf_) near_leaf_ = kNone;
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
    const std::uint32_t leaf = pool_.At(left).leaf();
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
  pool_.At(item).set_leaf(leaf);
  if (length > 0) Propagate(leaf, length);
  if (IsMark(pool_.At(item))) {
    SetMarkBit(nodes_[leaf], slot, true);
    MarksChanged(leaf);
  }
}

void SequenceIndex::InsertInto(std::uint32_t index, std::uint32_t slot, std::uint32_t ref,
                               std::uint64_t sum) {
  Node& node = nodes_[index];
  DCHECK(node.count < kFanout && slot <= node.count);
  std::copy_backward(node.refs + slot, node.refs + node.count, node.refs + node.count + 1);
  std::copy_backward(node.sums + slot, node.sums + node.count, node.sums + node.count + 1);
  node.refs[slot] = ref;
  node.sums[slot] = sum;
  const std::uint32_t before = (1u << slot) - 1;
  node.marks = (node.marks & before) | (node.marks & ~before) << 1;
  ++node.count;
}

void SequenceIndex::Adopt(std::uint32_t index) {
  const Node& node = nodes_[index];
  for (std::uint32_t slot = 0; slot < node.count; ++slot) {
    if (node.leaf) {
      pool_.At(node.refs[slot]).set_leaf(index);
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
    SetMarkBit(nodes_[root_], 0, nodes_[index].marks != 0);
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
  tail.marks = node.marks >> keep;
  node.marks &= (1u << keep) - 1;
  ForgetEffect(index);
  for (std::uint32_t slot = 0; slot < tail.count; ++slot) tail.total += tail.sums[slot];
  node.total -= tail.total;
  Adopt(sibling);

  tail.parent = node.parent;
  Node& parent = nodes_[node.parent];
  const std::uint32_t slot = SlotOf(parent, index);
  parent.sums[slot] = node.total;
  InsertInto(node.parent, slot + 1, sibling, tail.total);
  SetMarkBit(parent, slot, node.marks != 0);
  SetMarkBit(parent, slot + 1, tail.marks != 0);
}

void SequenceIndex::Update(ItemRef ref) {
  const Item& item = pool_.At(ref);
  Node& leaf = nodes_[item.leaf()];
  const std::uint32_t slot = SlotOf(leaf, ref);
  if (const bool mark = IsMark(item); mark != ((leaf.marks >> slot & 1) != 0)) {
    SetMarkBit(leaf, slot, mark);
    MarksChanged(item.leaf());
  }
  std::uint64_t& length = leaf.sums[slot];
  const std::uint64_t delta = item.visible_length() - length;  // modulo 2^64 when it shrinks
  if (delta == 0) return;
  length = item.visible_length();
  Propagate(item.leaf(), delta);
}

void SequenceIndex::Remove(ItemRef ref) {
  const std::uint32_t leaf = pool_.At(ref).leaf();
  const std::uint32_t own_slot = SlotOf(nodes_[leaf], ref);
  const std::uint64_t length = nodes_[leaf].sums[own_slot];
  if (IsMark(pool_.At(ref))) {
    SetMarkBit(nodes_[leaf], own_slot, false);
    MarksChanged(leaf);
  }
  if (length > 0) Propagate(leaf, std::uint64_t{0} - length);
  near_leaf_ = kNone;  // it may be given up
  pool_.At(ref).set_leaf(kNone);
  std::uint32_t index = leaf;
  std::uint32_t entry = ref;
  while (true) {
    Node& node = nodes_[index];
    const std::uint32_t slot = SlotOf(node, entry);
    std::copy(node.refs + slot + 1, node.refs + node.count, node.refs + slot);
    std::copy(node.sums + slot + 1, node.sums + node.count, node.sums + slot);
    const std::uint32_t before = (1u << slot) - 1;
    node.marks = (node.marks & before) | (node.marks >> 1 & ~before);
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

ItemRef SequenceIndex::NextLive(ItemRef item) const {
  std::uint32_t ref = item;
  for (std::uint32_t index = pool_.At(item).leaf(); index != kNone; index = nodes_[index].parent) {
    const Node* node = &nodes_[index];
    for (std::uint32_t slot = SlotOf(*node, ref) + 1; slot < node->count; ++slot) {
      if (!IsLive(*node, slot)) continue;
      while (!node->leaf) {
        node = &nodes_[node->refs[slot]];
        slot = 0;
        while (!IsLive(*node, slot)) ++slot;
      }
      return node->refs[slot];
    }
    ref = index;
  }
  return kNoItem;
}

ItemRef SequenceIndex::PreviousLive(ItemRef item) const {
  std::uint32_t ref = item;
  for (std::uint32_t index = pool_.At(item).leaf(); index != kNone; index = nodes_[index].parent) {
    const Node* node = &nodes_[index];
    for (std::uint32_t slot = SlotOf(*node, ref); slot-- > 0;) {
      if (!IsLive(*node, slot)) continue;
      while (!node->leaf) {
        node = &nodes_[node->refs[slot]];
        slot = node->count - 1;
        while (!IsLive(*node, slot)) --slot;
      }
      return node->refs[slot];
    }
    ref = index;
  }
  return kNoItem;
}

void SequenceIndex::MarksChanged(std::uint32_t leaf) {
  for (std::uint32_t index = leaf;;) {
    ForgetEffect(index);
    const Node& node = nodes_[index];
    if (node.parent == kNone) return;
    Node& parent = nodes_[node.parent];
    SetMarkBit(parent, SlotOf(parent, index), node.marks != 0);
    index = node.parent;
  }
}

AttributeMap SequenceIndex::AttributesBehind(ItemRef item, const ContentStore& contents) {
  // From the root down to the leaf: what stands before the path, in order.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> path;  // a node, and how many of its slots
  std::uint32_t ref = item;
  for (std::uint32_t index = pool_.At(item).leaf(); index != kNone; index = nodes_[index].parent) {
    path.emplace_back(index, SlotOf(nodes_[index], ref) + (path.empty() ? 1 : 0));
    ref = index;
  }
  AttributeMap attributes;
  for (; !path.empty(); path.pop_back()) {
    ForEachEffect(
        path.back().first, path.back().second, contents,
        [&](const Format& mark) { attributes.Apply(mark); },
        [&](const MarkEffect& effect) { effect.ApplyTo(attributes); });
  }
  return attributes;
}

template <typename OnMark, typename OnEffect>
void SequenceIndex::ForEachEffect(std::uint32_t index, std::uint32_t end,
                                  const ContentStore& contents, OnMark on_mark,
                                  OnEffect on_effect) {
  const Node& node = nodes_[index];
  std::uint32_t marks = end < kFanout ? node.marks & ((1u << end) - 1) : node.marks;
  for (; marks != 0; marks &= marks - 1) {
    const std::uint32_t ref = node.refs[std::countr_zero(marks)];
    if (node.leaf) {
      on_mark(contents.format(pool_.At(ref).content));
    } else {
      on_effect(EffectOf(ref, contents));
    }
  }
}

const MarkEffect& SequenceIndex::EffectOf(std::uint32_t index, const ContentStore& contents) {
  if (index >= effects_.size()) effects_.resize(nodes_.size());
  if (effects_[index] == nullptr) {
    auto effect = std::make_unique<MarkEffect>();
    const auto add = [&](const auto& part) { effect->Add(part); };
    ForEachEffect(index, nodes_[index].count, contents, add, add);
    effect->Finish();
    effects_[index] = std::move(effect);
  }
  return *effects_[index];
}

std::size_t SequenceIndex::bytes() const {
  std::size_t bytes =
      Allocated(sizeof(*this)) + Allocated(nodes_) + Allocated(free_) + Allocated(effects_);
  for (const std::unique_ptr<MarkEffect>& effect : effects_) {
    if (effect != nullptr) bytes += Allocated(sizeof(*effect)) + effect->bytes();
  }
  return bytes;
}

absl::Status SequenceIndex::Validate(ItemRef start) const {
  ItemRef expected = start;
  // Depth first, in order: the children of each inner node stand on the stack in reverse.
  std::vector<std::uint32_t> stack{root_};
  std::uint64_t begin = 0;  // of the next leaf
  bool has_near_leaf = near_leaf_ == kNone;
  while (!stack.empty()) {
    const std::uint32_t index = stack.back();
    stack.pop_back();
    const Node& node = nodes_[index];
    if (node.leaf) {
      if (index == near_leaf_) {
        if (begin != near_begin_)
          return absl::InternalError("the leaf found last begins elsewhere");
        has_near_leaf = true;
      }
      begin += node.total;
    }
    if (node.count == 0 && index != root_) return absl::InternalError("an index node is empty");
    std::uint64_t total = 0;
    for (std::uint32_t slot = 0; slot < node.count; ++slot) {
      total += node.sums[slot];
      const std::uint32_t child = node.refs[node.count - 1 - slot];
      if (!node.leaf) {
        if (nodes_[child].parent != index)
          return absl::InternalError("an index node has lost its parent");
        if ((nodes_[child].marks != 0) != ((node.marks >> (node.count - 1 - slot) & 1) != 0)) {
          return absl::InternalError("an index node has lost sight of marks");
        }
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
      if (item.leaf() != index)
        return absl::InternalError("an item names another leaf than its own");
      if (item.visible_length() != node.sums[slot]) {
        return absl::InternalError(absl::StrCat("the index has a stale length for item ", ref));
      }
      if (IsMark(item) != ((node.marks >> slot & 1) != 0)) {
        return absl::InternalError(absl::StrCat("the index is wrong about a mark, item ", ref));
      }
      expected = item.right;
    }
    if (total != node.total) return absl::InternalError("an index node has a wrong total");
  }
  if (expected != kNoItem) return absl::InternalError("the index ends before the sequence");
  if (!has_near_leaf) return absl::InternalError("the leaf found last is gone");
  return absl::OkStatus();
}

}  // namespace weft::crdt::internal
