// `weft log …` where something is in its way: what is not there, what is damaged, a disk that is full,
// streams that are closed. And how long work shows that it goes on.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/command_line.h"
#include "server/tools/log_verbs.h"
#include "tests/server/tools/log_verbs_harness.h"

namespace weft::server {
namespace {

class LogVerbsTrouble : public LogVerbsTest {
 protected:
  std::string DataFile() const { return Data() + "/data.mdb"; }
  CommandResult OfDirectory(const std::string& verb, const std::string& directory) const {
    return WeftAt(absl::StrCat(verb, " --data '", Path(directory), "'"));
  }
};

const std::vector<std::string>& LookingVerbs() {
  static const std::vector<std::string> verbs = {"ls",
                                                 "ls --json",
                                                 "show notes",
                                                 "show notes --json",
                                                 "stats",
                                                 "stats --json",
                                                 "verify",
                                                 "verify --json",
                                                 "tail",
                                                 "tail --json",
                                                 "versions notes",
                                                 "versions notes --json",
                                                 "quarantine",
                                                 "at notes 2",
                                                 "at notes 2 --content",
                                                 "export notes",
                                                 "export notes --state"};
  return verbs;
}

TEST_F(LogVerbsTrouble, CompactOfARoomThatIsNotThereChangesNothing) {
  const std::string before = ReadFile(DataFile());
  for (const char* rooms : {"nowhere", "notes nowhere"}) {
    const CommandResult result = Weft(absl::StrCat("compact ", rooms));
    EXPECT_EQ(result.exit_code, kExitFailed);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "weft: there is no room \"nowhere\"\n");
    EXPECT_TRUE(ReadFile(DataFile()) == before) << rooms;
  }
  const CommandResult result = Weft("compact notes");
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_TRUE(Has(result.out, "merged 1 room; ")) << result.out;
}

TEST_F(LogVerbsTrouble, OneOfSomethingIsNotCalledMany) {
  ASSERT_EQ(Weft("delete notes").exit_code, kExitOk);
  EXPECT_TRUE(Has(Weft("verify").out, "clean: 1 room, 1 record, 0 snapshots, "))
      << Weft("verify").out;
  EXPECT_TRUE(Has(Weft("ls").out, "\n1 room\n"));
  EXPECT_EQ(Weft("salvage saved").out,
            "saved 1 room, 1 record, 0 snapshots and 0 versions to saved\n");
}

TEST_F(LogVerbsTrouble, WhoCannotWriteItsAnswerHasFailed) {
  ASSERT_EQ(Weft("versions notes --add v").exit_code, kExitOk);
  for (const std::string& verb : LookingVerbs()) {
    const CommandResult result = Weft(verb + " >/dev/full");
    EXPECT_EQ(result.exit_code, kExitFailed) << verb;
    EXPECT_TRUE(Has(result.err, "No space left on device")) << verb << ": " << result.err;
  }
  for (const char* verb : {"at notes 2", "export notes", "export notes --state"}) {
    const CommandResult result = Weft(absl::StrCat(verb, " --output /dev/full"));
    EXPECT_EQ(result.exit_code, kExitFailed) << verb;
    EXPECT_TRUE(Has(result.err, "/dev/full")) << result.err;
    EXPECT_TRUE(Has(result.err, "not whole")) << result.err;
    EXPECT_TRUE(Has(result.err, "No space left on device")) << result.err;
    EXPECT_EQ(Weft(absl::StrCat(verb, " --output none/file")).exit_code, kExitUsage) << verb;
  }
  EXPECT_EQ(Shell("\"$weft\" log --help >/dev/full").exit_code, kExitFailed);
}

// Else the next file that is opened has the number of standard output, and is written what is printed.
TEST_F(LogVerbsTrouble, WhatIsPrintedNeverGoesIntoTheLogWhenStreamsAreClosed) {
  ASSERT_EQ(Weft("versions notes --add first").exit_code, kExitOk);
  Open();
  for (int i = 0; i < 40; ++i) Append("long", crdt::Bytes(400));
  log_.reset();
  for (const std::string& verb : LookingVerbs()) {
    const CommandResult result = Weft(verb + " >&-");
    EXPECT_EQ(result.exit_code, kExitFailed) << verb;
    EXPECT_TRUE(Has(result.err, "Bad file descriptor")) << verb << ": " << result.err;
  }
  EXPECT_EQ(Weft("export long <&- >&-").exit_code, kExitFailed);
  EXPECT_EQ(Weft("export long <&- >&- 2>&-").exit_code, kExitFailed);
  EXPECT_EQ(Weft("versions notes --add v --at 2 <&- >&- 2>&-").exit_code, kExitFailed);
  EXPECT_EQ(Weft("versions notes --add v --at 99 <&- >&- 2>&-").exit_code, kExitFailed);
  for (const auto& file : std::filesystem::directory_iterator(Data())) {
    const std::string bytes = ReadFile(file.path().string());
    for (const char* printed : {"weft_room", "weft: ", "clean: ", "sequence  "}) {
      EXPECT_FALSE(Has(bytes, printed)) << file.path() << " holds \"" << printed << "\"";
    }
  }
  EXPECT_EQ(Weft("verify").exit_code, kExitOk);
  const CommandResult unread = OfDirectory("import - <&-", "new");
  EXPECT_EQ(unread.exit_code, kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
}

TEST_F(LogVerbsTrouble, WhoReadsOnlyTheBeginningGetsIt) {
  Open();
  for (int i = 0; i < 40; ++i) Append("long", crdt::Bytes(4'000));
  log_.reset();
  const std::string data = " --data '" + Data() + "'";
  EXPECT_TRUE(
      Has(Shell("\"$weft\" log export long" + data + " | head -n 1").out, "\"weft_room\":2"));
  const CommandResult tail =
      Shell("\"$weft\" log tail --limit 1000 --json" + data + " | head -n 1");
  EXPECT_EQ(std::ranges::count(tail.out, '\n'), 1);
  EXPECT_EQ(tail.err, "");
  EXPECT_EQ(Weft("verify").exit_code, kExitOk);
}

TEST_F(LogVerbsTrouble, AnImportThatIsRefusedLeavesNoLogBehind) {
  const std::string sound = Weft("export notes").out;
  const std::size_t second = sound.find('\n') + 1;
  std::string twice = sound;
  twice.insert(twice.rfind("{\"lines\":4}"),
               "{\"version\":\"v\",\"sequence\":1}\n{\"version\":\"v\",\"sequence\":2}\n");
  twice.replace(twice.rfind(":4}"), 3, ":6}");
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "line 1 of the export: not an export"},
      {"{\"weft_room\":2,\"room\":\"r\"}\n{\"bad\":1}\n", "line 2 of the export: neither a record"},
      {sound.substr(0, second), "the export is not whole"},
      {sound.substr(0, sound.size() - 8), "not a JSON object"},
      {"{\"weft_room\":2,\"room\":\"r\"}\n{\"lines\":0}\n", "a room without a record"},
      {twice, "the version \"v\" is there twice"}};
  for (const auto& [text, reason] : wrong) {
    WriteFile(Path("wrong"), text);
    const CommandResult result = OfDirectory("import wrong", "new");
    EXPECT_EQ(result.exit_code, kExitUsage) << reason;
    EXPECT_TRUE(Has(result.err, reason)) << result.err;
    EXPECT_FALSE(std::filesystem::exists(Path("new"))) << reason;
  }
  WriteFile(Path("sound"), sound);
  const CommandResult named = OfDirectory("import sound --room " + std::string(5'000, 'n'), "new");
  EXPECT_EQ(named.exit_code, kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
  const CommandResult directory = OfDirectory("import data", "new");
  EXPECT_EQ(directory.exit_code, kExitUsage);
  EXPECT_TRUE(Has(directory.err, "data is a directory; import reads a file")) << directory.err;
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
  EXPECT_EQ(OfDirectory("import sound", "new").out, "the room \"notes\" has 4 records\n");
}

TEST_F(LogVerbsTrouble, WhereThereIsNoLogEveryVerbSaysSoAndMakesNone) {
  std::filesystem::create_directory(Path("empty"));
  WriteFile(Path("file"), "hello");
  for (const char* verb :
       {"ls", "show notes", "stats", "verify", "verify --deep", "compact", "backup copy",
        "export notes", "tail", "at notes 1", "revert notes 1", "delete notes", "versions notes",
        "versions notes --add v", "quarantine", "quarantine notes --drop 1", "salvage copy"}) {
    for (const char* directory : {"none", "empty", "file"}) {
      const CommandResult result = OfDirectory(verb, directory);
      EXPECT_EQ(result.exit_code, kExitFailed) << verb << " of " << directory;
      EXPECT_TRUE(Has(result.err, "there is no log in ")) << verb << ": " << result.err;
      EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(Path("none")));
  EXPECT_TRUE(std::filesystem::is_empty(Path("empty")));
  EXPECT_FALSE(std::filesystem::exists(Path("copy")));
  for (const char* backup : {"none", "empty", "file"}) {
    const CommandResult result = OfDirectory(absl::StrCat("restore ", backup), "new");
    EXPECT_EQ(result.exit_code, kExitFailed) << backup;
    EXPECT_TRUE(Has(result.err, "there is no log in ")) << result.err;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("new")));
}

// As it can be of a crash's making, or of somebody else's: bytes that are no pages; pages that lead nowhere.
TEST_F(LogVerbsTrouble, OfADamagedLogEveryVerbSaysSoAndNoneCrashesOrChangesIt) {
  std::string lost_root = ReadFile(DataFile());
  for (const std::size_t meta : {0, 4096}) {
    for (std::size_t i = 0; i < 2; ++i) lost_root[meta + 16 + 24 + 48 + 40 + i] ^= 3;
  }
  const std::vector<std::string> verbs = {"ls",
                                          "show notes",
                                          "stats",
                                          "verify",
                                          "compact",
                                          "backup copy",
                                          "export notes",
                                          "tail",
                                          "at notes 1",
                                          "revert notes 1",
                                          "delete notes",
                                          "versions notes",
                                          "versions notes --add v",
                                          "quarantine",
                                          "quarantine notes --drop 1"};
  for (const std::string& damaged : {std::string(20'000, 'x'), lost_root}) {
    WriteFile(DataFile(), damaged);
    for (const std::string& verb : verbs) {
      const CommandResult result = Weft(verb);
      EXPECT_EQ(result.exit_code, kExitDamaged) << verb << ": " << result.err;
      EXPECT_TRUE(Has(result.out + result.err, "page ")) << verb << ": " << result.err;
    }
    EXPECT_EQ(OfDirectory("restore data", "new").exit_code, kExitDamaged);
    EXPECT_TRUE(ReadFile(DataFile()) == damaged);
  }
}

// A limit of the size of files stands for the disk.
TEST_F(LogVerbsTrouble, ADiskThatIsFullFailsWhatWritesAndKeepsTheLog) {
  ASSERT_EQ(Weft("export notes --output notes.jsonl").exit_code, kExitOk);
  ASSERT_EQ(Weft("backup saved").exit_code, kExitOk);
  const std::string before = Weft("ls --json").out;
  const auto with_little = [&](const std::string& arguments) {
    return Shell("ulimit -f 1; \"$weft\" log " + arguments);
  };
  const std::string data = " --data '" + Data() + "'";
  for (const std::string& arguments :
       {"compact" + data, "backup copy" + data, "salvage copy" + data,
        std::string("restore saved --data new"), std::string("import notes.jsonl --data newer")}) {
    const CommandResult result = with_little(arguments);
    EXPECT_EQ(result.exit_code, kExitFailed) << arguments << ": " << result.err;
    EXPECT_FALSE(result.err.empty()) << arguments;
    EXPECT_EQ(Weft("ls --json").out, before) << arguments;
    EXPECT_EQ(Weft("verify --deep").exit_code, kExitOk) << arguments;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("copy/data.mdb"))) << "half of a copy";
  EXPECT_FALSE(std::filesystem::exists(Path("new/data.mdb"))) << "half of a log";
  for (const char* verb :
       {"compact", "backup copy", "restore saved --data new", "import notes.jsonl --data newest"}) {
    EXPECT_EQ(Has(verb, "--data") ? WeftAt(verb).exit_code : Weft(verb).exit_code, kExitOk) << verb;
  }
}

// --- How far long work is

// Whether what `arguments` say shows a bar on a terminal, where the clock goes fast.
class TerminalRun {
 public:
  TerminalRun(const std::string& arguments, const std::string& directory) {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(terminal, 0);
    EXPECT_EQ(::grantpt(terminal), 0);
    EXPECT_EQ(::unlockpt(terminal), 0);
    std::array<char, 128> name{};
    EXPECT_EQ(::ptsname_r(terminal, name.data(), name.size()), 0);
    // Held, so that what is said can be read after whoever said it has ended.
    const int held = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    result_ = RunShell(absl::StrCat("LD_PRELOAD='", std::getenv("WEFT_HASTY_CLOCK"),
                                    "' \"$weft\" log ", arguments, " 2>", name.data()),
                       directory);
    std::array<char, 65536> bytes;
    ::fcntl(terminal, F_SETFL, O_NONBLOCK);
    for (ssize_t size = 0; (size = ::read(terminal, bytes.data(), bytes.size())) > 0;) {
      shown_.append(bytes.data(), static_cast<std::size_t>(size));
    }
    ::close(held);
    ::close(terminal);
  }

  const CommandResult& result() const { return result_; }
  const std::string& shown() const { return shown_; }

 private:
  CommandResult result_;
  std::string shown_;
};

TEST_F(LogVerbsTrouble, LongWorkShowsHowFarItIsOnATerminalAndNeverWithJson) {
  if (std::getenv("WEFT_HASTY_CLOCK") == nullptr) GTEST_SKIP() << "nothing to preload";
  const std::string data = " --data '" + Data() + "'";
  struct Verb {
    std::string arguments;
    std::string what;
  };
  const std::vector<Verb> verbs = {{"verify --deep" + data, "verifying ["},
                                   {"verify" + data, "verifying ["},
                                   {"backup copy" + data, "copying ["},
                                   {"restore copy --data restored", "verifying and copying ["},
                                   {"salvage saved" + data, "salvaging ["},
                                   {"export notes --output notes.jsonl" + data, "exporting ["},
                                   {"export notes" + data, "exporting ["},
                                   {"import notes.jsonl --data imported", "importing ["},
                                   {"import - --room again <notes.jsonl" + data, "importing ["},
                                   {"compact" + data, "merging ["},
                                   {"compact notes" + data, "making the file smaller ["}};
  for (const auto& [arguments, what] : verbs) {
    const TerminalRun run(arguments, directory_.path());
    EXPECT_EQ(run.result().exit_code, kExitOk) << arguments << ": " << run.shown();
    EXPECT_TRUE(Has(run.shown(), what)) << arguments << ": " << run.shown();
    EXPECT_TRUE(Has(run.shown(), " s left")) << arguments << ": " << run.shown();
    EXPECT_TRUE(run.shown().ends_with("\r\033[K")) << "a bar stayed: " << run.shown();
    EXPECT_FALSE(Has(run.result().out, "[#")) << arguments;
  }
  for (const char* directory : {"copy", "restored", "saved", "imported"}) {
    std::filesystem::remove_all(Path(directory));
  }
  for (const auto& [arguments, what] : verbs) {
    const bool again = Has(arguments, "again");  // is there by now
    const TerminalRun run(arguments + " --json", directory_.path());
    EXPECT_EQ(run.result().exit_code, again ? kExitFailed : kExitOk) << arguments << run.shown();
    EXPECT_FALSE(Has(run.shown(), "[")) << arguments << ": " << run.shown();
  }
}

// --- Sizes

int TortureFactor() {
  const char* const factor = std::getenv("WEFT_TORTURE");
  return factor == nullptr ? 1 : std::max(1, std::atoi(factor));
}

// ./dev torture takes a gigabyte.
TEST_F(LogVerbsTrouble, ALargeRoomIsExportedAndImportedInBoundedMemory) {
  const std::size_t megabytes = TortureFactor() > 1 ? 1024 : 128;
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{9}});
  doc.GetText("text").Insert(0, std::string(std::size_t{1} << 16, 'x'));
  const crdt::Bytes update = doc.EncodeStateAsUpdate();
  Open();
  for (std::size_t i = 0; i < megabytes * 16; ++i) {
    while (!log_->TryAppend(
                    {.room = "large", .time_ms = 1, .payload = update},
                    [](const absl::StatusOr<store::Sequence>& stored) { EXPECT_TRUE(stored.ok()); })
                .ok()) {
      log_->Flush();
    }
  }
  log_.reset();
  ASSERT_EQ(Weft("export large --output first").exit_code, kExitOk);
  EXPECT_GT(std::filesystem::file_size(Path("first")), megabytes << 20);
  const CommandResult imported = OfDirectory("import first", "new");
  ASSERT_EQ(imported.exit_code, kExitOk) << imported.err;
  ASSERT_EQ(OfDirectory("export large --output second", "new").exit_code, kExitOk);
  // But for the generation, in the first line.
  EXPECT_EQ(Shell("tail -n +2 first >a && tail -n +2 second | cmp - a").exit_code, 0);
  EXPECT_EQ(OfDirectory("verify --deep", "new").exit_code, kExitOk);
  EXPECT_EQ(OfDirectory("at large 1 --output state", "new").exit_code, kExitOk);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const auto most_of = [](int who) {
    rusage usage{};
    EXPECT_EQ(getrusage(who, &usage), 0);
    return static_cast<std::size_t>(usage.ru_maxrss) >> 10;
  };
  // The room, what the transaction changes, and what of the file is mapped. A child begins as a copy
  // of this process, and the system remembers that.
  const std::size_t bound = std::max(3 * megabytes + 100, most_of(RUSAGE_SELF) + 1);
  EXPECT_LT(most_of(RUSAGE_CHILDREN), bound) << "megabytes in memory";
#endif
}

}  // namespace
}  // namespace weft::server
