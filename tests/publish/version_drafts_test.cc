#include "server/publish/version_drafts.h"

#include <gtest/gtest.h>

#include "server/history.h"
#include "tests/publish/words_publisher.h"
#include "tests/store/log_harness.h"

namespace weft::server::publish {
namespace {

const std::string kRoom = "notes";

class VersionDraftsTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    drafts.reset();
    log.reset();
    log = store::OpenLog(directory);
    drafts = VersionDrafts::Open(*log).value();
  }
  // Appends an edit of somebody.
  void Type(std::string_view text) {
    const crdt::StateVector before = doc.GetStateVector();
    doc.GetText("content").Insert(doc.GetText("content").length(), text);
    Append(doc.EncodeStateAsUpdate(before));
  }
  void Append(const crdt::Bytes& update) {
    ASSERT_TRUE(store::AppendAndWait(*log, kRoom, crdt::AsText(update)).ok());
  }
  absl::StatusOr<VersionDrafts::Published> Publish(const std::string& name) {
    return drafts->Publish(kRoom, {.name = name, .note = "for Ann", .now_ms = 1'000});
  }
  bool HasDraft() { return drafts->Find(kRoom).value().value().has_draft; }
  // As Room::Commit would.
  absl::Status Commit(const VersionDrafts::Return& discard) {
    std::promise<absl::Status> done;
    const absl::Status accepted = discard.change.rows->TryAppend(
        {.room = kRoom, .payload = discard.update},
        [&](store::RowWriter& rows, const store::Appended& place) {
          return discard.change.edit(
              rows, {place.sequence, static_cast<std::uint64_t>(place.generation)});
        },
        [&done](const absl::StatusOr<store::Appended>& result) {
          done.set_value(result.status());
        });
    return accepted.ok() ? done.get_future().get() : accepted;
  }
  std::string Text() {
    store::LoadReport report;
    return WordsPublisher::TextOf(StateAt(log->reader(), kRoom, store::kNoBound, report).value());
  }

  store::TestDirectory directory;
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<VersionDrafts> drafts;
  crdt::Doc doc{{.client_id = crdt::ClientId{1}, .gc = true, .limits = {}}};
};

TEST_F(VersionDraftsTest, WhoPublishesNothingHasNoDraftsAndNoRows) {
  Type("one ");
  EXPECT_EQ(drafts->Find(kRoom).value(), std::nullopt);
  EXPECT_TRUE(absl::IsFailedPrecondition(drafts->PrepareDiscard(kRoom).status()));
  EXPECT_EQ(store::Rows::OpenIfThere(*log, "weft").value(), nullptr);
}

TEST_F(VersionDraftsTest, TheDraftIsWhatWasEditedSinceTheLastPublish) {
  Type("one ");
  const auto published = Publish("first");
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->version->sequence, 1U);
  EXPECT_FALSE(published->draft.has_draft);
  EXPECT_EQ(log->reader().ListVersions(kRoom).value().front().note, "for Ann");
  Type("two ");
  EXPECT_TRUE(HasDraft());
  Open();
  EXPECT_TRUE(HasDraft());
  ASSERT_TRUE(Publish("second").ok());
  EXPECT_FALSE(HasDraft());
}

TEST_F(VersionDraftsTest, TwoPublishesOfOneNameAreOne) {
  Type("one ");
  ASSERT_TRUE(Publish("first").ok());
  Type("two ");
  EXPECT_TRUE(absl::IsAlreadyExists(Publish("first").status()));
  EXPECT_TRUE(HasDraft());
  EXPECT_TRUE(absl::IsNotFound(drafts->Publish("nobody", {.name = "first"}).status()));
}

TEST_F(VersionDraftsTest, WithoutANameThereIsAVersionWhenThereIsSomethingToPublish) {
  Type("one ");
  const auto first = Publish("");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->version->name, "published-1");
  const auto again = Publish("");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->version, std::nullopt);
  EXPECT_EQ(again->draft.saved, 1U);
  EXPECT_EQ(log->reader().ListVersions(kRoom).value().size(), 1U);
}

TEST_F(VersionDraftsTest, ProgressGoesForwardToItsEnd) {
  Type("one ");
  std::vector<std::uint64_t> steps;
  const auto note = [&steps](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 2U);
    steps.push_back(done);
  };
  ASSERT_TRUE(drafts->Publish(kRoom, {.name = "first"}, note).ok());
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{0, 1, 2}));
}

TEST_F(VersionDraftsTest, AVersionWhoseRowIsRefusedIsNotMade) {
  Type("one ");
  const auto rows = store::Rows::Open(*log, "other").value();
  const auto refuse = [](store::RowWriter&) { return absl::AbortedError("no"); };
  const store::Version version{.name = "first", .sequence = 1, .made_ms = 0, .note = ""};
  EXPECT_TRUE(absl::IsAborted(rows->PutVersion(kRoom, version, MergePayloads, refuse)));
  EXPECT_TRUE(log->reader().ListVersions(kRoom).value().empty());
}

TEST_F(VersionDraftsTest, DiscardingBringsBackWhatWasPublishedAndKeepsTheHistory) {
  Type("one ");
  ASSERT_TRUE(Publish("first").ok());
  Type("two ");
  const auto discard = drafts->PrepareDiscard(kRoom);
  ASSERT_TRUE(discard.ok()) << discard.status();
  EXPECT_EQ(Commit(*discard), absl::OkStatus());
  EXPECT_EQ(Text(), "one ");
  EXPECT_FALSE(HasDraft());
  EXPECT_EQ(log->FindRoom(kRoom).value()->head, 3U);
  // Once is enough: what was made for another state is refused.
  EXPECT_TRUE(absl::IsAborted(Commit(*discard)));
}

TEST_F(VersionDraftsTest, WhatIsEditedWhileItIsDiscardedRemainsADraft) {
  Type("one ");
  ASSERT_TRUE(Publish("first").ok());
  Type("two ");
  const auto discard = drafts->PrepareDiscard(kRoom);
  ASSERT_TRUE(discard.ok());
  Type("three ");
  EXPECT_EQ(Commit(*discard), absl::OkStatus());
  EXPECT_EQ(Text(), "one three ");
  EXPECT_TRUE(HasDraft());
}

TEST_F(VersionDraftsTest, EditsThatCameToNothingAreDiscardedWithoutOne) {
  Type("one ");
  ASSERT_TRUE(Publish("first").ok());
  Type("two ");
  const crdt::StateVector before = doc.GetStateVector();
  doc.GetText("content").Delete(4, 4);
  Append(doc.EncodeStateAsUpdate(before));
  ASSERT_TRUE(HasDraft());
  const auto discard = drafts->PrepareDiscard(kRoom);
  ASSERT_TRUE(discard.ok());
  EXPECT_TRUE(discard->update.empty());
  EXPECT_EQ(drafts->Apply(*discard), absl::OkStatus());
  EXPECT_FALSE(HasDraft());
}

TEST_F(VersionDraftsTest, ARoomTakesItsDraftAlong) {
  Type("one ");
  ASSERT_TRUE(Publish("first").ok());
  EXPECT_EQ(drafts->DeleteRoom(kRoom, {}), absl::OkStatus());
  EXPECT_EQ(log->FindRoom(kRoom).value(), std::nullopt);
  const auto rows = store::Rows::Open(*log, "weft").value();
  EXPECT_EQ(ReadDraftRow(*rows, kRoom).value(), std::nullopt);
}

TEST_F(VersionDraftsTest, ARoomWhoseNameIsTooLongIsNotPublished) {
  const std::string room(kMaxDraftRoomBytes + 1, 'r');
  ASSERT_TRUE(store::AppendAndWait(*log, room, "x").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(drafts->Publish(room, {.name = "first"}).status()));
  EXPECT_EQ(drafts->Find(room).value(), std::nullopt);
}

}  // namespace
}  // namespace weft::server::publish
