// What waits, and for which ids.

#include "crdt/pending_report.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>
#include <vector>

#include "crdt/doc.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"

namespace weft::crdt {
namespace {

DeleteSet Ids(std::initializer_list<std::pair<std::uint64_t, IdRange>> ranges) {
  DeleteSet ids;
  for (const auto& [client, range] : ranges) ids.Add(ClientId{client}, range);
  ids.SortAndMerge();
  return ids;
}

TEST(PendingReport, IsEmptyWhereNothingWaits) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "abc");
  const PendingReport report = doc.GetPendingReport();
  EXPECT_TRUE(report.empty());
  EXPECT_EQ(report.bytes, 0u);
  EXPECT_TRUE(report.missing.empty());
}

TEST(PendingReport, NamesGapsNeighboursAndParentsThatAreMissing) {
  Doc first({.client_id = ClientId{1}});
  first.GetText("t").Insert(0, "0123456789");
  first.GetMap("m").SetArray("list");
  Doc second({.client_id = ClientId{2}});
  ASSERT_EQ(second.ApplyUpdate(first.EncodeStateAsUpdate()), absl::OkStatus());
  second.GetText("t").Insert(4, "x");                                // 2:0 beside 1:3 and 1:4
  std::get<Array>(*second.GetMap("m").Find("list")).Insert(0, {1});  // 2:1 in 1:10
  second.GetText("t").Delete(8, 2);                                  // 1:7-8
  const Bytes update = *DiffUpdate(second.EncodeStateAsUpdate(), first.GetStateVector());

  Doc third({.client_id = ClientId{3}});
  ASSERT_EQ(third.ApplyUpdate(*IntersectUpdate(first.EncodeStateAsUpdate(), Ids({{1, {0, 2}}}))),
            absl::OkStatus());
  ASSERT_EQ(third.ApplyUpdate(update), absl::OkStatus());
  PendingReport report = third.GetPendingReport();
  EXPECT_EQ(report.missing, Ids({{1, {3, 2}}, {1, {10, 1}}}));
  EXPECT_EQ(report.missing_of_deletes, Ids({{1, {7, 2}}}));
  EXPECT_EQ(report.blocks, 2u);
  EXPECT_EQ(report.elements, 2u);
  EXPECT_EQ(report.delete_ranges, 1u);
  EXPECT_EQ(report.deletes, 2u);
  EXPECT_GT(report.bytes, 10u);
  EXPECT_FALSE(report.beyond_limits);

  // A later part of the same client waits, too, for what is between.
  ASSERT_EQ(third.ApplyUpdate(*IntersectUpdate(first.EncodeStateAsUpdate(), Ids({{1, {6, 2}}}))),
            absl::OkStatus());
  report = third.GetPendingReport();
  EXPECT_EQ(report.missing, Ids({{1, {2, 4}}, {1, {10, 1}}}));
  EXPECT_EQ(report.missing_of_deletes, Ids({{1, {8, 1}}}));

  ASSERT_EQ(third.ApplyUpdate(first.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_TRUE(third.GetPendingReport().empty());
}

TEST(PendingReport, SaysWhenSomethingWaitsForEver) {
  // A block of client 1 whose clocks are above 2^40.
  Doc doc({.client_id = ClientId{3}});
  const Bytes update = {1, 1, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0};
  ASSERT_EQ(doc.ApplyUpdate(update), absl::OkStatus());
  ASSERT_TRUE(doc.has_pending());
  EXPECT_TRUE(doc.GetPendingReport().beyond_limits);
  EXPECT_TRUE(doc.GetPendingReport().missing.empty());
}

TEST(PendingReport, TheLastClockIsTheFirstThatWaitsForEver) {
  // Collected elements of client 1 from clock 0 on: as many as there are clocks, and one less.
  const Bytes all = {1, 1, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0};
  const Bytes but_one = {1, 1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0};
  for (const bool is_loaded_before : {false, true}) {
    Doc doc({.client_id = ClientId{3}});
    if (is_loaded_before) doc.GetText("t").Insert(0, "here");
    ASSERT_EQ(doc.ApplyUpdate(all), absl::OkStatus());
    EXPECT_TRUE(doc.GetPendingReport().beyond_limits);
    EXPECT_EQ(doc.Validate(), absl::OkStatus());
  }
  Doc doc({.client_id = ClientId{3}});
  ASSERT_EQ(doc.ApplyUpdate(but_one), absl::OkStatus());
  EXPECT_FALSE(doc.has_pending());
}

// When everything that is reported missing has come, nothing waits: a whole history is held back
// but for some updates; then only the missing ids are asked for.
RC_GTEST_PROP(PendingReport, WhatItNamesIsAllThatIsNeeded, (std::uint32_t seed)) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<Doc>> docs;
  std::vector<Bytes> updates;
  std::vector<Subscription> subscriptions;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    docs.push_back(std::make_unique<Doc>(Doc::Options{.client_id = ClientId{i}}));
    subscriptions.push_back(docs.back()->OnUpdate([&](const UpdateEvent& event) {
      if (event.local) updates.emplace_back(event.update.begin(), event.update.end());
    }));
  }
  for (int i = 0; i < 40; ++i) {
    Doc& doc = *docs[random() % 3];
    Text text = doc.GetText("t");
    const std::size_t at = random() % (text.length() + 1);
    if (random() % 4 == 0) {
      text.Delete(at, std::min<std::size_t>(random() % 4, text.length() - at));
    } else {
      text.Insert(at, random() % 2 == 0 ? "a" : "bcd");
    }
    if (random() % 3 == 0) doc.GetMap("m").SetArray("k").Insert(0, {1, 2});
    if (random() % 2 == 0) {
      RC_ASSERT(docs[random() % 3]->ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
    }
  }
  const Bytes all = *MergeUpdates(std::vector<ByteView>(updates.begin(), updates.end()));
  Doc doc({.client_id = ClientId{9}});
  for (const Bytes& update : updates) {
    if (random() % 2 == 0) RC_ASSERT(doc.ApplyUpdate(update).ok());
  }
  for (int round = 0; doc.has_pending(); ++round) {
    // Each round brings a further link of the chains of what depends on what.
    RC_ASSERT(round < 200);
    const PendingReport report = doc.GetPendingReport();
    RC_ASSERT(!report.empty() && !report.beyond_limits);
    DeleteSet ids = report.missing;
    for (const auto& client : report.missing_of_deletes.clients()) {
      for (const IdRange& range : client.ranges) ids.Add(client.client, range);
    }
    ids.SortAndMerge();
    RC_ASSERT(!ids.empty());
    RC_ASSERT(doc.ApplyUpdate(*IntersectUpdate(all, ids)).ok());
  }
}

}  // namespace
}  // namespace weft::crdt
