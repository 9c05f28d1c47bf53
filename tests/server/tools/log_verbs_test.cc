// `weft log …`, as processes, on logs of real documents.

#include "server/tools/log_verbs.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "server/command_line.h"
#include "server/history.h"
#include "server/text_table.h"
#include "store/update_log.h"
#include "tests/server/tools/log_verbs_harness.h"

namespace weft::server {
namespace {

using crdt::Bytes;
using crdt::Doc;

TEST_F(LogVerbsTest, ListsShowsAndCountsBesideTheServerThatOwnsTheLog) {
  Open();
  CommandResult result = Weft("ls");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_TRUE(Has(result.out, "notes"));
  EXPECT_TRUE(Has(result.out, "2 rooms"));
  result = Weft("ls --json");
  EXPECT_TRUE(Has(result.out, R"({"room":"notes","generation":")")) << result.out;
  EXPECT_TRUE(Has(result.out, R"("head":4,)"));
  result = Weft("show notes");
  EXPECT_TRUE(Has(result.out, "2023-11-14 22:14:20.000")) << result.out;
  EXPECT_TRUE(Has(result.out, "7 +3"));
  EXPECT_TRUE(Has(result.out, "-8"));
  result = Weft("show notes --json --limit 1");
  EXPECT_TRUE(Has(result.out, R"("sequence":4,)")) << result.out;
  EXPECT_TRUE(Has(result.out, R"("deleted":8})"));
  EXPECT_FALSE(Has(result.out, R"("sequence":3,)"));
  result = Weft("stats");
  EXPECT_TRUE(Has(result.out, "records      5")) << result.out;
  result = Weft("tail notes --json");
  EXPECT_EQ(std::ranges::count(result.out, '\n'), 4);
  EXPECT_EQ(Weft("show nowhere").exit_code, kExitFailed);
  EXPECT_TRUE(Has(Weft("show nowhere").err, "there is no room \"nowhere\""));
}

TEST_F(LogVerbsTest, ShowsAnyStateByItsSequenceTimeOrName) {
  EXPECT_EQ(Weft("at notes 1 --content").out, "{\"text\":\"one\"}\n");
  EXPECT_EQ(Weft("at notes 2 --content").out, "{\"text\":\"one two\"}\n");
  EXPECT_EQ(Weft("at notes '2023-11-14 22:16:25' --content").out, "{\"text\":\"one two three\"}\n");
  EXPECT_EQ(Weft("at notes 2023-11-15 --content").out, "{\"text\":\"three\"}\n");
  EXPECT_EQ(Weft("versions notes --add draft --at 2 --note 'a note'").exit_code, kExitOk);
  EXPECT_TRUE(Has(Weft("versions notes").out, "a note"));
  EXPECT_EQ(Weft("at notes draft --content").out, "{\"text\":\"one two\"}\n");
  EXPECT_EQ(Weft("compact --history-days 0").exit_code, kExitOk);
  EXPECT_EQ(Weft("at notes draft --content").out, "{\"text\":\"one two\"}\n");
  const CommandResult gone = Weft("at notes 3");
  EXPECT_EQ(gone.exit_code, kExitFailed);
  EXPECT_TRUE(Has(gone.err, "history before record 5 was dropped")) << gone.err;
  EXPECT_EQ(Weft("at notes 4 --content").out, "{\"text\":\"three\"}\n");
  EXPECT_EQ(Weft("at notes 4 --since draft --content").exit_code, kExitOk);
  EXPECT_EQ(Weft("versions notes --drop draft").exit_code, kExitOk);
  EXPECT_EQ(Weft("at notes draft").exit_code, kExitUsage);
  EXPECT_EQ(Weft("at notes 2022-01-01").exit_code, kExitFailed);
}

TEST_F(LogVerbsTest, TheDifferenceOfTwoStatesBringsTheOneToTheOther) {
  ASSERT_EQ(Weft("at notes 1 --output '" + Path("one.bin") + "'").exit_code, kExitOk);
  ASSERT_EQ(Weft("at notes 3 --since 1 --output '" + Path("diff.bin") + "'").exit_code, kExitOk);
  Doc doc;
  for (const char* file : {"one.bin", "diff.bin"}) {
    ASSERT_TRUE(doc.ApplyUpdate(crdt::AsBytes(ReadFile(Path(file)))).ok());
  }
  EXPECT_EQ(doc.GetText("text").ToString(), "one two three");
}

TEST_F(LogVerbsTest, RevertBringsContentBackByAnotherRecord) {
  CommandResult result = Weft("revert notes 3");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_TRUE(Has(result.out, "record 5 brings back")) << result.out;
  EXPECT_EQ(Weft("at notes 5 --content").out, "{\"text\":\"one two three\"}\n");
  EXPECT_EQ(Weft("at notes 4 --content").out, "{\"text\":\"three\"}\n");
  result = Weft("revert notes 3");
  EXPECT_TRUE(Has(result.out, "holds already")) << result.out;
  EXPECT_EQ(Weft("revert notes 1 --json").exit_code, kExitOk);
  EXPECT_EQ(Weft("at notes 6 --content").out, "{\"text\":\"one\"}\n");
  EXPECT_EQ(Weft("verify --deep").exit_code, kExitOk);
}

TEST_F(LogVerbsTest, DeleteTakesOneRoomWithAllThatTheLogHasOfIt) {
  ASSERT_EQ(Weft("versions notes --add v").exit_code, kExitOk);
  EXPECT_EQ(Weft("delete").exit_code, kExitUsage);
  EXPECT_EQ(Weft("delete nothing").exit_code, kExitFailed);
  const CommandResult result = Weft("delete notes");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "the room \"notes\" is gone, with its history of 4 changes\n");
  EXPECT_EQ(Weft("delete notes").exit_code, kExitFailed);
  EXPECT_FALSE(Has(Weft("ls").out, "notes"));
  EXPECT_FALSE(Has(Weft("versions notes").out, "v"));
  EXPECT_TRUE(Has(Weft("ls").out, "other"));
  EXPECT_EQ(Weft("verify --deep").exit_code, kExitOk);
  EXPECT_TRUE(Has(Weft("delete other --json").out, R"({"room":"other","head":1,)"));
}

TEST_F(LogVerbsTest, VerifyFindsWhatIsNotAnUpdateOnlyWhenAskedTo) {
  EXPECT_TRUE(Has(Weft("verify").out, "clean: 2 rooms, 5 records"));
  Open();
  Append("notes", Bytes{9, 9, 9});
  log_.reset();
  EXPECT_EQ(Weft("verify").exit_code, kExitOk);
  const CommandResult deep = Weft("verify --deep");
  EXPECT_EQ(deep.exit_code, kExitDamaged);
  EXPECT_TRUE(Has(deep.out, "room \"notes\": record 5")) << deep.out;
  EXPECT_TRUE(Has(Weft("verify --deep --json").out, R"("clean":false)"));
  EXPECT_TRUE(Has(Weft("show notes").out, "not an update"));
}

TEST_F(LogVerbsTest, DamagedPagesAreFoundAndTheRestIsSalvaged) {
  std::string bytes = ReadFile(Data() + "/data.mdb");
  const std::size_t meta = 16 + 72;  // where the main table's root stands, in both meta pages
  bytes[meta + 40] ^= 1;
  bytes[4096 + meta + 40] ^= 1;
  std::ofstream(Data() + "/data.mdb", std::ios::binary) << bytes;
  const CommandResult verified = Weft("verify");
  EXPECT_EQ(verified.exit_code, kExitDamaged) << verified.out << verified.err;
  EXPECT_TRUE(Has(verified.out, "weft log salvage")) << verified.out;
  EXPECT_EQ(Weft("ls").exit_code, kExitDamaged);
  const CommandResult salvaged = Weft("salvage '" + Path("saved") + "'");
  EXPECT_EQ(salvaged.exit_code, kExitOk) << salvaged.out << salvaged.err;
  EXPECT_EQ(WeftAt("at notes 4 --content --data '" + Path("saved") + "'").out,
            "{\"text\":\"three\"}\n");
  EXPECT_EQ(WeftAt("verify --deep --data '" + Path("saved") + "'").exit_code, kExitOk);
}

TEST_F(LogVerbsTest, BackupWorksWhileTheLogIsInUseAndCanBeRestored) {
  Open();
  EXPECT_EQ(Weft("backup '" + Path("backup") + "'").exit_code, kExitOk);
  EXPECT_EQ(Weft("backup '" + Path("backup") + "'").exit_code, kExitFailed);
  Append("notes", Bytes{0, 0});
  const std::string to = " --data '" + Path("restored") + "'";
  EXPECT_EQ(WeftAt("restore '" + Path("backup") + "'" + to).exit_code, kExitOk);
  EXPECT_EQ(WeftAt("at notes 4 --content" + to).out, "{\"text\":\"three\"}\n");
  // It is another history: who had seen the fifth record does not go on from there.
  const auto generation = [&](const std::string& of) {
    const std::string room = WeftAt("show notes --json --limit 0" + of).out;
    const std::size_t at = room.find("\"generation\":\"");
    return at == std::string::npos ? room : room.substr(at + 14, 18);
  };
  EXPECT_EQ(generation(to).size(), 18u);
  EXPECT_NE(generation(to), generation(" --data '" + Data() + "'"));
  EXPECT_EQ(WeftAt("restore '" + Path("backup") + "'" + to).exit_code, kExitFailed);
}

TEST_F(LogVerbsTest, WhatWritesSaysWhoHasTheLog) {
  Open();
  for (const char* verb : {"compact", "revert notes 1", "delete notes", "versions notes --add v"}) {
    const CommandResult result = Weft(verb);
    EXPECT_EQ(result.exit_code, kExitHeld) << verb;
    EXPECT_TRUE(Has(result.err, absl::StrCat("held by process ", getpid()))) << result.err;
  }
}

TEST_F(LogVerbsTest, AnExportedRoomIsImportedWithItsHistory) {
  ASSERT_EQ(Weft("versions notes --add draft --at 2").exit_code, kExitOk);
  ASSERT_EQ(Weft("export notes --output '" + Path("notes.jsonl") + "'").exit_code, kExitOk);
  EXPECT_EQ(Weft("import '" + Path("notes.jsonl") + "'").exit_code, kExitFailed);
  CommandResult result = Weft("import '" + Path("notes.jsonl") + "' --room copy");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_EQ(Weft("at copy draft --content").out, "{\"text\":\"one two\"}\n");
  EXPECT_EQ(Weft("at copy 3 --content").out, "{\"text\":\"one two three\"}\n");
  // A room whose beginning was dropped is imported with its state of then.
  ASSERT_EQ(Weft("compact notes --history-days 0").exit_code, kExitOk);
  ASSERT_EQ(Weft("export notes --output '" + Path("later.jsonl") + "'").exit_code, kExitOk);
  EXPECT_EQ(Weft("import '" + Path("later.jsonl") + "' --room later").exit_code, kExitOk);
  EXPECT_EQ(Weft("at later 1 --content").out, "{\"text\":\"three\"}\n");
  std::ofstream(Path("bad.jsonl")) << "{\"no\":1}\n";
  EXPECT_EQ(Weft("import '" + Path("bad.jsonl") + "'").exit_code, kExitUsage);
  EXPECT_EQ(WeftAt("import '" + Path("bad.jsonl") + "' --data '" + Path("none") + "'").exit_code,
            kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
  // Half a room is none: it can be imported again.
  std::string lines = ReadFile(Path("notes.jsonl"));
  lines.resize(lines.rfind("{\"lines\":5}"));
  std::ofstream(Path("half.jsonl")) << lines << "{\"update\":\"!\"}\n";
  result = Weft("import '" + Path("half.jsonl") + "' --room half");
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_TRUE(Has(result.err, "line 7 of the export: not an update")) << result.err;
  EXPECT_EQ(Weft("show half").exit_code, kExitFailed);
  std::ofstream(Path("half.jsonl"))
      << lines << "{\"version\":\"v\",\"sequence\":99}\n{\"lines\":6}\n";
  result = Weft("import '" + Path("half.jsonl") + "' --room half");
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_TRUE(Has(result.err, "the version \"v\" is of record 99")) << result.err;
  EXPECT_EQ(Weft("show half").exit_code, kExitFailed);
  EXPECT_EQ(Weft("import '" + Path("notes.jsonl") + "' --room half").exit_code, kExitOk);
  ASSERT_EQ(Weft("export other --state --output '" + Path("state.bin") + "'").exit_code, kExitOk);
  EXPECT_TRUE(CheckPayload(crdt::AsBytes(ReadFile(Path("state.bin")))).ok());
}

TEST_F(LogVerbsTest, AnExportThatWasCutOrLacksALineIsNotImported) {
  const std::string whole = Weft("export notes").out;
  const auto import_of = [&](const std::string& text) {
    std::ofstream(Path("file"), std::ios::binary | std::ios::trunc) << text;
    return WeftAt("import '" + Path("file") + "' --data '" + Path("new") + "'");
  };
  std::vector<std::size_t> ends;  // of lines
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (whole[at] == '\n') ends.push_back(at + 1);
  }
  ASSERT_EQ(ends.size(), 6U) << whole;
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    const CommandResult cut = import_of(whole.substr(0, ends[i]));
    EXPECT_EQ(cut.exit_code, kExitUsage) << i;
    EXPECT_TRUE(Has(cut.err, "the export is not whole")) << cut.err;
  }
  EXPECT_EQ(import_of(whole.substr(0, ends[1]) + whole.substr(ends[2])).exit_code, kExitUsage);
  EXPECT_TRUE(Has(import_of(whole + whole).err, "line 7 of the export: there is something behind"));
  EXPECT_EQ(WeftAt("ls --json --data '" + Path("new") + "'").out, "");
  EXPECT_EQ(import_of(whole).exit_code, kExitOk);
  const CommandResult unwritable = Weft("export notes --output /dev/full");
  EXPECT_EQ(unwritable.exit_code, kExitFailed);
  EXPECT_TRUE(Has(unwritable.err, "/dev/full: No space left on device")) << unwritable.err;
}

TEST_F(LogVerbsTest, TheQuarantineIsListedAndDecidedAbout) {
  Open();
  const store::Damage damage[] = {{store::DamageKind::kContent, 4, 5}};
  ASSERT_TRUE(log_->Quarantine("notes", damage, 0).ok());
  log_.reset();
  EXPECT_TRUE(Has(Weft("quarantine").out, "not an update"));
  EXPECT_TRUE(Has(Weft("quarantine --json").out, R"("sequence":4)"));
  EXPECT_EQ(Weft("at notes 4 --content").out, "{\"text\":\"one two three\"}\n");
  EXPECT_EQ(Weft("quarantine notes --restore 4").exit_code, kExitOk);
  EXPECT_TRUE(Has(Weft("quarantine").out, "nothing is in quarantine"));
  EXPECT_EQ(Weft("at notes 4 --content").out, "{\"text\":\"three\"}\n");
}

// `weft log tail --follow` as a process, and what it prints, line by line.
class Following {
 public:
  explicit Following(const std::string& arguments) {
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
      dup2(pipe_ends[1], STDOUT_FILENO);
      close(pipe_ends[0]);
      close(pipe_ends[1]);
      const std::string command =
          absl::StrCat("exec '", std::getenv("WEFT_BINARY"), "' log ", arguments);
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    close(pipe_ends[1]);
    out_ = fdopen(pipe_ends[0], "r");
  }
  ~Following() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::fclose(out_);
  }

  std::string NextLine() {
    char line[4096];
    return std::fgets(line, sizeof(line), out_) == nullptr ? "" : line;
  }

 private:
  pid_t pid_ = 0;
  std::FILE* out_ = nullptr;
};

TEST_F(LogVerbsTest, TailFollowsWhatAServerWrites) {
  Open();
  Following tail("tail notes --follow --json --limit 1 --data '" + Data() + "'");
  EXPECT_TRUE(Has(tail.NextLine(), R"("sequence":4,)"));
  Doc doc(Doc::Options{.client_id = crdt::ClientId{8}});
  doc.GetText("text").Insert(0, "more");
  Append("other", doc.EncodeStateAsUpdate());
  Append("notes", doc.EncodeStateAsUpdate());
  const std::string line = tail.NextLine();
  EXPECT_TRUE(Has(line, R"("room":"notes")")) << line;
  EXPECT_TRUE(Has(line, R"("sequence":5,)")) << line;
}

TEST(ProgressLine, ShowsHowFarItIsAndHowLongItTakes) {
  EXPECT_EQ(ProgressLine("verifying", 0, 8, 1), "verifying [" + std::string(30, ' ') + "]   0 %  ");
  EXPECT_EQ(ProgressLine("verifying", 2, 8, 5),
            "verifying [" + std::string(7, '#') + std::string(23, ' ') + "]  25 %  15 s left");
  // More than was foreseen, as when a log grows meanwhile.
  EXPECT_EQ(ProgressLine("a", 9, 8, 5), "a [" + std::string(30, '#') + "] 100 %  0 s left");
}

TEST_F(LogVerbsTest, AskedWronglyTheySayHowAndWithoutALogThatThereIsNone) {
  EXPECT_EQ(Weft("").exit_code, kExitUsage);
  EXPECT_EQ(Weft("nonsense").exit_code, kExitUsage);
  EXPECT_EQ(Weft("at notes").exit_code, kExitUsage);
  EXPECT_EQ(Weft("at notes nonsense").exit_code, kExitUsage);
  EXPECT_EQ(Weft("versions notes --add ''").exit_code, kExitUsage);
  EXPECT_EQ(Weft("versions notes --note lonely").exit_code, kExitUsage);
  EXPECT_EQ(Weft("quarantine --restore 1").exit_code, kExitUsage);
  EXPECT_EQ(Weft("quarantine notes --drop 0").exit_code, kExitUsage);
  EXPECT_EQ(Weft("show notes --limit -1").exit_code, kExitUsage);
  EXPECT_EQ(Weft("tail --limit -1").exit_code, kExitUsage);
  EXPECT_EQ(Weft("quarantine nowhere").exit_code, kExitFailed);
  EXPECT_EQ(Weft("tail nowhere").exit_code, kExitFailed);
  EXPECT_EQ(WeftAt("salvage '" + Path("new") + "' --data '" + Path("none") + "'").exit_code,
            kExitFailed);
  const CommandResult none = WeftAt("ls --data '" + Path("none") + "'");
  EXPECT_EQ(none.exit_code, kExitFailed);
  EXPECT_TRUE(Has(none.err, "there is no log in"));
}

}  // namespace
}  // namespace weft::server
