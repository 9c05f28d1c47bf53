// What a room does when the log fails.

#include <gtest/gtest.h>

#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left on device");

class RoomFailureTest : public testing::Test {
 protected:
  void SetUp() override {
    ann.Join(room());
    bob.Join(room());
    Settle(world, {&ann, &bob});
    ann.Type("old ");
    Settle(world, {&ann, &bob});
  }
  void TearDown() override { EXPECT_EQ(room().Validate(), absl::OkStatus()); }
  Room& room() { return world.rooms.Get("notes"); }

  FakeWorld world;
  Editor ann{1};
  Editor bob{2};
  Editor cid{3};
};

TEST_F(RoomFailureTest, AnEditThatIsNotStoredIsShownToNobodyAndItsWriterIsTold) {
  ann.Type("lost?");
  world.log.FinishAppend(kDiskFull);
  EXPECT_EQ(ann.closed, CloseCode::kNotStored);
  Settle(world, {&bob});
  EXPECT_FALSE(bob.closed);
  EXPECT_EQ(bob.text(), "old ");
  cid.Join(room());
  Settle(world, {&cid});
  EXPECT_EQ(cid.text(), "old ");
}

TEST_F(RoomFailureTest, ReadersStayAndReadOn) {
  ann.Type("lost?");
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  EXPECT_TRUE(bob.joined());
  EXPECT_TRUE(bob.reading());
  bob.synced = false;
  const crdt::Bytes nothing = crdt::EncodeStateVector({});
  bob.Say(sync::SyncStep1{nothing});
  Settle(world, {&bob});
  EXPECT_TRUE(bob.synced);
}

TEST_F(RoomFailureTest, TheWriterBringsItsEditAgainWhenTheDiskHasSpace) {
  ann.Type("found");
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  ann.Join(room());
  Settle(world, {&ann, &bob});
  EXPECT_TRUE(ann.joined());
  EXPECT_EQ(bob.text(), "old ");
  world.Advance(world.limits.store_retry);
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "old found");
}

TEST_F(RoomFailureTest, EditsAreRefusedForAWhileWithoutAskingTheLog) {
  ann.Type("x");
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  bob.Type("y");
  EXPECT_EQ(bob.closed, CloseCode::kNotStored);
  EXPECT_EQ(world.log.append_count(), 0U);
}

TEST_F(RoomFailureTest, TheRefusalGrowsWhileFailuresGoOn) {
  ann.Type("x");
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  world.Advance(world.limits.store_retry);
  bob.Type("y");
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  world.Advance(world.limits.store_retry);
  cid.Join(room());
  Settle(world, {&cid});
  cid.Type("z");
  EXPECT_EQ(cid.closed, CloseCode::kNotStored);
  world.Advance(world.limits.store_retry);
  cid.Join(room());
  Settle(world, {&cid});
  EXPECT_EQ(world.log.stored["notes"].size(), 2U);
}

TEST_F(RoomFailureTest, WhoWaitsForAnAnswerThatCouldShowTheEditIsSentAwayToAskAgain) {
  ann.Type("secret");
  cid.Join(room());
  world.log.FinishAppend(kDiskFull);
  EXPECT_EQ(cid.closed, CloseCode::kBusy);
  EXPECT_TRUE(cid.received.empty());
  Settle(world, {&bob});
  cid.Join(room());
  Settle(world, {&bob, &cid});
  EXPECT_EQ(cid.text(), "old ");
}

TEST_F(RoomFailureTest, EditsBehindTheFailedOneThatWereStoredAreRelayed) {
  ann.Type("lost");
  bob.Erase(0);
  cid.Join(room());
  world.log.FinishAppend(kDiskFull);
  EXPECT_FALSE(room().idle());
  world.log.FinishAppend();
  Settle(world, {&bob});
  EXPECT_FALSE(bob.closed);
  cid.Join(room());
  Settle(world, {&bob, &cid});
  EXPECT_EQ(cid.text(), "ld ");
}

TEST_F(RoomFailureTest, WhoJoinsAfterTheFailureWaitsForTheFreshDocument) {
  ann.Type("lost");
  bob.Type("too");
  world.log.FinishAppend(kDiskFull);
  cid.Join(room());
  world.log.FinishAppend(kDiskFull);
  EXPECT_EQ(bob.closed, CloseCode::kNotStored);
  EXPECT_FALSE(cid.closed);
  EXPECT_EQ(world.log.waiting_loads(), 1U);
  Settle(world, {&cid});
  EXPECT_EQ(cid.text(), "old ");
}

TEST_F(RoomFailureTest, ARoomThatCannotBeLoadedClosesItsMembersAndTriesAgainForTheNext) {
  FakeWorld other;
  Room& broken = other.rooms.Get("notes");
  cid.Join(broken);
  other.log.FinishLoad(absl::DataLossError("the disk is gone"));
  EXPECT_EQ(cid.closed, CloseCode::kRoomUnavailable);
  EXPECT_FALSE(broken.has_members());
  cid.Join(broken);
  Settle(other, {&cid});
  EXPECT_TRUE(cid.synced);
}

}  // namespace
}  // namespace weft::server
