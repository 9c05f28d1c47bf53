// A room that relays edits as soon as they are accepted, and what it does when the log lacks them then.

#include "server/relay_moment.h"

#include <gtest/gtest.h>

#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left on device");

class RelayAcceptedTest : public testing::Test {
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

  // What the log alone would show after a crash now.
  std::string StoredText() {
    crdt::Doc doc;
    for (const crdt::Bytes& update : world.log.stored["notes"]) {
      EXPECT_TRUE(doc.ApplyUpdate(update).ok());
    }
    return doc.GetText("content").ToString();
  }

  FakeWorld world{RelayMoment::kAccepted};
  Editor ann{1};
  Editor bob{2};
  Editor cid{3};
};

TEST_F(RelayAcceptedTest, AnEditReachesOthersBeforeItsCommitAndOnce) {
  ann.Type("new");
  EXPECT_EQ(world.log.append_count(), 1U);
  bob.Read();
  EXPECT_EQ(bob.text(), "old new");
  EXPECT_TRUE(ann.received.empty());
  world.log.FinishAppends();
  EXPECT_TRUE(bob.received.empty());
}

TEST_F(RelayAcceptedTest, AnAnswerWaitsForTheCommitsAsItVouchesForThem) {
  ann.Type("new");
  ann.Ask();
  cid.Join(room());
  EXPECT_TRUE(ann.received.empty());
  EXPECT_TRUE(cid.received.empty());
  world.log.FinishAppend();
  EXPECT_EQ(ann.acknowledged.size(), 2U);  // with what SetUp typed
  cid.Read();
  EXPECT_EQ(cid.text(), "old new");
}

TEST_F(RelayAcceptedTest, WhoWaitsForAnAnswerHearsEditsMeanwhile) {
  ann.Type("a");
  cid.Join(room());
  ann.Type("b");
  cid.Read();
  world.log.FinishAppend();
  cid.Read();
  EXPECT_EQ(cid.text(), "old ab");
  world.log.FinishAppends();
}

// Nobody tells it to who comes now, and it is said to have heard it once it is committed.
TEST_F(RelayAcceptedTest, ATailHasWhatWasToldBeforeItWasAskedFor) {
  const LogPlace before = room().head();
  ann.Type("new");
  cid.Join(room());
  std::optional<absl::StatusOr<std::vector<crdt::Bytes>>> tail;
  const auto ask = [&] {
    room().ReadTail(before, 1'000, [&](auto updates) { tail = std::move(updates); });
  };
  ask();
  EXPECT_FALSE(tail);
  world.log.FinishAppend();
  ASSERT_TRUE(tail && tail->ok());
  EXPECT_EQ((*tail)->size(), 1U);
  ann.Type("er");
  ask();
  world.log.FinishAppend(kDiskFull);
  EXPECT_FALSE(tail->ok());
  Settle(world, {&bob, &cid});
}

TEST_F(RelayAcceptedTest, WhatOthersHaveSeenComesBackFromThemThoughItsWriterNeverDoes) {
  ann.Type("new");
  bob.Read();
  world.log.FinishAppend(kDiskFull);
  EXPECT_EQ(ann.closed, CloseCode::kNotStored);
  EXPECT_FALSE(bob.closed);
  Settle(world, {&bob});
  EXPECT_EQ(StoredText(), "old ");
  world.Advance(world.limits.store_retry);
  Settle(world, {&bob});
  EXPECT_EQ(StoredText(), "old new");
  cid.Join(room());
  Settle(world, {&bob, &cid});
  EXPECT_EQ(cid.text(), "old new");
}

TEST_F(RelayAcceptedTest, ADeletionThatOthersHaveSeenComesBackToo) {
  ann.Erase(0);
  bob.Read();
  world.log.FinishAppend(kDiskFull);
  Settle(world, {&bob});
  world.Advance(world.limits.store_retry);
  Settle(world, {&bob});
  EXPECT_EQ(StoredText(), "ld ");
}

TEST_F(RelayAcceptedTest, WhoBuiltUponWhatWasNotStoredIsNotToldThatItIs) {
  ann.Type("new");
  bob.Read();
  bob.Type("er");
  bob.Ask();
  world.log.FinishAppend(kDiskFull);
  world.log.FinishAppend();
  EXPECT_TRUE(bob.acknowledged.empty());
  EXPECT_TRUE(bob.closed);
  // The log has the end of the word and waits for its beginning, which comes with either of them.
  EXPECT_EQ(StoredText(), "old ");
  bob.Join(room());
  Settle(world, {&bob});
  world.Advance(world.limits.store_retry);
  Settle(world, {&bob});
  EXPECT_EQ(StoredText(), "old newer");
}

TEST_F(RelayAcceptedTest, AWriterWhoseEditIsStoredBehindAFailedOneComesBack) {
  ann.Type("new");
  bob.Read();
  bob.Type("er");
  world.log.FinishAppend(kDiskFull);
  EXPECT_FALSE(bob.closed);
  world.log.FinishAppend();
  EXPECT_EQ(bob.closed, CloseCode::kNotStored);
  Settle(world, {});
}

TEST_F(RelayAcceptedTest, ARoomIsNotForgottenBeforeItsLastCommit) {
  ann.Type("kept");
  ann.Leave();
  bob.Leave();
  world.Advance(10 * world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 1U);
  world.log.FinishAppends();
  world.Advance(10 * world.limits.room_idle);
  EXPECT_EQ(world.rooms.size(), 0U);
  EXPECT_EQ(StoredText(), "old kept");
}

}  // namespace
}  // namespace weft::server
