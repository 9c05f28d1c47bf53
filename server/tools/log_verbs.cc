#include "server/tools/log_verbs.h"

#include "server/command_line.h"
#include "server/tools/log_changes.h"
#include "server/tools/log_copies.h"
#include "server/tools/log_looking.h"
#include "server/tools/log_verb_parts.h"
#include "store/log_reader.h"

namespace weft::server {

namespace {

int RunVerb(const LogCommand& command) {
  using namespace log_verbs;
  using enum LogCommand::Verb;
  switch (command.verb) {
    case kVerify:
      return VerifyLog(command);
    case kCompact:
      return Compact(command);
    case kRestore:
      return Restore(command);
    case kImport:
      return Import(command);
    case kRevert:
      return Revert(command);
    case kDelete:
      return Delete(command);
    case kSalvage:
      return Salvage(command);
    case kVersions:
      if (!command.add.empty() || !command.drop.empty()) return ChangeVersions(command);
      break;
    case kQuarantine:
      if (command.restore_record > 0 || command.drop_record > 0) return ChangeQuarantine(command);
      break;
    default:
      break;
  }
  const auto log = OpenForReading(command);
  if (!log.ok()) return Fail(log.status());
  switch (command.verb) {
    case kShow:
      return Show(**log, command);
    case kStats:
      return Stats(**log, command);
    case kBackup:
      return Backup(**log, command);
    case kExport:
      return Export(**log, command);
    case kTail:
      return Tail(**log, command);
    case kAt:
      return At(**log, command);
    case kVersions:
      return Versions(**log, command);
    case kQuarantine:
      return Quarantine(**log, command);
    default:
      return List(**log, command);
  }
}

}  // namespace

int RunLogCommand(const LogCommand& command) {
  const int code = RunVerb(command);
  // One that failed has said so already.
  if (code != kExitOk && code != kExitDamaged) return code;
  const absl::Status printed = log_verbs::FlushOutput();
  if (printed.ok()) return code;
  const int failed = log_verbs::Fail(printed);
  return code == kExitOk ? failed : code;
}

}  // namespace weft::server
