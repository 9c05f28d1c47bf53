// The first update of a document, and what brings much later, takes a way of its own
// (crdt/loading.cc): it must lead where the general way leads, and back to the beginning when the
// update turns out to be malformed.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/update_merge.h"

namespace weft::crdt {
namespace {

constexpr UpdateFormat kFormats[] = {UpdateFormat::kV1, UpdateFormat::kV2};

// What a few replicas wrote with all kinds of content, hearing of one another now and then.
class History {
 public:
  explicit History(std::uint32_t seed, std::size_t edits = 20) : random_(seed) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      docs_.push_back(std::make_unique<Doc>(
          Doc::Options{.client_id = ClientId{i == 2 ? 70'000 : i + 1}, .gc = Below(4) != 0}));
      subscriptions_.push_back(docs_.back()->OnUpdate([this](const UpdateEvent& event) {
        if (event.local) updates_.emplace_back(event.update.begin(), event.update.end());
      }));
    }
    for (std::size_t i = edits + Below(3 * edits); i > 0; --i) {
      Doc& doc = *docs_[Below(3)];
      if (Below(4) == 0) {
        EXPECT_EQ(doc.ApplyUpdate(docs_[Below(3)]->EncodeStateAsUpdate()), absl::OkStatus());
      }
      doc.Transact("", [&] {
        for (std::size_t edits = Below(3) + 1; edits > 0; --edits) Edit(doc);
      });
    }
  }

  std::size_t Below(std::size_t bound) { return random_() % bound; }
  // A state of one of the replicas, or some of what was written: then a part of it has to wait.
  Bytes State(UpdateFormat format) {
    if (Below(2) == 0) return docs_[Below(3)]->EncodeStateAsUpdate({}, format);
    std::vector<ByteView> some;
    const std::size_t left_out = Below(8);
    for (const Bytes& update : updates_) {
      if (left_out == 0 || Below(left_out + 1) != 0) some.push_back(update);
    }
    const Bytes merged = MergeUpdates(some).value();
    return format == UpdateFormat::kV1 ? merged
                                       : ConvertUpdate(merged, UpdateFormat::kV1, format).value();
  }
  // What was written first: all that it needs is there.
  Bytes Beginning() {
    const std::size_t count = 1 + Below(updates_.size());
    return Merged(count);
  }
  // What somebody who has so much lacks.
  Bytes Behind(const StateVector& known, UpdateFormat format) {
    if (Below(2) == 0) return docs_[Below(3)]->EncodeStateAsUpdate(known, format);
    const Bytes behind = DiffUpdate(Merged(updates_.size()), known).value();
    return format == UpdateFormat::kV1 ? behind
                                       : ConvertUpdate(behind, UpdateFormat::kV1, format).value();
  }

 private:
  Bytes Merged(std::size_t count) const {
    const std::vector<ByteView> views(updates_.begin(), updates_.end());
    return MergeUpdates(std::span(views).first(count)).value();
  }

  void Edit(Doc& doc) {
    Text text = doc.GetText("text");
    Array array = doc.GetArray("array");
    Map map = doc.GetMap("map");
    XmlFragment xml = doc.GetXmlFragment("xml");
    const std::string key(1, static_cast<char>('a' + Below(3)));
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
        return text.Insert(Below(text.length() + 1), Below(4) == 0 ? "e\u0301\U0001F600" : "word");
      case 3:
      case 4: {
        const std::size_t at = Below(text.length() + 1);
        return text.Delete(at, std::min<std::size_t>(Below(6), text.length() - at));
      }
      case 5: {
        const std::size_t at = Below(text.length() + 1);
        return text.Format(at, std::min<std::size_t>(Below(6), text.length() - at),
                           {{"bold", Below(2) == 0 ? Any(true) : Any::Null{}}});
      }
      case 6:
        return array.Insert(Below(array.length() + 1), {Any(1.5), Any("value"), Any::Null{}});
      case 7: {
        const std::size_t at = Below(array.length() + 1);
        return array.Delete(at, std::min<std::size_t>(Below(4), array.length() - at));
      }
      case 8:
        return map.Set(key, static_cast<int>(Below(100)));
      case 9:
        return map.Delete(key);
      case 10:
        return array.InsertMap(Below(array.length() + 1)).Set(key, "nested");
      case 11:
        return map.SetText(key).Insert(0, "inner");
      case 12:
      case 13:
      case 14: {
        // Typing on: what comes of it are blocks that may be one.
        const std::size_t at = std::min<std::size_t>(typed_, text.length());
        typed_ = at + 2;
        return text.Insert(at, "on");
      }
      default:
        return xml.InsertElement(Below(xml.length() + 1), "p").SetAttribute(key, "v");
    }
  }

  std::mt19937 random_;
  std::size_t typed_ = 0;  // where somebody typed last
  std::vector<std::unique_ptr<Doc>> docs_;
  std::vector<Subscription> subscriptions_;
  std::vector<Bytes> updates_;
};

// A document, and what it tells of its updates.
struct Listening {
  explicit Listening(bool gc) : doc(Doc::Options{.client_id = ClientId{9}, .gc = gc}) {
    doc.GetText("text");
    doc.GetMap("map");
    for (const UpdateFormat format : kFormats) {
      subscriptions.push_back(doc.OnUpdate(
          [this](const UpdateEvent& event) {
            told.emplace_back(event.update.begin(), event.update.end());
          },
          format));
    }
  }
  // Who watches transactions gets all of them the general way.
  void TakeTheGeneralWay() {
    subscriptions.push_back(
        doc.OnTransaction(TransactionPhase::kBefore, [](const TransactionEvent&) {}));
  }

  Doc doc;
  std::vector<Subscription> subscriptions;
  std::vector<Bytes> told;
};

void ExpectEqual(Doc& a, Doc& b) {
  EXPECT_EQ(a.Validate(), absl::OkStatus());
  for (const UpdateFormat format : kFormats) {
    EXPECT_EQ(a.EncodeStateAsUpdate({}, format), b.EncodeStateAsUpdate({}, format));
  }
  EXPECT_EQ(EncodeStateVector(a.GetStateVector()), EncodeStateVector(b.GetStateVector()));
  EXPECT_EQ(a.has_pending(), b.has_pending());
  EXPECT_EQ(ToJsonText(a.ToJson()), ToJsonText(b.ToJson()));
}

TEST(Loading, LeadsWhereTheGeneralWayLeads) {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t i = 0; i < 300; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    History history(first + i);
    const UpdateFormat format = kFormats[i % 2];
    const Bytes state = history.State(format);
    const bool gc = history.Below(3) != 0;
    Listening loaded(gc);
    Listening general(gc);
    general.TakeTheGeneralWay();
    ASSERT_EQ(loaded.doc.ApplyUpdate(state, "", format), absl::OkStatus());
    ASSERT_EQ(general.doc.ApplyUpdate(state, "", format), absl::OkStatus());
    ExpectEqual(loaded.doc, general.doc);
    EXPECT_EQ(loaded.told, general.told);
    // And go on alike.
    const Bytes more = history.State(format);
    ASSERT_EQ(loaded.doc.ApplyUpdate(more, "", format), absl::OkStatus());
    ASSERT_EQ(general.doc.ApplyUpdate(more, "", format), absl::OkStatus());
    ExpectEqual(loaded.doc, general.doc);
    if (HasFailure()) return;
  }
}

TEST(Loading, AMalformedUpdateLeavesNothingBehind) {
  const std::uint32_t first = std::random_device{}();
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    History history(first + i);
    const UpdateFormat format = kFormats[i % 2];
    const Bytes state = history.State(format);
    Bytes damaged = state;
    if (history.Below(2) == 0) {
      damaged.resize(history.Below(damaged.size()));
    } else {
      damaged[history.Below(damaged.size())] ^= static_cast<std::uint8_t>(1 + history.Below(255));
    }
    Listening tried(true);
    Listening general(true);
    general.TakeTheGeneralWay();
    const absl::Status status = tried.doc.ApplyUpdate(damaged, "", format);
    ASSERT_EQ(status.code(), general.doc.ApplyUpdate(damaged, "", format).code());
    ExpectEqual(tried.doc, general.doc);
    EXPECT_EQ(tried.told, general.told);
    if (status.ok()) continue;
    ++refused;
    Listening fresh(true);
    ExpectEqual(tried.doc, fresh.doc);
    EXPECT_EQ(tried.doc.Roots(), fresh.doc.Roots());
    EXPECT_TRUE(tried.told.empty());
    ASSERT_EQ(tried.doc.ApplyUpdate(state, "", format), absl::OkStatus());
    ASSERT_EQ(fresh.doc.ApplyUpdate(state, "", format), absl::OkStatus());
    ExpectEqual(tried.doc, fresh.doc);
    EXPECT_EQ(tried.told, fresh.told);
    EXPECT_EQ(tried.doc.Roots(), fresh.doc.Roots());
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, 50u);
}

// Two documents alike that have something, and what their reader wrote; one of them takes the general
// way.
struct Readers {
  Listening one{true};
  Listening general{true};

  explicit Readers(History& history) {
    general.TakeTheGeneralWay();
    const Bytes beginning = history.Beginning();
    const std::size_t at = history.Below(4);
    for (Listening* reader : {&one, &general}) {
      EXPECT_EQ(reader->doc.ApplyUpdate(beginning), absl::OkStatus());
      Text text = reader->doc.GetText("text");
      text.Insert(std::min<std::size_t>(at * 3, text.length()), "mine");
      text.Delete(0, std::min<std::size_t>(at, text.length()));
      text.Insert(text.length() / 2, "too");
    }
  }
};

TEST(Loading, WhatBringsMuchToADocumentLeadsWhereTheGeneralWayLeads) {
  const std::uint32_t first = std::random_device{}();
  std::size_t much = 0;
  for (std::uint32_t i = 0; i < 200; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    History history(first + i, 100);
    Readers readers(history);
    const UpdateFormat format = kFormats[i % 2];
    const Bytes behind = history.Behind(readers.one.doc.GetStateVector(), format);
    if (behind.size() >= 1024 && !readers.one.doc.has_pending()) ++much;
    ASSERT_EQ(readers.one.doc.ApplyUpdate(behind, "", format), absl::OkStatus());
    ASSERT_EQ(readers.general.doc.ApplyUpdate(behind, "", format), absl::OkStatus());
    ExpectEqual(readers.one.doc, readers.general.doc);
    EXPECT_EQ(readers.one.told, readers.general.told);
    // And go on alike.
    for (Listening* reader : {&readers.one, &readers.general}) {
      Text text = reader->doc.GetText("text");
      text.Insert(text.length() / 3, "more");
      text.Delete(text.length() / 2, text.length() / 4);
      ASSERT_EQ(reader->doc.ApplyUpdate(behind, "", format), absl::OkStatus());
    }
    ExpectEqual(readers.one.doc, readers.general.doc);
    EXPECT_EQ(readers.one.told, readers.general.told);
    if (HasFailure()) return;
  }
  EXPECT_GT(much, 50u);
}

TEST(Loading, WhatBringsMuchAndIsMalformedChangesNothing) {
  const std::uint32_t first = std::random_device{}();
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    History history(first + i, 100);
    Readers readers(history);
    const UpdateFormat format = kFormats[i % 2];
    Bytes damaged = history.Behind(readers.one.doc.GetStateVector(), format);
    if (history.Below(2) == 0) {
      damaged.resize(damaged.size() - history.Below(damaged.size() / 4 + 1));
    } else {
      damaged[history.Below(damaged.size())] ^= static_cast<std::uint8_t>(1 + history.Below(255));
    }
    const Bytes before = readers.one.doc.EncodeStateAsUpdate();
    const auto roots = readers.one.doc.Roots();
    const std::size_t told = readers.one.told.size();
    const absl::Status status = readers.one.doc.ApplyUpdate(damaged, "", format);
    ASSERT_EQ(status.code(), readers.general.doc.ApplyUpdate(damaged, "", format).code());
    ASSERT_EQ(readers.one.doc.Validate(), absl::OkStatus());
    if (status.ok()) continue;
    ++refused;
    EXPECT_EQ(readers.one.doc.EncodeStateAsUpdate(), before);
    EXPECT_EQ(readers.one.doc.Roots(), roots);
    EXPECT_EQ(readers.one.told.size(), told);
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, 20u);
}

// Applies the update to a document that loads it and to one that does not; returns the first.
std::unique_ptr<Listening> LoadBothWays(const Bytes& update, UpdateFormat format) {
  auto loaded = std::make_unique<Listening>(true);
  Listening general(true);
  general.TakeTheGeneralWay();
  for (Listening* one : {loaded.get(), &general}) {
    EXPECT_EQ(one->doc.ApplyUpdate(update, "", format), absl::OkStatus());
  }
  ExpectEqual(loaded->doc, general.doc);
  EXPECT_EQ(loaded->told, general.told);
  return loaded;
}

TEST(Loading, WhatCameDeletedIsDeletedBehindABlockThatHadToWait) {
  Doc one({.client_id = ClientId{1}});
  Text text = one.GetText("text");
  text.Insert(0, "ab");
  text.Insert(1, "x");
  text.Delete(1, 1);
  Doc two({.client_id = ClientId{2}});
  ASSERT_EQ(two.ApplyUpdate(one.EncodeStateAsUpdate()), absl::OkStatus());
  two.GetText("text").Insert(2, "z");  // comes first, and names an element of the other client
  Bytes update = two.EncodeStateAsUpdate();
  // Its block says that it is deleted; the delete set does not have to.
  const Bytes deletes{1, 1, 1, 2, 1};
  ASSERT_TRUE(std::equal(deletes.rbegin(), deletes.rend(), update.rbegin()));
  update.resize(update.size() - deletes.size());
  update.push_back(0);
  for (const UpdateFormat format : kFormats) {
    const Bytes bytes = format == UpdateFormat::kV1
                            ? update
                            : ConvertUpdate(update, UpdateFormat::kV1, format).value();
    const auto loaded = LoadBothWays(bytes, format);
    EXPECT_EQ(loaded->doc.GetText("text").ToString(), "abz");
    EXPECT_EQ(loaded->doc.GetText("text").length(), 3u);
    EXPECT_EQ(loaded->doc.EncodeStateAsUpdate(), two.EncodeStateAsUpdate());
  }
}

TEST(Loading, WhatComesBetweenAnOriginAndItsGroupEndsTheGroup) {
  const auto make = [](std::uint64_t client) {
    return std::make_unique<Doc>(Doc::Options{.client_id = ClientId{client}});
  };
  const auto tell = [](Doc& from, Doc& to) {
    EXPECT_EQ(to.ApplyUpdate(from.EncodeStateAsUpdate()), absl::OkStatus());
  };
  const auto base = make(1);
  base->GetText("text").Insert(0, "()");
  const auto insert = [&](Doc& doc, std::string_view text) {
    tell(*base, doc);
    doc.GetText("text").Insert(1, text);
  };
  // Many at one place, of whom each but the last also names an element of the next one.
  std::vector<std::unique_ptr<Doc>> many;
  for (std::uint64_t client = 99; client >= 50; --client) {
    auto doc = make(client);
    insert(*doc, "m");
    if (!many.empty()) tell(*many.back(), *doc);
    doc->GetText("chain").Insert(doc->GetText("chain").length(), "c");
    many.push_back(std::move(doc));
  }
  // So that all of them are there before a larger client, which walks over them.
  const auto needs_many = make(300);
  tell(*many.back(), *needs_many);
  needs_many->GetText("chain").Insert(50, "n");
  const auto walks = make(200);
  insert(*walks, "w");
  // This one stands in front of the first of them, and knows it. It is not the first of its client.
  const auto between = make(150);
  between->GetText("chain").Insert(0, "o");
  tell(*many.back(), *between);
  between->GetText("text").Insert(1, "b");
  const auto last = make(40);
  insert(*last, "l");
  const auto all = make(2);
  for (const auto* doc : {&needs_many, &walks, &between, &last}) tell(**doc, *all);
  const std::string expected = absl::StrCat("(lb", std::string(50, 'm'), "w)");
  for (const UpdateFormat format : kFormats) {
    const auto loaded = LoadBothWays(all->EncodeStateAsUpdate({}, format), format);
    EXPECT_EQ(loaded->doc.GetText("text").ToString(), expected);
  }
}

// In Yjs, whose order shows in the order of a map's keys.
TEST(Loading, ABlockThatMissesItsOwnClientsBlocksHurriesNoOthers) {
  Doc one({.client_id = ClientId{1}});
  one.GetMap("map").Set("of one", 1);
  one.GetText("text").Insert(0, "ab");
  Doc two({.client_id = ClientId{2}});
  two.GetMap("map").Set("of two", 2);
  Doc three({.client_id = ClientId{3}});
  three.GetText("text").Insert(0, "missing");
  const StateVector before = three.GetStateVector();
  ASSERT_EQ(three.ApplyUpdate(one.EncodeStateAsUpdate()), absl::OkStatus());
  three.GetText("text").Insert(1, "z");
  const Bytes of_three = three.EncodeStateAsUpdate(before);
  const Bytes of_two = two.EncodeStateAsUpdate();
  const std::vector<ByteView> views{of_three, of_two};
  const Bytes merged = MergeUpdates(views).value();
  for (const UpdateFormat format : kFormats) {
    const Bytes update = format == UpdateFormat::kV1
                             ? merged
                             : ConvertUpdate(merged, UpdateFormat::kV1, format).value();
    const auto loaded = LoadBothWays(update, format);
    EXPECT_EQ(ToJsonText(loaded->doc.GetMap("map").ToJson()), R"({"of two":2,"of one":1})");
    EXPECT_TRUE(loaded->doc.has_pending());
  }
}

// One client's blocks of all lengths, as they were written and in the cuts of the end: references
// lead to the ends of some and into others.
// Yjs throws when it collects the type: a part of the value is not deleted with it.
TEST(Loading, AValueThatIsCutApartGoesWithItsType) {
  const Bytes update = {
      1,    3, 1, 0,                           // three blocks of client 1
      0x27, 1, 3, 'm', 'a', 'p', 1, 'k', 1,    // 0: a map under "k" of the root "map"
      0x24, 0, 1, 0,   1,   'b', 2, 'o', 'n',  // 1-2: a text under "b" of that map
      0x84, 1, 1, 1,   'x',                    // 3: one between its two elements
      1,    1, 1, 0,   1};                     // and the map is deleted   // and the map is deleted
  for (const bool gc : {true, false}) {
    Listening loaded(gc);
    Listening general(gc);
    general.TakeTheGeneralWay();
    ASSERT_EQ(loaded.doc.ApplyUpdate(update), absl::OkStatus());
    ASSERT_EQ(general.doc.ApplyUpdate(update), absl::OkStatus());
    EXPECT_EQ(loaded.doc.EncodeStateAsUpdate(), general.doc.EncodeStateAsUpdate());
    EXPECT_EQ(ToJsonText(loaded.doc.ToJson()), R"({"text":"","map":{}})");
    if (gc) {
      EXPECT_EQ(loaded.doc.Validate(), absl::OkStatus());
    }
    Doc again({.client_id = ClientId{5}});
    again.GetMap("map");
    ASSERT_EQ(again.ApplyUpdate(loaded.doc.EncodeStateAsUpdate()), absl::OkStatus());
    EXPECT_EQ(ToJsonText(again.ToJson()), R"({"map":{}})");
  }
}

TEST(Loading, FindsBlocksOfAnyLength) {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t seed = first; seed != first + 20; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    Doc writer({.client_id = ClientId{5}});
    std::vector<Bytes> updates;
    const Subscription subscription = writer.OnUpdate([&](const UpdateEvent& event) {
      updates.emplace_back(event.update.begin(), event.update.end());
    });
    Text text = writer.GetText("text");
    for (int i = 0; i < 400; ++i) {
      const std::size_t most = i % 40 == 0 ? 20'000 : i / 100 % 2 == 0 ? 3 : 700;
      text.Insert(random() % (text.length() + 1), std::string(1 + random() % most, 'x'));
      if (i % 5 == 0) {
        const std::size_t at = random() % text.length();
        text.Delete(at, std::min<std::size_t>(random() % most, text.length() - at));
      }
    }
    const std::vector<ByteView> views(updates.begin(), updates.end());
    const Bytes state = writer.EncodeStateAsUpdate();
    for (const Bytes& update : {MergeUpdates(views).value(), state}) {
      Doc doc({.client_id = ClientId{6}});
      ASSERT_EQ(doc.ApplyUpdate(update), absl::OkStatus());
      ASSERT_EQ(doc.Validate(), absl::OkStatus());
      ASSERT_EQ(doc.GetText("text").ToString(), text.ToString());
      ASSERT_EQ(doc.EncodeStateAsUpdate(), state);
    }
  }
}

}  // namespace
}  // namespace weft::crdt
