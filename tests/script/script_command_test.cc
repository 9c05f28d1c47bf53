// `weft script …`, as processes.

#include <gtest/gtest.h>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/json.h"
#include "server/command_line.h"
#include "server/script/revision_room.h"
#include "server/script/script_rows.h"
#include "server/tools/log_verbs.h"
#include "store/rows.h"
#include "store/update_log.h"
#include "tests/script/script_store.h"
#include "tests/server/weft_command.h"

namespace weft::server::script {
namespace {

constexpr const char* kFile = R"({"users":[{"id":1,"username":"ada","roles":{"1":"write"}}],
  "shows":[{"id":1,"name":"The Tempest","acts":[{"id":1,"name":"I"}],
    "characters":[{"id":21,"name":"Miranda"}],
    "script":{"revisions":[{"id":1,"description":"first draft","current":true,"lines":[
      {"page":1,"act_id":1,"line_type":1,"parts":[{"character_id":21,"text":"O, wonder!"}]},
      {"page":2,"line_type":4}],"cues":[],"cuts":[]}]}}]})";

class ScriptCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("WEFT_BINARY") == nullptr) GTEST_SKIP() << "WEFT_BINARY names no program";
  }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string Data() const { return Path("data"); }

  CommandResult Weft(const std::string& arguments) const {
    return RunWeft("script " + arguments, directory_.path());
  }
  CommandResult OnData(const std::string& arguments) const {
    return Weft(absl::StrCat(arguments, " --data '", Data(), "'"));
  }
  void Import() {
    WriteFile(Path("file.json"), kFile);
    const CommandResult result = OnData("import '" + Path("file.json") + "'");
    ASSERT_EQ(result.exit_code, kExitOk) << result.err;
    EXPECT_EQ(result.out, "imported 1 user, 1 show, 1 revision, 2 lines\n");
  }

  store::TestDirectory directory_;
};

TEST_F(ScriptCommandTest, TheExampleOfTheReadmeIsWhole) {
  const CommandResult imported =
      OnData("import '" WEFT_CRDT_TESTS "/../../server/script/tempest.json'");
  EXPECT_EQ(imported.exit_code, kExitOk) << imported.err;
  const CommandResult checked = OnData("check");
  EXPECT_EQ(checked.exit_code, kExitOk) << checked.out << checked.err;
}

TEST_F(ScriptCommandTest, ImportsListsExportsAndImportsAgain) {
  Import();
  EXPECT_TRUE(Has(OnData("revisions").out, "first draft"));
  const CommandResult listed = OnData("revisions --json --show 1");
  EXPECT_TRUE(Has(listed.out, R"({"show":1,"id":1,"number":1,"parent":null,)")) << listed.out;
  EXPECT_TRUE(Has(listed.out, R"("lines":2,"cues":0,"cuts":0})"));
  EXPECT_EQ(OnData("export --output '" + Path("copy.json") + "'").exit_code, kExitOk);
  const std::string copied = ReadFile(Path("copy.json"));
  EXPECT_TRUE(Has(copied, "O, wonder!"));
  const CommandResult again =
      Weft("import '" + Path("copy.json") + "' --json --data '" + Path("other") + "'");
  EXPECT_EQ(again.out,
            "{\"imported\":true,\"users\":1,\"shows\":1,\"revisions\":1,\"lines\":2,"
            "\"problems\":[]}\n");
  EXPECT_EQ(Weft("export --data '" + Path("other") + "'").out, copied);
}

TEST_F(ScriptCommandTest, AFileThatIsWrongIsToldWholeAndChangesNothing) {
  std::string wrong = kFile;
  wrong.replace(wrong.find("\"character_id\":21"), 17, "\"character_id\":99");
  wrong.replace(wrong.find("\"current\":true"), 14, "\"current\":false");
  WriteFile(Path("wrong.json"), wrong);
  const CommandResult told = OnData("import '" + Path("wrong.json") + "'");
  EXPECT_EQ(told.exit_code, kExitUsage);
  EXPECT_EQ(
      told.err,
      "shows[0].script.revisions[0].lines[0] (page 1, line 1) part 1 character_id: the show has "
      "no character 99\n"
      "shows[0].script.revisions has 0 revisions that are current, not one\n"
      "weft: the file has 2 problems; nothing was imported\n");
  const CommandResult json = OnData("import '" + Path("wrong.json") + "' --json --dry-run");
  EXPECT_EQ(json.exit_code, kExitUsage);
  const auto object = crdt::ParseJson(json.out.substr(0, json.out.size() - 1), 10);
  ASSERT_TRUE(object.has_value()) << json.out;
  EXPECT_EQ(object->AsObject()->Find("problems")->AsArray()->size(), 2u);
  EXPECT_EQ(OnData("revisions").exit_code, kExitFailed) << "not even a log was made";
}

TEST_F(ScriptCommandTest, WhatIsThereAlreadyIsNotImportedOver) {
  Import();
  const CommandResult again = OnData("import '" + Path("file.json") + "'");
  EXPECT_EQ(again.exit_code, kExitFailed);
  EXPECT_EQ(again.err, "weft: these are there already: user 1, show 1\n");
  EXPECT_EQ(OnData("import '" + Path("file.json") + "' --dry-run").exit_code, kExitOk);
}

TEST_F(ScriptCommandTest, ChecksAndMends) {
  Import();
  EXPECT_EQ(OnData("check").out, "1 show, 1 revision, 2 lines: everything is whole\n");
  {
    const auto log = store::OpenLog({.directory = Data()});
    const auto rows = store::Rows::Open(*log, kApplication);
    ASSERT_TRUE(rows.ok()) << rows.status();
    const absl::Status broken = (*rows)->Write([](store::RowWriter& writer) {
      return writer.Erase(table::kRevisionLine, KeyOf(kShow, kFirstRevision, LineId{2}));
    });
    ASSERT_TRUE(broken.ok()) << broken;
  }
  const CommandResult found = OnData("check");
  EXPECT_EQ(found.exit_code, kExitDamaged);
  EXPECT_TRUE(Has(found.out,
                  "line 2 is in the order, but not in the chain\n  --repair takes version "
                  "2 of the line\n"))
      << found.out;
  EXPECT_TRUE(Has(OnData("check --json").out, R"("repaired":false,"findings":[{"show":1,)"));
  EXPECT_EQ(OnData("compile --output '" + Path("gz") + "'").exit_code, kExitDamaged);
  EXPECT_EQ(OnData("check --repair").exit_code, kExitOk);
  EXPECT_EQ(OnData("check").exit_code, kExitOk);
}

TEST_F(ScriptCommandTest, CompilesTheCurrentRevision) {
  Import();
  EXPECT_EQ(OnData("compile --output '" + Path("tempest.json.gz") + "'").exit_code, kExitOk);
  const std::string gzip = ReadFile(Path("tempest.json.gz"));
  EXPECT_EQ(gzip.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(OnData("compile --show 1 --revision 1").out, gzip);
  EXPECT_EQ(OnData("compile --revision 7").exit_code, kExitFailed);
}

TEST_F(ScriptCommandTest, ReadingGoesOnBesideTheProcessThatHasTheDataAndWritingDoesNot) {
  Import();
  const auto log = store::OpenLog({.directory = Data()});
  EXPECT_EQ(OnData("revisions").exit_code, kExitOk);
  EXPECT_EQ(OnData("export").exit_code, kExitOk);
  EXPECT_EQ(OnData("check").exit_code, kExitOk);
  for (const char* verb : {"check --repair", "compile"}) {
    const CommandResult refused = OnData(verb);
    EXPECT_EQ(refused.exit_code, kExitHeld) << verb;
    EXPECT_TRUE(Has(refused.err, std::to_string(::getpid()))) << refused.err;
  }
}

TEST_F(ScriptCommandTest, WrongCommandLinesAreRefused) {
  EXPECT_EQ(Weft("").exit_code, kExitUsage);
  EXPECT_EQ(Weft("import").exit_code, kExitUsage);
  EXPECT_EQ(Weft("check --mend").exit_code, kExitUsage);
  EXPECT_EQ(Weft("revisions --show first").exit_code, kExitUsage);
  EXPECT_EQ(OnData("import /nowhere/at/all").exit_code, kExitUsage);
  EXPECT_EQ(OnData("import /").err, "weft: the file \"/\" cannot be read\n");
  EXPECT_EQ(OnData("export").exit_code, kExitFailed) << "there is no log";
  EXPECT_EQ(Weft("check --help").exit_code, kExitOk);
}

TEST(RevisionRooms, HaveOneNameEach) {
  EXPECT_EQ(NameOf(RevisionRoom{ShowId{1}, RevisionId{2}}), "script/1/revision/2");
  EXPECT_EQ(ParseRevisionRoom("script/1/revision/2"), (RevisionRoom{ShowId{1}, RevisionId{2}}));
  for (const char* name :
       {"notes", "script/1", "script/1/revision/", "script/01/revision/2", "script/1/revision/2/3",
        "script/x/revision/2", "script/1/revision/2.0"}) {
    EXPECT_EQ(ParseRevisionRoom(name), std::nullopt) << name;
  }
}

TEST(RevisionRooms, BeginWithTheDocumentOfTheRevision) {
  ScriptStore store(Lines({1, 2}));
  const auto beginning =
      store.Get([](const store::RowReader& rows) -> absl::StatusOr<RoomBeginning> {
        const auto room = CurrentRoom(rows, kShow);
        if (!room.ok()) return room.status();
        return BeginRoom(rows, *room);
      });
  ASSERT_TRUE(beginning.ok()) << beginning.status();
  crdt::Doc doc;
  ASSERT_TRUE(doc.ApplyUpdate(beginning->update).ok());
  EXPECT_EQ(TextsOf(doc), (std::vector<std::string>{"1: one", "2: two"}));
  EXPECT_EQ(beginning->hash, store.Load().info.hash);
}

}  // namespace
}  // namespace weft::server::script
