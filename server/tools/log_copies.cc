#include "server/tools/log_copies.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
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

// Damage, told with as much as is known. Works on a log that cannot be opened, too.
int VerifyLog(const LogCommand& command) {
  ProgressBar bar("verifying");
  const store::Progress progress = [&](std::uint64_t done, std::uint64_t total) {
    bar.Show(done, total);
  };
  store::VerifyReport report;
  // Pages first, and not through LMDB.
  const auto unchecked = LogReader::Open(command.directory, /*check_pages=*/true);
  if (absl::IsDataLoss(unchecked.status())) {
    auto pages = store::CheckPages(command.directory + "/data.mdb", std::nullopt, progress);
    if (!pages.ok()) return Fail(pages.status());
    report.pages = *std::move(pages);
    if (report.pages.findings.empty()) return Fail(unchecked.status());
  } else if (!unchecked.ok()) {
    return Fail(unchecked.status());
  } else {
    auto verified =
        (*unchecked)
            ->Verify(command.deep ? store::CheckPayload(CheckPayload) : store::CheckPayload(),
                     progress);
    if (!verified.ok()) return Fail(verified.status());
    report = *std::move(verified);
  }
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
    std::cout << "clean: " << report.rooms << " rooms, " << report.records << " records, "
              << report.snapshots << " snapshots, " << SizeOf(report.payload_bytes)
              << (command.deep ? ", every payload an update" : "") << ", " << report.pages.pages
              << " pages\n";
    return kExitOk;
  }
  const std::size_t findings = report.pages.findings.size() + report.damage.size();
  std::cout << findings << (findings == 1 ? " finding\n" : " findings\n");
  if (!report.pages.findings.empty()) {
    std::cout << "Pages of the file are damaged. What is left is saved by:\n  weft log salvage NEW "
                 "--data "
              << command.directory << "\n";
  }
  return kExitDamaged;
}

int Backup(const LogReader& log, const LogCommand& command) {
  const absl::Status status = store::BackupLog(log, command.path);
  if (!status.ok()) return Fail(status);
  if (command.json) {
    std::cout << "{\"backup\":" << Quote(command.path) << "}\n";
  } else {
    std::cout << "the log is in " << command.path << "\n";
  }
  return kExitOk;
}

int Restore(const LogCommand& command) {
  ProgressBar bar("verifying");
  const absl::Status status =
      store::RestoreLog(command.path, command.directory,
                        [&](std::uint64_t done, std::uint64_t total) { bar.Show(done, total); });
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
  ProgressBar bar("salvaging");
  const auto report =
      store::SalvageLog(command.directory, command.path,
                        [&](std::uint64_t done, std::uint64_t total) { bar.Show(done, total); });
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
    std::cout << "saved " << report->rooms << " rooms, " << report->records << " records, "
              << report->snapshots << " snapshots and " << report->versions << " versions to "
              << command.path << "\n";
    if (report->rows > 0) std::cout << report->rows << " rows of applications\n";
    if (report->messages > 0) {
      std::cout << report->messages << " events of webhooks that are to be delivered\n";
    }
    if (report->messages_missing > 0) {
      std::cout << report->messages_missing << " events of webhooks are lost\n";
    }
    if (report->messages_end_missing) {
      std::cout << "the last events of webhooks are lost; how many they were, nobody knows\n";
    }
    if (report->nameless_rooms > 0) {
      std::cout << report->nameless_rooms << " rooms lost their names: salvaged-room-N\n";
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
  out << "{\"weft_room\":2,\"room\":" << Quote(room->name) << ",\"generation\":\""
      << GenerationText(room->generation) << "\",\"head\":" << room->head
      << ",\"first\":" << room->first << "}\n";
  std::uint64_t lines = 0;
  const auto print = [&](const Record& record) {
    ++lines;
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

// Reads what Export wrote. The room is new, and its generation with it; it is there as a whole or not.
int Import(const LogCommand& command) {
  std::ifstream file;
  if (command.path != "-") {
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
  const std::string room = command.has_room ? command.room : *name;
  const auto log = UpdateLog::Open({.directory = command.directory});
  if (!log.ok()) return Fail(log.status());
  const auto exists = (*log)->FindRoom(room);
  if (!exists.ok()) return Fail(exists.status());
  if (*exists) {
    return Fail(absl::AlreadyExistsError(
        absl::StrCat("there is a room \"", PrintableName(room),
                     "\" already; --room NAME gives the imported one another name")));
  }
  Importer importer(room);
  bool is_whole = format == 1;
  bool has_ended = false;
  for (std::size_t number = 2; std::getline(in, line); ++number) {
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
  const absl::Status status = store::ImportRoom(**log, importer.room(), MergePayloads);
  if (!status.ok()) return Fail(status);
  const std::size_t records = importer.room().records.size();
  if (command.json) {
    std::cout << "{\"room\":" << Quote(room) << ",\"records\":" << records << "}\n";
  } else {
    std::cout << "the room \"" << PrintableName(room) << "\" has " << records
              << (records == 1 ? " record\n" : " records\n");
  }
  return kExitOk;
}

}  // namespace weft::server::log_verbs
