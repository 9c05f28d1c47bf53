// What rooms and their table do at their bounds: at each one, and one past it.

#include <gtest/gtest.h>

#include <vector>

#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

class RoomLimitsTest : public testing::Test {
 protected:
  Room& room(std::string_view name = "notes") { return world.rooms.Get(name); }
  std::uint64_t Hits(Limit limit) const { return world.stats.limits.count(limit); }

  // Joins as the server lets clients join. False when it would be closed with 1013.
  bool Enter(Editor& editor, std::string_view name) {
    const absl::StatusOr<Room*> entered = world.rooms.Enter(name);
    if (!entered.ok()) {
      EXPECT_EQ(entered.status().code(), absl::StatusCode::kUnavailable);
      return false;
    }
    editor.Join(**entered);
    Settle(world, {&editor});
    return true;
  }
  // A room that was loaded and left, at a time of its own.
  void Visit(std::string_view name) {
    Editor visitor(99);
    ASSERT_TRUE(Enter(visitor, name));
    visitor.Leave();
    world.Advance(std::chrono::milliseconds(1));
  }
  bool IsLoaded(std::string_view name) {
    const int before = world.log.load_count;
    Editor visitor(98);
    EXPECT_TRUE(Enter(visitor, name));
    visitor.Leave();
    return world.log.load_count == before;
  }

  FakeWorld world;
  Editor ann{1};
  Editor bob{2};
  Editor cid{3};
};

// An awareness message with one state of `bytes` bytes.
crdt::Bytes StateOf(std::uint64_t client, std::size_t bytes) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(1);
  writer.WriteString('"' + std::string(bytes - 2, 'x') + '"');
  return sync::EncodeMessage(sync::AwarenessUpdate{writer.view()});
}

// --- Documents
// --------------------------------------------------------------------------------------

TEST_F(RoomLimitsTest, WhoWritesPastTheBoundOfTheDocumentIsClosedForGoodAndOthersGoOn) {
  world.limits.document_bytes = 1'000;
  ann.Join(room());
  bob.Join(room());
  Settle(world, {&ann, &bob});
  ann.Type(std::string(900, 'x'));
  Settle(world, {&ann, &bob});
  ASSERT_FALSE(ann.closed);
  ann.Type(std::string(200, 'y'));
  Settle(world, {&ann, &bob});
  EXPECT_EQ(ann.closed, CloseCode::kTooBig);
  EXPECT_EQ(Hits(Limit::kDocumentBytes), 1U);
  // Nothing of it reached the log or anyone else, and there is space for what is small enough.
  EXPECT_EQ(bob.text(), std::string(900, 'x'));
  bob.Type("on");
  Settle(world, {&bob});
  EXPECT_FALSE(bob.closed);
  EXPECT_EQ(Hits(Limit::kDocumentBytes), 1U);
}

TEST_F(RoomLimitsTest, ADocumentThatIsPastItsBoundAlreadyIsServed) {
  ann.Join(room());
  Settle(world, {&ann});
  ann.Type(std::string(900, 'x'));
  Settle(world, {&ann});
  FakeWorld smaller;
  smaller.limits.document_bytes = 500;
  smaller.log.stored = world.log.stored;
  bob.Join(smaller.rooms.Get("notes"));
  Settle(smaller, {&bob});
  EXPECT_EQ(bob.length(), 900U);
  for (int i = 0; i < 600; ++i) bob.Erase(0);
  Settle(smaller, {&bob});
  EXPECT_FALSE(bob.closed);
}

// --- Awareness
// --------------------------------------------------------------------------------------

TEST_F(RoomLimitsTest, AStateOfAClientMayHaveSoManyBytesAndNotOneMore) {
  world.limits.awareness_bytes = 100;
  ann.Join(room());
  bob.Join(room());
  Settle(world, {&ann, &bob});
  ann.SayBytes(StateOf(1, 100));
  EXPECT_FALSE(ann.closed);
  bob.SayBytes(StateOf(2, 101));
  EXPECT_EQ(bob.closed, CloseCode::kTooBig);
  EXPECT_EQ(Hits(Limit::kAwarenessBytes), 1U);
}

TEST_F(RoomLimitsTest, TheStatesOfARoomMayHaveSoManyBytesTogetherAndWhoIsTooLateMayTryAgain) {
  world.limits.room_awareness_bytes = 200;
  ann.Join(room());
  bob.Join(room());
  cid.Join(room());
  Settle(world, {&ann, &bob, &cid});
  ann.SayBytes(StateOf(1, 100));
  bob.SayBytes(StateOf(2, 100));
  EXPECT_FALSE(bob.closed);
  cid.SayBytes(StateOf(3, 3));
  EXPECT_EQ(cid.closed, CloseCode::kBusy);
  EXPECT_EQ(Hits(Limit::kRoomAwarenessBytes), 1U);
}

// --- Uncommitted edits
// ------------------------------------------------------------------------------

TEST_F(RoomLimitsTest, WhoJoinsARoomWithTooMuchUncommittedIsReadFromOnceItIsThrough) {
  world.limits.uncommitted_bytes = 100;
  ann.Join(room());
  Settle(world, {&ann});
  ann.Type(std::string(200, 'x'));
  EXPECT_FALSE(ann.reading());
  // Else whoever writes, leaves and comes back could fill the memory while the disk is slow.
  ann.Leave();
  bob.Join(room());
  cid.Join(room());
  EXPECT_FALSE(bob.reading());
  world.log.FinishAppends();
  EXPECT_TRUE(bob.reading());
  EXPECT_TRUE(cid.reading());
}

TEST_F(RoomLimitsTest, WhoJoinsWhileTheLogIsCongestedIsReadFromWhenItIsNot) {
  ann.Join(room());
  Settle(world, {&ann});
  world.log.is_congested = true;
  bob.Join(room());
  EXPECT_FALSE(bob.reading());
  EXPECT_TRUE(ann.reading());
  world.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(bob.reading());
  world.log.is_congested = false;
  world.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(bob.reading());
}

// --- Connections and rooms
// --------------------------------------------------------------------------

TEST_F(RoomLimitsTest, ARoomHasAsManyMembersAsItMayHaveUntilOneLeaves) {
  world.limits.connections_per_room = 2;
  EXPECT_TRUE(Enter(ann, "notes"));
  EXPECT_TRUE(Enter(bob, "notes"));
  EXPECT_FALSE(Enter(cid, "notes"));
  EXPECT_EQ(Hits(Limit::kConnectionsPerRoom), 1U);
  EXPECT_TRUE(Enter(cid, "other"));
  cid.Leave();
  bob.Leave();
  EXPECT_TRUE(Enter(cid, "notes"));
}

TEST_F(RoomLimitsTest, OneRoomTooManyIsRefusedWhileAllOthersAreInUse) {
  world.limits.rooms = 2;
  EXPECT_TRUE(Enter(ann, "a"));
  EXPECT_TRUE(Enter(bob, "b"));
  EXPECT_FALSE(Enter(cid, "c"));
  EXPECT_EQ(Hits(Limit::kRooms), 1U);
  EXPECT_EQ(world.rooms.size(), 2U);
  // The rooms there are can be entered.
  EXPECT_TRUE(Enter(cid, "a"));
}

TEST_F(RoomLimitsTest, TheLeastRecentlyUsedRoomMakesSpaceForANewOne) {
  world.limits.rooms = 3;
  Visit("a");
  Visit("b");
  EXPECT_TRUE(Enter(ann, "c"));
  Visit("a");
  EXPECT_TRUE(Enter(bob, "d"));
  EXPECT_EQ(world.rooms.size(), 3U);
  EXPECT_TRUE(IsLoaded("a"));
  EXPECT_TRUE(IsLoaded("c"));
  EXPECT_FALSE(IsLoaded("b"));
  EXPECT_EQ(Hits(Limit::kRooms), 0U);
}

TEST_F(RoomLimitsTest, ARoomThatMakesSpaceLosesNothing) {
  world.limits.rooms = 1;
  ASSERT_TRUE(Enter(ann, "a"));
  ann.Type("kept");
  ann.Leave();
  // Its edit is not committed yet: it cannot be forgotten.
  EXPECT_FALSE(world.rooms.Enter("b").ok());
  world.log.FinishAppends();
  world.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Enter(bob, "b"));
  bob.Leave();
  ASSERT_TRUE(Enter(cid, "a"));
  EXPECT_EQ(cid.text(), "kept");
}

TEST_F(RoomLimitsTest, AnotherTableMakesSpaceWithItsNextTick) {
  world.limits.rooms = 1;
  ASSERT_TRUE(Enter(ann, "a"));
  ann.Leave();
  RoomTable other(RoomServices{world.log, world.limits, world.stats, [this] { return world.now; }});
  EXPECT_FALSE(other.Enter("b").ok());
  world.Advance(std::chrono::seconds(1));
  EXPECT_EQ(world.rooms.size(), 0U);
  EXPECT_TRUE(other.Enter("b").ok());
}

TEST_F(RoomLimitsTest, RoomsInUseMayTakeMoreMemoryThanTheBoundAndNoRoomIsAddedToThem) {
  world.limits.room_memory_bytes = 1 << 20;
  ASSERT_TRUE(Enter(ann, "a"));
  ann.Type(std::string(1 << 20, 'x'));
  Settle(world, {&ann});
  world.Advance(std::chrono::milliseconds(1));
  EXPECT_GT(world.stats.room_memory_bytes.load(), world.limits.room_memory_bytes);
  EXPECT_FALSE(Enter(bob, "b"));
  EXPECT_EQ(Hits(Limit::kRoomMemoryBytes), 1U);
  EXPECT_TRUE(Enter(bob, "a"));
  ann.Leave();
  bob.Leave();
  world.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(Enter(cid, "b"));
  EXPECT_FALSE(IsLoaded("a"));
}

TEST_F(RoomLimitsTest, RoomsThatAreForgottenGiveTheirMemoryBack) {
  for (const char* name : {"a", "b", "c"}) Visit(name);
  world.Advance(std::chrono::milliseconds(1));
  EXPECT_GT(world.stats.room_memory_bytes.load(), 0U);
  world.Advance(world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 0U);
  EXPECT_EQ(world.stats.room_memory_bytes.load(), 0U);
}

// --- What should not happen
// -------------------------------------------------------------------------

TEST_F(RoomLimitsTest, ABrokenRoomClosesItsMembersAndNobodyElse) {
  ASSERT_TRUE(Enter(ann, "a"));
  ASSERT_TRUE(Enter(bob, "b"));
  room("a").Break(absl::InternalError("two and two are five"));
  EXPECT_EQ(ann.closed, CloseCode::kInternalError);
  EXPECT_FALSE(bob.closed);
  EXPECT_EQ(room("a").Validate(), absl::OkStatus());
  bob.Type("on");
  Settle(world, {&bob});
  EXPECT_FALSE(bob.closed);
}

TEST_F(RoomLimitsTest, ABrokenRoomIsReadFromTheLogByTheNextWhoJoins) {
  ASSERT_TRUE(Enter(ann, "a"));
  ann.Type("kept");
  Settle(world, {&ann});
  const int loads = world.log.load_count;
  room("a").Break(absl::InternalError("two and two are five"));
  ASSERT_TRUE(Enter(cid, "a"));
  EXPECT_EQ(world.log.load_count, loads + 1);
  EXPECT_EQ(cid.text(), "kept");
}

TEST_F(RoomLimitsTest, ABrokenRoomWaitsForItsCommitsBeforeItIsReadAnew) {
  ASSERT_TRUE(Enter(ann, "a"));
  ann.Type("kept");
  room("a").Break(absl::InternalError("two and two are five"));
  EXPECT_EQ(room("a").Validate(), absl::OkStatus());
  cid.Join(room("a"));
  EXPECT_EQ(world.log.waiting_loads(), 0U);
  world.log.FinishAppends();
  EXPECT_EQ(world.log.waiting_loads(), 1U);
  Settle(world, {&cid});
  EXPECT_EQ(cid.text(), "kept");
}

TEST_F(RoomLimitsTest, ARoomThatBreaksWhileItIsLoadedLoadsForTheNext) {
  ann.Join(room("a"));
  room("a").Break(absl::InternalError("two and two are five"));
  EXPECT_EQ(ann.closed, CloseCode::kInternalError);
  ASSERT_TRUE(Enter(bob, "a"));
  EXPECT_TRUE(bob.synced);
  EXPECT_EQ(room("a").Validate(), absl::OkStatus());
}

}  // namespace
}  // namespace weft::server
