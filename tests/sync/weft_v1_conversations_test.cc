// The laws of weft.v1 (sync/PROTOCOL.md), with both ends as they are and a network that does what
// networks do. What passes on the wire is watched by the model.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "tests/sync/weft_v1_model.h"

namespace weft::sync::weft_v1 {
namespace {

std::string Text(ModelWorld& world, std::size_t client) {
  return world.doc(client).GetText("content").ToString();
}

void RunAtRandom(ModelWorld& world, std::size_t clients, bool with_deletion) {
  const int steps = *rc::gen::inRange(1, 150);
  for (int step = 0; step < steps; ++step) {
    const std::size_t i = *rc::gen::inRange<std::size_t>(0, clients);
    const auto place = *rc::gen::inRange<std::uint64_t>(0, 50);
    const int what = *rc::gen::weightedElement<int>({{8, 0},
                                                     {2, 1},
                                                     {12, 2},
                                                     {12, 3},
                                                     {6, 4},
                                                     {3, 5},
                                                     {6, 6},
                                                     {6, 7},
                                                     {1, 8},
                                                     {1, 9},
                                                     {2, 10},
                                                     {2, 11},
                                                     {1, 12},
                                                     {1, 13}});
    const auto times = static_cast<int>(place % 4);
    switch (what) {
      case 0:
        world.Type(i, place, std::string(1 + place % 9, static_cast<char>('a' + place % 26)));
        break;
      case 1:
        world.Erase(i, place);
        break;
      case 2:
        for (int j = 0; j <= times; ++j) world.ToServer(i);
        break;
      case 3:
        for (int j = 0; j <= times; ++j) world.ToClient(i);
        break;
      case 4:
        world.Connect(i);
        break;
      case 5:
        world.Drop(i);
        break;
      case 6:
        world.FinishJoin(i);
        break;
      case 7:
        world.Commit();
        break;
      case 8:
        world.Crash();
        break;
      case 9:
        world.Compact();
        break;
      case 10:
        world.Freeze(place % 2 == 0);
        break;
      case 11:
        world.SetReading(i, place % 3 != 0);
        break;
      case 12:
        world.Check(i);
        break;
      default:
        if (with_deletion) world.DeleteRoom();
    }
  }
}

RC_GTEST_PROP(WeftV1Conversations, NothingDurableIsLostAndAllConvergeOverAnyDropsAndCrashes, ()) {
  ModelWorld world({.clients = 3});
  RunAtRandom(world, 3, false);
  world.CheckDurable();
  world.Heal();
  world.CheckDurable();
  world.CheckConverged();
  RC_ASSERT(world.broken() == "");
}

RC_GTEST_PROP(WeftV1Conversations, CreditIsNeverExceededHoweverSmallAndHoldsNothingUpForEver, ()) {
  ModelWorld world({.clients = 2,
                    .client_window = *rc::gen::inRange<std::size_t>(1, 200),
                    .server_window = *rc::gen::inRange<std::size_t>(1, 200),
                    .server_queue = *rc::gen::inRange<std::size_t>(1, 300),
                    .client_queue = *rc::gen::inRange<std::size_t>(1, 300)});
  RunAtRandom(world, 2, false);
  world.Heal();
  world.CheckDurable();
  world.CheckConverged();
  RC_ASSERT(world.broken() == "");
}

RC_GTEST_PROP(WeftV1Conversations, ARoomThatWasMadeAnewIsNotMergedIntoUnasked, ()) {
  ModelWorld world({.clients = 2});
  RunAtRandom(world, 2, true);
  world.Heal();
  world.CheckDurable();
  world.CheckConverged();
  RC_ASSERT(world.broken() == "");
}

RC_GTEST_PROP(WeftV1Conversations, ALogThatLosesItsEndIsMadeWholeByWhoeverHasIt, ()) {
  ModelWorld world({.clients = 3, .durable = false});
  RunAtRandom(world, 3, false);
  world.Heal();
  world.CheckConverged();
  RC_ASSERT(world.seen().resumed == 0);
  RC_ASSERT(world.broken() == "");
}

RC_GTEST_PROP(WeftV1Conversations, WhatOthersWereToldBeforeItsCommitComesBackWithAnyOfThem, ()) {
  ModelWorld world({.clients = 3, .told_early = true});
  // So that somebody has something to resume from, in most runs.
  for (int times = *rc::gen::inRange(0, 3); times > 0; --times) {
    world.Type(0, 0, "start ");
    world.Heal();
    RunAtRandom(world, 3, false);
  }
  world.CheckDurable();
  const auto gone = *rc::gen::inRange<std::size_t>(0, 4);  // nobody, now and then
  if (gone < 3) world.LeaveForGood(gone);
  world.Heal();
  world.CheckDurable();
  world.CheckConverged();
  RC_ASSERT(world.broken() == "");
}

// --- What each of it is for
// -----------------------------------------------------------------------------------

class WeftV1Test : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(world.broken(), ""); }

  ModelWorld world{{.clients = 2}};
};

TEST_F(WeftV1Test, AWriteIsUnsavedUntilItIsCommitted) {
  world.Heal();
  world.Type(0, 0, "a");
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 1U);
  while (world.ToServer(0) || world.ToClient(0)) {
  }
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 1U);
  EXPECT_TRUE(world.Commit());
  while (world.ToClient(0)) {
  }
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 0U);
  EXPECT_EQ(world.client(0).place(world.room(0)), (Place{1000, 1}));
}

TEST_F(WeftV1Test, WhoComesBackResumesAndIsSentWhatItMissed) {
  world.Heal();
  world.Type(0, 0, "before ");
  world.Heal();
  world.Drop(1);
  world.Type(0, 7, "meanwhile");
  world.Type(1, 0, "offline ");
  world.Heal();
  world.CheckConverged();
  EXPECT_EQ(world.seen().resumed, 1);
  EXPECT_EQ(Text(world, 0), "offline before meanwhile");
}

TEST(WeftV1ToldEarly, WhoResumesBringsWhatTheLogLostAndItsWriterDoesNot) {
  ModelWorld world({.clients = 2, .told_early = true});
  world.Heal();
  world.Type(0, 0, "kept ");
  world.Heal();
  world.Type(0, 5, "seen");
  while (world.ToServer(0) || world.ToClient(1)) {
  }
  EXPECT_EQ(Text(world, 1), "kept seen");
  world.Crash();
  world.LeaveForGood(0);
  world.Heal();
  EXPECT_EQ(world.seen().resumed, 1);
  EXPECT_EQ(Text(world, 1), "kept seen");
  world.CheckConverged();
  EXPECT_EQ(world.broken(), "");
}

TEST_F(WeftV1Test, WhenTheLogDoesNotKeepTheTailTheStateVectorIsEnough) {
  world.Heal();
  world.Type(0, 0, "before ");
  world.Heal();
  world.Drop(1);
  world.Type(0, 7, "meanwhile");
  while (world.ToServer(0)) {
  }
  world.Commit();
  world.Compact();
  world.Type(1, 0, "offline ");
  world.Heal();
  world.CheckConverged();
  EXPECT_EQ(world.seen().resumed, 0);
}

TEST_F(WeftV1Test, AnAnswerThatWasLostIsGivenAgain) {
  world.Heal();
  world.Type(0, 0, "a");
  while (world.ToServer(0)) {
  }
  world.Commit();
  world.Drop(0);  // the Ack with it
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 1U);
  world.Heal();
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 0U);
  EXPECT_EQ(world.log().size(), 1U);
}

TEST_F(WeftV1Test, ARefusedWriteIsKeptAndTakenWhenRightsComeBack) {
  world.Heal();
  world.Type(0, 0, "a");
  world.Freeze(true);  // the write is on its way
  while (world.ToServer(0) || world.ToClient(0)) {
  }
  EXPECT_EQ(world.seen().denied, 1);
  EXPECT_EQ(world.client(0).role(world.room(0)), Role::kRead);
  world.Type(0, 1, "b");
  EXPECT_EQ(world.seen().denied, 2);  // not even sent
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 2U);
  world.Heal();
  world.CheckConverged();
  EXPECT_EQ(Text(world, 1), "ab");
}

TEST_F(WeftV1Test, ARefusedWriteIsNotTakenForSavedWhenALaterOneIs) {
  world.Heal();
  world.Type(0, 0, "a");
  world.Freeze(true);
  world.ToServer(0);
  world.Freeze(false);
  world.Type(0, 1, "b");
  world.ToServer(0);
  world.Commit();
  while (world.ToClient(0)) {
  }
  EXPECT_EQ(world.client(0).unsaved(world.room(0)), 2U);
  world.CheckDurable();
  world.Heal();
  world.CheckConverged();
}

TEST_F(WeftV1Test, AnotherHistoryIsToldAndMergedWhenAskedFor) {
  world.Heal();
  world.Type(0, 0, "old");
  world.Heal();
  world.Drop(1);
  world.DeleteRoom();
  world.Heal();
  EXPECT_EQ(world.seen().other_history, 2);
  world.CheckConverged();
}

TEST_F(WeftV1Test, AChecksumTellsThatTwoAreTheSame) {
  world.Heal();
  world.Type(0, 0, "same");
  world.Erase(0, 1);
  world.Heal();
  world.Check(1);
  world.Heal();
  EXPECT_EQ(world.seen().same_checksums, 1);
  world.Drop(0);
  world.Type(0, 0, "more");
  world.Connect(0);
  while (world.ToServer(0) || world.ToClient(0) || world.FinishJoin(0)) {
  }
  world.Check(1);
  while (world.ToServer(1) || world.ToClient(1)) {
  }
  EXPECT_EQ(world.seen().same_checksums, 1);
}

TEST(WeftV1Bounds, WhoReadsTooSlowlyIsToldTheDocumentInsteadOfItsBacklog) {
  ModelWorld world({.clients = 2, .client_window = 100, .server_queue = 200});
  world.Heal();
  for (int i = 0; i < 50; ++i) {
    world.Type(0, static_cast<std::uint64_t>(i), "word ");
    while (world.ToServer(0) || world.Commit() || world.ToClient(0)) {
    }
  }
  world.Heal();
  EXPECT_GE(world.seen().caught_up, 1);
  EXPECT_GE(world.seen().waited_for_credit, 1);
  world.CheckConverged();
  EXPECT_EQ(world.broken(), "");
}

TEST(WeftV1Bounds, AQueueThatIsGivenUpLosesNothing) {
  ModelWorld world({.clients = 2, .client_queue = 200});
  world.Heal();
  world.Type(0, 0, "start ");
  world.Heal();
  world.Drop(0);
  for (int i = 0; i < 50; ++i) world.Type(0, static_cast<std::uint64_t>(i), "word ");
  world.Heal();
  EXPECT_EQ(world.seen().resumed, 0);
  world.CheckConverged();
  EXPECT_EQ(world.broken(), "");
}

// --- A client alone
// -----------------------------------------------------------------------------------

class NoDocument final : public Replica {
 public:
  crdt::Bytes EncodeStateVector() override { return {0}; }
  absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView) override { return crdt::Bytes{0, 0}; }
  absl::Status Apply(crdt::ByteView) override { return absl::OkStatus(); }
};

class WeftV1ClientTest : public testing::Test {
 protected:
  WeftV1ClientTest() { room = client.Add("notes", replica, unsaid); }

  ClientEffects Hear(const Message& message) {
    return client.Receive(EncodeMessage(message), TimePoint{});
  }
  // The sequence that the room is joined from.
  std::uint64_t Connect() {
    const ClientEffects effects = client.Connected(TimePoint{});
    const crdt::Bytes& join = std::get<SendBytes>(effects.at(1)).frame;
    return std::get<Join>(*DecodeMessage(join)).place.sequence;
  }
  ClientEffects Enter(Place head, How how = How::kSynced) {
    return Hear(
        Joined{.channel = 1, .head = head, .role = Role::kWrite, .how = how, .credit = 100});
  }

  NoDocument replica;
  ClientEffects unsaid;
  Client client{{}};
  RoomId room{};
};

TEST_F(WeftV1ClientTest, ALogThatWasPutBackIsNotResumedFrom) {
  EXPECT_EQ(Connect(), 0U);
  Enter({.generation = 5, .sequence = 10});
  Hear(Heard{.channel = 1, .sequence = 10});
  client.Disconnected(1006);
  EXPECT_EQ(Connect(), 10U);
  Enter({.generation = 5, .sequence = 3});
  client.Disconnected(1006);
  EXPECT_EQ(Connect(), 0U);
}

TEST_F(WeftV1ClientTest, AHistoryThatChangesUnderAClientIsLeft) {
  Connect();
  Enter({.generation = 5, .sequence = 10});
  const ClientEffects effects = Hear(Generation{.channel = 1, .generation = 6});
  ASSERT_EQ(effects.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<OtherHistory>(effects[1]));
}

TEST_F(WeftV1ClientTest, FinalCodesEndItAndOthersAreWaitedForLongerEachTime) {
  EXPECT_EQ(client.Disconnected(1006), Duration(100));
  EXPECT_EQ(client.Disconnected(1006), Duration(200));
  Connect();
  Hear(Welcome{});
  EXPECT_EQ(client.Disconnected(1006), Duration(100));
  Connect();
  Hear(Closing{.code = 1012, .retry_ms = 5000, .reason = "restart"});
  EXPECT_EQ(client.Disconnected(1012), Duration(5000));
  EXPECT_EQ(client.Disconnected(4401), std::nullopt);
  Connect();
  Hear(Closing{.code = 4401, .retry_ms = 0, .reason = "expired"});
  EXPECT_EQ(client.Disconnected(1006), std::nullopt);
}

TEST_F(WeftV1ClientTest, ARoomThatWasRefusedIsJoinedAgainWithAnotherToken) {
  Connect();
  Hear(Welcome{});
  Hear(Refused{.channel = 1, .code = kForbidden, .generation = 0, .reason = "not you"});
  EXPECT_TRUE(client.Tick(TimePoint{Duration(60'000)}).size() == 1);  // silence
  EXPECT_EQ(client.SetToken("better").size(), 1U);
  const ClientEffects effects = Hear(Welcome{});
  ASSERT_EQ(effects.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Join>(*DecodeMessage(std::get<SendBytes>(effects[1]).frame)));
}

TEST_F(WeftV1ClientTest, ASilentServerIsAskedAndThenLeft) {
  Connect();
  const auto said = [&](int seconds) {
    const ClientEffects effects = client.Tick(TimePoint{Duration(1000 * seconds)});
    return effects.empty() ? -1 : static_cast<int>(effects[0].index());
  };
  EXPECT_EQ(said(14), -1);
  EXPECT_EQ(said(15), 0);  // SendBytes
  EXPECT_EQ(said(16), -1);
  EXPECT_EQ(said(30), 1);  // LeaveSocket
}

}  // namespace
}  // namespace weft::sync::weft_v1
