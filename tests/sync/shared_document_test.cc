#include "sync/shared_document.h"

#include <gtest/gtest.h>

#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/sync/golden_frames.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

const Bytes kEmptyUpdate = {0, 0};
const Bytes kEmptyStateVector = {0};

// The updates that a writer makes who types one word after the other.
std::vector<Bytes> UpdatesOfTyping(const std::vector<std::string>& words) {
  std::vector<Bytes> updates;
  crdt::Doc doc;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  crdt::Text text = doc.GetText("content");
  for (const std::string& word : words) text.Insert(text.length(), word);
  return updates;
}

// Applies an update that is well-formed.
SharedDocument::Applied Apply(SharedDocument& document, ByteView update) {
  const auto applied = document.ApplyUpdate(update);
  EXPECT_TRUE(applied.ok()) << applied.status();
  return applied.value_or(SharedDocument::Applied{});
}

Bytes Everything(const SharedDocument& document) { return *document.DiffFor(kEmptyStateVector); }

TEST(SharedDocument, AnUpdateIsNewsOnce) {
  SharedDocument document;
  const Bytes update = UpdatesOfTyping({"hello"}).front();
  EXPECT_TRUE(Apply(document, update).news);
  EXPECT_FALSE(Apply(document, update).news);
}

TEST(SharedDocument, AnUpdateWithoutContentIsNoNews) {
  SharedDocument document;
  EXPECT_FALSE(Apply(document, kEmptyUpdate).news);
}

TEST(SharedDocument, WhatAPeerAnswersWhoKnowsNoMoreIsNoNews) {
  SharedDocument document;
  for (const Bytes& update : UpdatesOfTyping({"a", "b"})) Apply(document, update);
  EXPECT_FALSE(Apply(document, Everything(document)).news);
}

TEST(SharedDocument, WhoAsksTheSameIsGivenTheSameBytes) {
  SharedDocument document;
  const std::vector<Bytes> updates = UpdatesOfTyping({"a", "b"});
  Apply(document, updates[0]);
  const Frame first = *document.AnswerFor(kEmptyStateVector);
  EXPECT_EQ(*document.AnswerFor(kEmptyStateVector), first);
  EXPECT_EQ(std::get<SyncStep2>(*DecodeMessage(*first)).update.size(), updates[0].size());
  EXPECT_NE(**document.AnswerFor(document.EncodeStateVector()), *first);
}

TEST(SharedDocument, AnAnswerHasEveryChangeBeforeIt) {
  SharedDocument document;
  const std::vector<Bytes> updates = UpdatesOfTyping({"a", "b", "c"});
  for (const std::size_t i : {0, 2, 1}) {  // the second one waits for the third
    Apply(document, updates[i]);
    const Frame answer = *document.AnswerFor(kEmptyStateVector);
    const ByteView update = std::get<SyncStep2>(*DecodeMessage(*answer)).update;
    EXPECT_EQ(Bytes(update.begin(), update.end()), Everything(document)) << i;
  }
}

TEST(SharedDocument, WhatWaitsForMissingBlocksIsNewsOnce) {
  SharedDocument document;
  const std::vector<Bytes> updates = UpdatesOfTyping({"a", "b", "c", "d"});
  const auto third = Apply(document, updates[2]);
  EXPECT_TRUE(third.news);
  EXPECT_EQ(third.gap, 1u);
  EXPECT_FALSE(Apply(document, updates[2]).news);
  const auto fourth = Apply(document, updates[3]);
  EXPECT_TRUE(fourth.news);
  EXPECT_EQ(fourth.gap, 1u);
  EXPECT_FALSE(Apply(document, Everything(document)).news);
}

TEST(SharedDocument, AGapEndsWhenNothingWaitsAndTheNextHasANewNumber) {
  SharedDocument document;
  const std::vector<Bytes> updates = UpdatesOfTyping({"a", "b", "c", "d", "e"});
  EXPECT_EQ(Apply(document, updates[1]).gap, 1u);
  EXPECT_EQ(Apply(document, updates[0]).gap, 0u);
  EXPECT_EQ(Apply(document, updates[4]).gap, 2u);
  EXPECT_EQ(Apply(document, updates[2]).gap, 2u);
  EXPECT_EQ(Apply(document, updates[3]).gap, 0u);
}

TEST(SharedDocument, ADiffHoldsWhatStillWaits) {
  const std::vector<Bytes> updates = UpdatesOfTyping({"a", "b"});
  SharedDocument document;
  Apply(document, updates[1]);
  SharedDocument copy;
  Apply(copy, Everything(document));
  Apply(copy, updates[0]);
  SharedDocument whole;
  for (const Bytes& update : updates) Apply(whole, update);
  EXPECT_EQ(Everything(copy), Everything(whole));
}

TEST(SharedDocument, AMalformedUpdateChangesNothing) {
  SharedDocument document;
  const Bytes update = UpdatesOfTyping({"hello"}).front();
  Apply(document, update);
  const Bytes before = Everything(document);
  for (std::size_t size = 0; size < update.size(); ++size) {
    EXPECT_EQ(document.ApplyUpdate(ByteView(update).first(size)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Everything(document), before);
}

TEST(SharedDocument, AMalformedStateVectorHasNoDiff) {
  const SharedDocument document;
  EXPECT_EQ(document.DiffFor(Bytes{2, 1}).status().code(), absl::StatusCode::kInvalidArgument);
}

// A writer whose whole document is one update of `size` bytes.
void TypeUntil(crdt::Doc& doc, std::size_t size) {
  crdt::Text text = doc.GetText("content");
  while (doc.EncodeStateAsUpdate().size() < size) text.Insert(text.length(), "x");
}

TEST(SharedDocument, ADocumentMayGrowToItsBoundAndNotPastIt) {
  constexpr std::size_t kBound = 1'000;
  SharedDocument document({.limits = {}, .awareness = {}, .document_bytes = kBound});
  crdt::Doc writer;
  TypeUntil(writer, kBound);
  const Bytes at_the_bound = writer.EncodeStateAsUpdate();
  ASSERT_EQ(at_the_bound.size(), kBound);
  EXPECT_EQ(document.CheckSpace(at_the_bound), absl::OkStatus());
  TypeUntil(writer, kBound + 1);
  const Bytes past_the_bound = writer.EncodeStateAsUpdate();
  EXPECT_EQ(document.CheckSpace(past_the_bound).code(), absl::StatusCode::kResourceExhausted);
  // The same in two steps.
  Apply(document, at_the_bound);
  const Bytes one_more =
      writer.EncodeStateAsUpdate(*crdt::DecodeStateVector(document.EncodeStateVector()));
  EXPECT_EQ(document.CheckSpace(one_more).code(), absl::StatusCode::kResourceExhausted);
}

TEST(SharedDocument, AtItsBoundADocumentTakesDeletionsAndThenContentAgain) {
  constexpr std::size_t kBound = 1'000;
  SharedDocument document({.limits = {}, .awareness = {}, .document_bytes = kBound});
  crdt::Doc writer;
  TypeUntil(writer, kBound);
  Apply(document, writer.EncodeStateAsUpdate());
  // What brings nothing is as welcome as ever: clients that come back send all they have.
  EXPECT_EQ(document.CheckSpace(writer.EncodeStateAsUpdate()), absl::OkStatus());
  const auto next = [&] {
    return writer.EncodeStateAsUpdate(*crdt::DecodeStateVector(document.EncodeStateVector()));
  };
  writer.GetText("content").Delete(0, 500);
  EXPECT_EQ(document.CheckSpace(next()), absl::OkStatus());
  Apply(document, next());
  writer.GetText("content").Insert(0, std::string(300, 'y'));
  EXPECT_EQ(document.CheckSpace(next()), absl::OkStatus());
  Apply(document, next());
  writer.GetText("content").Insert(0, std::string(300, 'z'));
  EXPECT_EQ(document.CheckSpace(next()).code(), absl::StatusCode::kResourceExhausted);
}

TEST(SharedDocument, ManySmallUpdatesCountAsTheDocumentThatTheyMake) {
  // Each update has twenty bytes around its letter, the document has them once.
  SharedDocument document({.limits = {}, .awareness = {}, .document_bytes = 2'000});
  std::vector<std::string> letters(1'500, "x");
  for (const Bytes& update : UpdatesOfTyping(letters)) {
    ASSERT_EQ(document.CheckSpace(update), absl::OkStatus());
    Apply(document, update);
  }
  EXPECT_LE(Everything(document).size(), 2'000U);
}

TEST(SharedDocument, SaysWhatTheRealLibrarySaysForTheSameHistory) {
  SharedDocument document;
  for (const char* name : {"update_1", "update_2", "update_3"}) {
    const auto message = DecodeMessage(GoldenFrame(name));
    EXPECT_TRUE(Apply(document, std::get<Update>(*message).update).news) << name;
  }
  EXPECT_EQ(EncodeMessage(SyncStep1{document.EncodeStateVector()}),
            GoldenFrame("step1_of_two_writers"));
  EXPECT_EQ(EncodeMessage(SyncStep2{Everything(document)}), GoldenFrame("step2_for_an_empty_peer"));
  EXPECT_EQ(EncodeMessage(SyncStep2{*document.DiffFor(document.EncodeStateVector())}),
            GoldenFrame("step2_for_a_peer_that_has_all"));
}

}  // namespace
}  // namespace weft::sync
