#include "server/history.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/json.h"

namespace weft::server {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::Doc;

// An edit of one of two editors of a document with a text, a map and an array.
struct Edit {
  int editor = 0;
  int kind = 0;
  int place = 0;
};

void Apply(Doc& doc, const Edit& edit) {
  crdt::Text text = doc.GetText("text");
  crdt::Map map = doc.GetMap("map");
  crdt::Array array = doc.GetArray("array");
  const auto at = static_cast<std::uint64_t>(edit.place);
  switch (edit.kind) {
    case 0:
    case 1:
      text.Insert(at % (text.length() + 1), "word");
      break;
    case 2:
      if (text.length() > 0) text.Delete(at % text.length(), 1);
      break;
    case 3:
      map.Set(at % 2 == 0 ? "a" : "b", static_cast<double>(edit.place));
      break;
    case 4:
      map.Delete("a");
      break;
    case 5:
      array.Insert(at % (array.length() + 1), {static_cast<double>(edit.place)});
      break;
    default:
      if (array.length() > 0) array.Delete(at % array.length(), 1);
      break;
  }
}

rc::Gen<Edit> AnyEdit() {
  return rc::gen::apply(
      [](int editor, int kind, int place) {
        return Edit{.editor = editor, .kind = kind, .place = place};
      },
      rc::gen::inRange(0, 2), rc::gen::inRange(0, 7), rc::gen::inRange(0, 1000));
}

std::string Shown(Doc& doc) {
  doc.GetMap("map");
  doc.GetArray("array");
  return doc.GetText("text").ToString() + crdt::ToJsonText(doc.GetMap("map").ToJson()) +
         crdt::ToJsonText(doc.GetArray("array").ToJson());
}

std::string ShownAfter(const std::vector<ByteView>& updates) {
  Doc doc;
  for (const ByteView update : updates) RC_ASSERT(doc.ApplyUpdate(update).ok());
  return Shown(doc);
}

RC_GTEST_PROP(RestoringUpdate, BringsTheContentOfAnyEarlierStateBack, ()) {
  const auto edits = *rc::gen::container<std::vector<Edit>>(AnyEdit());
  Doc editors[2] = {Doc(Doc::Options{.client_id = crdt::ClientId{1}}),
                    Doc(Doc::Options{.client_id = crdt::ClientId{2}})};
  std::vector<Bytes> log;
  for (const Edit& edit : edits) {
    Doc& doc = editors[edit.editor];
    {
      const auto subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
        log.emplace_back(event.update.begin(), event.update.end());
      });
      Apply(doc, edit);
    }
    // Sometimes the other one has not heard of it yet.
    if (edit.place % 3 > 0) {
      Doc& other = editors[1 - edit.editor];
      RC_ASSERT(other.ApplyUpdate(doc.EncodeStateAsUpdate(other.GetStateVector())).ok());
    }
  }
  const auto count = *rc::gen::inRange<std::size_t>(0, log.size() + 1);
  const std::vector<ByteView> all(log.begin(), log.end());
  const std::vector<ByteView> first(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  const Bytes wanted = MergePayloads(first).value();
  const Bytes newest = MergePayloads(all).value();
  const auto restoring = RestoringUpdate(wanted, newest);
  RC_ASSERT(restoring.ok());
  if (restoring->empty()) {
    RC_ASSERT(ShownAfter({wanted}) == ShownAfter({newest}));
  } else {
    RC_ASSERT(ShownAfter({newest, *restoring}) == ShownAfter({wanted}));
  }
}

TEST(MergePayloads, KeepsWhatWaitsForUpdatesThatHaveNotCome) {
  Doc doc(Doc::Options{.client_id = crdt::ClientId{3}});
  std::vector<Bytes> updates;
  const auto subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (const char* word : {"one", "two", "three"}) doc.GetText("text").Insert(0, word);
  doc.GetText("text").Delete(0, 2);
  const ByteView without_first[] = {updates[1], updates[2], updates[3]};
  const Bytes merged = MergePayloads(without_first).value();
  Doc late;
  ASSERT_TRUE(late.ApplyUpdate(merged).ok());
  EXPECT_TRUE(late.has_pending());
  ASSERT_TRUE(late.ApplyUpdate(updates[0]).ok());
  EXPECT_FALSE(late.has_pending());
  EXPECT_EQ(late.GetText("text").ToString(), "reetwoone");
}

TEST(MergePayloads, OfWhatWasTypedIsOneRun) {
  Doc doc(Doc::Options{.client_id = crdt::ClientId{3}});
  std::vector<Bytes> updates;
  const auto subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (std::uint64_t i = 0; i < 100; ++i) doc.GetText("text").Insert(i, "x");
  const std::vector<ByteView> views(updates.begin(), updates.end());
  EXPECT_LT(MergePayloads(views)->size(), 130u);
  const Bytes malformed{1};
  const ByteView bad[] = {malformed};
  EXPECT_FALSE(MergePayloads(bad).ok());
}

TEST(DescribeChange, TellsWhoWroteHowMuch) {
  Doc doc(Doc::Options{.client_id = crdt::ClientId{5}});
  doc.GetText("text").Insert(0, "hello");
  const crdt::StateVector before = doc.GetStateVector();
  doc.GetText("text").Delete(1, 2);
  auto change = DescribeChange(doc.EncodeStateAsUpdate());
  ASSERT_TRUE(change.ok());
  ASSERT_EQ(change->writers.size(), 1u);
  EXPECT_EQ(change->writers[0].client, crdt::ClientId{5});
  EXPECT_EQ(change->writers[0].elements, 5u);
  EXPECT_EQ(change->deleted, 2u);
  change = DescribeChange(doc.EncodeStateAsUpdate(before));
  EXPECT_TRUE(change->writers.empty());
  EXPECT_FALSE(DescribeChange(Bytes{1}).ok());
}

}  // namespace
}  // namespace weft::server
