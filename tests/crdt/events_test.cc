#include "crdt/event.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/update_meta.h"

namespace weft::crdt {
namespace {

std::string Show(const std::vector<PathStep>& path) {
  std::string out;
  for (const PathStep& step : path) {
    out += "/";
    if (const std::string* key = std::get_if<std::string>(&step)) {
      out += *key;
    } else {
      out += std::to_string(std::get<std::uint64_t>(step));
    }
  }
  return out;
}

std::string Show(const KeyChange& change) {
  std::string out = change.key;
  out += change.action == KeyChange::Action::kAdd      ? " added"
         : change.action == KeyChange::Action::kUpdate ? " updated"
                                                       : " deleted";
  if (change.old_value.has_value()) {
    const Any* value = std::get_if<Any>(&*change.old_value);
    out += " from " + (value == nullptr ? std::string("a type") : ToJsonText(*value));
  }
  return out;
}

TEST(Events, AMapTellsWhichKeysChangedFromWhat) {
  Doc doc({.client_id = ClientId{1}});
  Map map = doc.GetMap("m");
  map.Set("old", 1);
  map.Set("gone", "x");
  std::vector<std::string> changes;
  const Subscription subscription = map.Observe([&](const Event& event) {
    EXPECT_TRUE(event.keys_changed());
    EXPECT_FALSE(event.sequence_changed());
    EXPECT_EQ(event.target(), SharedType(map));
    EXPECT_EQ(event.origin(), "me");
    for (const KeyChange& change : event.keys()) changes.push_back(Show(change));
  });
  doc.Transact("me", [&] {
    map.Set("old", 2);
    map.Delete("gone");
    map.Set("new", true);
    map.Set("brief", 1);
    map.Delete("brief");
  });
  EXPECT_EQ(changes, (std::vector<std::string>{"old updated from 1", "gone deleted from \"x\"",
                                               "new added"}));
}

TEST(Events, ASequenceTellsItsDelta) {
  Doc doc({.client_id = ClientId{1}});
  Array array = doc.GetArray("a");
  array.Insert(0, {1, 2, 3, 4});
  std::vector<Delta> deltas;
  const Subscription subscription =
      array.Observe([&](const Event& event) { deltas.push_back(event.delta()); });
  doc.Transact("", [&] {
    array.Delete(1, 1);
    array.Insert(1, {"x", "y"});
    array.InsertMap(5);
  });
  ASSERT_EQ(deltas.size(), 1u);
  const Delta& delta = deltas[0];
  ASSERT_EQ(delta.size(), 5u);
  EXPECT_EQ(delta[0].count, 1u);
  EXPECT_EQ(delta[1].elements.size(), 2u);
  EXPECT_EQ(delta[2].kind, DeltaOp::Kind::kDelete);
  EXPECT_EQ(delta[3].count, 2u);
  EXPECT_TRUE(std::holds_alternative<Map>(delta[4].elements.front()));
}

TEST(Events, ATextTellsItsDeltaWithAttributes) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "hello world");
  Delta seen;
  const Subscription subscription = text.Observe([&](const Event& event) { seen = event.delta(); });
  doc.Transact("", [&] {
    text.Format(0, 5, {{"b", true}});
    text.Delete(5, 1);
    text.Insert(10, "!", {});
  });
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].count, 5u);
  EXPECT_EQ(ToJsonText(seen[0].attributes), R"({"b":true})");
  EXPECT_EQ(seen[1].kind, DeltaOp::Kind::kDelete);
  EXPECT_EQ(seen[2].count, 5u);
  EXPECT_EQ(seen[3].text, "!");
  // The delta of an event turns an old copy into the new one.
  Doc copy({.client_id = ClientId{9}});
  copy.GetText("t").Insert(0, "hello world");
  copy.GetText("t").ApplyDelta(seen);
  EXPECT_EQ(copy.GetText("t").ToString(), text.ToString());
}

TEST(Events, DeepObserversHearOfEverythingInsideOutermostFirst) {
  Doc doc({.client_id = ClientId{1}});
  Map root = doc.GetMap("m");
  Array list = root.SetArray("list");
  list.Insert(0, {0});
  Text text = list.InsertText(1);
  std::vector<std::string> paths;
  const Subscription subscription = root.ObserveDeep([&](const std::vector<const Event*>& events) {
    for (const Event* event : events) {
      paths.push_back(Show(event->path()));
      EXPECT_EQ(event->current_target(), SharedType(root));
    }
  });
  doc.Transact("", [&] {
    text.Insert(0, "x");
    list.Insert(0, {-1});
    root.Set("k", 1);
  });
  EXPECT_EQ(paths, (std::vector<std::string>{"", "/list", "/list/2"}));
}

TEST(Events, TypesThatAreNewOrGoneAreSilent) {
  Doc doc({.client_id = ClientId{1}});
  Map root = doc.GetMap("m");
  Map gone = root.SetMap("gone");
  int calls = 0;
  const Subscription one = gone.Observe([&](const Event&) { ++calls; });
  int deep = 0;
  const Subscription two = root.ObserveDeep(
      [&](const std::vector<const Event*>& events) { deep += static_cast<int>(events.size()); });
  doc.Transact("", [&] {
    gone.Set("k", 1);
    root.Delete("gone");
    root.SetMap("new").Set("k", 2);
  });
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(deep, 1) << "only the map itself";
}

TEST(Events, ObserversMayEndSubscriptionsWhileTheyAreCalled) {
  Doc doc({.client_id = ClientId{1}});
  Map map = doc.GetMap("m");
  std::vector<int> calls;
  Subscription first;
  Subscription second;
  Subscription third;
  first = map.Observe([&](const Event&) {
    calls.push_back(1);
    first.Cancel();
    second.Cancel();
    third = map.Observe([&](const Event&) { calls.push_back(3); });
  });
  second = map.Observe([&](const Event&) { calls.push_back(2); });
  map.Set("k", 1);
  EXPECT_EQ(calls, (std::vector<int>{1}));
  map.Set("k", 2);
  EXPECT_EQ(calls, (std::vector<int>{1, 3}));
}

TEST(Events, ObserversMayEdit) {
  Doc doc({.client_id = ClientId{1}});
  Map map = doc.GetMap("m");
  std::vector<std::string> origins;
  const Subscription updates =
      doc.OnUpdate([&](const UpdateEvent& event) { origins.emplace_back(event.origin); });
  const Subscription subscription = map.Observe([&](const Event& event) {
    if (event.origin() == "first") doc.Transact("second", [&] { map.Set("seen", true); });
  });
  doc.Transact("first", [&] { map.Set("k", 1); });
  EXPECT_EQ(origins, (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(ToJsonText(map.ToJson()), R"({"k":1,"seen":true})");
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

TEST(Events, TransactionsAreAnnouncedInTheirPhases) {
  Doc doc({.client_id = ClientId{1}});
  Map map = doc.GetMap("m");
  std::vector<std::string> log;
  std::vector<Subscription> subscriptions;
  for (const auto& [phase, name] : {std::pair{TransactionPhase::kBefore, "before"},
                                    {TransactionPhase::kAfter, "after"},
                                    {TransactionPhase::kCleaned, "cleaned"},
                                    {TransactionPhase::kEmitted, "emitted"}}) {
    subscriptions.push_back(doc.OnTransaction(
        phase, [&log, name = std::string(name)](const TransactionEvent&) { log.push_back(name); }));
  }
  subscriptions.push_back(map.Observe([&](const Event&) { log.emplace_back("type"); }));
  subscriptions.push_back(doc.OnUpdate([&](const UpdateEvent&) { log.emplace_back("update"); }));
  map.Set("k", 1);
  EXPECT_EQ(log,
            (std::vector<std::string>{"before", "type", "after", "cleaned", "update", "emitted"}));
}

TEST(Events, WhatIsEditedWhenAllIsSettledIsOneTransactionAfterTheOther) {
  Doc doc({.client_id = ClientId{1}});
  Map map = doc.GetMap("m");
  std::vector<std::string> log;
  const Subscription updates = doc.OnUpdate([&](const UpdateEvent& event) {
    log.push_back(absl::StrCat(ParseUpdateMeta(event.update)->clients.front().to));
  });
  // An observer's edits wait for the transaction that it observes, and share its settling.
  const Subscription edits = map.Observe([&](const Event&) {
    if (!map.Find("observed")) map.Set("observed", true);
  });
  int settled = 0;
  const Subscription settling = doc.OnSettled([&] {
    log.emplace_back("settled");
    if (settled++ > 0) return;
    map.Set("first", 1);
    map.Set("second", 2);
  });
  map.Set("k", 1);
  // An update holds what its transaction wrote and what stood in the document by then: the edits of
  // the last observer are not in those before.
  EXPECT_EQ(log, (std::vector<std::string>{"2", "2", "settled", "3", "settled", "4", "settled"}));
}

TEST(Events, ATransactionTellsWhatItAddedAndDeleted) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "abc");
  TransactionEvent seen;
  DeleteSet deletes;
  const Subscription subscription =
      doc.OnTransaction(TransactionPhase::kAfter, [&](const TransactionEvent& event) {
        seen = event;
        deletes = *event.deletes;
      });
  doc.Transact("o", [&] {
    doc.GetText("t").Insert(3, "de");
    doc.GetText("t").Delete(0, 1);
  });
  EXPECT_EQ(seen.before.Get(ClientId{1}), 3u);
  EXPECT_EQ(seen.after.Get(ClientId{1}), 5u);
  EXPECT_TRUE(deletes.Contains({ClientId{1}, 0}));
}

}  // namespace
}  // namespace weft::crdt
