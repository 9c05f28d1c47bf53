#include "server/publish/publish_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>

#include "server/history.h"
#include "tests/publish/publish_world.h"
#include "tests/server/eventually.h"

namespace weft::server::publish {
namespace {

const std::string kRoom = "words/1";

class PublishServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    world.Write(kRoom, "once", 5);
    ASSERT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
    world.Join(ann, kRoom);
    ASSERT_EQ(ann.text(), "once");
  }
  // What who joins now sees.
  std::string Seen() {
    Editor newcomer(next_client++);
    world.Join(newcomer, kRoom);
    std::string text = newcomer.text();
    newcomer.Leave();
    return text;
  }

  // How often it was saved, as the document says.
  static double SavesIn(Editor& editor) {
    const crdt::Any meta = editor.doc().GetMap("meta").ToJson();
    const crdt::Any* const saves = meta.AsObject()->Find("saves");
    return saves == nullptr ? 0 : *saves->AsNumber();
  }

  PublishWorld world;
  Editor ann{1};
  Editor bob{2};
  std::uint64_t next_client = 100;
};

// --- Beginning

TEST(PublishServiceBeginning, TwoFirstJoinsAtOnceMakeOneRoom) {
  PublishWorld world;
  world.Write(kRoom, "once", 5);
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    world.service->EnsureBegun(kRoom, world.io->get_executor(), [&](const absl::Status& status) {
      EXPECT_EQ(status, absl::OkStatus());
      ++answers;
    });
  }
  world.Run([&] { return answers == 5; });
  EXPECT_EQ(world.Head(kRoom), 1U);
  EXPECT_EQ(world.publisher->begun, 1);
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  EXPECT_EQ(world.Draft(kRoom).base, 5U);
}

TEST(PublishServiceBeginning, WhatIsNotThereIsNotMade) {
  PublishWorld world;
  EXPECT_TRUE(absl::IsNotFound(world.EnsureBegun(kRoom)));
  EXPECT_EQ(world.Head(kRoom), 0U);
  EXPECT_TRUE(absl::IsNotFound(world.Publish(kRoom).status));
}

TEST(PublishServiceBeginning, ContentThatOthersMadeIsLeftAlone) {
  PublishWorld world;
  world.Write(kRoom, "once", 5);
  Editor ann(1);
  world.Join(ann, kRoom);
  ann.Type("mine");
  world.Settle({&ann});
  EXPECT_TRUE(absl::IsFailedPrecondition(world.EnsureBegun(kRoom)));
  EXPECT_EQ(world.Head(kRoom), 1U);
  EXPECT_EQ(world.service->Draft(kRoom).value(), std::nullopt);
  EXPECT_TRUE(absl::IsNotFound(world.Publish(kRoom).status));
}

TEST_F(PublishServiceTest, ACleanRoomIsMadeAnewWhenWhatIsSavedIsAnother) {
  world.Write(kRoom, "twice", 6);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(ann.closed, CloseCode::kDiscarded);
  EXPECT_EQ(Seen(), "twice");
  EXPECT_EQ(world.Head(kRoom), 1U);
}

TEST_F(PublishServiceTest, ADraftIsNotMadeAnewAndCannotBePublishedOverWhatOthersSaved) {
  ann.Type(" more");
  world.Settle({&ann});
  world.Write(kRoom, "twice", 6);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once more");
  const Outcome outcome = world.Publish(kRoom);
  EXPECT_TRUE(absl::IsFailedPrecondition(outcome.status)) << outcome.status;
  EXPECT_EQ(world.Words(kRoom), "twice");
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
}

// --- Publishing

TEST_F(PublishServiceTest, AnEditIsADraftUntilItIsPublished) {
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  ann.Type(" more");
  world.Settle({&ann});
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
  EXPECT_GT(world.Draft(kRoom).since_ms, 0);

  const Outcome outcome = world.Publish(kRoom);
  EXPECT_EQ(outcome.status, absl::OkStatus());
  EXPECT_EQ(outcome.report_json, "{\"words\":9}");
  EXPECT_EQ(world.Words(kRoom), "once more");
  EXPECT_EQ(world.publisher->published, 1);
  const DraftStatus draft = world.Draft(kRoom);
  EXPECT_FALSE(draft.has_draft);
  EXPECT_EQ(draft.saved, 2U);
  EXPECT_EQ(draft.head, 3U);
  EXPECT_EQ(draft.base, 6U);
  EXPECT_EQ(outcome.place.sequence, 3U);
  EXPECT_EQ(world.events, std::vector<std::string>{"draft.saved ann"});
}

TEST_F(PublishServiceTest, MembersHaveThePatchBeforeTheEnd) {
  PublishWorld::Heard heard;
  double saves = 0;
  heard.at_end = [&] {
    ann.Read();
    saves = SavesIn(ann);
  };
  world.Begin(kRoom, heard);
  world.Run([&] { return !heard.ends.empty(); });
  EXPECT_EQ(heard.ends[0].status, absl::OkStatus());
  EXPECT_EQ(saves, 6);
}

TEST_F(PublishServiceTest, WhatIsTypedWhileItIsPublishedIsToldAndRemainsADraft) {
  world.Join(bob, kRoom);
  ann.Type(" more");
  world.Settle({&ann, &bob});
  world.publisher->in_prepare = [this] {
    ann.Type(" by ann");
    bob.Type(" by bob");
  };
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  world.Settle({&ann, &bob});
  EXPECT_EQ(world.Words(kRoom), "once more");
  EXPECT_EQ(ann.text(), bob.text());
  EXPECT_NE(ann.text().find("by ann"), std::string::npos);
  EXPECT_NE(ann.text().find("by bob"), std::string::npos);
  const DraftStatus draft = world.Draft(kRoom);
  EXPECT_TRUE(draft.has_draft);
  EXPECT_EQ(draft.saved, 2U);

  world.publisher->in_prepare = nullptr;
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  EXPECT_EQ(world.Words(kRoom), ann.text());
}

TEST_F(PublishServiceTest, APublishThatHasNothingToTellIsOneToo) {
  world.publisher->tells = false;
  ann.Type(" more");
  world.Settle({&ann});
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_EQ(world.Words(kRoom), "once more");
  EXPECT_EQ(world.Head(kRoom), 2U);
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
}

TEST_F(PublishServiceTest, ProblemsAreToldAndNothingIsStored) {
  ann.Type("!");
  world.Settle({&ann});
  const Outcome outcome = world.Publish(kRoom);
  EXPECT_TRUE(absl::IsInvalidArgument(outcome.status));
  EXPECT_EQ(outcome.status.message(), "nobody shouts");
  EXPECT_EQ(outcome.problems_json, R"([{"what":"nobody shouts"}])");
  EXPECT_EQ(world.Words(kRoom), "once");
  EXPECT_EQ(world.Head(kRoom), 2U);
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
  EXPECT_EQ(world.events, std::vector<std::string>{"publish.failed nobody shouts"});
}

TEST_F(PublishServiceTest, AFrozenRoomIsNotPublished) {
  ann.Type(" more");
  world.Settle({&ann});
  world.rooms->Get(kRoom).Freeze("the show is on");
  const Outcome outcome = world.Publish(kRoom);
  EXPECT_TRUE(absl::IsPermissionDenied(outcome.status));
  EXPECT_EQ(outcome.status.message(), "the show is on");
  EXPECT_EQ(world.Words(kRoom), "once");
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
}

TEST_F(PublishServiceTest, WhatMovedUnderItIsPreparedAnewAndGivenUpWhenItDoesNotStop) {
  ann.Type(" more");
  world.Settle({&ann});
  // The draft row is another one than that of the snapshot, each time: as after a publish elsewhere.
  std::uint64_t touched = 0;
  const auto touch = [&] {
    ++touched;
    const absl::Status written = world.rows->Write([&](store::RowWriter& writer) {
      DraftRow row = FindDraftRow(writer, kRoom).value().value();
      row.saved = touched % 2;
      return PutDraftRow(writer, kRoom, row);
    });
    EXPECT_EQ(written, absl::OkStatus());
  };
  // Written while Prepare reads: of another thread, as it would be.
  world.publisher->in_prepare = [&] { std::thread(touch).join(); };
  touched = 1;  // to 0, 1, 0
  EXPECT_TRUE(absl::IsFailedPrecondition(world.Publish(kRoom).status));
  EXPECT_EQ(world.publisher->prepared, PublishService::kMaxAttempts);
  EXPECT_EQ(world.Words(kRoom), "once");
  EXPECT_EQ(world.Head(kRoom), 2U);

  world.publisher->prepared = 0;
  world.publisher->in_prepare = [&] {
    if (world.publisher->prepared == 1) std::thread(touch).join();
  };
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_EQ(world.publisher->prepared, 2);
  EXPECT_EQ(world.Words(kRoom), "once more");
}

TEST_F(PublishServiceTest, OneAtATimeInARoom) {
  PublishWorld::Heard first;
  PublishWorld::Heard second;
  EXPECT_FALSE(world.service->publishing(kRoom));
  const std::uint64_t id = world.Begin(kRoom, first);
  EXPECT_TRUE(world.service->publishing(kRoom));
  EXPECT_NE(world.Begin(kRoom, second), id);
  EXPECT_EQ(world.Discard(kRoom), absl::AbortedError("publishing"));
  world.Run([&] { return !first.ends.empty() && !second.ends.empty(); });
  EXPECT_EQ(first.ends[0].status, absl::OkStatus());
  EXPECT_EQ(first.ends[0].id, id);
  EXPECT_EQ(second.ends[0].status, absl::AbortedError("publishing"));
  EXPECT_FALSE(world.service->publishing(kRoom));
  EXPECT_EQ(world.publisher->prepared, 1);
}

TEST_F(PublishServiceTest, ProgressIsToldAHundredTimesAtMost) {
  world.publisher->steps = 12'345;
  PublishWorld::Heard heard;
  world.Begin(kRoom, heard);
  world.Run([&] { return !heard.ends.empty(); });
  EXPECT_EQ(heard.progress.size(), PublishService::kMaxProgress);
  EXPECT_EQ(heard.progress.front(), 0U);
  EXPECT_EQ(heard.progress.back(), 12'345U);
  EXPECT_TRUE(std::ranges::is_sorted(heard.progress));
}

TEST_F(PublishServiceTest, WorkThatIsDroppedHasAnEndAndLeavesTheRoomFree) {
  world.loses_visits = true;
  EXPECT_TRUE(absl::IsCancelled(world.Publish(kRoom).status));
  world.loses_visits = false;
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
}

TEST_F(PublishServiceTest, NobodyIsToldAnythingAfterTheStop) {
  PublishWorld::Heard heard;
  world.Begin(kRoom, heard);
  world.service->Stop();
  for (int i = 0; i < 100; ++i) world.io->poll();
  world.Begin(kRoom, heard);
  world.Die();
  EXPECT_TRUE(heard.ends.empty());
}

TEST_F(PublishServiceTest, ADraftIsToldOfWhenItBegins) {
  const auto type = [&](std::string_view text) {
    ann.Type(text);
    world.Settle({&ann});
    world.rooms->Tick();
  };
  type("a");
  type("b");
  EXPECT_EQ(world.events, std::vector<std::string>{"draft.created "});
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  world.rooms->Tick();
  type("c");
  const std::vector<std::string> all = {"draft.created ", "draft.saved ann", "draft.created "};
  EXPECT_EQ(world.events, all);
}

// --- Crashes

TEST_F(PublishServiceTest, ADeathBetweenCommitAndTellingLosesNothing) {
  ann.Type(" more");
  world.Settle({&ann});
  PublishWorld::Heard heard;
  world.Begin(kRoom, heard);
  // From here on nothing runs but the writer of the log.
  while (world.rooms->Get(kRoom).uncommitted() == 0) {
    world.io->restart();
    world.io->run_one();
  }
  Eventually([&] { return world.Head(kRoom) == 3; });
  ASSERT_TRUE(heard.ends.empty());
  ann.Die();
  world.Die();
  world.Open();
  EXPECT_EQ(world.Words(kRoom), "once more");
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  Editor carl(3);
  world.Join(carl, kRoom);
  EXPECT_EQ(carl.text(), "once more");
  EXPECT_EQ(SavesIn(carl), 6);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_TRUE(carl.joined());
}

// --- Discarding

TEST_F(PublishServiceTest, ADiscardedDraftIsGoneAndNobodyBringsItBack) {
  ann.Type(" more");
  world.Settle({&ann});
  const std::uint64_t generation = world.Draft(kRoom).generation;
  EXPECT_EQ(world.Discard(kRoom), absl::OkStatus());
  EXPECT_EQ(ann.closed, CloseCode::kDiscarded);
  EXPECT_EQ(ann.close_reason, "the draft was discarded");
  EXPECT_EQ(world.Head(kRoom), 0U);
  EXPECT_EQ(world.service->Draft(kRoom).value(), std::nullopt);
  EXPECT_EQ(world.events, std::vector<std::string>{"draft.discarded ann"});

  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once");
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  EXPECT_NE(world.Draft(kRoom).generation, generation);
}

TEST_F(PublishServiceTest, WhatIsOnItsWayWhenADraftIsDiscardedIsNotStored) {
  ann.Type(" more");
  world.Settle({&ann});
  std::optional<absl::Status> discarded;
  world.service->Discard(kRoom, "bob", world.io->get_executor(),
                         [&](absl::Status status) { discarded = std::move(status); });
  ann.Type(" and more");
  world.Run([&] { return discarded.has_value(); });
  EXPECT_EQ(*discarded, absl::OkStatus());
  world.Run([&] { return world.rooms->Get(kRoom).idle(); });
  EXPECT_FALSE(ann.joined());
  EXPECT_EQ(world.Head(kRoom), 0U);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once");
}

TEST_F(PublishServiceTest, DiscardingWhatIsNotThereIsFine) {
  EXPECT_EQ(world.Discard("words/2"), absl::OkStatus());
  EXPECT_TRUE(world.events.empty());
}

// --- Events

TEST_F(PublishServiceTest, EverybodyIsToldOfEachPublishThatHasBegunAndOfItsOneEnd) {
  ann.Type(" more");
  world.Settle({&ann});
  world.publisher->steps = 2;
  PublishWorld::Heard first;
  PublishWorld::Heard second;
  EXPECT_EQ(world.Begin(kRoom, first), 1U);
  EXPECT_EQ(world.Begin(kRoom, second), 2U) << "and is refused: it has not begun";
  world.Run([&] { return !first.ends.empty() && !second.ends.empty(); });
  EXPECT_EQ(second.ends[0].status, absl::AbortedError("publishing"));
  EXPECT_EQ(world.published,
            (std::vector<std::string>{"1 publish.progress 0/2", "1 publish.progress 1/2",
                                      "1 publish.progress 2/2", "1 draft.saved 0/0"}));
  ann.Type("!");
  world.Settle({&ann});
  world.published.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(world.Publish(kRoom).status));
  EXPECT_EQ(world.published.back(), "3 publish.failed 0/0");
}

// --- Damage

class PublishServiceDamage : public PublishServiceTest {
 protected:
  // Everybody has to come back then.
  void Damage(store::Sequence sequence) {
    ann.Die();
    bob.Die();
    world.Damage(1, sequence);
  }
};

TEST_F(PublishServiceDamage, ADraftWithoutItsSeedIsSetAsideAndTheDocumentMadeOfWhatIsSaved) {
  ann.Type(" more");
  world.Settle({&ann});
  const std::uint64_t generation = world.Draft(kRoom).generation;
  Damage(1);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once");
  EXPECT_FALSE(world.Draft(kRoom).has_draft);
  EXPECT_NE(world.Draft(kRoom).generation, generation);
  const SetAside draft{.generation = generation, .edits = 1};
  EXPECT_EQ(world.Damage(kRoom), (DraftDamage{.set_aside = draft}));
  // Nothing of it is gone.
  const std::string aside = SetAsideRoom(kRoom, draft);
  EXPECT_EQ(world.Head(aside), 2U);
  const auto quarantine = world.log->reader().ListQuarantine(aside).value();
  ASSERT_EQ(quarantine.size(), 1U);
  EXPECT_EQ(quarantine[0].sequence, 1U);
  EXPECT_GT(quarantine[0].bytes, 0U);

  // Who comes later is told as well, until what is there now is saved.
  world.Die();
  world.Open();
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  world.Join(bob, kRoom);
  EXPECT_EQ(world.Damage(kRoom).set_aside, draft);
  bob.Type(" again");
  world.Settle({&bob});
  EXPECT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_EQ(world.Words(kRoom), "once again");
  EXPECT_EQ(world.Damage(kRoom), DraftDamage());
  EXPECT_EQ(world.Head(aside), 2U);
}

TEST_F(PublishServiceDamage, DiscardingEndsWhatIsToldOfADraftThatWasSetAside) {
  ann.Type(" more");
  world.Settle({&ann});
  Damage(1);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_TRUE(world.Damage(kRoom).set_aside);
  EXPECT_EQ(world.Discard(kRoom), absl::OkStatus());
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(world.Damage(kRoom), DraftDamage());
}

TEST_F(PublishServiceDamage, WhatWasSavedIsNotTakenBackByADraftThatLostIt) {
  ann.Type(" more");
  world.Settle({&ann});
  ASSERT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  ann.Type(" yet");
  world.Settle({&ann});
  for (const store::Sequence sequence : {2, 3}) {
    SCOPED_TRACE(sequence == 2 ? "an edit that was saved" : "what saving told");
    Damage(sequence);
    // As for those who are in the room when it is read anew.
    const Outcome outcome = world.Publish(kRoom);
    EXPECT_TRUE(absl::IsDataLoss(outcome.status)) << outcome.status;
    EXPECT_EQ(world.publisher->prepared, 0);
    EXPECT_EQ(world.Words(kRoom), "once more");
    EXPECT_TRUE(world.Draft(kRoom).has_draft);
  }
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once more");
  EXPECT_EQ(world.Damage(kRoom).set_aside->edits, 1U);
}

TEST_F(PublishServiceDamage, ALostEditIsToldAndWhatIsPublishedWithoutItIsBuiltOn) {
  world.Join(bob, kRoom);
  ann.Type(" ann");
  world.Settle({&ann, &bob});
  Editor cid(3);
  world.Join(cid, kRoom);
  cid.Type(" cid");
  world.Settle({&ann, &bob, &cid});
  cid.Die();
  Damage(3);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once ann");
  EXPECT_EQ(world.Damage(kRoom),
            (DraftDamage{.lost_edits = 1, .first_lost = 3, .set_aside = std::nullopt}));
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
  ASSERT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_EQ(world.Words(kRoom), "once ann");
  EXPECT_EQ(world.Damage(kRoom), DraftDamage());

  // What comes behind is a sound draft.
  Editor dan(4);
  world.Join(dan, kRoom);
  dan.Type(" dan");
  world.Settle({&dan});
  dan.Die();
  world.Die();
  world.Open();
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once ann dan");
  EXPECT_EQ(world.Damage(kRoom), DraftDamage());
  ASSERT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  EXPECT_EQ(world.Words(kRoom), "once ann dan");
}

TEST_F(PublishServiceDamage, ARoomWithoutADraftIsMadeAnewWithoutAWord) {
  ann.Type(" more");
  world.Settle({&ann});
  ASSERT_EQ(world.Publish(kRoom).status, absl::OkStatus());
  Damage(2);
  EXPECT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
  EXPECT_EQ(Seen(), "once more");
  EXPECT_EQ(world.Head(kRoom), 1U);
  EXPECT_EQ(world.Damage(kRoom), DraftDamage());
}

TEST_F(PublishServiceDamage, ADraftBeginsWithItsFirstEditThatCanBeRead) {
  ann.Type(" ann");
  world.Settle({&ann});
  ann.Type(" and");
  world.Settle({&ann});
  ann.Type(" more");
  world.Settle({&ann});
  const std::int64_t since = world.Draft(kRoom).since_ms;
  Damage(2);
  world.Damage(1, 3);
  EXPECT_TRUE(world.Draft(kRoom).has_draft);
  EXPECT_GE(world.Draft(kRoom).since_ms, since);
}

// --- All of it

// Whatever people do, what is saved is what the document showed at `saved`, and there is a draft exactly when
// somebody has edited since.
TEST(PublishServiceProperty, ADraftIsWhatWasEditedSinceItWasSaved) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto chance = [&](unsigned of) { return random() % of == 0; };
    PublishWorld world;
    world.Write(kRoom, "", 0);
    ASSERT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
    std::uint64_t next_word = 0;
    std::uint64_t next_client = 1;
    std::unique_ptr<Editor> people[3];
    for (auto& person : people) person = std::make_unique<Editor>(next_client++);
    const auto settle = [&] { world.Settle({people[0].get(), people[1].get(), people[2].get()}); };
    const auto check = [&] {
      const DraftStatus draft = world.Draft(kRoom);
      bool edited = false;
      const auto report = world.log->reader().ReadRecords(
          kRoom, {.begin = draft.saved + 1}, [&](const store::Record& record) {
            const auto change = DescribeChange(record.payload);
            ASSERT_TRUE(change.ok());
            for (const auto& writer : change->writers) {
              edited = edited || crdt::ToNumber(writer.client) < WordsPublisher::kPatchWriter;
            }
          });
      ASSERT_TRUE(report.ok());
      ASSERT_EQ(draft.has_draft, edited);
      store::LoadReport loaded;
      const auto state = StateAt(world.log->reader(), kRoom, draft.saved, loaded);
      ASSERT_TRUE(state.ok());
      ASSERT_EQ(world.Words(kRoom), WordsPublisher::TextOf(*state));
    };
    for (int step = 0; step < 60; ++step) {
      std::unique_ptr<Editor>& person = people[random() % 3];
      Editor& one = *person;
      if (!one.joined()) {
        ASSERT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
        person = std::make_unique<Editor>(next_client++);
        world.Join(*person, kRoom);
      } else if (chance(4)) {
        world.publisher->in_prepare = [&] {
          for (const auto& other : people) {
            if (other->joined() && chance(3)) other->Type("p" + std::to_string(next_word++));
          }
        };
        PublishWorld::Heard heard;
        world.Begin(kRoom, heard);
        while (heard.ends.empty()) {
          world.io->restart();
          world.io->run_one_for(std::chrono::milliseconds(1));
          if (chance(4) && one.joined()) one.Type("q" + std::to_string(next_word++));
        }
        ASSERT_EQ(heard.ends.size(), 1U);
        ASSERT_EQ(heard.ends[0].status, absl::OkStatus());
        settle();
        check();
      } else if (chance(12)) {
        ASSERT_EQ(world.Discard(kRoom), absl::OkStatus());
        ASSERT_EQ(world.EnsureBegun(kRoom), absl::OkStatus());
        check();
      } else if (chance(12)) {
        for (const auto& other : people) other->Die();
        world.Die();
        world.Open();
        check();
      } else {
        one.Type("w" + std::to_string(next_word++));
        if (chance(2)) settle();
      }
    }
    settle();
    check();
  }
}

}  // namespace
}  // namespace weft::server::publish
