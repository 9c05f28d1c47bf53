// What is done to updates without a document, on random updates that the real Yjs wrote: as Yjs
// does it where Yjs does it, and by its own laws.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/update_builder.h"
#include "crdt/update_compare.h"
#include "crdt/update_inspect.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "crdt/update_meta.h"
#include "crdt/update_obfuscate.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt {
namespace {

using oracle::FromBase64;
using oracle::Member;
using oracle::ToBase64;
using oracle::ToHex;
using oracle::YjsProcess;

constexpr UpdateFormat kV1 = UpdateFormat::kV1;
constexpr UpdateFormat kV2 = UpdateFormat::kV2;
constexpr UpdateFormat kFormats[] = {kV1, kV2};

Any VersionOf(UpdateFormat format) { return format == kV1 ? 1 : 2; }

template <typename Value>
Value Expect(absl::StatusOr<Value> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : Value();
}

// A family of updates: what the replicas of a random history emitted.
class UpdateFunctions : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<YjsProcess>> started = YjsProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status();
    yjs_ = started->release();
  }
  static void TearDownTestSuite() {
    delete yjs_;
    yjs_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(yjs_, nullptr); }

  static YjsProcess& yjs() { return *yjs_; }

  static int Seeds() {
    const char* text = std::getenv("WEFT_ORACLE_SEEDS");
    return text == nullptr ? 12 : std::max(1, std::atoi(text) / 10);
  }

  static std::vector<Bytes> HistoryOf(int seed) {
    const Any history =
        Expect(yjs().Call(AnyObject{{"op", "history"},
                                    {"seed", seed},
                                    {"steps", 25},
                                    {"gc", seed % 3 != 0},
                                    {"kinds", Any::Array{"format", "xml", "subdocument"}}}));
    std::vector<Bytes> updates;
    for (const Any& update : *Member(history, "updates").AsArray()) {
      updates.push_back(FromBase64(*update.AsString()));
    }
    return updates;
  }

  // Single updates, and merged ones with holes and deletes of several clients, in both formats.
  template <typename Check>
  static void ForRandomUpdates(const Check& check) {
    for (int seed = 1; seed <= Seeds() && !HasFailure(); ++seed) {
      const std::vector<Bytes> history = HistoryOf(seed);
      std::mt19937 random(static_cast<std::uint32_t>(seed));
      for (int i = 0; i < 8; ++i) {
        std::vector<ByteView> some;
        for (const Bytes& update : history) {
          if (random() % 8 < static_cast<unsigned>(i + 1)) some.push_back(update);
        }
        const Bytes v1 = Expect(MergeUpdates(some));
        for (const UpdateFormat format : kFormats) {
          const Bytes update = Expect(ConvertUpdate(v1, kV1, format));
          SCOPED_TRACE(std::string(format == kV1 ? "v1 " : "v2 ") + ToHex(update));
          check(update, format, random);
          if (HasFailure()) return;
        }
      }
    }
  }

 private:
  static YjsProcess* yjs_;
};
YjsProcess* UpdateFunctions::yjs_ = nullptr;

TEST_F(UpdateFunctions, TheClocksOfAnUpdateAreThoseThatYjsFinds) {
  ForRandomUpdates([](const Bytes& update, UpdateFormat format, std::mt19937&) {
    const UpdateMeta meta = Expect(ParseUpdateMeta(update, format));
    Any::Array from;
    Any::Array to;
    for (const UpdateMeta::ClientClocks& entry : meta.clients) {
      const Any client(static_cast<double>(ToNumber(entry.client)));
      from.push_back(Any::Array{client, Any(static_cast<double>(entry.from))});
      to.push_back(Any::Array{client, Any(static_cast<double>(entry.to))});
    }
    const Any reply = Expect(yjs().Call(
        AnyObject{{"op", "parseMeta"}, {"update", ToBase64(update)}, {"v", VersionOf(format)}}));
    EXPECT_EQ(Member(reply, "from"), Any(from));
    // Yjs lists the ends in the order in which it reaches them, which is the same.
    EXPECT_EQ(Member(reply, "to"), Any(to));
  });
}

TEST_F(UpdateFunctions, AnUpdateIsObfuscatedByteForByteAsYjsDoesWithEveryChoiceOfOptions) {
  ForRandomUpdates([](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    for (int i = 0; i < 3; ++i) {
      const unsigned choice = i == 0 ? 7 : random() % 8;
      const ObfuscateOptions options{
          .formatting = (choice & 1) != 0, .subdocs = (choice & 2) != 0, .yxml = (choice & 4) != 0};
      const Any reply =
          Expect(yjs().Call(AnyObject{{"op", "obfuscate"},
                                      {"update", ToBase64(update)},
                                      {"v", VersionOf(format)},
                                      {"options", AnyObject{{"formatting", options.formatting},
                                                            {"subdocs", options.subdocs},
                                                            {"yxml", options.yxml}}}}));
      EXPECT_EQ(ToHex(Expect(ObfuscateUpdate(update, options, format))),
                ToHex(FromBase64(*Member(reply, "update").AsString())));
    }
  });
}

// Random ranges of the ids that the update speaks of.
DeleteSet SomeIds(const Update& update, std::mt19937& random, bool whole_blocks) {
  DeleteSet ids;
  for (const Block& block : update.blocks) {
    if (random() % 2 == 0) continue;
    if (whole_blocks) {
      ids.Add(block.id.client, {block.id.clock, block.length});
      continue;
    }
    const Clock begin = random() % block.length;
    ids.Add(block.id.client, {block.id.clock + begin, 1 + random() % (block.length - begin)});
  }
  for (const DeleteSet::ClientRanges& client : update.deletes.clients()) {
    for (const IdRange& range : client.ranges) {
      if (random() % 2 == 0) ids.Add(client.client, {range.clock, 1 + random() % range.length});
    }
  }
  ids.SortAndMerge();
  return ids;
}

// All ids of the update's clients but `ids`.
DeleteSet OthersThan(const DeleteSet& ids, const Update& update) {
  std::vector<ClientId> clients;
  for (const Update::Section& section : update.sections) clients.push_back(section.client);
  for (const auto& client : update.deletes.clients()) clients.push_back(client.client);
  std::ranges::sort(clients);
  clients.erase(std::ranges::unique(clients).begin(), clients.end());
  DeleteSet others;
  for (const ClientId client : clients) {
    Clock clock = 0;
    for (const auto& entry : ids.clients()) {
      if (entry.client != client) continue;
      for (const IdRange& range : entry.ranges) {
        others.Add(client, {clock, range.clock - clock});
        clock = range.end();
      }
    }
    others.Add(client, {clock, kMaxClock - clock});
  }
  others.SortAndMerge();
  return others;
}

bool CutsAPair(const Bytes& part, UpdateFormat format) {
  const Update update = Expect(DecodeUpdate(part, {}, format));
  return std::ranges::any_of(update.blocks, [](const Block& block) {
    return block.kind == ContentKind::kString &&
           block.text.find("\xEF\xBF\xBD") != std::string_view::npos;
  });
}

TEST_F(UpdateFunctions, WhatStaysOfAnUpdateAndWhatGoesMakeTheWhole) {
  int checked = 0;
  ForRandomUpdates([&](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    const Update decoded = Expect(DecodeUpdate(update, {}, format));
    const DeleteSet none;
    const DeleteSet all = OthersThan(none, decoded);
    EXPECT_EQ(ToHex(Expect(IntersectUpdate(update, all, format))), ToHex(update))
        << "merged updates begin and end with no hole, so nothing changes";
    EXPECT_EQ(Expect(DecodeUpdate(Expect(IntersectUpdate(update, none, format)), {}, format))
                  .sections.size(),
              0u);
    for (int i = 0; i < 3; ++i) {
      const DeleteSet ids = SomeIds(decoded, random, i == 0);
      const Bytes part = Expect(IntersectUpdate(update, ids, format));
      const Bytes rest = Expect(IntersectUpdate(update, OthersThan(ids, decoded), format));
      // Only the ids asked for are there.
      for (const Block& block : Expect(DecodeUpdate(part, {}, format)).blocks) {
        if (block.kind == ContentKind::kSkip) continue;
        EXPECT_TRUE(ids.Contains(block.id) && ids.Contains({block.id.client, block.end() - 1}));
      }
      EXPECT_EQ(ToHex(Expect(IntersectUpdate(part, ids, format))), ToHex(part));
      const ByteView both[] = {part, rest};
      if (CutsAPair(part, format) || CutsAPair(rest, format)) continue;
      ++checked;
      const Bytes merged = Expect(MergeUpdates(both, {}, format));
      EXPECT_TRUE(Expect(UpdatesEqual(merged, update, format))) << ToHex(part) << "\n"
                                                                << ToHex(rest);
      // Yjs, too, makes the same of both.
      const Any reply =
          Expect(yjs().Call(AnyObject{{"op", "merge"},
                                      {"updates", Any::Array{ToBase64(part), ToBase64(rest)}},
                                      {"v", VersionOf(format)}}));
      EXPECT_EQ(ToHex(FromBase64(*Member(reply, "update").AsString())), ToHex(merged));
    }
  });
  EXPECT_GT(checked, 100);
}

// The same update with its runs cut and its clients in another order.
Bytes Rearranged(const Bytes& bytes, UpdateFormat format, std::mt19937& random) {
  const Update update = Expect(DecodeUpdate(bytes, {}, format));
  std::vector<std::size_t> sections(update.sections.size());
  for (std::size_t i = 0; i < sections.size(); ++i) sections[i] = i;
  std::ranges::shuffle(sections, random);
  UpdateBuilder builder(format);
  for (const std::size_t section : sections) {
    for (std::size_t i = update.sections[section].begin; i < update.sections[section].end; ++i) {
      Block rest = update.blocks[i];
      const bool is_text = rest.kind == ContentKind::kString;
      while (rest.length > 1 && rest.kind != ContentKind::kSkip && random() % 2 == 0) {
        const Clock cut = 1 + random() % (rest.length - 1);
        // Not inside of a pair.
        if (is_text && rest.text.find('\xF0') != std::string_view::npos) break;
        Block first = rest;
        first.CutBack(rest.length - cut);
        builder.Add(update, first);
        rest.CutFront(cut);
      }
      builder.Add(update, rest);
    }
  }
  return std::move(builder).Finish(update.deletes);
}

TEST_F(UpdateFunctions, UpdatesAreEqualHoweverTheirRunsAreCutAndTheirClientsOrdered) {
  ForRandomUpdates([](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    const Bytes rearranged = Rearranged(update, format, random);
    EXPECT_TRUE(Expect(UpdatesEqual(update, rearranged, format))) << ToHex(rearranged);
    EXPECT_TRUE(Expect(UpdatesEqual(rearranged, update, format))) << ToHex(rearranged);
  });
}

// Yjs leaves something out of an update that has its clients in another order than from the highest down
// (13.6.33: clients 1 and 5, merged with client 3, lose client 5).
TEST_F(UpdateFunctions, MergingLosesNothingWhateverTheOrderOfClients) {
  ForRandomUpdates([](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    // Somebody between the others has written too.
    const Update decoded = Expect(DecodeUpdate(update, {}, format));
    std::uint64_t between = 1;
    for (const Update::Section& section : decoded.sections) {
      const std::uint64_t client = ToNumber(section.client);
      if (random() % 2 == 0 && client < kMaxSafeInteger) between = client + 1;
    }
    Doc writer({.client_id = ClientId{between}});
    writer.GetText("between").Insert(0, "b");
    const Bytes other = writer.EncodeStateAsUpdate({}, format);
    const Bytes rearranged = Rearranged(update, format, random);
    const ByteView in_order[] = {update, other};
    const ByteView out_of_order[] = {rearranged, other};
    const ByteView twice[] = {other, rearranged, rearranged};
    const Bytes merged = Expect(MergeUpdates(in_order, {}, format));
    EXPECT_TRUE(
        Expect(UpdatesEqual(Expect(MergeUpdates(out_of_order, {}, format)), merged, format)));
    EXPECT_TRUE(Expect(UpdatesEqual(Expect(MergeUpdates(twice, {}, format)), merged, format)));
  });
}

TEST_F(UpdateFunctions, UpdatesDifferThatBringOtherElementsOrDeletes) {
  int differ = 0;
  ForRandomUpdates([&](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    const Update decoded = Expect(DecodeUpdate(update, {}, format));
    const Bytes part = Expect(IntersectUpdate(update, SomeIds(decoded, random, false), format));
    // The part has fewer elements or deletes, unless it has all.
    const auto elements = [&](const Bytes& bytes) {
      const UpdateSummary summary = Expect(SummarizeUpdate(bytes, format));
      return summary.all.elements + summary.deleted;
    };
    const bool same = elements(part) == elements(update);
    differ += same ? 0 : 1;
    EXPECT_EQ(Expect(UpdatesEqual(part, update, format)), same);
  });
  EXPECT_GT(differ, 50);
}

std::string Inspected(const Doc& doc) { return Expect(InspectUpdate(doc.EncodeStateAsUpdate())); }

TEST(UpdatesEqual, SeesContentPlaceKindAndDeletes) {
  const auto state = [](const std::function<void(Doc&)>& edit) {
    Doc doc({.client_id = ClientId{1}});
    edit(doc);
    return doc.EncodeStateAsUpdate();
  };
  const std::vector<Bytes> states = {
      state([](Doc& doc) { doc.GetText("t").Insert(0, "abc"); }),
      state([](Doc& doc) { doc.GetText("t").Insert(0, "abd"); }),
      state([](Doc& doc) { doc.GetText("u").Insert(0, "abc"); }),
      state([](Doc& doc) {
        doc.GetText("t").Insert(0, "ab");
        doc.GetText("t").Insert(0, "c");
      }),
      state([](Doc& doc) {
        doc.GetText("t").Insert(0, "abc");
        doc.GetText("t").Delete(1, 1);
      }),
      state([](Doc& doc) { doc.GetArray("t").Insert(0, {Any(1), Any(2), Any(3)}); }),
      state([](Doc& doc) { doc.GetArray("t").Insert(0, {Any(1), Any(2), Any(4)}); }),
      state([](Doc& doc) { doc.GetMap("t").Set("k", "abc"); }),
      state([](Doc& doc) { doc.GetMap("t").Set("l", "abc"); }),
      state([](Doc&) {}),
  };
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t j = 0; j < states.size(); ++j) {
      EXPECT_EQ(Expect(UpdatesEqual(states[i], states[j])), i == j) << i << " and " << j;
    }
  }
}

TEST(UpdatesEqual, ComparesTextByUnitsAcrossCutsInsideOfPairs) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "A\U0001F600B");
  const Bytes whole = doc.EncodeStateAsUpdate({}, kV2);
  const Update update = Expect(DecodeUpdate(whole, {}, kV2));
  Block first = update.blocks[0];
  first.CutBack(2);
  Block second = update.blocks[0];
  second.CutFront(2);
  UpdateBuilder builder(kV2);
  builder.Add(update, first);
  builder.Add(update, second);
  const Bytes cut = std::move(builder).Finish({});
  EXPECT_NE(cut, whole);
  EXPECT_TRUE(Expect(UpdatesEqual(cut, whole, kV2)));
}

TEST(IntersectUpdate, LeavesHolesAsSkipsButNoneAtEitherEnd) {
  Doc doc({.client_id = ClientId{5}});
  doc.GetText("t").Insert(0, "0123456789");
  DeleteSet ids;
  ids.Add(ClientId{5}, {2, 2});
  ids.Add(ClientId{5}, {6, 1});
  ids.Add(ClientId{6}, {0, 100});
  ids.SortAndMerge();
  EXPECT_EQ(Expect(InspectUpdate(Expect(IntersectUpdate(doc.EncodeStateAsUpdate(), ids)))),
            "18 bytes, 1 client, 2 blocks, 0 elements deleted in 0 ranges\n"
            "  text      2 blocks, 3 elements\n"
            "  hole      1 block, 2 elements\n"
            "client 5\n"
            "  2-3             text      \"23\"  after 5:1\n"
            "  4-5             hole\n"
            "  6               text      \"6\"  after 5:5\n");
}

TEST(InspectUpdate, TellsEachBlockOnALineOfItsOwn) {
  Doc doc({.client_id = ClientId{5}});
  doc.GetText("t").Insert(0, "hello");
  doc.GetMap("m").SetArray("k").Insert(0, {Any(1), Any(AnyObject{{"a", Any(Any::Array{Any()})}})});
  doc.GetText("t").Delete(1, 2);
  EXPECT_EQ(Inspected(doc),
            "46 bytes, 1 client, 5 blocks, 2 elements deleted in 1 range\n"
            "  deleted   1 block, 2 elements\n"
            "  text      2 blocks, 3 elements\n"
            "  type      1 block, 1 element\n"
            "  any       1 block, 2 elements\n"
            "client 5\n"
            "  0               text      \"h\"  in root \"t\"\n"
            "  1-2             deleted     after 5:0\n"
            "  3-4             text      \"lo\"  after 5:2\n"
            "  5               type      Array  in root \"m\"  at key \"k\"\n"
            "  6-7             any       1, {\"a\":[undefined]}  in type 5:5\n"
            "deletes\n"
            "  client 5: 1-2\n");
}

TEST(InspectUpdate, IsBoundedWhateverTheUpdate) {
  Doc doc({.client_id = ClientId{5}});
  doc.GetText("t").Insert(0, std::string(100'000, 'x'));
  doc.GetArray("a").Insert(0, {Any(Any::Array(100'000, Any(7))), Any(std::string(100'000, '\n')),
                               Any(AnyObject{{std::string(10'000, 'k'), Any(Bytes(100'000, 1))}})});
  for (std::size_t i = 0; i < 1000; ++i) doc.GetText("t").Delete(i, 1);
  const Bytes update = doc.EncodeStateAsUpdate();
  const std::string text =
      Expect(InspectUpdate(update, kV1, {.blocks = 20, .ranges = 10, .shown_bytes = 40}));
  EXPECT_LT(text.size(), 4000u);
  EXPECT_NE(text.find("blocks more\n"), std::string::npos);
  EXPECT_NE(text.find("and 990 ranges more\n"), std::string::npos);
  EXPECT_LT(Expect(InspectUpdate(update)).size(), 200'000u);
}

TEST_F(UpdateFunctions, EveryUpdateIsInspectedAndEveryDamagedOneIsRefusedOrInspected) {
  ForRandomUpdates([](const Bytes& update, UpdateFormat format, std::mt19937& random) {
    EXPECT_TRUE(InspectUpdate(update, format).ok());
    const DecodeLimits limits{.update_blocks = 10'000};
    for (int i = 0; i < 20; ++i) {
      Bytes damaged = update;
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
      const absl::StatusOr<std::string> text =
          InspectUpdate(damaged, format, {.blocks = 10}, limits);
      EXPECT_EQ(text.ok(), ObfuscateUpdate(damaged, {}, format, limits).ok());
      EXPECT_EQ(text.ok(), ParseUpdateMeta(damaged, format, limits).ok());
      EXPECT_EQ(text.ok(), IntersectUpdate(damaged, {}, format, limits).ok());
      EXPECT_EQ(text.ok(), UpdatesEqual(damaged, damaged, format, limits).ok());
      if (text.ok()) {
        EXPECT_TRUE(Expect(UpdatesEqual(damaged, damaged, format, limits)));
      }
    }
  });
}

}  // namespace
}  // namespace weft::crdt
