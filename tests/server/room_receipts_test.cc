// What a room tells a member about its writes, and how far it has heard of those of others.

#include <gtest/gtest.h>

#include "server/room.h"
#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

using Kind = Receipt::Kind;

class RoomReceiptsTest : public testing::Test {
 protected:
  RoomReceiptsTest() { ann.wants_receipts = true; }
  Room& room() { return world.rooms.Get("notes"); }
  void Join(std::initializer_list<Editor*> editors) {
    for (Editor* editor : editors) editor->Join(room());
    Settle(world, editors);
    for (Editor* editor : editors) editor->receipts.clear();
  }
  void TearDown() override { EXPECT_EQ(room().Validate(), absl::OkStatus()); }

  FakeWorld world;
  Editor ann{1};
  Editor bob{2};
};

TEST_F(RoomReceiptsTest, AWriteIsAcknowledgedAfterItsCommitWithItsPlace) {
  Join({&ann, &bob});
  ann.Type("a");
  ann.Type("b");
  EXPECT_TRUE(ann.receipts.empty());
  world.log.FinishAppend();
  const LogPlace first = world.log.HeadOf("notes");
  EXPECT_EQ(first.sequence, 1U);
  EXPECT_EQ(ann.receipts, (std::vector<Editor::KeptReceipt>{{Kind::kDurable, 1, first, ""}}));
  world.log.FinishAppend();
  ASSERT_EQ(ann.receipts.size(), 2U);
  EXPECT_EQ(ann.receipts[1].place, world.log.HeadOf("notes"));
}

TEST_F(RoomReceiptsTest, KeystrokesThatWereJoinedAreAcknowledgedTogether) {
  Join({&ann});
  std::vector<crdt::Bytes> keys;
  crdt::Doc typed({.client_id = crdt::ClientId{8}, .gc = true, .limits = {}});
  const crdt::Subscription typing = typed.OnUpdate([&](const crdt::UpdateEvent& event) {
    keys.push_back(sync::EncodeMessage(sync::Update{event.update}));
  });
  for (std::uint64_t i = 0; i < 5; ++i) typed.GetText("other").Insert(i, "k");
  const std::vector<crdt::ByteView> views(keys.begin(), keys.end());
  room().Receive(ann, views);
  EXPECT_EQ(world.log.append_count(), 1U);
  world.log.FinishAppends();
  ASSERT_EQ(ann.receipts.size(), 1U);
  EXPECT_EQ(ann.receipts[0].count, 5U);
}

TEST_F(RoomReceiptsTest, WhatIsKnownAlreadyIsAcknowledgedBehindWhatIsUnderWay) {
  Join({&ann, &bob});
  bob.Type("b");
  const crdt::Bytes known = bob.doc().EncodeStateAsUpdate();
  ann.Say(sync::Update{known});
  EXPECT_TRUE(ann.receipts.empty());  // it is known here, but the medium may not have it
  world.log.FinishAppends();
  ASSERT_EQ(ann.receipts.size(), 1U);
  EXPECT_EQ(ann.receipts[0].kind, Kind::kDurable);
  ann.Say(sync::SyncStep2{known});
  ASSERT_EQ(ann.receipts.size(), 2U);
  EXPECT_EQ(ann.receipts[1].place, world.log.HeadOf("notes"));
}

TEST_F(RoomReceiptsTest, QuestionsAndCursorsHaveNoReceipts) {
  Join({&ann});
  ann.ShowCursor();
  ann.Say(sync::SyncStep1{crdt::Bytes{0}});
  ann.Say(sync::QueryAwareness{});
  EXPECT_TRUE(ann.receipts.empty());
}

TEST_F(RoomReceiptsTest, AMarkerComesBackAfterTheCommitOfWhatCameBeforeIt) {
  Join({&bob});
  bob.Type("b");
  bob.Say(sync::SyncMarker{crdt::Bytes{1}});
  EXPECT_TRUE(bob.received.empty());
  world.log.FinishAppends();
  EXPECT_EQ(bob.received,
            (std::vector<crdt::Bytes>{sync::EncodeMessage(sync::SyncMarker{crdt::Bytes{1}})}));
}

TEST_F(RoomReceiptsTest, ALogThatAnswersBeforeTheMediumHasItIsNotCalledDurable) {
  world.log.is_durable = false;
  Join({&ann});
  ann.Type("a");
  world.log.FinishAppends();
  ASSERT_EQ(ann.receipts.size(), 1U);
  EXPECT_EQ(ann.receipts[0].kind, Kind::kReceived);
}

TEST_F(RoomReceiptsTest, WhatCameWhileTheRoomWasLoadingIsAcknowledgedToo) {
  ann.Join(room());
  const crdt::Bytes update = [] {
    crdt::Doc doc({.client_id = crdt::ClientId{9}, .gc = true, .limits = {}});
    doc.GetText("content").Insert(0, "early");
    return doc.EncodeStateAsUpdate();
  }();
  const crdt::Bytes message = sync::EncodeMessage(sync::Update{update});
  room().Receive(ann, message);
  EXPECT_TRUE(ann.receipts.empty());
  world.log.FinishLoad();
  world.log.FinishAppends();
  ASSERT_EQ(ann.receipts.size(), 1U);
  EXPECT_EQ(ann.receipts[0].count, 1U);
}

TEST_F(RoomReceiptsTest, ARefusalKeepsItsPlaceAmongTheReceipts) {
  Join({&ann, &bob});
  ann.Type("a");
  room().Freeze("the show runs");
  ann.Type("b");
  EXPECT_TRUE(ann.receipts.empty());
  world.log.FinishAppends();
  ASSERT_EQ(ann.receipts.size(), 2U);
  EXPECT_EQ(ann.receipts[0].kind, Kind::kDurable);
  EXPECT_EQ(ann.receipts[1].kind, Kind::kRefused);
  EXPECT_EQ(ann.receipts[1].reason, "the show runs");
  room().Unfreeze();
}

TEST_F(RoomReceiptsTest, AWriteThatIsNotStoredIsNeverAcknowledged) {
  Join({&ann, &bob});
  ann.Type("a");
  world.log.FinishAppends(absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(ann.receipts.empty());
  EXPECT_EQ(ann.closed, CloseCode::kNotStored);
}

TEST_F(RoomReceiptsTest, WhoeverWaitsForAReceiptOfARoomThatFailsMustComeAgain) {
  Join({&ann, &bob});
  bob.Type("b");
  ann.Say(sync::Update{bob.doc().EncodeStateAsUpdate()});
  world.log.FinishAppends(absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(ann.receipts.empty());
  EXPECT_EQ(ann.closed, CloseCode::kBusy);
}

TEST_F(RoomReceiptsTest, WhileStoringFailsWhoWritesAndWantsReceiptsIsSentAway) {
  Join({&ann, &bob});
  bob.Type("b");
  world.log.FinishAppends(absl::ResourceExhaustedError("full"));
  Settle(world, {&ann});
  ann.Say(sync::SyncStep2{bob.doc().EncodeStateAsUpdate()});
  EXPECT_EQ(ann.closed, CloseCode::kNotStored);
  EXPECT_TRUE(ann.receipts.empty());
}

TEST_F(RoomReceiptsTest, HeardFollowsTheUpdatesOfOthers) {
  Join({&ann, &bob});
  bob.Type("b");
  bob.Type("c");
  world.log.FinishAppend();
  EXPECT_EQ(ann.received.size(), 1U);
  EXPECT_EQ(ann.heard, world.log.HeadOf("notes"));
  EXPECT_EQ(ann.heard.sequence, 1U);
  world.log.FinishAppend();
  EXPECT_EQ(ann.heard.sequence, 2U);
  EXPECT_EQ(room().head(), ann.heard);
}

TEST_F(RoomReceiptsTest, ATailHoldsWhatCameAfterAPlace) {
  Join({&ann, &bob});
  for (const char* key : {"1", "2", "3"}) bob.Type(key);
  world.log.FinishAppends();
  const std::vector<crdt::Bytes> all = world.log.stored["notes"];
  std::vector<crdt::Bytes> tail;
  room().ReadTail({.sequence = 1, .generation = room().head().generation}, 1'000,
                  [&](auto updates) { tail = *updates; });
  EXPECT_EQ(tail, (std::vector<crdt::Bytes>{all[1], all[2]}));
}

}  // namespace
}  // namespace weft::server
