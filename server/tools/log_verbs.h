#pragma once

// `weft log …`: what operators ask of a log and do to it, with or without a server that uses it.
//
// What only reads (ls, show, verify, stats, backup, export, tail, at, versions, quarantine) works
// beside a running server, on one moment of the log. What writes needs the directory for itself and
// says who has it otherwise.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace weft::server {

// Exit codes beside those of command_line.h.
inline constexpr int kExitDamaged = 3;  // the log is damaged, or history that is needed is
inline constexpr int kExitHeld = 4;     // another process has the directory, or it cannot be used

struct LogCommand {
  enum class Verb {
    kList,
    kShow,
    kVerify,
    kStats,
    kCompact,
    kBackup,
    kRestore,
    kExport,
    kImport,
    kTail,
    kAt,
    kRevert,
    kDelete,
    kVersions,
    kQuarantine,
    kSalvage,
  };

  Verb verb = Verb::kList;
  std::string directory = "data";
  std::string room;                // where a verb takes one
  bool has_room = false;           // where it is optional
  std::vector<std::string> rooms;  // of kCompact; none: all
  std::string point;               // of kAt and kRevert: a sequence, a time, or a version's name
  std::string since;               // of kAt: the changes since that point, instead of the state
  std::string path;                // a directory or file to read or write
  bool json = false;
  bool deep = false;         // of kVerify
  bool follow = false;       // of kTail
  bool content = false;      // of kAt: what the document holds, instead of the update
  bool state = false;        // of kExport: one update, instead of everything
  std::uint64_t limit = 20;  // of kShow and kTail: how many of the last changes
  double history_days = -1;  // of kCompact; negative: the rooms' own, or 7
  std::string add;           // of kVersions: a name
  std::string note;
  std::string drop;                  // of kVersions: a name
  std::uint64_t restore_record = 0;  // of kQuarantine
  std::uint64_t drop_record = 0;
};

// Does it and prints. The exit code of the program.
int RunLogCommand(const LogCommand& command);

namespace log_verbs {

// Prints the reason; the exit code for it, of every verb that works on a data directory.
int Fail(const absl::Status& status);

}  // namespace log_verbs

}  // namespace weft::server
