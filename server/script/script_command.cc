#include "server/script/script_command.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/command_line.h"
#include "server/durability.h"
#include "server/script/check.h"
#include "server/script/compile.h"
#include "server/script/cues_cuts.h"
#include "server/script/import.h"
#include "server/script/script_rows.h"
#include "server/text_table.h"
#include "server/tools/log_verbs.h"
#include "store/log_reader.h"
#include "store/rows.h"
#include "store/update_log.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using log_verbs::Fail;
using store::RowReader;
using store::RowWriter;

Any ToNumber(std::uint64_t number) { return static_cast<double>(number); }

void PrintJson(AnyObject object) { std::cout << crdt::ToJsonText(Any(std::move(object))) << "\n"; }

Any::Array TextsToJson(const std::vector<std::string>& texts) {
  Any::Array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

// The log, and the application's tables in it, for writing.
struct Data {
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<store::Rows> rows;
};

// A directory without a log is an error unless it may be `made`.
absl::StatusOr<Data> OpenForWriting(const std::string& directory, bool made = false) {
  if (!made) {
    const auto exists = store::LogReader::Open(directory, /*check_pages=*/false);
    if (absl::IsNotFound(exists.status())) return exists.status();
  }
  Data data;
  auto log = store::UpdateLog::Open({.directory = directory});
  if (!log.ok()) return log.status();
  data.log = *std::move(log);
  auto rows = store::Rows::Open(*data.log, kApplication);
  if (!rows.ok()) return rows.status();
  data.rows = *std::move(rows);
  return data;
}

// Reads one moment of the tables, beside a server that uses them, too.
absl::Status Look(const std::string& directory,
                  absl::FunctionRef<absl::Status(const RowReader&)> read) {
  const auto log = store::LogReader::Open(directory);
  if (!log.ok()) return log.status();
  const auto rows = store::Rows::OpenReadOnly(**log, kApplication);
  if (absl::IsNotFound(rows.status())) {
    return absl::NotFoundError(absl::StrCat("there are no scripts in \"", directory, "\""));
  }
  if (!rows.ok()) return rows.status();
  return (*rows)->Read(read);
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (file) text << file.rdbuf();
  if (!file || file.bad() || std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("the file \"", path, "\" cannot be read"));
  }
  return text.str();
}

absl::Status WriteOutput(const std::string& path, std::string_view bytes) {
  if (path.empty() || path == "-") {
    std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::cout.flush();
    return std::cout ? absl::OkStatus() : absl::InternalError("standard output takes nothing");
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the file \"", path, "\" cannot be written"));
}

// --- import

struct ImportCounts {
  std::uint64_t revisions = 0;
  std::uint64_t lines = 0;
};

ImportCounts CountsOf(const Imported& imported) {
  ImportCounts counts;
  for (const ImportedShow& show : imported.shows) {
    counts.revisions += show.revisions.size();
    for (const ImportedRevision& revision : show.revisions) {
      counts.lines += revision.revision.lines.size();
    }
  }
  return counts;
}

int TellProblems(const ScriptCommand& command, const std::vector<std::string>& problems) {
  if (command.json) {
    PrintJson({{"imported", false}, {"problems", TextsToJson(problems)}});
  }
  for (const std::string& problem : problems) {
    if (!command.json) std::cerr << problem << "\n";
  }
  std::cerr << "weft: the file has " << problems.size()
            << (problems.size() == 1 ? " problem" : " problems") << "; nothing was imported\n";
  return kExitUsage;
}

int Import(const ScriptCommand& command) {
  const auto text = ReadInput(command.path);
  if (!text.ok()) return Fail(text.status());
  std::vector<std::string> problems;
  const Imported imported = ReadImport(*text, WallTimeMs(), problems);
  if (!problems.empty()) return TellProblems(command, problems);
  if (!command.dry_run) {
    const auto data = OpenForWriting(command.directory, /*made=*/true);
    if (!data.ok()) return Fail(data.status());
    const absl::Status written =
        data->rows->Write([&](RowWriter& rows) { return WriteImport(rows, imported); });
    if (!written.ok()) return Fail(written);
  }
  const ImportCounts counts = CountsOf(imported);
  if (command.json) {
    PrintJson({{"imported", !command.dry_run},
               {"users", ToNumber(imported.users.size())},
               {"shows", ToNumber(imported.shows.size())},
               {"revisions", ToNumber(counts.revisions)},
               {"lines", ToNumber(counts.lines)},
               {"problems", Any::Array()}});
  } else {
    std::cout << (command.dry_run ? "would import " : "imported ")
              << Counted(imported.users.size(), "user") << ", "
              << Counted(imported.shows.size(), "show") << ", "
              << Counted(counts.revisions, "revision") << ", " << Counted(counts.lines, "line")
              << "\n";
  }
  return kExitOk;
}

// --- check

Any FindingToJson(const Finding& finding) {
  AnyObject object{{"show", ToNumber(Number(finding.show))}};
  if (finding.revision) object.Set("revision", ToNumber(Number(*finding.revision)));
  object.Set("what", finding.what);
  object.Set("repair", finding.repair);
  return object;
}

void PrintReport(const CheckReport& report, bool repaired) {
  for (const Finding& finding : report.findings) {
    std::cout << "show " << Number(finding.show);
    if (finding.revision) std::cout << ", revision " << Number(*finding.revision);
    std::cout << ": " << finding.what << "\n  " << (repaired ? "mended: " : "--repair ")
              << finding.repair << "\n";
  }
  std::cout << Counted(report.shows, "show") << ", " << Counted(report.revisions, "revision")
            << ", " << Counted(report.lines, "line") << ": "
            << (report.findings.empty() ? std::string("everything is whole")
                                        : absl::StrCat(Counted(report.findings.size(), "finding"),
                                                       repaired ? ", mended" : ""))
            << "\n";
}

absl::StatusOr<CheckReport> CheckOrRepair(const ScriptCommand& command) {
  absl::StatusOr<CheckReport> report = absl::InternalError("nothing was read");
  if (!command.repair) {
    const absl::Status status = Look(command.directory, [&](const RowReader& rows) {
      report = CheckScripts(rows);
      return report.status();
    });
    if (!status.ok()) return status;
    return report;
  }
  const auto data = OpenForWriting(command.directory);
  if (!data.ok()) return data.status();
  const absl::Status status = data->rows->Write([&](RowWriter& rows) {
    report = RepairScripts(rows);
    return report.status();
  });
  if (!status.ok()) return status;
  return report;
}

int Check(const ScriptCommand& command) {
  const auto report = CheckOrRepair(command);
  if (!report.ok()) return Fail(report.status());
  if (command.json) {
    Any::Array findings;
    for (const Finding& finding : report->findings) findings.push_back(FindingToJson(finding));
    PrintJson({{"shows", ToNumber(report->shows)},
               {"revisions", ToNumber(report->revisions)},
               {"lines", ToNumber(report->lines)},
               {"repaired", command.repair},
               {"findings", std::move(findings)}});
  } else {
    PrintReport(*report, command.repair);
  }
  return report->findings.empty() || command.repair ? kExitOk : kExitDamaged;
}

// --- revisions

struct ListedRevision {
  ShowId show{};
  bool is_current = false;
  RevisionInfo info;
  std::uint64_t cues = 0;
  std::uint64_t cuts = 0;
};

absl::Status ListAll(const RowReader& rows, const ScriptCommand& command,
                     std::vector<ListedRevision>& out) {
  const auto shows = ListShows(rows);
  if (!shows.ok()) return shows.status();
  bool is_found = !command.show;
  for (const Show& show : *shows) {
    if (command.show && Number(show.id) != *command.show) continue;
    is_found = true;
    const auto script = GetScript(rows, show.id);
    if (!script.ok()) return script.status();
    const auto revisions = ListRevisions(rows, show.id);
    if (!revisions.ok()) return revisions.status();
    for (const RevisionInfo& info : *revisions) {
      const auto cues = ListCues(rows, show.id, info.id);
      if (!cues.ok()) return cues.status();
      const auto cuts = ListCuts(rows, show.id, info.id);
      if (!cuts.ok()) return cuts.status();
      out.push_back({.show = show.id,
                     .is_current = script->current == info.id,
                     .info = info,
                     .cues = cues->size(),
                     .cuts = cuts->size()});
    }
  }
  if (is_found) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no show ", *command.show));
}

int Revisions(const ScriptCommand& command) {
  std::vector<ListedRevision> revisions;
  const absl::Status status = Look(
      command.directory, [&](const RowReader& rows) { return ListAll(rows, command, revisions); });
  if (!status.ok()) return Fail(status);
  TextTable table({"show", "id", "number", "parent", "lines", "cues", "cuts", "current", "edited",
                   "description"});
  for (const ListedRevision& listed : revisions) {
    const RevisionInfo& info = listed.info;
    if (command.json) {
      PrintJson({{"show", ToNumber(Number(listed.show))},
                 {"id", ToNumber(Number(info.id))},
                 {"number", ToNumber(info.number)},
                 {"parent", info.parent ? ToNumber(Number(*info.parent)) : Any(Any::Null{})},
                 {"description", info.description},
                 {"current", listed.is_current},
                 {"created_ms", static_cast<double>(info.created_ms)},
                 {"edited_ms", static_cast<double>(info.edited_ms)},
                 {"lines", ToNumber(info.count)},
                 {"cues", ToNumber(listed.cues)},
                 {"cuts", ToNumber(listed.cuts)}});
    } else {
      table.Add(
          {std::to_string(Number(listed.show)), std::to_string(Number(info.id)),
           std::to_string(info.number), info.parent ? std::to_string(Number(*info.parent)) : "-",
           std::to_string(info.count), std::to_string(listed.cues), std::to_string(listed.cuts),
           listed.is_current ? "yes" : "", TimeText(info.edited_ms), info.description});
    }
  }
  if (!command.json) std::cout << table.Render();
  return kExitOk;
}

// --- export and compile

int ExportAll(const ScriptCommand& command) {
  absl::StatusOr<std::string> json = std::string();
  const absl::Status status = Look(command.directory, [&](const RowReader& rows) {
    json = Export(rows);
    return json.status();
  });
  if (!status.ok()) return Fail(status);
  const absl::Status written = WriteOutput(command.path, *json + "\n");
  return written.ok() ? kExitOk : Fail(written);
}

// The show that is asked for, or the only one.
absl::StatusOr<ShowId> ChooseShow(const RowReader& rows, const ScriptCommand& command) {
  if (command.show) return ShowId{*command.show};
  const auto shows = ListShows(rows);
  if (!shows.ok()) return shows.status();
  if (shows->size() == 1) return shows->front().id;
  return absl::InvalidArgumentError(
      absl::StrCat("there are ", shows->size(), " shows; --show says which"));
}

int CompileOne(const ScriptCommand& command) {
  if ((command.path.empty() || command.path == "-") && isatty(STDOUT_FILENO) == 1) {
    return Fail(absl::InvalidArgumentError(
        "a terminal cannot show compressed bytes; --output names a file"));
  }
  const auto data = OpenForWriting(command.directory);
  if (!data.ok()) return Fail(data.status());
  absl::StatusOr<crdt::Bytes> gzip = crdt::Bytes();
  const absl::Status status = data->rows->Write([&](RowWriter& rows) {
    const auto show = ChooseShow(rows, command);
    if (!show.ok()) return show.status();
    const auto script = GetScript(rows, *show);
    if (!script.ok()) return script.status();
    const RevisionId revision = command.revision ? RevisionId{*command.revision} : script->current;
    gzip = CompileRevision(rows, *show, revision);
    return gzip.status();
  });
  if (!status.ok()) return Fail(status);
  const absl::Status written = WriteOutput(command.path, crdt::AsText(*gzip));
  return written.ok() ? kExitOk : Fail(written);
}

}  // namespace

int RunScriptCommand(const ScriptCommand& command) {
  using enum ScriptCommand::Verb;
  switch (command.verb) {
    case kImport:
      return Import(command);
    case kExport:
      return ExportAll(command);
    case kCheck:
      return Check(command);
    case kRevisions:
      return Revisions(command);
    case kCompile:
      return CompileOne(command);
  }
  return kExitUsage;
}

}  // namespace weft::server::script
