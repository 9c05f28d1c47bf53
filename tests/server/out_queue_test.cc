#include "server/out_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <string>

namespace weft::server {
namespace {

using crdt::Bytes;

// Takes up to `limit` bytes out, as a socket would.
Bytes Take(OutQueue& queue, std::size_t limit) {
  std::array<iovec, 3> pieces;
  const std::size_t count = queue.Gather(pieces);
  Bytes taken;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* begin = static_cast<const std::uint8_t*>(pieces[i].iov_base);
    const std::size_t size = std::min(pieces[i].iov_len, limit - taken.size());
    taken.insert(taken.end(), begin, begin + size);
  }
  queue.Advance(taken.size());
  return taken;
}

Bytes FrameOf(const Bytes& payload) {
  Bytes frame;
  AppendFrame(frame, Opcode::kBinary, payload);
  return frame;
}

void Append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

TEST(OutQueue, ALargeMessageIsSharedWhenNothingWaits) {
  OutQueue queue({});
  const auto large = std::make_shared<const Bytes>(OutQueue::kSharedBytes, 7);
  queue.AddShared(Opcode::kBinary, {}, large, false);
  queue.AddShared(Opcode::kBinary, {}, large, false);  // behind the first one: copied
  EXPECT_EQ(large.use_count(), 2);
  EXPECT_EQ(queue.counted_bytes(), FrameOf(*large).size());
  Bytes expected = FrameOf(*large);
  Append(expected, FrameOf(*large));
  EXPECT_EQ(Take(queue, expected.size()), expected);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(large.use_count(), 1);
}

TEST(OutQueue, AnExemptMessageDoesNotCount) {
  OutQueue queue({});
  queue.Add(Opcode::kBinary, Bytes(1'000), true);
  EXPECT_EQ(queue.counted_bytes(), 0U);
  queue.Add(Opcode::kBinary, Bytes(10));
  EXPECT_EQ(queue.counted_bytes(), 12U);
}

TEST(OutQueue, AMessageThatManyShareIsHeldByEachInPart) {
  OutQueue one({});
  OutQueue other({});
  const auto large = std::make_shared<const Bytes>(OutQueue::kSharedBytes, 7);
  one.AddShared(Opcode::kBinary, {}, large, false);
  other.AddShared(Opcode::kBinary, {}, large, false);
  EXPECT_LE(one.held_bytes() + other.held_bytes(), OutQueue::kSharedBytes);
  EXPECT_GE(one.held_bytes(), OutQueue::kSharedBytes / 4);
}

TEST(OutQueue, WithoutItsBacklogItHoldsNoMemoryOfIt) {
  OutQueue queue({});
  const Bytes message(1'000);
  for (int i = 0; i < 1'000; ++i) queue.Add(Opcode::kBinary, message);
  EXPECT_GE(queue.held_bytes(), 1'000'000U);
  Take(queue, 10);  // the first has begun to leave
  queue.DropBacklog();
  EXPECT_GE(queue.held_bytes(), 900U);
  EXPECT_LT(queue.held_bytes(), 5'000U);
}

RC_GTEST_PROP(OutQueueLaws, WhatLeavesIsWhatCameInWhateverTheSizes, ()) {
  const Bytes greeting(*rc::gen::inRange<std::size_t>(0, 50), 'g');
  OutQueue queue(greeting);
  Bytes expected = greeting;
  Bytes left;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const std::size_t size = *rc::gen::elementOf(std::vector<std::size_t>{
        0, 1, 125, 126, 300, OutQueue::kSharedBytes - 1, OutQueue::kSharedBytes, 70'000});
    const Bytes payload(size, static_cast<std::uint8_t>(i));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        queue.Add(Opcode::kBinary, payload);
        Append(expected, FrameOf(payload));
        break;
      case 1:
        queue.AddShared(Opcode::kBinary, {}, std::make_shared<const Bytes>(payload), false);
        Append(expected, FrameOf(payload));
        break;
      case 2:
        Append(left, Take(queue, *rc::gen::inRange<std::size_t>(0, 100'000)));
        break;
      default:
        queue.Compact();
        if (queue.empty()) queue.Rest(*rc::gen::arbitrary<bool>());
    }
  }
  Append(left, Take(queue, expected.size()));
  RC_ASSERT(left == expected);
  RC_ASSERT(queue.empty());
}

RC_GTEST_PROP(OutQueueLaws, WithoutItsBacklogTheStreamStillEndsWithAWholeFrame, ()) {
  OutQueue queue({});
  Bytes all;
  std::vector<std::size_t> ends = {0};
  const int frames = *rc::gen::inRange(1, 20);
  for (int i = 0; i < frames; ++i) {
    const Bytes payload(*rc::gen::elementOf(std::vector<std::size_t>{1, 130, 20'000, 70'000}));
    queue.AddShared(Opcode::kBinary, {}, std::make_shared<const Bytes>(payload), false);
    Append(all, FrameOf(payload));
    ends.push_back(all.size());
  }
  const std::size_t written = *rc::gen::inRange<std::size_t>(0, all.size() + 1);
  Bytes left = Take(queue, written);
  queue.DropBacklog();
  Append(left, Take(queue, all.size()));
  RC_ASSERT(queue.empty());
  // The first end of a frame that is not before what had left; a shared message is kept whole.
  RC_ASSERT(std::ranges::find(ends, left.size()) != ends.end());
  RC_ASSERT(left.size() >= written);
  RC_ASSERT(std::equal(left.begin(), left.end(), all.begin()));
}

}  // namespace
}  // namespace weft::server
