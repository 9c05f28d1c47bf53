#include "server/tools/log_verb_parts.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/command_line.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/text_table.h"

namespace weft::server::log_verbs {

using store::LogReader;
using store::RoomInfo;
using store::Sequence;
using store::UpdateLog;

int Fail(const absl::Status& status) {
  std::cerr << "weft: " << std::string(status.message()) << "\n";
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kDataLoss:
      return kExitDamaged;
    case absl::StatusCode::kUnavailable:
      return kExitHeld;
    default:
      return kExitFailed;
  }
}

absl::StatusOr<std::unique_ptr<LogReader>> OpenForReading(const LogCommand& command) {
  ProgressBar bar("checking pages", !command.json);
  return LogReader::Open(command.directory, /*check_pages=*/true, bar.teller());
}

absl::StatusOr<std::unique_ptr<UpdateLog>> OpenForWriting(const LogCommand& command) {
  if (!HasLog(command.directory)) {
    return absl::NotFoundError(absl::StrCat("there is no log in ", command.directory));
  }
  ProgressBar bar("checking pages", !command.json);
  return UpdateLog::Open({.directory = command.directory, .progress = bar.teller()});
}

absl::Status FlushOutput() {
  errno = 0;
  if (std::cout.flush()) return absl::OkStatus();
  const int code = errno;
  return absl::InternalError(absl::StrCat("cannot write to standard output", code == 0 ? "" : ": ",
                                          code == 0 ? "" : std::strerror(code)));
}

bool HasLog(const std::string& directory) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(directory + "/data.mdb", error);
  return !error && bytes > 0;
}

std::string GenerationText(store::Generation generation) {
  return absl::StrFormat("%016x", static_cast<std::uint64_t>(generation));
}

absl::StatusOr<RoomInfo> GetRoom(const LogReader& log, const std::string& name) {
  const auto room = log.FindRoom(name);
  if (!room.ok()) return room.status();
  if (!*room)
    return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(name), "\""));
  return **room;
}

absl::StatusOr<Sequence> ParsePoint(const LogReader& log, const std::string& room,
                                    const std::string& text) {
  const auto versions = log.ListVersions(room);
  if (!versions.ok()) return versions.status();
  for (const store::Version& version : *versions) {
    if (version.name == text) return version.sequence;
  }
  Sequence sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (error == std::errc() && end == text.data() + text.size()) return sequence;
  std::int64_t time_ms = 0;
  if (ParseTime(text, WallTimeMs(), time_ms)) {
    const auto at = log.SequenceAt(room, time_ms);
    if (at.ok() && *at == 0) {
      return absl::NotFoundError(absl::StrCat("the room had no record yet at ", TimeText(time_ms)));
    }
    return at;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\" is neither a version of the room, nor a sequence, nor a time (2026-11-22, "
                   "\"2026-11-22 17:03:01\" in UTC, -5m, -2h, -3d)"));
}

absl::Status AppendAndWait(UpdateLog& log, const store::Append& append, Sequence& sequence) {
  absl::Status result;
  const absl::Status accepted = log.TryAppend(append, [&](const absl::StatusOr<Sequence>& stored) {
    result = stored.status();
    if (stored.ok()) sequence = *stored;
  });
  if (!accepted.ok()) return accepted;
  log.Flush();
  return result;
}

}  // namespace weft::server::log_verbs
