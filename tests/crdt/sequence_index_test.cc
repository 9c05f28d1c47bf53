#include "crdt/sequence_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace weft::crdt::internal {
namespace {

// A sequence of items, linked as a document links them, beside the plain list of their references.
class Sequence {
 public:
  ItemPool& pool() { return pool_; }
  ContentStore& contents() { return contents_; }
  const std::vector<ItemRef>& refs() const { return refs_; }
  ItemRef start() const { return refs_.empty() ? kNoItem : refs_.front(); }

  ItemRef Insert(std::size_t place, Clock length) {
    const ItemRef ref = pool_.Allocate();
    Item& item = pool_.At(ref);
    item.kind = ContentKind::kString;
    item.set_length(length);
    item.left = place == 0 ? kNoItem : refs_[place - 1];
    item.right = place == refs_.size() ? kNoItem : refs_[place];
    if (item.left != kNoItem) pool_.At(item.left).right = ref;
    if (item.right != kNoItem) pool_.At(item.right).left = ref;
    refs_.insert(refs_.begin() + static_cast<std::ptrdiff_t>(place), ref);
    return ref;
  }

  // A mark of one of three attributes; value 0 ends it.
  ItemRef InsertMark(std::size_t place, KeyRef key, int value) {
    const ItemRef ref = Insert(place, 1);
    Item& item = pool_.At(ref);
    item.kind = ContentKind::kFormat;
    item.content = contents_.AddFormat(
        {.key = key, .value = std::make_shared<const Any>(value == 0 ? Any() : Any(value))});
    return ref;
  }

  void Unlink(std::size_t place) {
    const Item item = pool_.At(refs_[place]);
    if (item.left != kNoItem) pool_.At(item.left).right = item.right;
    if (item.right != kNoItem) pool_.At(item.right).left = item.left;
    pool_.Free(refs_[place]);
    refs_.erase(refs_.begin() + static_cast<std::ptrdiff_t>(place));
  }

 private:
  ItemPool pool_;
  ContentStore contents_;
  std::vector<ItemRef> refs_;
};

// The attributes behind every item, and its neighbours that are not deleted, against a walk.
void CheckMarksAgainstWalk(Sequence& sequence, SequenceIndex& index) {
  AttributeMap attributes;
  ItemRef previous = kNoItem;
  std::vector<ItemRef> waiting;  // for the next item that is not deleted
  for (const ItemRef ref : sequence.refs()) {
    const Item& item = sequence.pool().At(ref);
    RC_ASSERT(index.PreviousLive(ref) == previous);
    if (!item.deleted) {
      if (item.kind == ContentKind::kFormat) {
        attributes.Apply(sequence.contents().format(item.content));
      }
      for (const ItemRef before : waiting) RC_ASSERT(index.NextLive(before) == ref);
      waiting.clear();
      previous = ref;
    }
    waiting.push_back(ref);
    RC_ASSERT(index.AttributesBehind(ref, sequence.contents()).entries() == attributes.entries());
  }
  for (const ItemRef before : waiting) RC_ASSERT(index.NextLive(before) == kNoItem);
}

// Every position, and every item's position, against a walk over the list.
void CheckAgainstWalk(Sequence& sequence, const SequenceIndex& index) {
  const absl::Status status = index.Validate(sequence.start());
  RC_ASSERT(status == absl::OkStatus());
  std::uint64_t position = 0;
  for (const ItemRef ref : sequence.refs()) {
    RC_ASSERT(index.PositionOf(ref) == position);
    const std::uint32_t length = sequence.pool().At(ref).visible_length();
    if (length == 0) continue;
    for (const std::uint32_t offset : {0u, length - 1}) {
      const SequenceIndex::Place place = index.Find(position + offset);
      RC_ASSERT(place.item == ref);
      RC_ASSERT(place.offset == offset);
      const SequenceIndex::Place before = index.FindBefore(position + offset + 1);
      RC_ASSERT(before.item == ref);
      RC_ASSERT(before.offset == offset + 1);
    }
    position += length;
  }
  RC_ASSERT(index.length() == position);
  RC_ASSERT(index.Find(position).item == kNoItem);
}

RC_GTEST_PROP(SequenceIndex, KnowsEveryPositionAfterAnyEdits, ()) {
  Sequence sequence;
  std::uint64_t random = *rc::gen::arbitrary<std::uint64_t>() | 1;
  const auto next = [&](std::uint64_t bound) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % bound;
  };
  const bool formatted = next(2) == 0;
  const auto insert = [&](std::size_t place) {
    if (formatted && next(2) == 0) {
      return sequence.InsertMark(place, static_cast<KeyRef>(1 + next(3)),
                                 static_cast<int>(next(3)));
    }
    return sequence.Insert(place, 1 + next(5));
  };
  const std::uint64_t before = next(200);
  for (std::uint64_t i = 0; i < before; ++i) insert(next(sequence.refs().size() + 1));
  SequenceIndex index(sequence.pool(), sequence.start());
  CheckAgainstWalk(sequence, index);
  CheckMarksAgainstWalk(sequence, index);
  const int steps = *rc::gen::inRange(0, 1500);
  // Runs of insertions and of removals, so that trees grow by levels and shrink again.
  bool growing = true;
  for (int i = 0; i < steps; ++i) {
    if (next(200) == 0) growing = !growing;
    // What is asked in between is remembered, and has to be forgotten in time.
    if (formatted && next(20) == 0) CheckMarksAgainstWalk(sequence, index);
    const std::uint64_t step = next(10);
    if (sequence.refs().empty() || step < (growing ? 6 : 2)) {
      const std::size_t place = next(sequence.refs().size() + 1);
      const ItemRef left = place == 0 ? kNoItem : sequence.refs()[place - 1];
      index.Insert(left, insert(place));
    } else if (step < 8) {
      const std::size_t place = next(sequence.refs().size());
      index.Remove(sequence.refs()[place]);
      sequence.Unlink(place);
    } else {
      const ItemRef ref = sequence.refs()[next(sequence.refs().size())];
      Item& item = sequence.pool().At(ref);
      if (next(2) == 0 || item.kind == ContentKind::kFormat) {
        item.deleted = !item.deleted;
      } else {
        item.set_length(1 + next(50));
      }
      index.Update(ref);
    }
  }
  CheckAgainstWalk(sequence, index);
  CheckMarksAgainstWalk(sequence, index);
}

TEST(SequenceIndex, KeepsLeavesFullWhereItemsAreAppended) {
  Sequence sequence;
  SequenceIndex index(sequence.pool(), kNoItem);
  for (int i = 0; i < 100'000; ++i) {
    const ItemRef left = sequence.refs().empty() ? kNoItem : sequence.refs().back();
    index.Insert(left, sequence.Insert(sequence.refs().size(), 1));
  }
  EXPECT_EQ(index.Validate(sequence.start()), absl::OkStatus());
  EXPECT_EQ(index.Find(54'321).item, sequence.refs()[54'321]);
  // Two words an entry and little air: typing at the end does not leave half-empty leaves.
  EXPECT_LT(index.bytes(), 100'000 * 32u);
}

}  // namespace
}  // namespace weft::crdt::internal
