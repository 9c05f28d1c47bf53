// The tree of revisions, section N of the behaviours that are asked of the system (each test named by its
// number), cues, cuts, roles and the compiled file.

#include "server/script/revisions.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "crdt/json.h"
#include "server/script/chain.h"
#include "server/script/compile.h"
#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

using Texts = std::vector<std::string>;

RevisionInfo BranchOf(ScriptStore& store, RevisionId parent, bool set_current = true) {
  RevisionInfo made;
  store.Write([&](store::RowWriter& rows) {
    const auto branched = BranchRevision(rows, {.show = kShow,
                                                .parent = parent,
                                                .description = "a branch",
                                                .set_current = set_current,
                                                .now_ms = 5});
    if (branched.ok()) made = *branched;
    return branched.status();
  });
  return made;
}

std::vector<RevisionInfo> All(const ScriptStore& store) {
  return *store.Get([](const store::RowReader& rows) { return ListRevisions(rows, kShow); });
}

// --- N. Integrity

TEST(ScriptAcceptance, A151_ALineWithoutNeighboursIsValid) {
  EXPECT_EQ(DiagnoseChain(std::vector<Link>{{.line = LineId{1}, .page = 1}}), Texts{});
  EXPECT_EQ(DiagnoseChain({}), Texts{});
}

TEST(ScriptAcceptance, A152_ANextLineOfAnotherRevisionIsRejected) {
  EXPECT_EQ(DiagnoseChain(std::vector<Link>{{.line = LineId{1}, .next = LineId{7}, .page = 1}}),
            Texts{"line 1 comes before line 7, which is not in the revision"});
}

TEST(ScriptAcceptance, A153_APreviousLineOfAnotherRevisionIsRejected) {
  EXPECT_EQ(DiagnoseChain(std::vector<Link>{{.line = LineId{1}, .page = 1},
                                            {.line = LineId{2}, .prev = LineId{7}, .page = 1}}),
            (Texts{"line 2 comes after line 7, which is not in the revision",
                   "the walk from the first line reaches 1 of 2 lines"}));
}

TEST(ScriptAcceptance, A154_AChainOfThreeIsStoredInAnyOrderOfItsIds) {
  std::vector<std::uint64_t> ids = {1, 2, 3};
  do {
    ScriptStore store(
        {Dialogue(ids[0], 1, "a"), Dialogue(ids[1], 1, "b"), Dialogue(ids[2], 2, "c")});
    EXPECT_EQ(store.Ids(), ids);
  } while (std::next_permutation(ids.begin(), ids.end()));
}

TEST(ScriptAcceptance, A155_ABranchIsAWholeChainWithoutForeignLines) {
  ScriptStore store(Lines({1, 1, 2, 3}));
  const RevisionInfo branch = BranchOf(store, kFirstRevision);
  EXPECT_EQ(store.Load(branch.id).lines, store.Load().lines);
  EXPECT_EQ(branch.hash, store.Load().info.hash);
  EXPECT_EQ(store.Count(table::kLine), 4u) << "contents are shared";
  EXPECT_EQ(store.Count(table::kLineUse), 8u);
}

TEST(ScriptChain, EverythingThatIsWrongWithAChainIsTold) {
  std::vector<Link> links = {{.line = LineId{1}, .next = LineId{2}, .page = 2},
                             {.line = LineId{2}, .prev = LineId{1}, .page = 1},
                             {.line = LineId{3}, .page = 1},
                             {.line = LineId{4}, .prev = LineId{4}, .next = LineId{4}, .page = 1}};
  EXPECT_EQ(DiagnoseChain(links), (Texts{"line 3 is a first line besides line 1",
                                         "line 2 on page 1 comes after line 1 on page 2",
                                         "the walk from the first line reaches 2 of 4 lines"}));
  links = {{.line = LineId{1}, .prev = LineId{2}, .next = LineId{2}, .page = 1},
           {.line = LineId{2}, .prev = LineId{1}, .next = LineId{1}, .page = 1}};
  EXPECT_EQ(DiagnoseChain(links),
            (Texts{"no line is the first", "the walk from the first line reaches 0 of 2 lines"}));
}

// --- The tree

TEST(ScriptRevisions, ABranchHasTheCuesAndCutsOfItsParentAndIsCurrent) {
  ScriptStore store(Lines({1, 1}));
  store.Write([](store::RowWriter& rows) {
    const absl::Status cut = SetCuts(rows, kShow, kFirstRevision, {PartId{101}});
    return cut.ok() ? PutCue(rows, kShow, kFirstRevision, {CueId{4}, LineId{2}, "LX 4"}) : cut;
  });
  const RevisionInfo branch = BranchOf(store, kFirstRevision);
  EXPECT_EQ(branch.number, 2u);
  EXPECT_EQ(branch.parent, kFirstRevision);
  EXPECT_EQ(branch.created_ms, 5);
  EXPECT_EQ(store.Script().current, branch.id);
  EXPECT_EQ(store.Cues(branch.id), store.Cues());
  EXPECT_EQ(store.Cuts(branch.id), store.Cuts());
}

TEST(ScriptRevisions, ABranchNeedNotBecomeCurrent) {
  ScriptStore store;
  BranchOf(store, kFirstRevision, /*set_current=*/false);
  EXPECT_EQ(store.Script().current, kFirstRevision);
}

TEST(ScriptRevisions, ABranchNeedsADescriptionAndAParent) {
  ScriptStore store;
  const auto branch = [&](RevisionId parent, const char* description) {
    return store.rows().Write([&](store::RowWriter& rows) {
      return BranchRevision(rows, {.show = kShow, .parent = parent, .description = description})
          .status();
    });
  };
  EXPECT_TRUE(absl::IsInvalidArgument(branch(kFirstRevision, "")));
  EXPECT_TRUE(absl::IsNotFound(branch(RevisionId{9}, "of nothing")));
  EXPECT_EQ(All(store).size(), 1u);
}

TEST(ScriptRevisions, ChildrenOfADeletedRevisionGetItsParent) {
  ScriptStore store(Lines({1}));
  const RevisionId middle = BranchOf(store, kFirstRevision).id;
  const RevisionId last = BranchOf(store, middle).id;
  store.Write([&](store::RowWriter& rows) { return DeleteRevision(rows, kShow, middle); });
  const std::vector<RevisionInfo> left = All(store);
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[1].id, last);
  EXPECT_EQ(left[1].parent, kFirstRevision);
  EXPECT_EQ(store.Script().current, last) << "which was not deleted";
  EXPECT_EQ(store.Texts(last), Texts{"1: one"});
  EXPECT_EQ(BranchOf(store, last).number, 4u) << "numbers are not given again";
}

TEST(ScriptRevisions, TheParentOfADeletedCurrentRevisionIsCurrent) {
  ScriptStore store;
  const RevisionId branch = BranchOf(store, kFirstRevision).id;
  store.Write([&](store::RowWriter& rows) { return DeleteRevision(rows, kShow, branch); });
  EXPECT_EQ(store.Script().current, kFirstRevision);
}

TEST(ScriptRevisions, DeletingARevisionLeavesNothingOfIt) {
  ScriptStore store(Lines({1, 1}));
  const RevisionId branch = BranchOf(store, kFirstRevision).id;
  const auto doc = store.Document(branch);
  SetText(*doc, 1, 0, "changed");
  InsertDialogue(*doc, 1, 2, "a", "new");
  store.Save(*doc, branch);
  store.Write([&](store::RowWriter& rows) {
    const auto compiled = CompileRevision(rows, kShow, branch);
    if (!compiled.ok()) return compiled.status();
    const absl::Status cut = SetCuts(rows, kShow, branch, {PartId{101}});
    return cut.ok() ? PutCue(rows, kShow, branch, {CueId{4}, LineId{2}, "LX 4"}) : cut;
  });
  store.Write([&](store::RowWriter& rows) { return DeleteRevision(rows, kShow, branch); });
  EXPECT_EQ(store.Count(table::kLine), 2u);
  EXPECT_EQ(store.Count(table::kLineUse), 2u);
  EXPECT_EQ(store.Count(table::kOrder), 2u);
  EXPECT_EQ(store.Count(table::kRevisionLine), 2u);
  EXPECT_EQ(store.Count(table::kCueLink), 0u);
  EXPECT_EQ(store.Count(table::kCut), 0u);
  EXPECT_EQ(store.Count(table::kCompiled), 0u);
  EXPECT_EQ(store.Texts(), (Texts{"1: one", "1: two"}));
}

TEST(ScriptRevisions, TheFirstRevisionStays) {
  ScriptStore store;
  BranchOf(store, kFirstRevision);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.rows().Write(
      [](store::RowWriter& rows) { return DeleteRevision(rows, kShow, kFirstRevision); })));
  EXPECT_EQ(All(store).size(), 2u);
}

TEST(ScriptRevisions, AnyRevisionCanBeMadeCurrent) {
  ScriptStore store;
  BranchOf(store, kFirstRevision);
  store.Write([](store::RowWriter& rows) { return SetCurrent(rows, kShow, kFirstRevision); });
  EXPECT_EQ(store.Script().current, kFirstRevision);
  EXPECT_TRUE(absl::IsNotFound(store.rows().Write(
      [](store::RowWriter& rows) { return SetCurrent(rows, kShow, RevisionId{9}); })));
}

// --- Cuts, roles, compiled files

TEST(ScriptCuts, OnlyPartsOfTheRevisionCanBeCut) {
  ScriptStore store(Lines({1, 1}));
  store.Write(
      [](store::RowWriter& rows) { return SetCuts(rows, kShow, kFirstRevision, {PartId{101}}); });
  const absl::Status status = store.rows().Write([](store::RowWriter& rows) {
    return SetCuts(rows, kShow, kFirstRevision, {PartId{102}, PartId{7}, PartId{8}});
  });
  EXPECT_EQ(status.message(), "the revision has no part 7, 8");
  EXPECT_EQ(store.Cuts(), std::vector<PartId>{PartId{101}});
  store.Write([](store::RowWriter& rows) { return SetCuts(rows, kShow, kFirstRevision, {}); });
  EXPECT_EQ(store.Cuts(), std::vector<PartId>{});
}

TEST(ScriptRoles, WritersOfTheShowAndAdminsMayWrite) {
  const User writer{.roles = {{ShowId{1}, ShowRole::kWrite}, {ShowId{2}, ShowRole::kRead}}};
  EXPECT_TRUE(MayWrite(writer, ShowId{1}));
  EXPECT_FALSE(MayWrite(writer, ShowId{2}));
  EXPECT_FALSE(MayWrite(writer, ShowId{3}));
  EXPECT_TRUE(MayWrite({.admin = true}, ShowId{3}));
}

std::string Gunzip(const crdt::Bytes& gzip) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  std::string text(1 << 20, '\0');
  stream.next_in = const_cast<Bytef*>(gzip.data());
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

crdt::Bytes CompiledOf(ScriptStore& store) {
  crdt::Bytes gzip;
  store.Write([&](store::RowWriter& rows) {
    auto compiled = CompileRevision(rows, kShow, kFirstRevision);
    if (compiled.ok()) gzip = *std::move(compiled);
    return compiled.status();
  });
  return gzip;
}

TEST(ScriptCompile, ARevisionIsAMapOfPagesToLines) {
  std::vector<Line> lines = {Dialogue(1, 0, "none"), Dialogue(2, 3, "\"quoted\"")};
  lines.push_back({.id = LineId{3}, .page = 3, .content = {.type = LineType::kSpacing}});
  ScriptStore store(lines);
  EXPECT_EQ(Gunzip(CompiledOf(store)),
            R"({"0":[{"id":1,"page":null,"act_id":1,"scene_id":11,"line_type":1,)"
            R"("stage_direction_style_id":null,"line_parts":[{"id":101,"line_id":1,"part_index":0,)"
            R"("character_id":21,"character_group_id":null,"line_text":"none"}]}],)"
            R"("3":[{"id":2,"page":3,"act_id":1,"scene_id":11,"line_type":1,)"
            R"("stage_direction_style_id":null,"line_parts":[{"id":102,"line_id":2,"part_index":0,)"
            R"("character_id":21,"character_group_id":null,"line_text":"\"quoted\""}]},)"
            R"({"id":3,"page":3,"act_id":null,"scene_id":null,"line_type":4,)"
            R"("stage_direction_style_id":null,"line_parts":[]}]})");
  EXPECT_EQ(Gunzip(Compile({})), "{}");
}

TEST(ScriptCompile, TheFileIsKeptUntilTheRevisionChanges) {
  ScriptStore store(Lines({1}));
  const auto find = [&] {
    return *store.Get(
        [](const store::RowReader& rows) { return FindCompiled(rows, kShow, kFirstRevision); });
  };
  EXPECT_EQ(find(), std::nullopt);
  const crdt::Bytes first = CompiledOf(store);
  EXPECT_EQ(find(), first);
  const auto doc = store.Document();
  SetText(*doc, 1, 0, "changed");
  store.Save(*doc);
  EXPECT_EQ(find(), std::nullopt);
  EXPECT_NE(Gunzip(CompiledOf(store)).find("changed"), std::string::npos);
}

}  // namespace
}  // namespace weft::server::script
