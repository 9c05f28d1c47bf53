// What the server stores together with rows of an application: the document takes it once it is
// committed, and a refusal changes nothing.

#include <gtest/gtest.h>

#include "server/room.h"
#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

const absl::Status kDiskFull = absl::ResourceExhaustedError("no space left on device");
const absl::Status kMoved = absl::AbortedError("the rows have moved on");

class RoomCommitTest : public testing::Test {
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

  // A commit, and what was answered when it was.
  struct Commit {
    std::optional<absl::StatusOr<Room::Submitted>> answer;
    std::optional<LogPlace> told;  // to the change of the rows
  };
  void Begin(Commit& commit, crdt::Bytes update, absl::Status verdict = absl::OkStatus(),
             bool past_freeze = false) {
    RowChange change{.rows = nullptr,
                     .edit = [&commit, verdict](store::RowWriter&, const LogPlace& place) {
                       commit.told = place;
                       return verdict;
                     }};
    room().Commit(std::move(update), std::move(change), past_freeze,
                  [&commit](auto answer) { commit.answer = std::move(answer); });
  }
  static crdt::Bytes Written(std::string_view text) {
    crdt::Doc doc({.client_id = crdt::ClientId{77}, .gc = true, .limits = {}});
    doc.GetText("content").Insert(0, text);
    return doc.EncodeStateAsUpdate();
  }
  // What somebody who joins now sees.
  std::string Text() {
    Editor newcomer(next_client++);
    newcomer.Join(room());
    Settle(world, {&newcomer});
    std::string text = newcomer.text();
    room().Leave(newcomer);
    return text;
  }
  std::size_t Stored() { return world.log.stored["notes"].size(); }

  FakeWorld world;
  std::uint64_t next_client = 100;
  Editor ann{1};
  Editor bob{2};
};

TEST_F(RoomCommitTest, TheDocumentTakesItAndEverybodyIsToldWhenItIsCommitted) {
  Commit commit;
  Begin(commit, Written("patch "));
  Editor cid(3);
  cid.Join(room());
  EXPECT_FALSE(commit.answer);
  EXPECT_EQ(world.log.append_count(), 1U);
  world.log.FinishAppend();
  ASSERT_TRUE(commit.answer && commit.answer->ok());
  EXPECT_EQ((*commit.answer)->place.sequence, 2U);
  EXPECT_TRUE((*commit.answer)->news);
  EXPECT_EQ(commit.told, (*commit.answer)->place);
  EXPECT_EQ(room().head(), (*commit.answer)->place);
  Settle(world, {&ann, &bob, &cid});
  for (Editor* editor : {&ann, &bob, &cid}) {
    EXPECT_NE(editor->text().find("patch "), std::string::npos);
    EXPECT_NE(editor->text().find("old "), std::string::npos);
  }
  EXPECT_EQ(Text(), ann.text());
}

TEST_F(RoomCommitTest, ARefusedOneChangesNothingAndTheRoomGoesOn) {
  Commit commit;
  Begin(commit, Written("patch "), kMoved);
  world.log.FinishAppend();
  ASSERT_TRUE(commit.answer);
  EXPECT_EQ(commit.answer->status(), kMoved);
  EXPECT_EQ(Stored(), 1U);
  EXPECT_EQ(room().head().sequence, 1U);
  EXPECT_EQ(Text(), "old ");
  EXPECT_FALSE(ann.closed);
  bob.Type("on ");
  Settle(world, {&ann, &bob});
  EXPECT_EQ(ann.text(), bob.text());
  EXPECT_EQ(Stored(), 2U);
}

TEST_F(RoomCommitTest, OneThatTheDiskRefusesIsNoFailureOfTheRoom) {
  Commit commit;
  Begin(commit, Written("patch "));
  world.log.FinishAppend(kDiskFull);
  ASSERT_TRUE(commit.answer);
  EXPECT_EQ(commit.answer->status(), kDiskFull);
  EXPECT_FALSE(ann.closed);
  EXPECT_EQ(world.log.waiting_loads(), 0U);
  EXPECT_EQ(Text(), "old ");
}

TEST_F(RoomCommitTest, ItStandsInTheOrderOfTheLogBetweenEditsOfMembers) {
  Commit commit;
  ann.Type("before ");
  Begin(commit, Written("patch "));
  bob.Type("after ");
  EXPECT_EQ(world.log.append_count(), 3U);
  world.log.FinishAppend();
  EXPECT_FALSE(commit.answer);
  world.log.FinishAppend();
  ASSERT_TRUE(commit.answer && commit.answer->ok());
  EXPECT_EQ((*commit.answer)->place.sequence, 3U);
  world.log.FinishAppend();
  Settle(world, {&ann, &bob});
  EXPECT_EQ(ann.text(), bob.text());
  EXPECT_EQ(Text(), ann.text());
  ASSERT_EQ(Stored(), 4U);
  EXPECT_EQ(world.log.stored["notes"][2], Written("patch "));
}

TEST_F(RoomCommitTest, AnswersThatWaitForARefusedOneAreGiven) {
  Commit commit;
  Begin(commit, Written("patch "), kMoved);
  Editor cid(3);
  cid.Join(room());
  cid.Type("new ");
  Settle(world, {&cid, &ann, &bob});
  EXPECT_EQ(commit.answer->status(), kMoved);
  EXPECT_FALSE(cid.closed);
  EXPECT_EQ(cid.text(), ann.text());
}

TEST_F(RoomCommitTest, OneThatIsStoredBehindAFailureIsInTheDocumentThatIsReadAnew) {
  Commit commit;
  ann.Type("lost ");
  Begin(commit, Written("patch "));
  world.log.FinishAppend(kDiskFull);
  EXPECT_FALSE(commit.answer);
  world.log.FinishAppend();
  ASSERT_TRUE(commit.answer && commit.answer->ok());
  Settle(world, {&bob});
  EXPECT_FALSE(bob.closed);
  EXPECT_NE(bob.text().find("patch "), std::string::npos);
  EXPECT_EQ(Text(), bob.text());
}

TEST_F(RoomCommitTest, AFrozenRoomRefusesItUnlessTheCallerSaysOtherwise) {
  room().Freeze("the show is on");
  Commit commit;
  Begin(commit, Written("patch "));
  ASSERT_TRUE(commit.answer);
  EXPECT_EQ(commit.answer->status(), absl::PermissionDeniedError("the show is on"));
  EXPECT_EQ(world.log.append_count(), 0U);
  Commit past;
  Begin(past, Written("patch "), absl::OkStatus(), /*past_freeze=*/true);
  world.log.FinishAppend();
  EXPECT_TRUE(past.answer && past.answer->ok());
}

TEST_F(RoomCommitTest, WhatIsNoUpdateNeverReachesTheLog) {
  Commit commit;
  Begin(commit, {0xff, 0xff, 0xff});
  ASSERT_TRUE(commit.answer);
  EXPECT_TRUE(absl::IsInvalidArgument(commit.answer->status()));
  EXPECT_EQ(world.log.append_count(), 0U);
}

TEST_F(RoomCommitTest, AResetWhileItIsUnderWayLosesNothing) {
  Commit commit;
  Begin(commit, Written("patch "));
  room().Reset(CloseCode::kRoomDeleted, "for the test");
  EXPECT_FALSE(room().idle());
  world.log.FinishAppend();
  EXPECT_TRUE(commit.answer && commit.answer->ok());
  EXPECT_NE(Text().find("patch "), std::string::npos);
}

}  // namespace
}  // namespace weft::server
