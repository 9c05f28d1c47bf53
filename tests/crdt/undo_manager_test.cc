#include "crdt/undo_manager.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "crdt/delta.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

void Exchange(Doc& a, Doc& b) {
  ASSERT_EQ(b.ApplyUpdate(a.EncodeStateAsUpdate(b.GetStateVector()), "remote"), absl::OkStatus());
  ASSERT_EQ(a.ApplyUpdate(b.EncodeStateAsUpdate(a.GetStateVector()), "remote"), absl::OkStatus());
}

TEST(UndoManager, TakesBackOnlyWhatWasItsOwn) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  Text text = a.GetText("t");
  b.GetText("t");
  UndoManager undo(a, {text});
  text.Insert(0, "mine");
  Exchange(a, b);
  b.GetText("t").Insert(4, " theirs");
  Exchange(a, b);
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(text.ToString(), " theirs");
  EXPECT_TRUE(undo.can_redo());
  EXPECT_TRUE(undo.Redo());
  EXPECT_EQ(text.ToString(), "mine theirs");
  Exchange(a, b);
  EXPECT_EQ(b.GetText("t").ToString(), "mine theirs");
  EXPECT_FALSE(undo.Redo());
}

TEST(UndoManager, BringsDeletedTextBackWhereItStood) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "one two three");
  UndoManager undo(doc, {text});
  text.Delete(4, 4);
  EXPECT_EQ(text.ToString(), "one three");
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(text.ToString(), "one two three");
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

TEST(UndoManager, BringsBackWholeTrees) {
  Doc doc({.client_id = ClientId{1}});
  Map root = doc.GetMap("m");
  UndoManager undo(doc, {root});
  doc.Transact("", [&] {
    Array list = root.SetArray("list");
    list.InsertMap(0).Set("deep", "value");
    list.InsertText(1).Insert(0, "text");
  });
  const std::string before = ToJsonText(root.ToJson());
  undo.StopCapturing();
  root.Delete("list");
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(ToJsonText(root.ToJson()), before);
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(ToJsonText(root.ToJson()), "{}");
  EXPECT_TRUE(undo.Redo());
  EXPECT_EQ(ToJsonText(root.ToJson()), before);
}

TEST(UndoManager, DoesNotOverwriteWhatOthersHaveSetSince) {
  for (const bool ignore : {false, true}) {
    Doc a({.client_id = ClientId{1}});
    Doc b({.client_id = ClientId{2}});
    a.GetMap("m").Set("k", "old");
    b.GetMap("m");
    Exchange(a, b);
    UndoManager undo(a, {a.GetMap("m")}, {.ignore_remote_map_changes = ignore});
    a.GetMap("m").Set("k", "mine");
    Exchange(a, b);
    b.GetMap("m").Set("k", "theirs");
    Exchange(a, b);
    undo.Undo();
    EXPECT_EQ(ToJsonText(a.GetMap("m").ToJson()), ignore ? R"({"k":"old"})" : R"({"k":"theirs"})");
  }
}

TEST(UndoManager, EditsWithinTheCaptureTimeoutAreOneStep) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  std::int64_t now = 1000;
  UndoManager undo(doc, {text}, {.now = [&] { return now; }});
  text.Insert(0, "a");
  now += 499;
  text.Insert(1, "b");
  EXPECT_EQ(undo.undo_size(), 1u);
  now += 500;
  text.Insert(2, "c");
  EXPECT_EQ(undo.undo_size(), 2u);
  undo.StopCapturing();
  text.Insert(3, "d");
  EXPECT_EQ(undo.undo_size(), 3u);
  undo.Undo();
  EXPECT_EQ(text.ToString(), "abc");
  undo.Undo();
  undo.Undo();
  EXPECT_EQ(text.ToString(), "");
}

TEST(UndoManager, RecordsTrackedOriginsInItsScopeOnly) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  UndoManager undo(doc, {text}, {.tracked_origins = {"me"}});
  text.Insert(0, "untracked ");
  doc.Transact("me", [&] { doc.GetMap("m").Set("out of scope", true); });
  EXPECT_EQ(undo.undo_size(), 0u);
  doc.Transact("me", [&] { text.Insert(10, "tracked"); });
  EXPECT_EQ(undo.undo_size(), 1u);
  undo.AddTrackedOrigin("you");
  doc.Transact("you", [&] { text.Insert(0, "x"); });
  undo.RemoveTrackedOrigin("you");
  doc.Transact("you", [&] { text.Insert(0, "y"); });
  EXPECT_EQ(undo.undo_size(), 2u);
  undo.AddToScope(std::vector<SharedType>{doc.GetMap("m")});
  doc.Transact("me", [&] { doc.GetMap("m").Set("in scope", true); });
  EXPECT_EQ(undo.undo_size(), 3u);
}

TEST(UndoManager, TellsOfItsStepsAndKeepsTheirMeta) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  UndoManager undo(doc, {text});
  std::vector<std::string> log;
  const Subscription added = undo.OnStackItemAdded([&](const UndoManager::StackEvent& event) {
    event.item->meta.Set("cursor", 7);
    log.push_back(event.type == UndoManager::StackEvent::Type::kUndo ? "add undo" : "add redo");
    EXPECT_EQ(event.changed, (std::vector<SharedType>{text}));
  });
  const Subscription popped = undo.OnStackItemPopped([&](const UndoManager::StackEvent& event) {
    log.push_back("pop " + ToJsonText(event.item->meta));
  });
  const Subscription cleared = undo.OnCleared([&](bool undo_stack, bool redo_stack) {
    log.push_back(std::string("clear") + (undo_stack ? " undo" : "") + (redo_stack ? " redo" : ""));
  });
  text.Insert(0, "a");
  undo.Undo();
  undo.Clear();
  EXPECT_EQ(log, (std::vector<std::string>{"add undo", "add redo", "pop {\"cursor\":7}",
                                           "clear undo redo"}));
}

TEST(UndoManager, RecordsWhatAnObserverDeletedBesideWhatWasDeleted) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "abcd");
  UndoManager undo(doc, {text});
  bool answered = false;
  // Both are kept for undoing, so that the end of the first transaction joins them into one block.
  auto subscription = text.Observe([&](const Event&) {
    if (!std::exchange(answered, true)) text.Delete(0, 1);
  });
  text.Delete(0, 1);
  EXPECT_EQ(text.ToString(), "cd");
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(text.ToString(), "bcd");
  EXPECT_TRUE(undo.Undo());
  EXPECT_EQ(text.ToString(), "abcd");
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

TEST(UndoManager, KeepsContentOnlyAsLongAsAStepMayNeedIt) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, std::string(1000, 'x'));
  {
    UndoManager undo(doc, {text});
    text.Delete(0, 1000);
    EXPECT_GT(doc.EncodeStateAsUpdate().size(), 1000u);
    undo.Clear();
  }
  text.Insert(0, "y");
  text.Delete(0, 1);
  EXPECT_EQ(text.ToString(), "");
}

RC_GTEST_PROP(UndoManagerProperty, UndoingEverythingGivesTheTextBackAndRedoingIt, ()) {
  Doc doc({.client_id = ClientId{1}, .gc = *rc::gen::arbitrary<bool>()});
  Text text = doc.GetText("t");
  text.Insert(0, "beginning");
  UndoManager undo(doc, {text});
  std::vector<std::string> states{text.ToString()};
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
    const auto at = *rc::gen::inRange<std::uint64_t>(0, text.length() + 1);
    if (*rc::gen::arbitrary<bool>() || at == text.length()) {
      text.Insert(at, *rc::gen::elementOf(std::vector<std::string>{"x", "yz", "€"}));
    } else {
      text.Delete(at, *rc::gen::inRange<std::uint64_t>(1, text.length() - at + 1));
    }
    states.push_back(text.ToString());
  }
  for (std::size_t i = states.size() - 1; i > 0; --i) {
    RC_ASSERT(undo.Undo());
    RC_ASSERT(text.ToString() == states[i - 1]);
    RC_ASSERT(doc.Validate().ok());
  }
  RC_ASSERT(!undo.Undo());
  for (std::size_t i = 1; i < states.size(); ++i) {
    RC_ASSERT(undo.Redo());
    RC_ASSERT(text.ToString() == states[i]);
  }
}

}  // namespace
}  // namespace weft::crdt
