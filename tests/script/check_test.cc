#include "server/script/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/script/revisions.h"
#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

using Texts = std::vector<std::string>;

CheckReport Check(const ScriptStore& store) {
  const auto report = store.Get([](const store::RowReader& rows) { return CheckScripts(rows); });
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : CheckReport();
}

Texts FindingsOf(const CheckReport& report) {
  Texts found;
  for (const Finding& finding : report.findings) {
    found.push_back(finding.what + " -> " + finding.repair);
  }
  return found;
}

// Breaks a script of these lines; what a check finds, after which everything is mended.
Texts FoundIn(ScriptStore& store, std::function<absl::Status(store::RowWriter&)> damage) {
  store.Write(std::move(damage));
  const Texts found = FindingsOf(Check(store));
  store.Write([&](store::RowWriter& rows) {
    const auto report = RepairScripts(rows);
    if (report.ok()) {
      EXPECT_EQ(FindingsOf(*report), found);
    }
    return report.status();
  });
  EXPECT_EQ(FindingsOf(Check(store)), Texts{}) << "after mending";
  return found;
}

absl::Status PutNumbers(store::RowWriter& rows, std::string_view table, const crdt::Bytes& key,
                        std::vector<std::uint64_t> numbers) {
  crdt::ByteWriter value;
  for (const std::uint64_t number : numbers) value.WriteVarUint(number);
  return rows.Put(table, key, value.view());
}

TEST(ScriptCheck, AWholeScriptHasNoFindings) {
  ScriptStore store(Lines({1, 1, 2}));
  store.Write([](store::RowWriter& rows) {
    return BranchRevision(rows, {.show = kShow, .parent = kFirstRevision, .description = "b"})
        .status();
  });
  const CheckReport report = Check(store);
  EXPECT_EQ(FindingsOf(report), Texts{});
  EXPECT_EQ(report.shows, 1u);
  EXPECT_EQ(report.revisions, 2u);
  EXPECT_EQ(report.lines, 6u);
}

TEST(ScriptCheck, ABrokenLinkIsWrittenAnewFromTheOrder) {
  ScriptStore store(Lines({1, 1, 2}));
  EXPECT_EQ(FoundIn(store,
                    [](store::RowWriter& rows) {
                      return PutNumbers(rows, table::kRevisionLine,
                                        KeyOf(kShow, kFirstRevision, LineId{2}), {1, 0, 1, 2});
                    }),
            Texts{"revision 1 of show 1 is broken: line 3 comes after line 2, which does not point "
                  "to it; the walk from the first line reaches 2 of 3 lines (weft script check "
                  "--repair mends it) -> writes the links anew from the order"});
  EXPECT_EQ(store.Texts(), (Texts{"1: one", "1: two", "2: three"}));
}

TEST(ScriptCheck, ALineThatOnlyTheChainKnowsGoesToTheEndOfItsPage) {
  ScriptStore store(Lines({1, 1, 2}));
  const Texts found = FoundIn(store, [](store::RowWriter& rows) {
    return rows.Erase(table::kOrder, KeyOf(kShow, kFirstRevision, 1, 0));
  });
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1],
            "line 1 is in the chain, but not in the order -> puts it at the end of page 1");
  EXPECT_EQ(store.Texts(), (Texts{"1: two", "1: one", "2: three"}));
}

TEST(ScriptCheck, ALineThatOnlyTheOrderKnowsGetsItsContentBack) {
  ScriptStore store(Lines({1, 1}));
  const Texts found = FoundIn(store, [](store::RowWriter& rows) {
    return rows.Erase(table::kRevisionLine, KeyOf(kShow, kFirstRevision, LineId{2}));
  });
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1],
            "line 2 is in the order, but not in the chain -> takes version 2 of the line");
  EXPECT_EQ(store.Texts(), (Texts{"1: one", "1: two"}));
}

TEST(ScriptCheck, ALineWithoutAnyContentIsGivenUpWithItsCuesAndCuts) {
  ScriptStore store(Lines({1, 1}));
  store.Write([](store::RowWriter& rows) {
    const absl::Status cut = SetCuts(rows, kShow, kFirstRevision, {PartId{101}, PartId{102}});
    return cut.ok() ? PutCue(rows, kShow, kFirstRevision, {CueId{4}, LineId{2}, "LX 4"}) : cut;
  });
  EXPECT_EQ(FoundIn(store,
                    [](store::RowWriter& rows) {
                      return rows.Erase(table::kLine, KeyOf(kShow, LineId{2}, Version{2}));
                    }),
            (Texts{"version 2 of line 2 is gone -> gives the line up: no content of it is left",
                   "cue 4 (LX 4) stands at line 2, which is not there -> drops the cue",
                   "part 102 is cut, but not there -> drops the cut",
                   "1 uses of contents are not those of the revisions -> writes them anew"}));
  EXPECT_EQ(store.Texts(), Texts{"1: one"});
}

TEST(ScriptCheck, CountersTreesAndLeftoversAreMended) {
  ScriptStore store(Lines({1}));
  RevisionInfo branch;
  store.Write([&](store::RowWriter& rows) {
    const auto made =
        BranchRevision(rows, {.show = kShow, .parent = kFirstRevision, .description = "b"});
    if (made.ok()) branch = *made;
    return made.status();
  });
  const Texts found = FoundIn(store, [&](store::RowWriter& rows) {
    ScriptInfo script = *GetScript(rows, kShow);
    script.current = RevisionId{8};
    script.next_line = 1;
    absl::Status status = PutScript(rows, script);
    branch.parent = branch.id;
    if (status.ok()) status = PutRevision(rows, kShow, branch);
    if (status.ok()) {
      status = PutNumbers(rows, table::kOrder, KeyOf(kShow, RevisionId{9}, 1, 0), {1});
    }
    if (status.ok())
      status = rows.Put(table::kLine, KeyOf(kShow, LineId{1}, Version{7}),
                        EncodeContent({.type = LineType::kSpacing}));
    return status;
  });
  EXPECT_EQ(
      found,
      (Texts{"its parents do not lead to the first revision -> makes it a child of revision 1",
             "the current revision 8 is not there -> makes revision 1 the current one",
             "there are lines, cues or cuts of it, but it is not there -> drops them",
             "1 contents are of no revision -> frees them",
             "the next line would be 1, and 1 is there -> raises the counter",
             "the next version would be 2, and 7 is there -> raises the counter"}));
}

TEST(ScriptCheck, ARowThatDoesNotReadIsDamage) {
  ScriptStore store(Lines({1}));
  store.Write([](store::RowWriter& rows) {
    return PutNumbers(rows, table::kLine, KeyOf(kShow, LineId{1}, Version{1}), {9, 9, 9});
  });
  EXPECT_TRUE(absl::IsDataLoss(
      store.Get([](const store::RowReader& rows) { return CheckScripts(rows); }).status()));
}

}  // namespace
}  // namespace weft::server::script
