// Two replicas that write as one client are seen; legitimate differences are not taken for that.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/doc.h"
#include "crdt/update_builder.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt {
namespace {

using oracle::FromBase64;
using oracle::Member;

using EditFunction = std::function<void(Doc&)>;

Bytes StateAfter(const EditFunction& edit, std::uint64_t client = 1) {
  Doc doc({.client_id = ClientId{client}});
  doc.GetText("t");
  edit(doc);
  return doc.EncodeStateAsUpdate();
}

// What a document that got `first` says to `second`.
absl::Status Second(const Bytes& first, const Bytes& second,
                    CollisionPolicy policy = CollisionPolicy::kRefuse, Doc* use = nullptr) {
  Doc own({.client_id = ClientId{77}, .collisions = policy});
  Doc& doc = use != nullptr ? *use : own;
  EXPECT_EQ(doc.ApplyUpdate(first), absl::OkStatus());
  const Bytes before = doc.EncodeStateAsUpdate();
  absl::Status status = doc.ApplyUpdate(second);
  if (!status.ok()) {
    EXPECT_EQ(doc.EncodeStateAsUpdate(), before);
  }
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
  return status;
}

TEST(Collisions, AreSeenInPlaceKindAndContentWhicheverComesFirst) {
  const std::vector<EditFunction> edits = {
      [](Doc& doc) { doc.GetText("t").Insert(0, "abc"); },
      [](Doc& doc) { doc.GetText("t").Insert(0, "abd"); },
      [](Doc& doc) { doc.GetText("t").Insert(0, "\u20acbc"); },
      [](Doc& doc) { doc.GetText("u").Insert(0, "abc"); },
      [](Doc& doc) { doc.GetArray("a").Insert(0, {Any("a"), Any("b"), Any("c")}); },
      [](Doc& doc) { doc.GetArray("a").Insert(0, {Any("a"), Any(1), Any("c")}); },
      [](Doc& doc) { doc.GetArray("a").Insert(0, {Any("a"), Any(Any::Array{Any(1)})}); },
      [](Doc& doc) { doc.GetArray("a").Insert(0, {Any("a"), Any(Any::Array{Any(2)})}); },
      [](Doc& doc) { doc.GetMap("m").Set("k", 1); },
      [](Doc& doc) { doc.GetMap("m").Set("l", 1); },
      [](Doc& doc) { doc.GetMap("m").Set("k", Any(Bytes{1})); },
      [](Doc& doc) { doc.GetMap("m").Set("k", Any(Bytes{2})); },
      [](Doc& doc) { doc.GetMap("m").SetMap("k"); },
      [](Doc& doc) { doc.GetMap("m").SetArray("k"); },
      [](Doc& doc) { doc.GetText("t").Insert(0, "a", AnyObject{{"bold", Any(true)}}); },
      [](Doc& doc) { doc.GetText("t").Insert(0, "a", AnyObject{{"bold", Any(1)}}); },
      [](Doc& doc) { doc.GetText("t").Insert(0, "a", AnyObject{{"italic", Any(true)}}); },
  };
  for (std::size_t i = 0; i < edits.size(); ++i) {
    for (std::size_t j = 0; j < edits.size(); ++j) {
      const absl::Status status = Second(StateAfter(edits[i]), StateAfter(edits[j]));
      EXPECT_EQ(status.code(),
                i == j ? absl::StatusCode::kOk : absl::StatusCode::kFailedPrecondition)
          << i << " then " << j << ": " << status;
    }
  }
}

TEST(Collisions, NameTheClientTheClockAndWhatDiffers) {
  const absl::Status status =
      Second(StateAfter([](Doc& doc) { doc.GetText("t").Insert(0, "abcde"); }),
             StateAfter([](Doc& doc) { doc.GetText("t").Insert(0, "abXdefgh"); }));
  EXPECT_EQ(status,
            absl::FailedPreconditionError(
                "two replicas write as client 1: its element at clock 2 is in the document, "
                "and it comes with other content, \"abXdefgh\""));
}

TEST(Collisions, AreReportedOrIgnoredOnDemandAndThenWhatCameFirstStaysAsInYjs) {
  const Bytes first = StateAfter([](Doc& doc) { doc.GetText("t").Insert(0, "first"); });
  const Bytes second = StateAfter([](Doc& doc) { doc.GetText("t").Insert(0, "second!"); });
  for (const CollisionPolicy policy : {CollisionPolicy::kReport, CollisionPolicy::kIgnore}) {
    Doc doc({.client_id = ClientId{77}, .collisions = policy});
    EXPECT_EQ(Second(first, second, policy, &doc), absl::OkStatus());
    EXPECT_EQ(doc.GetText("t").ToString(), "firstd!");
    const bool told = policy == CollisionPolicy::kReport;
    EXPECT_EQ(doc.collisions().updates, told ? 1u : 0u);
    ASSERT_EQ(doc.collisions().latest.has_value(), told);
    if (told) {
      EXPECT_EQ(doc.collisions().latest->id, (Id{ClientId{1}, 0}));
    }
  }
}

// Where the known beginning stands elsewhere than the block says, the rest follows the beginning, as
// when it comes alone: a list that holds items of another would be broken.
TEST(Collisions, TheRestOfABlockStandsWhereItsBeginningDoes) {
  const auto block = [](std::string_view root, std::optional<std::string_view> key, Clock length) {
    const std::vector<Any> values(length, Any(true));
    Block block{.id = {ClientId{1}, 0},
                .length = length,
                .values_count = static_cast<std::uint32_t>(length),
                .kind = ContentKind::kAny,
                .parent = Block::Parent::kRoot,
                .has_key = key.has_value(),
                .root_name = root};
    if (key.has_value()) block.key = *key;
    UpdateBuilder builder;
    builder.Add(block, values);
    return std::move(builder).Finish(DeleteSet());
  };
  using Place = std::pair<std::string_view, std::optional<std::string_view>>;
  const Place places[] = {
      {"r", std::nullopt}, {"r", "k"}, {"r", "l"}, {"s", std::nullopt}, {"s", "k"}};
  for (const Place& known : places) {
    for (const Place& said : places) {
      const Bytes whole = block(said.first, said.second, 4);
      Doc doc({.client_id = ClientId{77}, .collisions = CollisionPolicy::kIgnore});
      ASSERT_EQ(Second(block(known.first, known.second, 2), whole, CollisionPolicy::kIgnore, &doc),
                absl::OkStatus());
      Doc other({.client_id = ClientId{77}, .collisions = CollisionPolicy::kIgnore});
      DeleteSet rest;
      rest.Add(ClientId{1}, {2, 2});
      ASSERT_EQ(Second(block(known.first, known.second, 2), *IntersectUpdate(whole, rest),
                       CollisionPolicy::kIgnore, &other),
                absl::OkStatus());
      EXPECT_EQ(doc.EncodeStateAsUpdate(), other.EncodeStateAsUpdate());
    }
  }
}

TEST(Collisions, AReplicaThatWasRestoredFromAnOldCopyIsSeen) {
  Doc writer({.client_id = ClientId{1}});
  writer.GetText("t").Insert(0, "saved");
  const Bytes old = writer.EncodeStateAsUpdate();
  writer.GetText("t").Insert(5, " and more");
  Doc relay({.client_id = ClientId{77}});
  ASSERT_EQ(relay.ApplyUpdate(writer.EncodeStateAsUpdate()), absl::OkStatus());
  // Yjs takes a new id when it reads blocks of its own; a copy of the file does not.
  Doc restored({.client_id = ClientId{2}});
  ASSERT_EQ(restored.ApplyUpdate(old), absl::OkStatus());
  restored.set_client_id(ClientId{1});
  restored.GetText("t").Insert(0, "other: ");
  EXPECT_EQ(relay.ApplyUpdate(restored.EncodeStateAsUpdate()).code(),
            absl::StatusCode::kFailedPrecondition);
}

// -- What is legitimate --

TEST(Collisions, ValuesThatFormatsAndLibrariesWriteOtherwiseAreNone) {
  const auto map = [](Any value) {
    return StateAfter([&](Doc& doc) { doc.GetArray("a").Insert(0, {std::move(value)}); });
  };
  const std::vector<std::pair<Any, Any>> same = {
      {Any(AnyObject{{"a", Any(1)}, {"b", Any(2)}}), Any(AnyObject{{"b", Any(2)}, {"a", Any(1)}})},
      {Any(AnyObject{{"a", Any(1)}, {"b", Any()}}), Any(AnyObject{{"a", Any(1)}})},
      {Any(Any::Array{Any(4294967296.0)}), Any(Any::Array{Any(Any::BigInt{4294967296})})},
      {Any(0.0), Any(-0.0)},
      {Any(Any::Array{Any()}), Any(Any::Array{Any(Any::Null())})},
      {Any(AnyObject{{"\xED\xA0\x80", Any()}}), Any(AnyObject{})},
  };
  for (const auto& [a, b] : same) {
    EXPECT_EQ(Second(map(a), map(b)), absl::OkStatus());
    EXPECT_EQ(Second(map(b), map(a)), absl::OkStatus());
  }
}

TEST(Collisions, HalvesOfPairsThatWereCutAreNone) {
  Doc writer({.client_id = ClientId{1}});
  writer.GetText("t").Insert(0, "A\U0001F600B");
  const Bytes whole = writer.EncodeStateAsUpdate();
  DeleteSet tail_ids;
  tail_ids.Add(ClientId{1}, {2, 2});
  const Bytes tail = *IntersectUpdate(whole, tail_ids);
  writer.GetText("t").Insert(2, "x");
  const Bytes cut = writer.EncodeStateAsUpdate();
  EXPECT_EQ(Second(whole, cut), absl::OkStatus());
  EXPECT_EQ(Second(cut, whole), absl::OkStatus());
  EXPECT_EQ(Second(whole, tail), absl::OkStatus());
  EXPECT_EQ(Second(cut, tail), absl::OkStatus());
}

TEST(Collisions, ContentThatOneSideHasDeletedOrCollectedIsNone) {
  std::vector<Bytes> states;
  for (const bool gc : {true, false}) {
    Doc doc({.client_id = ClientId{1}, .gc = gc});
    doc.GetText("t").Insert(0, "hello world");
    doc.GetArray("a").InsertMap(0).SetText("k").Insert(0, "nested");
    doc.GetMap("m").Set("k", 1);
    states.push_back(doc.EncodeStateAsUpdate());
    doc.GetText("t").Delete(3, 4);
    doc.GetArray("a").Delete(0, 1);
    doc.GetMap("m").Set("k", 2);
    states.push_back(doc.EncodeStateAsUpdate());
  }
  for (const Bytes& a : states) {
    for (const Bytes& b : states) EXPECT_EQ(Second(a, b), absl::OkStatus());
  }
}

// Histories of every type by the real Yjs: updates come in any order and again, alone and merged,
// in both formats, as states of replicas that collect and that do not.
TEST(Collisions, NothingThatYjsWritesIsTakenForOne) {
  absl::StatusOr<std::unique_ptr<oracle::YjsProcess>> yjs = oracle::YjsProcess::Start();
  ASSERT_TRUE(yjs.ok()) << yjs.status();
  const char* const seeds = std::getenv("WEFT_ORACLE_SEEDS");
  const int count = seeds == nullptr ? 20 : std::atoi(seeds) / 5;
  for (int seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE(seed);
    const absl::StatusOr<Any> history =
        (*yjs)->Call(AnyObject{{"op", "history"},
                               {"seed", seed},
                               {"steps", 30},
                               {"gc", seed % 2 == 0},
                               {"kinds", Any::Array{"format", "xml", "subdocument"}}});
    ASSERT_TRUE(history.ok()) << history.status();
    std::vector<Bytes> updates;
    for (const Any& update : *Member(*history, "updates").AsArray()) {
      updates.push_back(FromBase64(*update.AsString()));
    }
    for (const Any& state : *Member(*history, "states").AsArray()) {
      updates.push_back(FromBase64(*state.AsString()));
    }
    std::mt19937 random(static_cast<std::uint32_t>(seed));
    for (const bool gc : {true, false}) {
      Doc doc({.client_id = ClientId{0}, .gc = gc});
      for (int i = 0; i < 150; ++i) {
        Bytes update = updates[random() % updates.size()];
        UpdateFormat format = UpdateFormat::kV1;
        if (random() % 3 == 0) {
          const ByteView some[] = {update, updates[random() % updates.size()]};
          update = *MergeUpdates(some);
        }
        if (random() % 3 == 0) {
          format = UpdateFormat::kV2;
          update = *ConvertUpdate(update, UpdateFormat::kV1, format);
        }
        if (random() % 10 == 0) {
          update = doc.EncodeStateAsUpdate({}, format);
        }
        ASSERT_EQ(doc.ApplyUpdate(update, "", format), absl::OkStatus());
      }
      EXPECT_EQ(doc.collisions().updates, 0u);
    }
  }
}

}  // namespace
}  // namespace weft::crdt
