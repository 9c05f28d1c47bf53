// Documents that integrate around holes, as @y/y 14 does (HoleMode::kIntegrate).

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/update_compare.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

using golden::FieldBytes;
using golden::ToHex;

Doc::Options Around(std::uint64_t client) {
  Doc::Options options;
  options.client_id = ClientId{client};
  options.holes = HoleMode::kIntegrate;
  return options;
}

void Apply(Doc& doc, ByteView update, UpdateFormat format = UpdateFormat::kV1) {
  ASSERT_EQ(doc.ApplyUpdate(update, "", format), absl::OkStatus());
  ASSERT_EQ(doc.Validate(), absl::OkStatus());
}

DeleteSet Ids(std::initializer_list<IdRange> ranges) {
  DeleteSet ids;
  for (const IdRange& range : ranges) ids.Add(ClientId{1}, range);
  ids.SortAndMerge();
  return ids;
}

// What @y/y 14.0.0-rc.7 makes of it.
TEST(Holes, BlocksBehindAHoleAreIntegratedAndTheStateSaysWhereTheHoleIs) {
  Doc doc(Around(1));
  Apply(doc, FieldBytes("01010901040101740568656c6c6f00"));
  EXPECT_EQ(doc.GetText("t").ToString(), "hello");
  EXPECT_FALSE(doc.has_pending());
  EXPECT_EQ(ToHex(EncodeStateVector(doc.GetStateVector())), "010900");
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), "010209000a01040101740568656c6c6f00");
  // Yjs 13 lets that wait, without harm.
  Doc waiting({.client_id = ClientId{2}});
  Apply(waiting, doc.EncodeStateAsUpdate());
  EXPECT_TRUE(waiting.has_pending());
  // Another of this kind reads it, in either format.
  for (const UpdateFormat format : {UpdateFormat::kV1, UpdateFormat::kV2}) {
    Doc other(Around(3));
    Apply(other, doc.EncodeStateAsUpdate({}, format), format);
    EXPECT_EQ(ToHex(other.EncodeStateAsUpdate()), "010209000a01040101740568656c6c6f00");
  }
}

TEST(Holes, AreFilledFromEitherSideAndInTheMiddle) {
  Doc writer({.client_id = ClientId{1}});
  // Each in front of all: none builds on another's left.
  for (int i = 0; i < 10; ++i) writer.GetArray("a").Insert(0, {Any(i)});
  Doc texts({.client_id = ClientId{1}});
  const Bytes whole = writer.EncodeStateAsUpdate();
  std::vector<Clock> order = {0, 1, 2, 3, 4};
  do {
    Doc doc(Around(9));
    std::vector<Bytes> emitted;
    const Subscription subscription = doc.OnUpdate([&](const UpdateEvent& event) {
      emitted.emplace_back(event.update.begin(), event.update.end());
    });
    for (const Clock i : order) {
      const Bytes part = *IntersectUpdate(whole, Ids({{i * 2, 2}}));
      Apply(doc, part);
    }
    EXPECT_FALSE(doc.has_pending());
    EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(whole));
    EXPECT_EQ(doc.GetStateVector(), writer.GetStateVector());
    // What was emitted brings another replica the same.
    Doc other(Around(10));
    for (const Bytes& update : emitted) Apply(other, update);
    EXPECT_EQ(ToHex(other.EncodeStateAsUpdate()), ToHex(whole));
  } while (std::ranges::next_permutation(order).found);
}

TEST(Holes, WhatBuildsOnWhatIsMissingWaits) {
  Doc writer({.client_id = ClientId{1}});
  writer.GetText("t").Insert(0, "0123456789");
  const Bytes whole = writer.EncodeStateAsUpdate();
  Doc doc(Around(9));
  Apply(doc, *IntersectUpdate(whole, Ids({{6, 2}})));
  EXPECT_TRUE(doc.has_pending()) << "it builds on 1:5";
  EXPECT_EQ(doc.GetPendingReport().missing, Ids({{5, 1}}));
  Apply(doc, *IntersectUpdate(whole, Ids({{0, 3}})));
  EXPECT_TRUE(doc.has_pending());
  Apply(doc, *IntersectUpdate(whole, Ids({{2, 5}})));
  EXPECT_FALSE(doc.has_pending());
  EXPECT_EQ(doc.GetText("t").ToString(), "01234567");
  Apply(doc, whole);
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(whole));
}

TEST(Holes, DeletesOfWhatIsMissingWait) {
  Doc writer({.client_id = ClientId{1}});
  for (int i = 0; i < 6; ++i) writer.GetArray("a").Insert(0, {Any(i)});
  const Bytes whole = writer.EncodeStateAsUpdate();
  writer.GetArray("a").Delete(0, 5);
  const Bytes deletes = *DiffUpdate(writer.EncodeStateAsUpdate(), writer.GetStateVector());
  Doc doc(Around(9));
  Apply(doc, *IntersectUpdate(whole, Ids({{0, 1}, {3, 1}})));
  Apply(doc, deletes);
  EXPECT_EQ(doc.GetArray("a").length(), 1u);
  EXPECT_TRUE(doc.has_pending());
  Apply(doc, whole);
  EXPECT_FALSE(doc.has_pending());
  EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(writer.EncodeStateAsUpdate()));
}

TEST(Holes, ADocumentWithoutHolesIsTheSameInEitherMode) {
  Doc writer({.client_id = ClientId{1}});
  writer.GetText("t").Insert(0, "hello");
  writer.GetText("t").Delete(1, 2);
  Doc around(Around(9));
  Apply(around, writer.EncodeStateAsUpdate());
  around.GetText("t").Insert(1, "x");
  Doc waiting({.client_id = ClientId{8}});
  Apply(waiting, around.EncodeStateAsUpdate());
  EXPECT_FALSE(waiting.has_pending());
  EXPECT_EQ(waiting.EncodeStateAsUpdate(), around.EncodeStateAsUpdate());
}

// golden/make_holes.mjs: random updates, some of which never come.
TEST(Holes, RandomDeliveriesEndInTheBytesOfYjs14) {
  std::ifstream file(std::string(WEFT_CRDT_TESTS) + "/golden/holes.txt");
  int cases = 0;
  int with_holes = 0;
  std::string updates;
  std::string vector;
  std::string state;
  while (file >> updates >> vector >> state) {
    SCOPED_TRACE(updates);
    Doc doc(Around(77));
    for (const std::string& update : golden::Split(updates, ',')) Apply(doc, FieldBytes(update));
    EXPECT_EQ(ToHex(EncodeStateVector(doc.GetStateVector())), vector);
    EXPECT_EQ(ToHex(doc.EncodeStateAsUpdate()), state);
    ++cases;
    Doc waiting({.client_id = ClientId{78}});
    for (const std::string& update : golden::Split(updates, ','))
      Apply(waiting, FieldBytes(update));
    with_holes += waiting.GetStateVector() == doc.GetStateVector() &&
                          waiting.has_pending() == doc.has_pending()
                      ? 0
                      : 1;
  }
  EXPECT_EQ(cases, 40);
  EXPECT_GT(with_holes, 5);
}

// The lines of golden/holes.txt with bytes changed: refused or not, nothing breaks.
TEST(Holes, DamagedUpdatesNeverBreakADocument) {
  std::ifstream file(std::string(WEFT_CRDT_TESTS) + "/golden/holes.txt");
  std::mt19937 random(1);
  std::string updates;
  std::string vector;
  std::string state;
  while (file >> updates >> vector >> state) {
    for (int i = 0; i < 50; ++i) {
      Doc::Options options = Around(77);
      options.gc = i % 2 == 0;
      options.limits.update_blocks = 1000;
      options.collisions = i % 3 == 0 ? CollisionPolicy::kRefuse : CollisionPolicy::kIgnore;
      Doc doc(options);
      for (const std::string& update : golden::Split(updates, ',')) {
        Bytes damaged = FieldBytes(update);
        for (int change = 0; change < 2; ++change) {
          damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random() % 12);
        }
        const UpdateFormat format = i % 5 == 0 ? UpdateFormat::kV2 : UpdateFormat::kV1;
        const Bytes before = doc.EncodeStateAsUpdate();
        if (!doc.ApplyUpdate(damaged, "", format).ok()) {
          ASSERT_EQ(doc.EncodeStateAsUpdate(), before);
        }
        ASSERT_EQ(doc.ApplyUpdate(FieldBytes(update)).ok() || i % 3 == 0, true);
        ASSERT_EQ(doc.Validate(), absl::OkStatus()) << ToHex(damaged);
        doc.GetPendingReport();
        doc.GetArray("a").ToJson();
        doc.GetText("t").ToString();
      }
      doc.GetText("t").Insert(0, "x");
      ASSERT_EQ(doc.Validate(), absl::OkStatus());
      // Who reads the state has the same elements; what waits may be told otherwise.
      Doc copy(Around(78));
      ASSERT_EQ(copy.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
      ASSERT_EQ(copy.Validate(), absl::OkStatus());
    }
  }
}

// Replicas of both kinds hear random parts of a history, cut anywhere, in any order and again; in
// the end they are equal to the byte.
RC_GTEST_PROP(Holes, ReplicasOfBothKindsConverge, (std::uint32_t seed)) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<Doc>> writers;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    writers.push_back(std::make_unique<Doc>(Doc::Options{.client_id = ClientId{i}}));
  }
  for (int i = 0; i < 40; ++i) {
    Doc& doc = *writers[random() % 3];
    Text text = doc.GetText("t");
    const std::size_t at = random() % (text.length() + 1);
    switch (random() % 6) {
      case 0:
        text.Delete(at, std::min<std::size_t>(random() % 4, text.length() - at));
        break;
      case 1:
        doc.GetArray("a").Insert(0, {Any(1), Any("x")});
        break;
      case 2:
        doc.GetMap("m").SetArray("k").Insert(0, {Any(1), Any(2)});
        break;
      default:
        text.Insert(at, random() % 2 == 0 ? "a" : "bcd");
    }
    if (random() % 3 == 0) {
      RC_ASSERT(writers[random() % 3]->ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (auto& from : writers) {
      for (auto& to : writers) {
        if (from != to) RC_ASSERT(to->ApplyUpdate(from->EncodeStateAsUpdate()).ok());
      }
    }
  }
  const Bytes whole = writers[0]->EncodeStateAsUpdate();
  Doc around(Around(9));
  Doc follower(Around(10));
  const Subscription subscription = around.OnUpdate(
      [&](const UpdateEvent& event) { RC_ASSERT(follower.ApplyUpdate(event.update).ok()); });
  Doc waiting({.client_id = ClientId{11}});
  for (int i = 0; i < 20; ++i) {
    DeleteSet ids;
    for (int j = 0; j < 6; ++j) {
      ids.Add(ClientId{1 + random() % 3}, {random() % 60, 1 + random() % 8});
    }
    ids.SortAndMerge();
    const absl::StatusOr<Bytes> part = IntersectUpdate(whole, ids);
    RC_ASSERT(part.ok());
    for (Doc* doc : {&around, &waiting}) {
      const absl::Status status = doc->ApplyUpdate(*part);
      RC_ASSERT(status == absl::OkStatus());
      const absl::Status valid = doc->Validate();
      RC_ASSERT(valid == absl::OkStatus());
    }
    // The state is whole: who has it has all of it.
    Doc copy(Around(12));
    RC_ASSERT(copy.ApplyUpdate(around.EncodeStateAsUpdate()).ok());
    RC_ASSERT(*UpdatesEqual(copy.EncodeStateAsUpdate(), around.EncodeStateAsUpdate()));
  }
  for (Doc* doc : {&around, &waiting}) {
    RC_ASSERT(doc->ApplyUpdate(whole).ok());
    RC_ASSERT(!doc->has_pending());
    RC_ASSERT(doc->GetText("t").ToString() == writers[0]->GetText("t").ToString());
    RC_ASSERT(*UpdatesEqual(doc->EncodeStateAsUpdate(), whole));
  }
  RC_ASSERT(follower.ApplyUpdate(around.EncodeStateAsUpdate(follower.GetStateVector())).ok());
  RC_ASSERT(*UpdatesEqual(follower.EncodeStateAsUpdate(), whole));
}

}  // namespace
}  // namespace weft::crdt
