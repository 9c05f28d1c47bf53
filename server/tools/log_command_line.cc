#include "server/tools/log_command_line.h"

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

namespace weft::server {
namespace {

using Verb = LogCommand::Verb;

constexpr const char* kExamples =
    "\nWhat only reads works while a server uses the log: ls, show, verify, stats, backup, "
    "export,\n"
    "tail, at, versions, quarantine. What writes wants the server stopped, and says who has the "
    "log.\n"
    "\nA point in a room's history is a sequence (120), a time in UTC (\"2026-11-22 17:03\", -5m, "
    "-2h,\n"
    "-3d) or the name of a version.\n"
    "\nExamples:\n"
    "  weft log ls --data /var/lib/weft\n"
    "  weft log tail -f notes\n"
    "  weft log at notes -2h --content\n"
    "  weft log versions notes --add \"before the meeting\"\n"
    "  weft log backup /backup/weft-$(date +%F)\n"
    "\nExit codes: 0 all went well, 1 it did not work, 2 the command line or the input is wrong,\n"
    "3 the log is damaged, 4 its directory cannot be used: another process has it, or the system "
    "forbids "
    "it.";

std::string CheckNotEmpty(const std::string& text) { return text.empty() ? "an empty name" : ""; }

class Verbs {
 public:
  Verbs(CLI::App& log, LogCommand& command, std::function<void()> chosen)
      : log_(log), command_(command), chosen_(std::move(chosen)) {}

  CLI::App& Add(Verb verb, const char* name, const char* help, const char* footer = "") {
    CLI::App& app = *log_.add_subcommand(name, help);
    app.add_option("--data", command_.directory, "Directory of the log")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_flag("--json", command_.json, "Print JSON, one object a line");
    app.footer(footer);
    app.callback([this_command = &command_, verb, chosen = chosen_] {
      this_command->verb = verb;
      chosen();
    });
    return app;
  }

  void AddRoom(CLI::App& app, bool required) {
    auto* option = app.add_option_function<std::string>(
        "ROOM",
        [this_command = &command_](const std::string& room) {
          this_command->room = room;
          this_command->has_room = true;
        },
        "Name of a room");
    option->type_name("");
    if (required) option->required();
  }

 private:
  CLI::App& log_;
  LogCommand& command_;
  std::function<void()> chosen_;
};

}  // namespace

void AddLogVerbs(CLI::App& app, LogCommand& command, std::function<void()> chosen) {
  CLI::App& log = *app.add_subcommand("log", "Look at the log of a server, check it, copy it");
  log.require_subcommand(1);
  log.footer(kExamples);
  Verbs verbs(log, command, std::move(chosen));

  verbs.Add(Verb::kList, "ls", "List the rooms");

  CLI::App& show = verbs.Add(Verb::kShow, "show", "Show a room and its last changes");
  verbs.AddRoom(show, true);
  show.add_option("--limit", command.limit, "How many changes")
      ->check(CLI::NonNegativeNumber.description(""))
      ->capture_default_str();

  CLI::App& verify =
      verbs.Add(Verb::kVerify, "verify", "Prove every page, record and snapshot",
                "\nExit code 0 when everything is as it was written, 3 when something is not.\n"
                "\nExample:\n  weft log verify --deep --json | jq .findings");
  verify.add_flag("--deep", command.deep, "Also decode every payload as an update");

  verbs.Add(Verb::kStats, "stats", "Say how much there is, and what it takes");

  CLI::App& compact =
      verbs.Add(Verb::kCompact, "compact", "Merge rooms, drop old history, make the file smaller",
                "\nRunning servers merge by themselves; the file shrinks by this command alone.");
  compact.add_option("ROOM", command.rooms, "Rooms to merge; all without")->type_name("");
  compact
      .add_option("--history-days", command.history_days,
                  "How long single edits are kept; 7 unless a room has its own")
      ->check(CLI::Range(0.0, 100'000.0).description(""))
      ->type_name("DAYS");

  CLI::App& backup = verbs.Add(Verb::kBackup, "backup", "Copy the log, while it is in use",
                               "\nThe copy is a log of one moment, in a new directory.");
  backup.add_option("DEST", command.path, "Directory to make")->required()->type_name("");

  CLI::App& restore =
      verbs.Add(Verb::kRestore, "restore", "Put a backup where no log is",
                "\nThe backup is verified first.\n"
                "\nExample:\n  weft log restore /backup/weft-2026-11-22 --data /var/lib/weft");
  restore.add_option("BACKUP", command.path, "Directory of the backup")->required()->type_name("");

  CLI::App& exported =
      verbs.Add(Verb::kExport, "export", "Write a room as lines of JSON, or as one update",
                "\nExamples:\n  weft log export notes --output notes.jsonl\n"
                "  weft log export notes --state --output notes.bin && weft inspect notes.bin");
  verbs.AddRoom(exported, true);
  exported.add_flag("--state", command.state, "Write the newest state as an update of format v1");
  exported.add_option("--output", command.path, "File to write; standard output otherwise")
      ->type_name("FILE");

  CLI::App& imported = verbs.Add(Verb::kImport, "import", "Read a room that export wrote",
                                 "\nThe room must not exist yet.");
  imported.add_option("FILE", command.path, "File to read; - is standard input")
      ->required()
      ->type_name("");
  imported
      .add_option_function<std::string>(
          "--room",
          [&command](const std::string& room) {
            command.room = room;
            command.has_room = true;
          },
          "Another name for the room")
      ->type_name("NAME");

  CLI::App& tail = verbs.Add(Verb::kTail, "tail", "Print the last changes, and those that come");
  verbs.AddRoom(tail, false);
  tail.add_flag("-f,--follow", command.follow, "Wait for more");
  tail.add_option("--limit", command.limit, "How many to begin with")
      ->check(CLI::NonNegativeNumber.description(""))
      ->capture_default_str();

  CLI::App& at = verbs.Add(Verb::kAt, "at", "Print the state of a room at a point of its history",
                           "\nExamples:\n  weft log at notes 120 --output then.bin\n"
                           "  weft log at notes -1d --content\n"
                           "  weft log at notes 120 --since 100 | weft inspect -");
  verbs.AddRoom(at, true);
  at.add_option("POINT", command.point, "A sequence, a time, or a version")
      ->required()
      ->type_name("");
  at.add_option("--since", command.since, "Print what came after this point instead")
      ->type_name("POINT");
  at.add_flag("--content", command.content, "Print what the document holds, as JSON");
  at.add_option("--output", command.path, "File to write; standard output otherwise")
      ->type_name("FILE");

  CLI::App& revert =
      verbs.Add(Verb::kRevert, "revert", "Bring an earlier content back, by a new change",
                "\nNothing is cut off: the room gets one more record that undoes what came since.");
  verbs.AddRoom(revert, true);
  revert.add_option("POINT", command.point, "A sequence, a time, or a version")
      ->required()
      ->type_name("");

  CLI::App& deleted = verbs.Add(
      Verb::kDelete, "delete", "Delete a room with all that the log has of it",
      "\nHistory, versions and quarantine go too, and nothing brings them back: export it "
      "first.\nA room of the same name that is made later is another one.\n"
      "\nExample:\n  weft log delete script/1/revision/2/set-aside/4711");
  verbs.AddRoom(deleted, true);

  CLI::App& versions = verbs.Add(Verb::kVersions, "versions", "List, add or drop named versions");
  verbs.AddRoom(versions, true);
  auto* add = versions.add_option("--add", command.add, "Name the newest state, or that of --at");
  add->type_name("NAME")->check(CheckNotEmpty);
  versions.add_option("--at", command.point, "Which state to name")->type_name("POINT")->needs(add);
  versions.add_option("--note", command.note, "What to remember with it")
      ->type_name("TEXT")
      ->needs(add);
  versions.add_option("--drop", command.drop, "Forget a version")
      ->type_name("NAME")
      ->check(CheckNotEmpty);

  CLI::App& quarantine = verbs.Add(
      Verb::kQuarantine, "quarantine", "List records that were set aside, or decide about one",
      "\nA damaged record is set aside once it is found; its room serves everything else.");
  verbs.AddRoom(quarantine, false);
  quarantine
      .add_option("--restore", command.restore_record, "Put a record back that is sound after all")
      ->type_name("SEQUENCE")
      ->check(CLI::PositiveNumber.description(""));
  quarantine.add_option("--drop", command.drop_record, "Give up the bytes of a record")
      ->type_name("SEQUENCE")
      ->check(CLI::PositiveNumber.description(""));

  CLI::App& salvage = verbs.Add(
      Verb::kSalvage, "salvage", "Save what is sound of a damaged log into a new one",
      "\nFor a log whose pages are damaged, which servers refuse. The damaged one is not changed.\n"
      "Exit code 3 when something is missing in the new one; it is listed.");
  salvage.add_option("DEST", command.path, "Directory to make")->required()->type_name("");
}

}  // namespace weft::server
