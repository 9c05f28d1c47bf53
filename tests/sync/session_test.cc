#include "sync/session.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/doc.h"
#include "sync/close.h"
#include "tests/sync/awareness_peer.h"
#include "tests/sync/golden_frames.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

TimePoint At(std::int64_t ms) { return TimePoint(Duration(ms)); }

Bytes Typed(const std::string& text) {
  crdt::Doc doc;
  doc.GetText("content").Insert(0, text);
  return doc.EncodeStateAsUpdate();
}

Bytes AwarenessFrame(const std::vector<AwarenessEntry>& entries) {
  return EncodeMessage(AwarenessUpdate{EncodeEntries(entries)});
}

// The frame of an effect that is expected to be of kind `Kind`; empty otherwise.
template <typename Kind>
Bytes FrameOf(const Effect& effect) {
  const Kind* kind = std::get_if<Kind>(&effect);
  EXPECT_NE(kind, nullptr) << "an effect of another kind: " << effect.index();
  return kind == nullptr ? Bytes() : *kind->frame;
}

class SessionTest : public testing::Test {
 protected:
  static Effects Receive(Session& session, ByteView frame, TimePoint now = At(0)) {
    absl::StatusOr<Effects> effects = session.Receive(frame, now);
    EXPECT_TRUE(effects.ok()) << effects.status();
    return effects.ok() ? *std::move(effects) : Effects();
  }
  static Effects Receive(Session& session, const Message& message, TimePoint now = At(0)) {
    return Receive(session, ByteView(EncodeMessage(message)), now);
  }

  Bytes Everything() const { return *document_.DiffFor(Bytes{0}); }

  SharedDocument document_;
  Session anna_{&document_};
  Session bert_{&document_};
  Session reader_{&document_, {.access = Access::kReadOnly}};
};

TEST_F(SessionTest, OpensWithItsStateVectorSoThatThePeerSendsWhatItMadeOffline) {
  Receive(bert_, Update{Typed("hello")});
  const Effects effects = anna_.Open();
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<Reply>(effects[0]), EncodeMessage(SyncStep1{document_.EncodeStateVector()}));
}

TEST_F(SessionTest, OpensWithTheAwarenessOfThoseWhoAreThere) {
  Receive(bert_, ByteView(AwarenessFrame({{7, 1, "1"}})));
  const Effects effects = anna_.Open();
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(FrameOf<Reply>(effects[1]), AwarenessFrame({{7, 1, "1"}}));
}

TEST_F(SessionTest, Step1IsAnsweredByWhatThePeerLacks) {
  Receive(bert_, Update{Typed("hello")});
  const Effects effects = Receive(anna_, SyncStep1{Bytes{0}});
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<Reply>(effects[0]), EncodeMessage(SyncStep2{Everything()}));
}

TEST_F(SessionTest, AnUpdateIsPublishedByteForByteAndNotSentBack) {
  const Bytes update = Typed("hello");
  Bytes frame = EncodeMessage(Update{update});
  frame.push_back(0xff);  // what follows the message is not part of it
  const Effects effects = Receive(anna_, ByteView(frame));
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<PublishUpdate>(effects[0]), EncodeMessage(Update{update}));
  const ByteView published = std::get<PublishUpdate>(effects[0]).update();
  EXPECT_EQ(Bytes(published.begin(), published.end()), update);
}

TEST_F(SessionTest, Step2IsPublishedAsAnUpdateWhenItBringsNews) {
  const Bytes update = Typed("offline");
  const Effects effects = Receive(anna_, SyncStep2{update});
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<PublishUpdate>(effects[0]), EncodeMessage(Update{update}));
}

TEST_F(SessionTest, WhatBringsNoNewsIsNotPublished) {
  const Bytes update = Typed("hello");
  Receive(anna_, Update{update});
  EXPECT_TRUE(Receive(bert_, SyncStep2{update}).empty());
  EXPECT_TRUE(Receive(bert_, SyncStep2{Bytes{0, 0}}).empty());
  EXPECT_TRUE(Receive(anna_, Update{update}).empty());
}

TEST_F(SessionTest, AGapIsPublishedAndThePeerAskedForTheMissingOnce) {
  crdt::Doc doc;
  std::vector<Bytes> updates;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (const char* word : {"a", "b", "c", "d", "e"}) doc.GetText("content").Insert(0, word);

  const Bytes question = EncodeMessage(SyncStep1{document_.EncodeStateVector()});
  const Effects first = Receive(anna_, Update{updates[1]});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(FrameOf<PublishUpdate>(first[0]), EncodeMessage(Update{updates[1]}));
  EXPECT_EQ(FrameOf<Reply>(first[1]), question);

  EXPECT_EQ(Receive(anna_, Update{updates[2]}).size(), 1u) << "asked twice for one gap";
  EXPECT_EQ(Receive(anna_, SyncStep2{doc.EncodeStateAsUpdate()}).size(), 1u);
  EXPECT_EQ(Everything(), doc.EncodeStateAsUpdate());
}

TEST_F(SessionTest, ThePeerIsAskedAgainForTheNextGap) {
  const auto peers = {&anna_, &bert_};
  for (Session* peer : peers) {
    crdt::Doc doc;
    std::vector<Bytes> updates;
    const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
      updates.emplace_back(event.update.begin(), event.update.end());
    });
    for (const char* word : {"a", "b", "c", "d"}) doc.GetText("content").Insert(0, word);
    EXPECT_EQ(Receive(*peer, Update{updates[1]}).size(), 2u);
    EXPECT_EQ(Receive(anna_, Update{updates[0]}).size(), 1u);
    EXPECT_EQ(Receive(*peer, Update{updates[3]}).size(), 2u);
    EXPECT_EQ(Receive(bert_, Update{updates[2]}).size(), 1u);
  }
}

TEST_F(SessionTest, AReaderIsNotAskedForItsEditsAndMayNotWrite) {
  Receive(anna_, Update{Typed("hello")});
  EXPECT_TRUE(reader_.Open().empty());
  const Bytes before = Everything();
  const Bytes update = Typed("intruder");
  for (const Message& message : std::vector<Message>{SyncStep2{update}, Update{update}}) {
    const Effects effects = Receive(reader_, message);
    ASSERT_EQ(effects.size(), 1u);
    EXPECT_EQ(std::get<RefuseWrite>(effects[0]).reason, "this connection may read but not write");
  }
  EXPECT_EQ(Everything(), before);
}

TEST_F(SessionTest, AReaderThatSaysWhatIsKnownIsNotRefused) {
  crdt::Doc doc({.client_id = crdt::ClientId{5}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, "hello");
  Receive(anna_, Update{doc.EncodeStateAsUpdate()});
  EXPECT_TRUE(Receive(reader_, SyncStep2{doc.EncodeStateAsUpdate()}).empty());
  doc.GetText("content").Delete(1, 2);
  const Bytes with_deletion = doc.EncodeStateAsUpdate();
  EXPECT_EQ(Receive(reader_, SyncStep2{with_deletion}).size(), 1u);
  Receive(anna_, Update{with_deletion});
  EXPECT_TRUE(Receive(reader_, SyncStep2{with_deletion}).empty());
}

TEST_F(SessionTest, WhoMayWriteAgainIsAskedForWhatItMade) {
  const Bytes update = Typed("later");
  EXPECT_TRUE(anna_.SetAccess(Access::kReadOnly, "frozen").empty());
  const Effects refused = Receive(anna_, Update{update});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(std::get<RefuseWrite>(refused[0]).reason, "frozen");
  EXPECT_TRUE(anna_.SetAccess(Access::kReadOnly, "still").empty());
  const Effects asked = anna_.SetAccess(Access::kReadWrite, "");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<SyncStep1>(*DecodeMessage(*std::get<Reply>(asked[0]).frame)));
  const Effects taken = Receive(anna_, Update{update});
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<PublishUpdate>(taken[0]));
}

TEST_F(SessionTest, AReaderReadsAndShowsItsCursor) {
  Receive(anna_, Update{Typed("hello")});
  const Effects answer = Receive(reader_, SyncStep1{Bytes{0}});
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(FrameOf<Reply>(answer[0]), EncodeMessage(SyncStep2{Everything()}));
  const Bytes cursor = AwarenessFrame({{7, 1, "1"}});
  const Effects shown = Receive(reader_, ByteView(cursor));
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(FrameOf<PublishAwareness>(shown[0]), cursor);
}

TEST_F(SessionTest, OnlyTheAcceptedPartOfAnAwarenessUpdateIsPublished) {
  Receive(anna_, ByteView(AwarenessFrame({{7, 3, "1"}})));
  const Effects effects = Receive(bert_, ByteView(AwarenessFrame({{7, 3, "null"}, {8, 1, "2"}})));
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<PublishAwareness>(effects[0]), AwarenessFrame({{8, 1, "2"}}));
  EXPECT_TRUE(Receive(bert_, ByteView(AwarenessFrame({{7, 3, "1"}}))).empty());
}

TEST_F(SessionTest, APeerThatReturnsWithAnOldClockIsToldSo) {
  Receive(anna_, ByteView(AwarenessFrame({{7, 3, "1"}})));
  anna_.Close();
  const Effects effects = Receive(bert_, ByteView(AwarenessFrame({{7, 3, "1"}})));
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<Reply>(effects[0]), AwarenessFrame({{7, 3, "null"}}));
}

TEST_F(SessionTest, AQueryIsAnsweredByEveryState) {
  Receive(anna_, ByteView(AwarenessFrame({{7, 3, "1"}})));
  const Effects effects = Receive(bert_, QueryAwareness{});
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<Reply>(effects[0]), AwarenessFrame({{7, 3, "1"}}));
  anna_.Close();
  EXPECT_EQ(FrameOf<Reply>(Receive(bert_, QueryAwareness{}).at(0)),
            GoldenFrame("awareness_of_nobody"));
}

TEST_F(SessionTest, ClosingTellsThatItsClientsHaveLeftAndNobodyElses) {
  Receive(anna_, ByteView(AwarenessFrame({{7, 3, "1"}})));
  Receive(bert_, ByteView(AwarenessFrame({{8, 5, "2"}})));
  const Effects effects = anna_.Close();
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<PublishAwareness>(effects[0]), AwarenessFrame({{7, 3, "null"}}));
  EXPECT_TRUE(reader_.Close().empty());
  EXPECT_EQ(document_.awareness().client_count(), 1u);
}

TEST_F(SessionTest, StatesThatNobodyRenewsAreToldToHaveLeft) {
  Receive(anna_, ByteView(AwarenessFrame({{7, 3, "1"}})), At(0));
  EXPECT_TRUE(ExpireAwareness(document_, At(29'999)).empty());
  const Effects effects = ExpireAwareness(document_, At(30'000));
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(FrameOf<PublishAwareness>(effects[0]), AwarenessFrame({{7, 3, "null"}}));
}

TEST_F(SessionTest, WhatItDoesNotKnowIsIgnored) {
  for (const Bytes& frame : {Bytes{4}, Bytes{8, 1}, Bytes{0, 3}, Bytes{2, 1}}) {
    EXPECT_TRUE(Receive(anna_, ByteView(frame)).empty());
  }
  EXPECT_TRUE(Receive(anna_, PermissionDenied{"no"}).empty());
}

TEST_F(SessionTest, AMarkerIsSentBack) {
  const Effects effects = Receive(anna_, SyncMarker{Bytes{7, 8}});
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(FrameOf<Reply>(effects[0]), EncodeMessage(SyncMarker{Bytes{7, 8}}));
}

TEST_F(SessionTest, WhoCountsOnItIsAskedOnceForEachSyncStep1AndReadersToo) {
  for (const Access access : {Access::kReadWrite, Access::kReadOnly}) {
    Session session(&document_, {.access = access, .asks_in_return = true});
    const Bytes question = EncodeMessage(SyncStep1{Bytes{0}});
    const Effects opening = session.Open();
    ASSERT_EQ(opening.size(), 1U);
    EXPECT_EQ(FrameOf<Reply>(opening[0]), question);
    EXPECT_EQ(Receive(session, SyncStep1{Bytes{0}}).size(), 1U);  // asked when it opened
    const Effects again = Receive(session, SyncStep1{Bytes{0}});
    ASSERT_EQ(again.size(), 2U);
    EXPECT_EQ(FrameOf<Reply>(again[1]), question);
  }
}

TEST_F(SessionTest, AMalformedFrameEndsThisConversationForGoodAndChangesNothing) {
  Receive(bert_, Update{Typed("hello")});
  Receive(bert_, ByteView(AwarenessFrame({{8, 5, "2"}})));
  const Bytes before = Everything();
  const std::vector<Bytes> frames = {
      {},                                              // no type
      {0},                                             // no kind of sync
      {0, 2, 3, 1},                                    // an update that ends too early
      EncodeMessage(Update{Bytes{1, 1, 1, 0, 0xff}}),  // bytes that are no update
      EncodeMessage(SyncStep1{Bytes{3, 1}}),           // bytes that are no state vector
      AwarenessFrame({{9, 1, "{"}}),                   // a state that is no JSON
      {1, 1, 5},                                       // entries that are missing
  };
  for (const Bytes& frame : frames) {
    const absl::Status status = anna_.Receive(frame, At(0)).status();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(CloseFor(status).code, CloseCode::kMalformed) << status;
    EXPECT_EQ(Everything(), before);
    EXPECT_EQ(document_.awareness().client_count(), 1u);
  }
}

TEST_F(SessionTest, AFrameThatIsTooLargeIsRefusedUnread) {
  Session small(&document_, {.frame_bytes = 10});
  const absl::Status status =
      small.Receive(EncodeMessage(Update{Typed("too long for it")}), At(0)).status();
  EXPECT_EQ(CloseFor(status).code, CloseCode::kTooLarge);
}

TEST(SessionCollision, AnotherContentForKnownIdsIsTheFaultOfWhoBringsIt) {
  SharedDocument document;
  Session anna(&document);
  const auto written_by_client_7 = [](std::string_view text) {
    crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{7}, .gc = true, .limits = {}});
    doc.GetText("content").Insert(0, text);
    return EncodeMessage(Update{doc.EncodeStateAsUpdate()});
  };
  ASSERT_TRUE(anna.Receive(written_by_client_7("one"), At(0)).ok());
  const auto refused = anna.Receive(written_by_client_7("two"), At(0));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(CloseFor(refused.status()).code, CloseCode::kCollision);
}

RC_GTEST_PROP(SessionLaws, MutatedFramesAreCarriedOutOrRefusedWithoutATrace, ()) {
  std::vector<Bytes> frames;
  for (const auto& [name, frame] : GoldenFrames()) frames.push_back(frame);
  SharedDocument document;
  Session anna(&document);
  Session bert(&document);
  RC_ASSERT(bert.Receive(GoldenFrame("update_1"), At(0)).ok());
  const int count = *rc::gen::inRange(1, 10);
  for (int i = 0; i < count; ++i) {
    Bytes frame = *rc::gen::elementOf(frames);
    const int mutations = *rc::gen::inRange(0, 4);
    for (int j = 0; j < mutations; ++j) {
      frame[*rc::gen::inRange<std::size_t>(0, frame.size())] = *rc::gen::arbitrary<std::uint8_t>();
    }
    const Bytes state = *document.DiffFor(Bytes{0});
    const Bytes awareness = document.awareness().EncodeAll();
    if (const auto effects = anna.Receive(frame, At(0)); !effects.ok()) {
      // An error of our own would close the whole room.
      RC_ASSERT(CloseFor(effects.status()).code != CloseCode::kInternalError);
      RC_ASSERT(*document.DiffFor(Bytes{0}) == state);
      RC_ASSERT(document.awareness().EncodeAll() == awareness);
    }
    RC_ASSERT(document.awareness().Validate() == absl::OkStatus());
  }
}

}  // namespace
}  // namespace weft::sync
