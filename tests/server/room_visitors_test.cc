// What others than members ask of a room: its document, to write, to freeze, to close; and what
// members may do.

#include <gtest/gtest.h>

#include "server/room.h"
#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

class RoomVisitorsTest : public testing::Test {
 protected:
  Room& room() { return world.rooms.Get("notes"); }
  void Join(std::initializer_list<Editor*> editors) {
    for (Editor* editor : editors) editor->Join(room());
    Settle(world, editors);
  }
  // What Query answers, when it has.
  struct Asked {
    std::optional<absl::StatusOr<std::string>> answer;
  };
  void Ask(Asked& asked) {
    room().Query(
        [](sync::SharedDocument& document) -> absl::StatusOr<std::string> {
          crdt::Doc doc;
          EXPECT_TRUE(doc.ApplyUpdate(*document.DiffFor(crdt::EncodeStateVector({}))).ok());
          return doc.GetText("content").ToString();
        },
        [&asked](absl::StatusOr<std::string> answer) { asked.answer = std::move(answer); });
  }
  struct Sent {
    std::optional<absl::StatusOr<Room::Submitted>> answer;
  };
  void Submit(Sent& sent, crdt::Bytes update, bool past_freeze = false) {
    room().Submit(std::move(update), past_freeze,
                  [&sent](auto answer) { sent.answer = std::move(answer); });
  }
  static crdt::Bytes Written(std::uint64_t client, std::string_view text) {
    crdt::Doc doc({.client_id = crdt::ClientId{client}, .gc = true, .limits = {}});
    doc.GetText("content").Insert(0, text);
    return doc.EncodeStateAsUpdate();
  }
  static bool WasDenied(Editor& editor) {
    for (const crdt::Bytes& bytes : editor.received) {
      const auto message = sync::DecodeMessage(bytes);
      if (message.ok() && std::holds_alternative<sync::PermissionDenied>(*message)) return true;
    }
    return false;
  }
  void TearDown() override { EXPECT_EQ(room().Validate(), absl::OkStatus()); }

  FakeWorld world;
  Editor ann{1};
  Editor bob{2};
};

// --- Reading

TEST_F(RoomVisitorsTest, AQuestionLoadsTheRoomAndIsAnsweredFromTheLog) {
  world.log.stored["notes"].push_back(Written(9, "stored"));
  Asked asked;
  Ask(asked);
  EXPECT_FALSE(asked.answer);
  EXPECT_FALSE(room().unused());
  world.log.FinishLoad();
  EXPECT_EQ(asked.answer->value(), "stored");
  EXPECT_TRUE(room().unused());
}

TEST_F(RoomVisitorsTest, AnAnswerWaitsForTheCommitOfWhatItShows) {
  Join({&ann});
  ann.Type("a");
  Asked asked;
  Ask(asked);
  ann.Type("b");
  EXPECT_FALSE(asked.answer);
  world.log.FinishAppend();
  EXPECT_EQ(asked.answer->value(), "a");  // and not what came later
  world.log.FinishAppends();
}

TEST_F(RoomVisitorsTest, WhatCannotBeReadIsSaid) {
  Asked asked;
  Ask(asked);
  world.log.FinishLoad(absl::DataLossError("gone"));
  EXPECT_TRUE(absl::IsUnavailable(asked.answer->status()));
}

TEST_F(RoomVisitorsTest, AnAnswerThatShowsWhatWasNotStoredIsNotGiven) {
  Join({&ann});
  ann.Type("a");
  Asked asked;
  Ask(asked);
  world.log.FinishAppends(absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(absl::IsUnavailable(asked.answer->status()));
  Asked again;
  Ask(again);
  world.log.FinishLoad();
  EXPECT_EQ(again.answer->value(), "");
}

TEST_F(RoomVisitorsTest, AnInternalErrorAnswersWhoWaits) {
  Join({&ann});
  ann.Type("a");
  Asked asked;
  Ask(asked);
  room().Break(absl::InternalError("no reason"));
  EXPECT_TRUE(absl::IsUnavailable(asked.answer->status()));
  world.log.FinishAppends();
}

// --- Writing

TEST_F(RoomVisitorsTest, ASubmittedUpdateIsStoredAndToldToAll) {
  Join({&ann, &bob});
  Sent sent;
  Submit(sent, Written(9, "from outside"));
  EXPECT_FALSE(sent.answer);
  EXPECT_TRUE(ann.received.empty());
  world.log.FinishAppends();
  EXPECT_TRUE(sent.answer->value().news);
  EXPECT_EQ(sent.answer->value().place, world.log.HeadOf("notes"));
  Settle(world, {&ann, &bob});
  EXPECT_EQ(ann.text(), "from outside");
  EXPECT_EQ(bob.text(), "from outside");
  Sent again;
  Submit(again, Written(9, "from outside"));
  EXPECT_FALSE(again.answer->value().news);
  EXPECT_EQ(world.log.append_count(), 0U);
}

TEST_F(RoomVisitorsTest, ARoomIsSeededOnce) {
  const auto seed = [this](Sent& sent, std::uint64_t client, std::string_view text) {
    room().Seed(Written(client, text), [&sent](auto answer) { sent.answer = std::move(answer); });
  };
  Sent first;
  Sent second;
  seed(first, 8, "first");
  seed(second, 9, "second");
  world.log.FinishLoad();
  EXPECT_TRUE(absl::IsAlreadyExists(second.answer->status())) << "while the first is under way";
  world.log.FinishAppends();
  EXPECT_EQ(first.answer->value().place, world.log.HeadOf("notes"));
  Sent third;
  seed(third, 9, "third");
  EXPECT_TRUE(absl::IsAlreadyExists(third.answer->status()));
  Asked asked;
  Ask(asked);
  EXPECT_EQ(asked.answer->value(), "first");
}

TEST_F(RoomVisitorsTest, MalformedUpdatesChangeNothing) {
  Sent sent;
  Submit(sent, crdt::Bytes{1, 2, 3});
  world.log.FinishLoad();
  EXPECT_TRUE(absl::IsInvalidArgument(sent.answer->status()));
  EXPECT_EQ(world.log.append_count(), 0U);
}

TEST_F(RoomVisitorsTest, ADocumentAtItsBoundTakesNoMore) {
  world.limits.document_bytes = 100;
  Sent sent;
  Submit(sent, Written(9, std::string(200, 'x')));
  world.log.FinishLoad();
  EXPECT_TRUE(absl::IsResourceExhausted(sent.answer->status()));
}

TEST_F(RoomVisitorsTest, WhatIsNotStoredIsSaidAndShownToNobody) {
  Join({&ann});
  Sent sent;
  Submit(sent, Written(9, "lost"));
  world.log.FinishAppends(absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(absl::IsUnavailable(sent.answer->status()));
  Settle(world, {&ann});
  EXPECT_EQ(ann.text(), "");
  Sent refused;
  Submit(refused, Written(9, "lost"));
  EXPECT_TRUE(absl::IsUnavailable(refused.answer->status()));
  EXPECT_EQ(world.log.append_count(), 0U);
}

// --- What members may do

TEST_F(RoomVisitorsTest, AReaderIsToldThatItsEditWasNotTaken) {
  ann.options.access = sync::Access::kReadOnly;
  Join({&ann, &bob});
  ann.Type("mine");
  EXPECT_EQ(world.log.append_count(), 0U);
  EXPECT_TRUE(WasDenied(ann));
  bob.Type("theirs");
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "theirs");
}

TEST_F(RoomVisitorsTest, WhoMayWriteAgainIsAskedForWhatItMadeMeanwhile) {
  Join({&ann, &bob});
  room().SetAccess(ann, sync::Access::kReadOnly, "no more");
  ASSERT_EQ(ann.access_changes.size(), 1U);
  EXPECT_EQ(ann.access_changes[0], std::pair(sync::Access::kReadOnly, std::string("no more")));
  ann.Type("kept");
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "");
  room().SetAccess(ann, sync::Access::kReadWrite, "");
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "kept");
}

TEST_F(RoomVisitorsTest, AFrozenRoomIsReadByAllAndWrittenByNobody) {
  Join({&ann, &bob});
  room().Freeze("the show runs");
  EXPECT_EQ(ann.access_changes.back().second, "the show runs");
  ann.Type("x");
  EXPECT_TRUE(WasDenied(ann));
  Sent sent;
  Submit(sent, Written(9, "y"));
  EXPECT_EQ(sent.answer->status(), absl::PermissionDeniedError("the show runs"));
  Sent known;
  Submit(known, crdt::Bytes{0, 0});
  EXPECT_TRUE(known.answer->ok());
  Sent past;
  Submit(past, Written(9, "z"), /*past_freeze=*/true);
  Settle(world, {&ann, &bob});
  EXPECT_EQ(bob.text(), "z");
  // Who joins meanwhile is frozen like all.
  Editor cid(3);
  Join({&cid});
  cid.Type("w");
  EXPECT_TRUE(WasDenied(cid));
  room().Unfreeze();
  EXPECT_EQ(ann.access_changes.back().first, sync::Access::kReadWrite);
  Settle(world, {&ann, &bob, &cid});
  EXPECT_EQ(bob.text().size(), 3U);
}

TEST_F(RoomVisitorsTest, AReaderStaysOneWhenAFreezeEnds) {
  ann.options.access = sync::Access::kReadOnly;
  Join({&ann, &bob});
  room().Freeze("for a while");
  room().Unfreeze();
  EXPECT_TRUE(ann.access_changes.empty());
  ann.Type("x");
  EXPECT_TRUE(WasDenied(ann));
}

TEST_F(RoomVisitorsTest, AFrozenRoomIsNotForgotten) {
  Join({&ann});
  room().Freeze("for good");
  ann.Leave();
  world.Advance(world.limits.room_idle + std::chrono::seconds(1));
  ASSERT_NE(world.rooms.Find("notes"), nullptr);
  room().Unfreeze();
  world.Advance(world.limits.room_idle + std::chrono::seconds(1));
  EXPECT_EQ(world.rooms.Find("notes"), nullptr);
}

// --- Members

TEST_F(RoomVisitorsTest, MembersAreListedAndClosedByChoice) {
  ann.options.subject = "ann";
  bob.options.subject = "bob";
  bob.options.address = "192.0.2.1";
  Join({&ann, &bob});
  ASSERT_EQ(room().members().size(), 2U);
  EXPECT_EQ(room().members()[1].options->address, "192.0.2.1");
  const std::size_t closed =
      room().CloseMembers([](const MemberView& member) { return member.options->subject == "bob"; },
                          CloseCode::kBusy, "out");
  EXPECT_EQ(closed, 1U);
  EXPECT_EQ(bob.closed, CloseCode::kBusy);
  EXPECT_EQ(bob.close_reason, "out");
  EXPECT_FALSE(ann.closed);
}

TEST_F(RoomVisitorsTest, WhatWaitsForUpdatesThatHaveNotComeIsTold) {
  EXPECT_TRUE(room().pending_report().empty());
  Join({&ann});
  EXPECT_TRUE(room().pending_report().empty());
  EXPECT_TRUE(room().members()[0].session.has_value());
  crdt::Doc doc({.client_id = crdt::ClientId{7}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, "first");
  const crdt::StateVector known = doc.GetStateVector();
  doc.GetText("content").Insert(5, "second");
  Sent sent;
  Submit(sent, doc.EncodeStateAsUpdate(known));
  Settle(world, {&ann});
  ASSERT_TRUE(sent.answer && sent.answer->ok());
  EXPECT_EQ(room().pending_report().blocks, 1U);
  Submit(sent, doc.EncodeStateAsUpdate());
  Settle(world, {&ann});
  EXPECT_TRUE(room().pending_report().empty());
}

TEST_F(RoomVisitorsTest, ARoomWhoseLogWasReplacedIsReadAnew) {
  Join({&ann, &bob});
  ann.Type("old");
  Settle(world, {&ann, &bob});
  const LogPlace old = room().head();
  world.log.Delete("notes");
  room().Reset(CloseCode::kRoomUnavailable, "deleted");
  EXPECT_EQ(ann.closed, CloseCode::kRoomUnavailable);
  Editor cid(3);
  Join({&cid});
  EXPECT_EQ(cid.text(), "");
  cid.Type("new");
  Settle(world, {&cid});
  EXPECT_NE(room().head().generation, old.generation);
}

TEST_F(RoomVisitorsTest, AnEditOfADeletedRoomDoesNotEndUpInTheNextOne) {
  Join({&ann, &bob});
  ann.Type("old");
  Settle(world, {&ann, &bob});
  ann.Type("late");
  world.log.Delete("notes");
  world.log.FinishAppends();
  EXPECT_EQ(ann.closed, CloseCode::kNotStored);
  EXPECT_TRUE(world.log.stored["notes"].empty());
}

}  // namespace
}  // namespace weft::server
