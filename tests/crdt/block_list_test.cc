#include "crdt/block_list.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace weft::crdt::internal {
namespace {

ItemRef MakeBlock(ItemPool& pool, Clock clock, Clock length) {
  const ItemRef ref = pool.Allocate();
  pool.At(ref).id = PackedId::Make(0, clock);
  pool.At(ref).set_length(length);
  return ref;
}

// The list as pairs of clock and length, walked forwards.
std::map<Clock, Clock> Walk(const BlockList& list, const ItemPool& pool) {
  std::map<Clock, Clock> blocks;
  if (list.empty()) return blocks;
  BlockList::Cursor cursor = list.first();
  do {
    const Item& item = pool.At(list.At(cursor));
    blocks.emplace(item.clock(), item.length());
  } while (list.Next(cursor));
  return blocks;
}

std::size_t CountBackwards(const BlockList& list) {
  if (list.empty()) return 0;
  std::size_t count = 1;
  for (BlockList::Cursor cursor = list.last(); list.Previous(cursor);) ++count;
  return count;
}

// A boundary that moves further from the first block of its chunk than an offset can say.
TEST(BlockList, ABoundaryMovesPastTheSpanOfAChunk) {
  constexpr Clock kLong = Clock{1} << 33;
  ItemPool pool;
  BlockList list;
  for (const Clock begin : {Clock{0}, Clock{8}, kLong + 8}) {
    const Clock length = begin == 8 ? kLong : 8;
    list.PushBack(MakeBlock(pool, begin, length), begin, length);
  }
  const BlockList::Cursor cursor = list.Find(8);
  const ItemRef ref = list.At(cursor);
  list.MoveBoundary(cursor, kLong);
  EXPECT_EQ(list.At(list.Find(kLong)), ref);
  EXPECT_EQ(list.ClockAt(list.Find(kLong)), kLong);
  EXPECT_EQ(list.ClockAt(list.Find(kLong - 1)), Clock{0});
  EXPECT_EQ(list.ClockAt(list.Find(kLong + 8)), kLong + 8);
}

// Appends, splits and merges against a map from clock to length.
RC_GTEST_PROP(BlockList, FindsEveryClockAfterAnySplitsAndMerges, ()) {
  ItemPool pool;
  BlockList list;
  std::map<Clock, Clock> model;
  const int steps = *rc::gen::inRange(0, 1500);
  std::uint64_t random = *rc::gen::arbitrary<std::uint64_t>() | 1;
  const auto next = [&](std::uint64_t bound) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % bound;
  };
  // Long blocks make chunks that span more clocks than an offset can hold.
  const Clock scale = next(3) == 0 ? Clock{1} << 28 : 1;
  for (int i = 0; i < steps; ++i) {
    const std::uint64_t step = next(9);
    if (model.empty() || step < 4) {
      const Clock length = scale * (1 + next(9));
      model.emplace(list.end(), length);
      list.PushBack(MakeBlock(pool, list.end(), length), list.end(), length);
      continue;
    }
    const Clock clock = next(list.end() / scale) * scale + next(scale);
    BlockList::Cursor cursor = list.Find(clock);
    const ItemRef ref = list.At(cursor);
    const Clock begin = pool.At(ref).clock();
    if (step < 7) {
      if (begin == clock) continue;
      const Clock length = pool.At(ref).length();
      pool.At(ref).set_length(clock - begin);
      list.InsertAfter(cursor, MakeBlock(pool, clock, length - (clock - begin)), clock);
      model[begin] = clock - begin;
      model[clock] = length - (clock - begin);
    } else if (step == 7) {
      // The block gives up its end to the next one, or takes that one's beginning.
      BlockList::Cursor right = cursor;
      if (!list.Next(right)) continue;
      const Clock end = pool.At(list.At(right)).end();
      const Clock boundary = begin + 1 + next(std::min<Clock>(end - begin - 1, 1 << 30));
      list.MoveBoundary(right, boundary);
      pool.At(ref).set_length(boundary - begin);
      pool.At(list.At(right)).id = PackedId::Make(0, boundary);
      pool.At(list.At(right)).set_length(end - boundary);
      model.erase(std::next(model.find(begin)));
      model[begin] = boundary - begin;
      model[boundary] = end - boundary;
    } else {
      std::size_t count = 0;
      auto victim = std::next(model.find(begin));
      const std::size_t wanted = 1 + next(300);
      while (count < wanted && victim != model.end()) {
        model[begin] += victim->second;
        pool.At(ref).set_length(model[begin]);
        victim = model.erase(victim);
        ++count;
      }
      if (count > 0) list.EraseAfter(cursor, count);
    }
  }
  RC_ASSERT(Walk(list, pool) == model);
  for (BlockList::Cursor cursor = list.first(); !list.empty();) {
    RC_ASSERT(list.ClockAt(cursor) == pool.At(list.At(cursor)).clock());
    if (!list.Next(cursor)) break;
  }
  RC_ASSERT(list.size() == model.size());
  RC_ASSERT(CountBackwards(list) == model.size());
  for (const auto& [clock, length] : model) {
    for (const Clock inside : {clock, clock + length / 2, clock + length - 1}) {
      RC_ASSERT(pool.At(list.At(list.Find(inside))).clock() == clock);
    }
  }
}

}  // namespace
}  // namespace weft::crdt::internal
