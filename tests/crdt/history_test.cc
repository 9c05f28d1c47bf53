// Looking back and staying in place: snapshots, relative positions, subdocuments, who wrote what.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/delta.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/permanent_user_data.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/undo_manager.h"

namespace weft::crdt {
namespace {

TEST(Snapshot, ShowsTheDocumentAsItWas) {
  Doc doc({.client_id = ClientId{1}, .gc = false});
  Text text = doc.GetText("t");
  text.Insert(0, "hello world");
  doc.GetMap("m").Set("k", 1);
  const Snapshot then = doc.TakeSnapshot();
  text.Delete(0, 6);
  text.Insert(5, "!");
  doc.GetMap("m").Set("k", 2);
  const auto old = doc.DocAt(then, {.client_id = ClientId{9}});
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ((*old)->GetText("t").ToString(), "hello world");
  EXPECT_EQ(ToJsonText((*old)->GetMap("m").ToJson()), R"({"k":1})");
  EXPECT_EQ(text.ToDelta(then).at(0).text, "hello world");
  const Snapshot now = doc.TakeSnapshot();
  const Delta changes = text.ToDelta(now, &then);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(ToJsonText(changes[0].attributes), R"({"ychange":{"type":"removed"}})");
  EXPECT_EQ(changes[1].text, "world");
  EXPECT_EQ(ToJsonText(changes[2].attributes), R"({"ychange":{"type":"added"}})");
  EXPECT_NE(now, then);
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

TEST(Snapshot, NeedsContentThatWasKept) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "a");
  EXPECT_EQ(doc.DocAt(doc.TakeSnapshot(), {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Doc keeping({.client_id = ClientId{1}, .gc = false});
  EXPECT_EQ(keeping.DocAt(doc.TakeSnapshot(), {}).status().code(),
            absl::StatusCode::kInvalidArgument)
      << "of a state that it has not reached";
}

TEST(Snapshot, IsEncodedInBothFormats) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "abcdef");
  doc.GetText("t").Delete(1, 1);
  doc.GetText("t").Delete(3, 1);
  const Snapshot snapshot = doc.TakeSnapshot();
  for (const UpdateFormat format : {UpdateFormat::kV1, UpdateFormat::kV2}) {
    const Bytes bytes = snapshot.Encode(format);
    const auto decoded = Snapshot::Decode(bytes, format);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, snapshot);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(Snapshot::Decode(ByteView(bytes).first(size), format).ok()) << size;
    }
    EXPECT_TRUE(*snapshot.Contains(doc.EncodeStateAsUpdate({}, format), format));
  }
  const Bytes more = [&] {
    doc.GetText("t").Insert(0, "x");
    return doc.EncodeStateAsUpdate();
  }();
  EXPECT_FALSE(*snapshot.Contains(more));
}

TEST(RelativePosition, StaysWithItsElementWhileOthersEdit) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "hello world");
  const RelativePosition behind = RelativePosition::At(text, 6);
  const RelativePosition before = RelativePosition::At(text, 6, -1);
  const RelativePosition end = RelativePosition::At(text, 11);
  text.Insert(6, "big ");
  text.Insert(0, "> ");
  EXPECT_EQ(behind.Resolve(doc)->index, 12u);
  EXPECT_EQ(before.Resolve(doc)->index, 8u);
  EXPECT_EQ(end.Resolve(doc)->index, text.length());
  EXPECT_EQ(behind.Resolve(doc)->type, SharedType(text));
}

TEST(RelativePosition, FollowsWhatWasBroughtBack) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "abcdef");
  UndoManager undo(doc, {text});
  const RelativePosition position = RelativePosition::At(text, 3);
  text.Delete(1, 4);
  EXPECT_EQ(position.Resolve(doc)->index, 1u);
  undo.Undo();
  EXPECT_EQ(position.Resolve(doc)->index, 3u);
  EXPECT_EQ(position.Resolve(doc, /*follow_redone=*/false)->index, 5u)
      << "behind what it was brought back as";
}

RC_GTEST_PROP(RelativePositionProperty, IsReadBackFromBytesAndJson, ()) {
  Doc doc({.client_id = ClientId{1}});
  Text text = doc.GetText("t");
  text.Insert(0, "abcdef");
  Array list = doc.GetArray("a");
  Array nested = list.InsertArray(0);
  nested.Insert(0, {1, 2, 3});
  const bool in_text = *rc::gen::arbitrary<bool>();
  const SharedType type = in_text ? SharedType(text) : SharedType(nested);
  const auto index = *rc::gen::inRange<std::uint64_t>(0, in_text ? 7 : 4);
  const auto assoc = *rc::gen::inRange<std::int64_t>(-2, 3);
  const RelativePosition position = RelativePosition::At(type, index, assoc);
  const auto from_json = RelativePosition::FromJson(position.ToJson());
  RC_ASSERT(from_json.ok() && *from_json == position);
  const auto decoded = RelativePosition::Decode(position.Encode());
  RC_ASSERT(decoded.ok());
  RC_ASSERT(decoded->Resolve(doc)->index == position.Resolve(doc)->index);
  RC_ASSERT(decoded->Resolve(doc)->index == index);
  RC_ASSERT(decoded->Resolve(doc)->type == type);
}

TEST(RelativePosition, RefusesWhatIsNone) {
  EXPECT_FALSE(RelativePosition::Decode({}).ok());
  EXPECT_FALSE(RelativePosition::Decode(Bytes{3}).ok());
  EXPECT_FALSE(RelativePosition::Decode(Bytes{1, 5, 'a'}).ok());
  EXPECT_FALSE(RelativePosition::FromJson(Any(1)).ok());
  // It could not be encoded.
  EXPECT_FALSE(RelativePosition::FromJson(AnyObject{}).ok());
  EXPECT_FALSE(RelativePosition::FromJson(AnyObject{{"assoc", 1}}).ok());
  EXPECT_FALSE(RelativePosition::FromJson(AnyObject{{"item", AnyObject{{"client", -1}}}}).ok());
  EXPECT_FALSE(RelativePosition::FromJson(AnyObject{{"tname", 1}}).ok());
  Doc doc;
  RelativePosition unknown;
  unknown.item = Id{ClientId{77}, 3};
  EXPECT_FALSE(unknown.Resolve(doc).has_value());
}

TEST(Subdocuments, AreAnnouncedLoadedAndRemoved) {
  Doc doc({.client_id = ClientId{1}});
  std::vector<std::string> log;
  const auto watch = [&log](Doc& watched, std::string who) {
    return watched.OnSubdocuments([&log, who](const SubdocumentsEvent& event) {
      for (const Subdocument& added : event.added) log.push_back(who + " added " + added.guid());
      for (const Subdocument& gone : event.removed) log.push_back(who + " removed " + gone.guid());
      for (const Subdocument& asked : event.loaded) log.push_back(who + " loaded " + asked.guid());
    });
  };
  const Subscription here = watch(doc, "a");
  Subdocument notes = doc.GetMap("m").SetSubdocument("notes", {.guid = "notes", .meta = "stage"});
  EXPECT_EQ(log, (std::vector<std::string>{"a added notes", "a loaded notes"}));
  ASSERT_NE(notes.doc(), nullptr);
  notes.doc()->GetText("t").Insert(0, "inside");
  EXPECT_EQ(notes.doc()->guid(), "notes");

  Doc other({.client_id = ClientId{2}});
  const Subscription there = watch(other, "b");
  log.clear();
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_EQ(log, (std::vector<std::string>{"b added notes"}));
  ASSERT_EQ(other.Subdocuments().size(), 1u);
  Subdocument copy = other.Subdocuments()[0];
  EXPECT_FALSE(copy.should_load());
  EXPECT_EQ(ToJsonText(copy.options()), R"({"meta":"stage"})");
  copy.Load();
  copy.Load();
  EXPECT_EQ(log, (std::vector<std::string>{"b added notes", "b loaded notes"}));
  EXPECT_EQ(copy.doc()->GetText("t").ToString(), "") << "its content travels apart";

  log.clear();
  doc.GetMap("m").Delete("notes");
  EXPECT_EQ(log, (std::vector<std::string>{"a removed notes"}));
  EXPECT_EQ(notes.doc(), nullptr);
  EXPECT_TRUE(doc.Subdocuments().empty());
}

TEST(PermanentUserData, KnowsWhoWroteAndWhoDeleted) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  PermanentUserData users_a(a);
  PermanentUserData users_b(b);
  users_a.SetUserMapping(ClientId{1}, "ann");
  users_b.SetUserMapping(ClientId{2}, "bob");
  a.GetText("t").Insert(0, "hello");
  const auto exchange = [&] {
    ASSERT_EQ(b.ApplyUpdate(a.EncodeStateAsUpdate()), absl::OkStatus());
    ASSERT_EQ(a.ApplyUpdate(b.EncodeStateAsUpdate()), absl::OkStatus());
  };
  exchange();
  const Id first = RelativePosition::At(a.GetText("t"), 0).item.value();
  b.GetText("t").Delete(0, 1);
  exchange();
  for (PermanentUserData* users : {&users_a, &users_b}) {
    EXPECT_EQ(users->UserOfClient(ClientId{1}), "ann");
    EXPECT_EQ(users->UserOfClient(ClientId{2}), "bob");
    EXPECT_EQ(users->UserOfClient(ClientId{3}), std::nullopt);
    EXPECT_EQ(users->UserOfDeleted(first), "bob");
    EXPECT_EQ(users->UserOfDeleted({first.client, first.clock + 1}), std::nullopt);
  }
}

TEST(PermanentUserData, SurvivesThatTwoMadeTheSameUser) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  PermanentUserData users_a(a);
  PermanentUserData users_b(b);
  users_a.SetUserMapping(ClientId{1}, "ann");
  users_b.SetUserMapping(ClientId{2}, "ann");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(b.ApplyUpdate(a.EncodeStateAsUpdate()), absl::OkStatus());
    ASSERT_EQ(a.ApplyUpdate(b.EncodeStateAsUpdate()), absl::OkStatus());
  }
  Doc late({.client_id = ClientId{3}});
  ASSERT_EQ(late.ApplyUpdate(a.EncodeStateAsUpdate()), absl::OkStatus());
  const PermanentUserData users(late);
  EXPECT_EQ(users.UserOfClient(ClientId{1}), "ann");
  EXPECT_EQ(users.UserOfClient(ClientId{2}), "ann");
}

}  // namespace
}  // namespace weft::crdt
