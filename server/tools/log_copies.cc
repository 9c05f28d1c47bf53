#include "server/tools/log_copies.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "crdt/value_language.h"
#include "server/command_line.h"
#include "server/durability.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/text_table.h"
#include "server/tools/blob.h"
#include "server/tools/log_verb_parts.h"
#include "store/backup.h"
#include "store/room_import.h"
#include "store/salvage.h"
#include "store/update_log.h"

namespace weft::server::log_verbs {
namespace {

using store::LogReader;
using store::Record;
using store::Sequence;
using store::UpdateLog;

// A line of an export.
class ExportLine {
 public:
  // Nothing when the text is no JSON object.
  static std::optional<ExportLine> Parse(std::string_view text) {
    std::optional<crdt::Any> value = crdt::ParseJson(text, 4);
    if (!value || value->AsObject() == nullptr) return std::nullopt;
    return ExportLine(*std::move(value));
  }

  bool has(std::string_view name) const { return object().Find(name) != nullptr; }
  std::int64_t integer(std::string_view name) const {
    const crdt::Any* value = object().Find(name);
    const double* number = value != nullptr ? value->AsNumber() : nullptr;
    return number != nullptr ? static_cast<std::int64_t>(*number) : 0;
  }
  // Null when there is no such text.
  const std::string* text(std::string_view name) const {
    const crdt::Any* value = object().Find(name);
    return value != nullptr ? value->AsString() : nullptr;
  }

 private:
  explicit ExportLine(crdt::Any value) : value_(std::move(value)) {}
  const crdt::AnyObject& object() const { return *value_.AsObject(); }

  crdt::Any value_;
};

}  // namespace

namespace {

absl::StatusOr<store::VerifyReport> Verify(const LogCommand& command) {
  ProgressBar bar("verifying", !command.json);
  // Pages first, and not through LMDB.
  const auto log = LogReader::Open(command.directory, /*check_pages=*/true, bar.teller());
  if (log.ok()) {
    return (*log)->Verify(command.deep ? store::CheckPayload(CheckPayload) : store::CheckPayload(),
                          bar.teller());
  }
  if (!absl::IsDataLoss(log.status())) return log.status();
  auto pages = store::CheckPages(command.directory + "/data.mdb", std::nullopt, bar.teller());
  if (!pages.ok()) return pages.status();
  if (pages->findings.empty()) return log.status();
  store::VerifyReport report;
  report.pages = *std::move(pages);
  return report;
}

}  // namespace

// Damage, told with as much as is known. Works on a log that cannot be opened, too.
int VerifyLog(const LogCommand& command) {
  const auto verified = Verify(command);
  if (!verified.ok()) return Fail(verified.status());
  const store::VerifyReport& report = *verified;
  if (command.json) {
    std::cout << "{\"clean\":" << (report.clean() ? "true" : "false")
              << ",\"pages\":" << report.pages.pages
              << ",\"free_pages\":" << report.pages.free_pages << ",\"rooms\":" << report.rooms
              << ",\"records\":" << report.records << ",\"snapshots\":" << report.snapshots
              << ",\"payload_bytes\":" << report.payload_bytes
              << ",\"quarantined\":" << report.quarantined << ",\"findings\":[";
    const char* comma = "";
    for (const store::PageFinding& finding : report.pages.findings) {
      std::cout << comma << "{\"page\":" << finding.page << ",\"what\":" << Quote(finding.what)
                << "}";
      comma = ",";
    }
    for (const auto& finding : report.damage) {
      std::cout << comma << "{\"room\":" << Quote(finding.room)
                << ",\"begin\":" << finding.damage.begin << ",\"end\":" << finding.damage.end
                << ",\"kind\":" << Quote(store::DamageName(finding.damage.kind))
                << ",\"what\":" << Quote(finding.what) << "}";
      comma = ",";
    }
    std::cout << "]}\n";
    return report.clean() ? kExitOk : kExitDamaged;
  }
  for (const store::PageFinding& finding : report.pages.findings) {
    std::cout << "page " << finding.page << ": " << finding.what << "\n";
  }
  for (const auto& finding : report.damage) {
    std::cout << "room \"" << PrintableName(finding.room) << "\": " << finding.what << "\n";
  }
  if (report.clean()) {
    std::cout << "clean: " << Counted(report.rooms, "room") << ", "
              << Counted(report.records, "record") << ", " << Counted(report.snapshots, "snapshot")
              << ", " << SizeOf(report.payload_bytes)
              << (command.deep ? ", every payload an update" : "") << ", "
              << Counted(report.pages.pages, "page") << "\n";
    return kExitOk;
  }
  const std::size_t findings = report.pages.findings.size() + report.damage.size();
  std::cout << Counted(findings, "finding") << "\n";
  if (!report.pages.findings.empty()) {
    std::cout << "Pages of the file are damaged. What is left is saved by:\n  weft log salvage NEW "
                 "--data "
              << command.directory << "\n";
  }
  return kExitDamaged;
}

int Backup(const LogReader& log, const LogCommand& command) {
  const absl::Status status = [&] {
    ProgressBar bar("copying", !command.json);
    return store::BackupLog(log, command.path, bar.teller());
  }();
  if (!status.ok()) return Fail(status);
  if (command.json) {
    std::cout << "{\"backup\":" << Quote(command.path) << "}\n";
  } else {
    std::cout << "the log is in " << command.path << "\n";
  }
  return kExitOk;
}

int Restore(const LogCommand& command) {
  const absl::Status status = [&] {
    ProgressBar bar("verifying and copying", !command.json);
    return store::RestoreLog(command.path, command.directory, bar.teller());
  }();
  if (!status.ok()) return Fail(status);
  std::cout << (command.json ? "{\"restored\":true}\n"
                             : absl::StrCat("the log is in ", command.directory, "\n"));
  return kExitOk;
}

int Salvage(const LogCommand& command) {
  std::error_code error;
  if (!std::filesystem::exists(command.directory + "/data.mdb", error)) {
    return Fail(absl::NotFoundError(absl::StrCat("there is no log in ", command.directory)));
  }
  const auto report = [&] {
    ProgressBar bar("salvaging", !command.json);
    return store::SalvageLog(command.directory, command.path, bar.teller());
  }();
  if (!report.ok()) return Fail(report.status());
  if (command.json) {
    std::cout << "{\"pages\":" << report->pages << ",\"rooms\":" << report->rooms
              << ",\"records\":" << report->records << ",\"snapshots\":" << report->snapshots
              << ",\"versions\":" << report->versions << ",\"rows\":" << report->rows
              << ",\"messages\":" << report->messages
              << ",\"messages_missing\":" << report->messages_missing
              << ",\"messages_end_missing\":" << (report->messages_end_missing ? "true" : "false")
              << ",\"from_stale_pages\":" << report->from_stale_pages
              << ",\"nameless_rooms\":" << report->nameless_rooms << ",\"losses\":[";
    const char* comma = "";
    for (const auto& loss : report->losses) {
      std::cout << comma << "{\"room\":" << Quote(loss.room) << ",\"begin\":" << loss.damage.begin
                << ",\"end\":" << loss.damage.end
                << ",\"kind\":" << Quote(store::DamageName(loss.damage.kind)) << "}";
      comma = ",";
    }
    std::cout << "]}\n";
  } else {
    for (const auto& loss : report->losses) {
      std::cout << "room \"" << PrintableName(loss.room)
                << "\": " << store::DescribeDamage(loss.damage) << "\n";
    }
    std::cout << "saved " << Counted(report->rooms, "room") << ", "
              << Counted(report->records, "record") << ", "
              << Counted(report->snapshots, "snapshot") << " and "
              << Counted(report->versions, "version") << " to " << command.path << "\n";
    if (report->rows > 0) std::cout << Counted(report->rows, "row") << " of applications\n";
    if (report->messages > 0) {
      std::cout << Counted(report->messages, "event") << " of webhooks to be delivered\n";
    }
    if (report->messages_missing > 0) {
      std::cout << "lost: " << Counted(report->messages_missing, "event") << " of webhooks\n";
    }
    if (report->messages_end_missing) {
      std::cout << "the last events of webhooks are lost; how many they were, nobody knows\n";
    }
    if (report->nameless_rooms > 0) {
      std::cout << Counted(report->nameless_rooms, "room")
                << " without a name any more: salvaged-room-N\n";
    }
  }
  const bool whole =
      report->losses.empty() && report->messages_missing == 0 && !report->messages_end_missing;
  return whole ? kExitOk : kExitDamaged;
}

// A room as lines of JSON: the room, its base state if its history has no beginning, its records,
// its versions, and how many lines of records and versions there are: a file without that was cut.
int Export(const LogReader& log, const LogCommand& command) {
  const auto room = GetRoom(log, command.room);
  if (!room.ok()) return Fail(room.status());
  if (command.state) {
    store::LoadReport report;
    const auto state = StateAt(log, command.room, store::kNoBound, report);
    if (!state.ok()) return Fail(state.status());
    const absl::Status written =
        WriteBlob(*state, {.output = command.path.empty() ? "-" : command.path});
    if (!written.ok()) return Fail(written);
    return report.status().ok() ? kExitOk : Fail(report.status());
  }
  std::ofstream file;
  if (!command.path.empty()) {
    file.open(command.path, std::ios::binary | std::ios::trunc);
    if (!file) {
      return Fail(absl::InvalidArgumentError(
          absl::StrCat("cannot write ", command.path, ": ", std::strerror(errno))));
    }
  }
  std::ostream& out = command.path.empty() ? std::cout : file;
  // Not among the lines, where both go to one terminal.
  ProgressBar bar("exporting",
                  !command.json && (!command.path.empty() || isatty(STDOUT_FILENO) == 0));
  out << "{\"weft_room\":2,\"room\":" << Quote(room->name) << ",\"generation\":\""
      << GenerationText(room->generation) << "\",\"head\":" << room->head
      << ",\"first\":" << room->first << "}\n";
  std::uint64_t lines = 0;
  const auto print = [&](const Record& record) {
    bar.Show(lines++, room->records + 1);
    out << "{\"" << (record.is_snapshot ? "snapshot" : "record") << "\":" << record.sequence
        << ",\"time_ms\":" << record.time_ms
        << ",\"origin\":" << static_cast<std::uint64_t>(record.origin) << ",\"update\":\""
        << crdt::ToBase64(record.payload) << "\"}\n";
  };
  absl::StatusOr<store::LoadReport> report = store::LoadReport{};
  if (room->first > 1) report = log.LoadAt(room->name, room->first - 1, print);
  if (!report.ok()) return Fail(report.status());
  absl::Status damage = report->status();
  report = log.ReadRecords(room->name, {}, print);
  if (!report.ok()) return Fail(report.status());
  damage.Update(report->status());
  const auto versions = log.ListVersions(room->name);
  if (!versions.ok()) return Fail(versions.status());
  for (const store::Version& version : *versions) {
    out << "{\"version\":" << Quote(version.name) << ",\"sequence\":" << version.sequence
        << ",\"made_ms\":" << version.made_ms << ",\"note\":" << Quote(version.note) << "}\n";
    ++lines;
  }
  out << "{\"lines\":" << lines << "}\n";
  errno = 0;
  if (!out.flush()) {
    const std::string where = command.path.empty() ? "standard output" : command.path;
    return Fail(absl::InternalError(
        absl::StrCat("cannot write the export to ", where, errno == 0 ? "" : ": ",
                     errno == 0 ? "" : std::strerror(errno), "; what is there is not whole")));
  }
  return damage.ok() ? kExitOk : Fail(damage);
}

namespace {

// What an export tells, line by line.
class Importer {
 public:
  explicit Importer(std::string name) { room_.name = std::move(name); }

  // kInvalidArgument for a line that Export does not write.
  absl::Status Add(const ExportLine& line) {
    if (line.text("version") != nullptr) {
      AddVersion(line);
      return absl::OkStatus();
    }
    const std::string* text = line.text("update");
    if (text == nullptr) return absl::InvalidArgumentError("neither a record nor a version");
    absl::StatusOr<crdt::Bytes> payload = crdt::FromBase64(*text);
    if (!payload.ok() || !CheckPayload(*payload).ok()) {
      return absl::InvalidArgumentError("not an update");
    }
    if (line.has("snapshot")) shift_ = static_cast<Sequence>(line.integer("snapshot")) - 1;
    room_.records.push_back(
        {.time_ms = line.integer("time_ms"),
         .origin = store::OriginId{static_cast<std::uint64_t>(line.integer("origin"))},
         .payload = *std::move(payload)});
    return absl::OkStatus();
  }

  const store::NewRoom& room() const { return room_; }

 private:
  void AddVersion(const ExportLine& line) {
    const auto sequence = static_cast<Sequence>(line.integer("sequence"));
    if (sequence <= shift_) return;
    const std::string* note = line.text("note");
    room_.versions.push_back({.name = *line.text("version"),
                              .sequence = sequence - shift_,
                              .made_ms = line.integer("made_ms"),
                              .note = note != nullptr ? *note : std::string()});
  }

  store::NewRoom room_;
  Sequence shift_ = 0;  // what lies before the export's first record has one record here
};

}  // namespace

namespace {

// Fails: as UpdateLog::Open; kAlreadyExists when there is a room of the name.
absl::Status OpenForImport(const LogCommand& command, const std::string& room,
                           std::unique_ptr<UpdateLog>& log) {
  ProgressBar bar("checking pages", !command.json);
  auto opened = UpdateLog::Open({.directory = command.directory, .progress = bar.teller()});
  if (!opened.ok()) return opened.status();
  log = *std::move(opened);
  const auto exists = log->FindRoom(room);
  if (!exists.ok()) return exists.status();
  if (!*exists) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("there is a room \"", PrintableName(room),
                   "\" already; --room NAME gives the imported one another name"));
}

}  // namespace

// Reads what Export wrote. The room is new, and its generation with it; it is there as a whole or not.
int Import(const LogCommand& command) {
  std::ifstream file;
  if (command.path != "-") {
    std::error_code error;
    if (std::filesystem::is_directory(command.path, error)) {
      return Fail(absl::InvalidArgumentError(
          absl::StrCat(command.path,
                       " is a directory; import reads a file that export wrote, and "
                       "restore a backup")));
    }
    file.open(command.path, std::ios::binary);
    if (!file) {
      return Fail(absl::InvalidArgumentError(
          absl::StrCat("cannot read ", command.path, ": ", std::strerror(errno))));
    }
  }
  std::istream& in = command.path == "-" ? std::cin : file;
  std::string line;
  const auto first = std::getline(in, line) ? ExportLine::Parse(line) : std::nullopt;
  const std::string* name = first ? first->text("room") : nullptr;
  // Exports of format 1 do not say where they end.
  const std::int64_t format = first ? first->integer("weft_room") : 0;
  if (name == nullptr || (format != 1 && format != 2)) {
    return Fail(absl::InvalidArgumentError("line 1 of the export: not an export of a room"));
  }
  Importer importer(command.has_room ? command.room : *name);
  // A log that is there is asked first; one that is not is made when all is known to be good.
  std::unique_ptr<UpdateLog> log;
  if (HasLog(command.directory)) {
    const absl::Status opened = OpenForImport(command, importer.room().name, log);
    if (!opened.ok()) return Fail(opened);
  }
  ProgressBar bar("importing", !command.json);
  const std::int64_t lines = first->integer("head") - first->integer("first") + 2;
  bool is_whole = format == 1;
  bool has_ended = false;
  for (std::size_t number = 2; std::getline(in, line); ++number) {
    if (lines > 0) bar.Show(number - 2, static_cast<std::uint64_t>(lines));
    const auto object = ExportLine::Parse(line);
    if (object && format == 2 && object->has("lines")) {
      is_whole = object->integer("lines") == static_cast<std::int64_t>(number) - 2;
      has_ended = true;
      continue;
    }
    absl::Status status = absl::InvalidArgumentError("not a JSON object");
    if (has_ended) {
      status = absl::InvalidArgumentError("there is something behind its end");
    } else if (object) {
      status = importer.Add(*object);
    }
    if (status.ok()) continue;
    return Fail(absl::Status(status.code(),
                             absl::StrCat("line ", number, " of the export: ", status.message())));
  }
  if (!is_whole) {
    return Fail(
        absl::InvalidArgumentError("the export is not whole: its end, or some of its lines, are "
                                   "missing. Nothing was imported; "
                                   "export the room again"));
  }
  const std::string& room = importer.room().name;
  absl::Status status = store::CheckNewRoom(importer.room());
  if (status.ok() && log == nullptr) status = OpenForImport(command, room, log);
  if (status.ok()) status = store::ImportRoom(*log, importer.room(), MergePayloads, bar.teller());
  if (!status.ok()) return Fail(status);
  const std::size_t records = importer.room().records.size();
  if (command.json) {
    std::cout << "{\"room\":" << Quote(room) << ",\"records\":" << records << "}\n";
  } else {
    std::cout << "the room \"" << PrintableName(room) << "\" has " << Counted(records, "record")
              << "\n";
  }
  return kExitOk;
}

}  // namespace weft::server::log_verbs
