#include "server/room.h"

#include <gtest/gtest.h>

#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

class RoomTest : public testing::Test {
 protected:
  // Two editors in one room, in sync.
  void JoinBoth() {
    ann.Join(room());
    bob.Join(room());
    Settle(world, {&ann, &bob});
    ASSERT_TRUE(ann.synced);
    ASSERT_TRUE(bob.synced);
  }
  Room& room() { return world.rooms.Get("notes"); }
  void TearDown() override { EXPECT_EQ(room().Validate(), absl::OkStatus()); }

  FakeWorld world;
  Editor ann{1};
  Editor bob{2};
  Editor cid{3};
};

TEST_F(RoomTest, AnEditReachesOthersOnlyAfterItsCommit) {
  JoinBoth();
  ann.Type("hello");
  EXPECT_EQ(world.log.append_count(), 1U);
  EXPECT_TRUE(bob.received.empty());
  world.log.FinishAppend();
  bob.Read();
  EXPECT_EQ(bob.text(), "hello");
}

TEST_F(RoomTest, AnEditDoesNotReturnToItsWriter) {
  JoinBoth();
  ann.Type("hello");
  world.log.FinishAppends();
  EXPECT_TRUE(ann.received.empty());
}

TEST_F(RoomTest, EditsAreRelayedInTheOrderOfTheLog) {
  JoinBoth();
  cid.Join(room());
  Settle(world, {&cid});
  ann.Type("a");
  bob.Type("b");
  ann.Type("c");
  world.log.FinishAppends();
  std::vector<crdt::Bytes> relayed;
  for (const crdt::Bytes& bytes : cid.received) {
    const auto message = sync::DecodeMessage(bytes);
    ASSERT_TRUE(message.ok());
    const auto& update = std::get<sync::Update>(*message).update;
    relayed.emplace_back(update.begin(), update.end());
  }
  EXPECT_EQ(relayed, world.log.stored["notes"]);
  EXPECT_EQ(relayed.size(), 3U);
}

TEST_F(RoomTest, AnAnswerThatCouldShowAnEditWaitsForItsCommit) {
  JoinBoth();
  ann.Type("secret");
  cid.Join(room());
  EXPECT_TRUE(cid.received.empty());
  world.log.FinishAppend();
  cid.Read();
  EXPECT_TRUE(cid.synced);
  EXPECT_EQ(cid.text(), "secret");
}

TEST_F(RoomTest, WhatBringsNoNewsIsNotStoredAgain) {
  JoinBoth();
  ann.Type("hello");
  Settle(world, {&ann, &bob});
  const auto stored = world.log.stored["notes"];
  ann.Leave();
  ann.Join(room());
  Settle(world, {&ann, &bob});
  EXPECT_EQ(world.log.stored["notes"], stored);
}

TEST_F(RoomTest, CursorsDoNotWaitForTheLog) {
  JoinBoth();
  ann.Type("hello");
  ann.ShowCursor();
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 1);
  EXPECT_EQ(bob.text(), "");
  world.log.FinishAppends();
}

TEST_F(RoomTest, TheCursorOfWhoLeavesIsRemovedForOthers) {
  JoinBoth();
  ann.ShowCursor();
  bob.Read();
  world.Advance(world.limits.awareness_tick);
  ann.Leave();
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 2);
  EXPECT_NE(crdt::AsText(bob.last_awareness).find("null"), std::string_view::npos);
}

TEST_F(RoomTest, WhatIsSaidBesideTheDocumentReachesTheOthersAndWhoMayNotWriteIsNotHeard) {
  bob.options.access = sync::Access::kReadOnly;
  JoinBoth();
  room().TellStateless(ann, sync::MakeFrame(sync::SyncMarker{}));
  EXPECT_EQ(bob.stateless.size(), 1U);
  room().TellStateless(bob, sync::MakeFrame(sync::SyncMarker{}));
  EXPECT_TRUE(ann.stateless.empty());
}

TEST_F(RoomTest, WhoFellBehindIsToldEverythingOnceItIsStored) {
  JoinBoth();
  ann.Type("hello");
  bob.received.clear();
  room().CatchUp(bob);
  EXPECT_TRUE(bob.received.empty());
  world.log.FinishAppends();
  bob.received.erase(bob.received.begin());  // the update itself
  bob.Read();
  EXPECT_EQ(bob.text(), "hello");
  EXPECT_EQ(bob.closed, std::nullopt);
}

TEST_F(RoomTest, WhoFellBehindALargeDocumentHasToComeAgain) {
  world.limits.queue_bytes = 1'000;
  JoinBoth();
  ann.Type(std::string(2'000, 'x'));
  Settle(world, {&ann, &bob});
  room().CatchUp(bob);
  EXPECT_EQ(bob.closed, CloseCode::kBusy);
}

TEST_F(RoomTest, CursorsThatMoveWithinATickAreToldTogetherAndTheNewestAlone) {
  JoinBoth();
  ann.ShowCursor(1);
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 1);
  ann.ShowCursor(2);
  bob.ShowCursor(7);
  ann.ShowCursor(3);
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 1);
  world.now += world.limits.awareness_tick;
  EXPECT_TRUE(world.rooms.awareness_waits());
  world.rooms.TellAwareness();
  EXPECT_FALSE(world.rooms.awareness_waits());
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 2);
  const std::string_view told = crdt::AsText(bob.last_awareness);
  EXPECT_EQ(told.find(R"({"cursor":2})"), std::string_view::npos);
  EXPECT_NE(told.find(R"({"cursor":3})"), std::string_view::npos);
  EXPECT_NE(told.find(R"({"cursor":7})"), std::string_view::npos);
}

TEST_F(RoomTest, RenewalsOfCursorsThatDidNotMoveAreToldTogetherAndInTime) {
  JoinBoth();
  ann.ShowCursor();
  world.Advance(std::chrono::seconds(1));
  bob.ShowCursor();
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 2);
  world.Advance(std::chrono::seconds(15));
  ann.ShowCursor();
  world.Advance(std::chrono::seconds(1));
  bob.ShowCursor();
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 2);
  EXPECT_FALSE(world.rooms.awareness_waits());
  world.Advance(world.limits.awareness_renewal);
  bob.Read();
  ann.Read();
  EXPECT_EQ(bob.awareness_received, 3);
  EXPECT_EQ(ann.last_awareness, bob.last_awareness);
  EXPECT_EQ(bob.last_awareness[0], 2);  // two clients
}

TEST_F(RoomTest, TheCursorOfWhoIsSilentExpires) {
  JoinBoth();
  ann.ShowCursor();
  bob.Read();
  world.Advance(std::chrono::seconds(60));
  bob.Read();
  EXPECT_EQ(bob.awareness_received, 2);
}

TEST_F(RoomTest, JoinsDuringTheLoadWaitForItAndCauseNoSecondOne) {
  JoinBoth();
  ann.Type("kept");
  Settle(world, {&ann, &bob});
  FakeWorld restarted;
  restarted.log.stored = world.log.stored;
  Room& again = restarted.rooms.Get("notes");
  Editor dan{4};
  cid.Join(again);
  dan.Join(again);
  EXPECT_FALSE(cid.reading());
  EXPECT_TRUE(cid.received.empty());
  EXPECT_EQ(restarted.log.load_count, 1);
  Settle(restarted, {&cid, &dan});
  EXPECT_EQ(cid.text(), "kept");
  EXPECT_EQ(dan.text(), "kept");
  EXPECT_EQ(restarted.log.load_count, 1);
  EXPECT_EQ(again.Validate(), absl::OkStatus());
}

TEST_F(RoomTest, MessagesThatWereReadBeforeTheRoomWasLoadedAreNotLost) {
  ann.Join(room());
  const crdt::Bytes question =
      sync::EncodeMessage(sync::SyncStep1{crdt::AsBytes(std::string_view("\0", 1))});
  room().Receive(ann, question);
  world.log.FinishLoad();
  ann.Read();
  EXPECT_TRUE(ann.synced);
}

TEST_F(RoomTest, WhoLeavesDuringTheLoadIsNotMissed) {
  ann.Join(room());
  ann.Leave();
  world.log.FinishLoad();
  EXPECT_FALSE(room().has_members());
}

TEST_F(RoomTest, AStoredUpdateThatDoesNotDecodeHidesNothingElse) {
  JoinBoth();
  ann.Type("kept");
  Settle(world, {&ann, &bob});
  FakeWorld restarted;
  restarted.log.stored = world.log.stored;
  auto& updates = restarted.log.stored["notes"];
  updates.insert(updates.begin(), crdt::Bytes{0xFF, 0xFF, 0xFF});
  cid.Join(restarted.rooms.Get("notes"));
  Settle(restarted, {&cid});
  EXPECT_EQ(cid.text(), "kept");
}

TEST_F(RoomTest, AMalformedMessageClosesItsConnectionAlone) {
  JoinBoth();
  ann.SayBytes(crdt::Bytes{0, 2, 200, 1});
  EXPECT_EQ(ann.closed, CloseCode::kBadMessage);
  EXPECT_FALSE(ann.close_reason.empty());
  EXPECT_FALSE(bob.closed);
  bob.Type("on");
  EXPECT_EQ(world.log.append_count(), 1U);
  world.log.FinishAppends();
}

TEST_F(RoomTest, ARoomIsForgottenWhenNobodyCameForAWhile) {
  JoinBoth();
  ann.Type("kept");
  Settle(world, {&ann, &bob});
  ann.Leave();
  bob.Leave();
  world.Advance(world.limits.room_idle - std::chrono::milliseconds(1));
  EXPECT_EQ(world.rooms.size(), 1U);
  world.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(world.rooms.size(), 0U);
  EXPECT_EQ(world.stats.rooms.load(), 0U);
  cid.Join(room());
  Settle(world, {&cid});
  EXPECT_EQ(cid.text(), "kept");
}

TEST_F(RoomTest, ARoomIsNotForgottenBeforeItsLastCommit) {
  JoinBoth();
  ann.Type("kept");
  ann.Leave();
  bob.Leave();
  world.Advance(10 * world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 1U);
  // Who comes now meets the room that knows the edit, and sees it after its commit.
  cid.Join(room());
  EXPECT_TRUE(cid.received.empty());
  Settle(world, {&cid});
  EXPECT_EQ(cid.text(), "kept");
  EXPECT_EQ(world.log.load_count, 1);
}

TEST_F(RoomTest, ARoomIsNotForgottenWhileItIsLoaded) {
  ann.Join(room());
  ann.Leave();
  world.Advance(10 * world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 1U);
  world.log.FinishLoad();
  world.Advance(10 * world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 0U);
}

TEST_F(RoomTest, AWriterWaitsWhileTheLogIsCongested) {
  JoinBoth();
  world.log.is_congested = true;
  ann.Type("a");
  EXPECT_FALSE(ann.reading());
  EXPECT_TRUE(bob.reading());
  ann.Type("b");
  EXPECT_EQ(world.log.append_count(), 1U);
  world.log.is_congested = false;
  world.log.FinishAppend();
  EXPECT_TRUE(ann.reading());
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "ab");
}

TEST_F(RoomTest, AWriterWaitsWhileTheRoomHasTooMuchUncommitted) {
  world.limits.uncommitted_bytes = 100;
  JoinBoth();
  ann.Type(std::string(60, 'a'));
  EXPECT_TRUE(ann.reading());
  ann.Type(std::string(60, 'b'));
  EXPECT_FALSE(ann.reading());
  world.log.FinishAppend();
  EXPECT_FALSE(ann.reading());
  world.log.FinishAppend();
  EXPECT_TRUE(ann.reading());
  EXPECT_EQ(room().uncommitted_bytes(), 0U);
}

TEST_F(RoomTest, AStoppingRoomReadsNoMoreButCommitsAndRelaysWhatItHas) {
  JoinBoth();
  ann.Type("last");
  world.rooms.StopReading();
  EXPECT_FALSE(ann.reading());
  EXPECT_FALSE(world.rooms.idle());
  world.log.FinishAppends();
  EXPECT_TRUE(world.rooms.idle());
  EXPECT_FALSE(ann.reading());
  bob.Read();
  EXPECT_EQ(bob.text(), "last");
  world.rooms.CloseAll(CloseCode::kRestart, "stop");
  EXPECT_EQ(ann.closed, CloseCode::kRestart);
  EXPECT_EQ(bob.closed, CloseCode::kRestart);
}

}  // namespace
}  // namespace weft::server
