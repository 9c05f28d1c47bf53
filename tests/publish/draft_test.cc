#include "server/publish/draft.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace weft::server::publish {
namespace {

TEST(DraftRow, ASeedIsNoDraftAndAnEditAfterItIsOne) {
  const DraftRow row{.generation = 9, .saved = 1, .base = 7, .neutral = {}};
  EXPECT_EQ(row.FirstUnsaved(1), std::nullopt);
  EXPECT_EQ(row.FirstUnsaved(2), 2U);
}

TEST(DraftRow, ThePatchOfAPublishIsNoEdit) {
  DraftRow row{.generation = 9, .saved = 1, .base = 7, .neutral = {}};
  row.Publish(3, 4, 8);
  EXPECT_EQ(row, (DraftRow{.generation = 9, .saved = 3, .base = 8, .neutral = {4}}));
  EXPECT_EQ(row.FirstUnsaved(4), std::nullopt);
  EXPECT_EQ(row.FirstUnsaved(5), 5U);
}

TEST(DraftRow, AnEditThatCameBeforeThePatchRemains) {
  DraftRow row{.generation = 9, .saved = 1, .base = 7, .neutral = {}};
  row.Publish(3, 5, 8);
  EXPECT_EQ(row.FirstUnsaved(5), 4U);
}

TEST(DraftRow, BuildsOnAllUpToWhatIsSavedAndOnWhatPublishingTold) {
  DraftRow row{.generation = 9, .saved = 1, .base = 7, .neutral = {}};
  EXPECT_TRUE(row.LosesBase({{1, 2}}));
  EXPECT_TRUE(row.LosesBase({{1, 5}}));
  EXPECT_FALSE(row.LosesBase({{2, 4}, {6, 7}}));
  EXPECT_EQ(row.LostEdits({{2, 4}, {6, 7}}), (std::vector<LostUpdates>{{2, 4}, {6, 7}}));
  row.Publish(3, 5, 8);
  EXPECT_TRUE(row.LosesBase({{2, 3}}));
  EXPECT_TRUE(row.LosesBase({{5, 6}}));
  EXPECT_FALSE(row.LosesBase({{4, 5}, {6, 7}}));
}

TEST(DraftRow, WhatWasPublishedWithoutIsNotBuiltOn) {
  DraftRow row{.generation = 9, .saved = 1, .base = 7, .neutral = {}};
  std::vector<LostUpdates> lost = {{2, 4}, {6, 9}};
  row.Publish(7, 8 + 1, 8, lost);
  EXPECT_EQ(row.given_up, (std::vector<LostUpdates>{{2, 4}, {6, 8}}));
  EXPECT_EQ(row.LostEdits(lost), (std::vector<LostUpdates>{{8, 9}}));
  EXPECT_FALSE(row.LosesBase(lost));
  EXPECT_TRUE(row.LosesBase({{2, 5}}));
  EXPECT_TRUE(row.LosesBase({{5, 7}}));
  EXPECT_EQ(*DecodeDraftRow(Encode(row)), row);
  row.Publish(10, 0, 9, lost);
  EXPECT_EQ(row.given_up, (std::vector<LostUpdates>{{2, 4}, {6, 8}, {8, 9}}));
  EXPECT_FALSE(row.LosesBase(lost));
  EXPECT_EQ(*DecodeDraftRow(Encode(row)), row);
  EXPECT_EQ(row.Validate(), absl::OkStatus());
}

TEST(DraftRow, AnythingButARowIsDataLoss) {
  const crdt::Bytes good = Encode({.generation = 9, .saved = 3, .base = 8, .neutral = {4, 6}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto decoded = DecodeDraftRow(crdt::ByteView(good).first(size));
    const bool is_row = size % 8 == 0 && size >= 24;
    EXPECT_EQ(decoded.ok(), is_row) << size;
    if (!is_row) {
      EXPECT_TRUE(absl::IsDataLoss(decoded.status()));
    }
  }
  crdt::Bytes descends = Encode({.generation = 9, .saved = 3, .base = 8, .neutral = {}});
  descends.insert(descends.end(), {0, 0, 0, 0, 0, 0, 0, 3});
  EXPECT_TRUE(absl::IsDataLoss(DecodeDraftRow(descends).status()));
}

// Edits and publishes in any order against a set of the sequences that nobody has published.
RC_GTEST_PROP(DraftRowProperty, IsTheSetOfEditsThatNobodyPublished, ()) {
  DraftRow row{.generation = 1, .saved = 1, .base = 0, .neutral = {}};
  std::set<std::uint64_t> unsaved;
  std::uint64_t head = 1;
  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3));
  for (const int step : steps) {
    if (step < 2) {
      unsaved.insert(++head);
      continue;
    }
    const std::uint64_t snapshot = head;
    const int meanwhile = *rc::gen::inRange(0, 3);
    for (int i = 0; i < meanwhile; ++i) unsaved.insert(++head);
    std::erase_if(unsaved, [snapshot](std::uint64_t sequence) { return sequence <= snapshot; });
    const bool has_patch = *rc::gen::arbitrary<bool>();
    row.Publish(snapshot, has_patch ? ++head : 0, 0);
    RC_ASSERT(row.Validate() == absl::OkStatus());
    RC_ASSERT(*DecodeDraftRow(Encode(row)) == row);
    const auto first = row.FirstUnsaved(head);
    RC_ASSERT(first.has_value() == !unsaved.empty());
    if (first) {
      RC_ASSERT(*first == *unsaved.begin());
    }
  }
}

}  // namespace
}  // namespace weft::server::publish
