#include "crdt/update_weight.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crdt/doc.h"

namespace weft::crdt {
namespace {

Doc::Options WithClient(std::uint64_t client) {
  Doc::Options options;
  options.client_id = ClientId{client};
  return options;
}

UpdateWeight Weigh(const Bytes& update) {
  const absl::StatusOr<UpdateWeight> weight = WeighUpdate(update);
  EXPECT_TRUE(weight.ok()) << weight.status();
  return weight.value_or(UpdateWeight());
}

const UpdateWeight::Root& RootOf(const UpdateWeight& weight, std::string_view name) {
  const auto root = std::ranges::find(weight.roots, name, &UpdateWeight::Root::name);
  EXPECT_NE(root, weight.roots.end()) << name;
  return *root;
}

TEST(UpdateWeight, GuessesTheKindOfARootFromItsElements) {
  Doc doc(WithClient(1));
  doc.GetText("text").Insert(0, "abc");
  doc.GetText("formatted").Insert(0, "abc", {{"bold", true}});
  doc.GetArray("array").Insert(0, {1});
  doc.GetArray("types").InsertMap(0).Set("k", 1);
  doc.GetMap("map").SetArray("list").Insert(0, {1, 2});
  doc.GetXmlFragment("xml").InsertElement(0, "p").SetAttribute("a", "b");
  doc.GetArray("gone").Insert(0, {1});
  doc.GetArray("gone").Delete(0, 1);
  const UpdateWeight weight = Weigh(doc.EncodeStateAsUpdate());
  EXPECT_EQ(RootOf(weight, "text").kind, TypeKind::kText);
  EXPECT_EQ(RootOf(weight, "formatted").kind, TypeKind::kText);
  EXPECT_EQ(RootOf(weight, "array").kind, TypeKind::kArray);
  EXPECT_EQ(RootOf(weight, "types").kind, TypeKind::kArray);
  EXPECT_EQ(RootOf(weight, "map").kind, TypeKind::kMap);
  EXPECT_EQ(RootOf(weight, "xml").kind, TypeKind::kXmlFragment);
  EXPECT_EQ(RootOf(weight, "gone").kind, TypeKind::kUndefined);
}

TEST(UpdateWeight, CountsWhatIsNestedWithItsRootAndEveryByteOnce) {
  Doc doc(WithClient(1));
  doc.GetText("text").Insert(0, "abcdef");
  doc.GetText("text").Delete(1, 2);
  Map map = doc.GetMap("map");
  map.SetArray("list").InsertMap(0).SetText("t").Insert(0, "nested");
  Doc other(WithClient(2));
  ASSERT_TRUE(other.ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
  other.GetText("text").Insert(1, "XY");
  const UpdateWeight weight = Weigh(other.EncodeStateAsUpdate());
  EXPECT_EQ(RootOf(weight, "text").share.elements, 8u);
  EXPECT_EQ(RootOf(weight, "text").share.deleted, 2u);
  EXPECT_EQ(RootOf(weight, "map").share.elements, 9u);
  EXPECT_EQ(weight.elsewhere.blocks, 0u);
  EXPECT_EQ(weight.tombstones.elements, 2u);
  std::size_t of_roots = 0;
  for (const UpdateWeight::Root& root : weight.roots) of_roots += root.share.bytes;
  std::size_t of_clients = 0;
  for (const UpdateWeight::Client& client : weight.clients) of_clients += client.share.bytes;
  EXPECT_EQ(of_roots, of_clients);
  // What is left: the number of clients, and of each its id, its first clock and its blocks.
  EXPECT_EQ(of_roots + weight.delete_set_bytes + 1 + 2 * 3, weight.bytes);
}

TEST(UpdateWeight, HasAPlaceForWhatBuildsOnBlocksThatAreNotThere) {
  Doc doc(WithClient(1));
  doc.GetText("text").Insert(0, "abc");
  const StateVector before = doc.GetStateVector();
  doc.GetText("text").Insert(3, "def");
  const UpdateWeight weight = Weigh(doc.EncodeStateAsUpdate(before));
  EXPECT_TRUE(weight.roots.empty());
  EXPECT_EQ(weight.elsewhere.elements, 3u);
}

TEST(UpdateWeight, RefusesWhatIsNoUpdate) {
  EXPECT_EQ(WeighUpdate(Bytes{1, 1, 1}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft::crdt
