#include "server/webhooks/pending_events.h"

#include <gtest/gtest.h>

namespace weft::server::webhooks {
namespace {

using Kind = RoomEvent::Kind;
using std::chrono::milliseconds;

class PendingEventsTest : public testing::Test {
 protected:
  void Add(Kind kind, std::string_view room, std::uint64_t sequence = 0) {
    pending.Add({.kind = kind, .room = room, .head = {sequence, 1}}, now, 0);
  }
  // "room sequence" of what leaves.
  std::vector<std::string> Take(std::size_t limit = 1'000, bool all = false) {
    std::vector<std::string> taken;
    for (const PendingEvents::Event& event : pending.Take(now, limit, all)) {
      taken.push_back(event.room + " " + std::string(EventName(event.kind)).substr(5) + " " +
                      std::to_string(event.head.sequence));
    }
    return taken;
  }
  using Events = std::vector<std::string>;

  PendingEvents pending{milliseconds(100)};
  PendingEvents::TimePoint now{};
};

TEST_F(PendingEventsTest, ChangesGatherUntilTheyPause) {
  Add(Kind::kChanged, "a", 1);
  now += milliseconds(60);
  Add(Kind::kChanged, "a", 2);
  now += milliseconds(60);
  EXPECT_EQ(Take(), Events{});
  EXPECT_EQ(pending.next(), now + milliseconds(40));
  now += milliseconds(40);
  EXPECT_EQ(Take(), Events{"a changed 2"});
  EXPECT_EQ(pending.next(), std::nullopt);
}

TEST_F(PendingEventsTest, ChangesWithoutAPauseAreToldAllTheSame) {
  int told = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    Add(Kind::kChanged, "a", i);
    now += milliseconds(50);
    told += static_cast<int>(Take().size());
  }
  EXPECT_EQ(told, 5000 / 1000);
}

TEST_F(PendingEventsTest, WhatElseHappensLeavesBehindTheChangesOfItsRoom) {
  Add(Kind::kChanged, "a", 7);
  Add(Kind::kChanged, "b", 8);
  Add(Kind::kClosed, "a", 7);
  EXPECT_EQ(Take(), (Events{"a changed 7", "a closed 7"}));
  Add(Kind::kChanged, "a", 9);
  now += milliseconds(100);
  EXPECT_EQ(Take(), (Events{"a changed 9", "b changed 8"}));
}

TEST_F(PendingEventsTest, NoMoreLeaveThanAskedForAndNoneOvertakesItsRoom) {
  Add(Kind::kOpened, "a");
  Add(Kind::kOpened, "b");
  Add(Kind::kChanged, "a", 1);
  now += milliseconds(100);
  EXPECT_EQ(Take(1), Events{"a opened 0"});
  EXPECT_EQ(Take(1), Events{"b opened 0"});
  EXPECT_EQ(Take(0), Events{});
  EXPECT_EQ(Take(1), Events{"a changed 1"});
}

TEST_F(PendingEventsTest, AtTheEndEverythingLeaves) {
  Add(Kind::kChanged, "a", 1);
  EXPECT_EQ(Take(1'000, /*all=*/true), Events{"a changed 1"});
}

TEST_F(PendingEventsTest, BeyondTheBoundMomentsAreCountedAndChangesStay) {
  Add(Kind::kChanged, "a", 1);
  for (std::size_t i = 0; i < PendingEvents::kMaxMoments; ++i) Add(Kind::kOpened, "b");
  EXPECT_EQ(pending.dropped(), 0U);
  Add(Kind::kClosed, "a", 1);
  Add(Kind::kClosed, "b", 1);
  EXPECT_EQ(pending.dropped(), 2U);
  EXPECT_EQ(Take(PendingEvents::kMaxMoments).size(), PendingEvents::kMaxMoments);
  now += milliseconds(100);
  EXPECT_EQ(Take(), Events{"a changed 1"});
}

TEST_F(PendingEventsTest, BeyondTheBoundSomebodyIsToldThatChangesWereForgotten) {
  for (std::size_t i = 0; i < PendingEvents::kMaxRooms; ++i) {
    Add(Kind::kChanged, std::to_string(i), 1);
  }
  EXPECT_FALSE(pending.TakeForgotten());
  Add(Kind::kChanged, "one more", 1);
  EXPECT_EQ(pending.size(), PendingEvents::kMaxRooms);
  EXPECT_TRUE(pending.TakeForgotten());
  EXPECT_FALSE(pending.TakeForgotten());
}

}  // namespace
}  // namespace weft::server::webhooks
