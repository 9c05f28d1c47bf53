#include "server/log_verbs.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/doc.h"
#include "crdt/driver/type_path.h"
#include "crdt/json.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"
#include "server/blob.h"
#include "server/command_line.h"
#include "server/durability.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/text_table.h"
#include "store/backup.h"
#include "store/log_reader.h"
#include "store/salvage.h"
#include "store/update_log.h"

namespace weft::server {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using store::LogReader;
using store::Record;
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

absl::StatusOr<std::unique_ptr<UpdateLog>> OpenForWriting(const LogCommand& command) {
  const auto exists = LogReader::Open(command.directory, /*check_pages=*/false);
  if (absl::IsNotFound(exists.status())) return exists.status();
  return UpdateLog::Open({.directory = command.directory});
}

std::string GenerationText(store::Generation generation) {
  return absl::StrFormat("%016x", static_cast<std::uint64_t>(generation));
}

std::string NoneOr(Sequence sequence) { return sequence == 0 ? "-" : absl::StrCat(sequence); }

std::string JsonOfRoom(const RoomInfo& room) {
  return absl::StrCat(
      "{\"room\":", Quote(room.name), ",\"generation\":\"", GenerationText(room.generation),
      "\",\"head\":", room.head, ",\"first\":", room.first, ",\"snapshot\":", room.snapshot,
      ",\"records\":", room.records, ",\"payload_bytes\":", room.payload_bytes,
      ",\"snapshot_bytes\":", room.snapshot_bytes, ",\"appended_bytes\":", room.appended_bytes,
      ",\"tail_records\":", room.tail_records, ",\"tail_bytes\":", room.tail_bytes,
      ",\"quarantined\":", room.quarantined, ",\"created_ms\":", room.created_ms,
      ",\"last_ms\":", room.last_ms, ",\"quota_bytes\":", room.policy.quota_bytes,
      ",\"retention_ms\":", room.policy.retention_ms, "}");
}

// --- Reading
// ----------------------------------------------------------------------------------------

int List(const LogReader& log, const LogCommand& command) {
  const auto rooms = log.ListRooms();
  if (!rooms.ok()) return Fail(rooms.status());
  if (command.json) {
    for (const RoomInfo& room : *rooms) std::cout << JsonOfRoom(room) << "\n";
    return kExitOk;
  }
  TextTable table(
      {"room", "head", "snapshot", "kept", "size", "quarantined", "created", "changed"});
  for (const RoomInfo& room : *rooms) {
    table.Add({PrintableName(room.name), absl::StrCat(room.head), NoneOr(room.snapshot),
               absl::StrCat(room.records), SizeOf(room.payload_bytes + room.snapshot_bytes),
               NoneOr(room.quarantined), TimeText(room.created_ms), TimeText(room.last_ms)});
  }
  std::cout << table.Render() << rooms->size() << (rooms->size() == 1 ? " room\n" : " rooms\n");
  return kExitOk;
}

absl::StatusOr<RoomInfo> GetRoom(const LogReader& log, const std::string& name) {
  const auto room = log.FindRoom(name);
  if (!room.ok()) return room.status();
  if (!*room)
    return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(name), "\""));
  return **room;
}

// One change: its record, and what is in it.
struct ChangeLine {
  Sequence sequence = 0;
  std::int64_t time_ms = 0;
  std::uint64_t origin = 0;
  std::size_t bytes = 0;
  Change change;
  bool readable = true;
};

ChangeLine Describe(const Record& record) {
  ChangeLine line{.sequence = record.sequence,
                  .time_ms = record.time_ms,
                  .origin = static_cast<std::uint64_t>(record.origin),
                  .bytes = record.payload.size(),
                  .change = {}};
  auto change = DescribeChange(record.payload);
  line.readable = change.ok();
  if (change.ok()) line.change = *std::move(change);
  return line;
}

std::string WritersOf(const ChangeLine& line) {
  if (!line.readable) return "not an update";
  std::string text;
  for (std::size_t i = 0; i < line.change.writers.size() && i < 3; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ",
                    static_cast<std::uint64_t>(line.change.writers[i].client), " +",
                    line.change.writers[i].elements);
  }
  if (line.change.writers.size() > 3) absl::StrAppend(&text, ", …");
  if (line.change.deleted > 0)
    absl::StrAppend(&text, text.empty() ? "" : " ", "-", line.change.deleted);
  return text.empty() ? "nothing" : text;
}

std::string JsonOfChange(const std::string& room, const ChangeLine& line) {
  std::string writers;
  for (const Change::Writer& writer : line.change.writers) {
    absl::StrAppend(&writers, writers.empty() ? "" : ",",
                    "{\"client\":", static_cast<std::uint64_t>(writer.client),
                    ",\"elements\":", writer.elements, "}");
  }
  return absl::StrCat("{\"room\":", Quote(room), ",\"sequence\":", line.sequence,
                      ",\"time_ms\":", line.time_ms, ",\"origin\":", line.origin,
                      ",\"bytes\":", line.bytes, ",\"readable\":", line.readable ? "true" : "false",
                      ",\"writers\":[", writers, "],\"deleted\":", line.change.deleted, "}");
}

// The last changes of a room, the newest last.
absl::StatusOr<std::vector<ChangeLine>> LastChanges(const LogReader& log, const RoomInfo& room,
                                                    std::uint64_t limit) {
  std::vector<ChangeLine> lines;
  const Sequence begin = room.head + 1 - std::min<std::uint64_t>(limit, room.head);
  const auto report = log.ReadRecords(room.name, {.begin = begin}, [&](const Record& record) {
    lines.push_back(Describe(record));
  });
  if (!report.ok()) return report.status();
  return lines;
}

int Show(const LogReader& log, const LogCommand& command) {
  const auto room = GetRoom(log, command.room);
  if (!room.ok()) return Fail(room.status());
  const auto lines = LastChanges(log, *room, command.limit);
  const auto versions = log.ListVersions(command.room);
  const auto snapshots = log.ListSnapshots(command.room);
  const auto load = log.Load(command.room, [](const Record&) {});
  for (const absl::Status& status :
       {lines.status(), versions.status(), snapshots.status(), load.status()}) {
    if (!status.ok()) return Fail(status);
  }
  const int code = load->status().ok() ? kExitOk : kExitDamaged;
  if (command.json) {
    std::cout << JsonOfRoom(*room) << "\n";
    for (const ChangeLine& line : *lines) std::cout << JsonOfChange(room->name, line) << "\n";
    return code;
  }
  std::cout << "room        " << PrintableName(room->name) << "\n"
            << "generation  " << GenerationText(room->generation) << "\n"
            << "head        " << room->head << "\n"
            << "history     "
            << (room->first <= room->head
                    ? absl::StrCat("records ", room->first, " to ", room->head, ", ",
                                   SizeOf(room->payload_bytes))
                    : "none beyond the snapshot")
            << "\n"
            << "snapshots   " << snapshots->size() << ", " << SizeOf(room->snapshot_bytes)
            << (room->snapshot > 0 ? absl::StrCat(", the newest up to ", room->snapshot) : "")
            << "\n"
            << "created     " << TimeText(room->created_ms) << "\n"
            << "changed     " << TimeText(room->last_ms) << "\n"
            << "quarantine  " << room->quarantined << "\n";
  if (room->policy.quota_bytes > 0) {
    std::cout << "quota       " << SizeOf(room->policy.quota_bytes) << "\n";
  }
  for (const store::Version& version : *versions) {
    std::cout << "version     " << PrintableName(version.name) << " at " << version.sequence
              << "\n";
  }
  if (!load->status().ok()) {
    std::cout << "damage      " << std::string(load->status().message()) << "\n";
  }
  TextTable table({"sequence", "time", "bytes", "who, how much"});
  for (const ChangeLine& line : *lines) {
    table.Add({absl::StrCat(line.sequence), TimeText(line.time_ms), absl::StrCat(line.bytes),
               WritersOf(line)});
  }
  if (!lines->empty()) std::cout << "\n" << table.Render();
  return code;
}

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

int Stats(const LogReader& log, const LogCommand& command) {
  const auto rooms = log.ListRooms();
  if (!rooms.ok()) return Fail(rooms.status());
  const auto pages = log.environment().CheckPagesNow({});
  if (!pages.ok()) return Fail(pages.status());
  std::uint64_t records = 0;
  std::uint64_t payload = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t appended = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t tails = 0;
  for (const RoomInfo& room : *rooms) {
    records += room.records;
    payload += room.payload_bytes;
    snapshots += room.snapshot_bytes;
    appended += room.appended_bytes;
    quarantined += room.quarantined;
    tails += room.tail_records;
  }
  const std::uint64_t file = pages->pages * pages->page_bytes;
  const std::uint64_t free = pages->free_pages * pages->page_bytes;
  if (command.json) {
    std::cout << "{\"rooms\":" << rooms->size() << ",\"records\":" << records
              << ",\"tail_records\":" << tails << ",\"payload_bytes\":" << payload
              << ",\"snapshot_bytes\":" << snapshots << ",\"appended_bytes\":" << appended
              << ",\"quarantined\":" << quarantined << ",\"file_bytes\":" << file
              << ",\"free_bytes\":" << free << ",\"transaction\":" << pages->transaction << "}\n";
    return kExitOk;
  }
  std::cout << "rooms        " << rooms->size() << "\n"
            << "records      " << records << ", " << SizeOf(payload) << "; " << tails
            << " of them after the newest snapshots\n"
            << "snapshots    " << SizeOf(snapshots) << "\n"
            << "ever written " << SizeOf(appended) << " of updates\n"
            << "quarantine   " << quarantined << "\n"
            << "file         " << SizeOf(file) << ", " << SizeOf(free) << " of it free\n";
  if (appended > 0) {
    std::cout << absl::StrFormat("on disk      %.2f bytes for each byte of update ever written\n",
                                 static_cast<double>(file - free) / static_cast<double>(appended));
  }
  return kExitOk;
}

// A place in a room's history: "123", a time, or a version's name.
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

// What a document holds, its roots by the kinds that they seem to have.
absl::StatusOr<std::string> ContentAsJson(ByteView state) {
  const auto weight = crdt::WeighUpdate(state);
  if (!weight.ok()) return weight.status();
  crdt::Doc doc;
  const absl::Status status = doc.ApplyUpdate(state);
  if (!status.ok()) return status;
  std::string out = "{";
  for (const crdt::UpdateWeight::Root& root : weight->roots) {
    if (out.size() > 1) out += ',';
    crdt::AppendString(out, root.name);
    out += ':';
    if (root.kind == crdt::TypeKind::kUndefined) {
      out += "null";
    } else {
      crdt::AppendElement(out, crdt::driver::AsElement(doc.GetType(root.name, root.kind)));
    }
  }
  return out + "}";
}

int At(const LogReader& log, const LogCommand& command) {
  const auto room = GetRoom(log, command.room);
  if (!room.ok()) return Fail(room.status());
  const auto sequence = ParsePoint(log, command.room, command.point);
  if (!sequence.ok()) return Fail(sequence.status());
  absl::StatusOr<Bytes> bytes = Bytes{};
  store::LoadReport report;
  if (!command.since.empty()) {
    const auto since = ParsePoint(log, command.room, command.since);
    if (!since.ok()) return Fail(since.status());
    if (*since > *sequence) {
      return Fail(absl::InvalidArgumentError("--since lies after the point that is asked for"));
    }
    bytes = ChangesBetween(log, command.room, *since, *sequence);
  } else {
    bytes = StateAt(log, command.room, *sequence, report);
  }
  if (!bytes.ok()) return Fail(bytes.status());
  if (command.content) {
    const auto content = ContentAsJson(*bytes);
    if (!content.ok()) return Fail(content.status());
    std::cout << *content << "\n";
  } else if (command.json) {
    std::cout << "{\"room\":" << Quote(command.room) << ",\"sequence\":" << *sequence
              << ",\"update\":\"" << crdt::ToBase64(*bytes) << "\"}\n";
  } else {
    const absl::Status written =
        WriteBlob(*bytes, {.output = command.path.empty() ? "-" : command.path});
    if (!written.ok()) return Fail(written);
  }
  return report.status().ok() ? kExitOk : Fail(report.status());
}

int Versions(const LogReader& log, const LogCommand& command) {
  const auto room = GetRoom(log, command.room);
  if (!room.ok()) return Fail(room.status());
  const auto versions = log.ListVersions(command.room);
  if (!versions.ok()) return Fail(versions.status());
  TextTable table({"version", "sequence", "made", "note"});
  for (const store::Version& version : *versions) {
    if (command.json) {
      std::cout << "{\"version\":" << Quote(version.name) << ",\"sequence\":" << version.sequence
                << ",\"made_ms\":" << version.made_ms << ",\"note\":" << Quote(version.note)
                << "}\n";
    }
    table.Add({PrintableName(version.name), absl::StrCat(version.sequence),
               TimeText(version.made_ms), PrintableName(version.note)});
  }
  if (!command.json) {
    std::cout << (versions->empty() ? "the room has no named versions\n" : table.Render());
  }
  return kExitOk;
}

int Quarantine(const LogReader& log, const LogCommand& command) {
  const auto rooms = log.ListRooms();
  if (!rooms.ok()) return Fail(rooms.status());
  TextTable table({"room", "sequence", "why", "found", "bytes kept"});
  std::size_t count = 0;
  for (const RoomInfo& room : *rooms) {
    if (command.has_room && room.name != command.room) continue;
    const auto entries = log.ListQuarantine(room.name);
    if (!entries.ok()) return Fail(entries.status());
    for (const store::SetAside& entry : *entries) {
      ++count;
      if (command.json) {
        std::cout << "{\"room\":" << Quote(room.name) << ",\"sequence\":" << entry.sequence
                  << ",\"why\":" << Quote(store::DamageName(entry.kind))
                  << ",\"found_ms\":" << entry.found_ms << ",\"bytes\":" << entry.bytes << "}\n";
      }
      table.Add({PrintableName(room.name), absl::StrCat(entry.sequence),
                 std::string(store::DamageName(entry.kind)), TimeText(entry.found_ms),
                 absl::StrCat(entry.bytes)});
    }
  }
  if (!command.json) std::cout << (count == 0 ? "nothing is in quarantine\n" : table.Render());
  return kExitOk;
}

void PrintChange(const std::string& room, const ChangeLine& line, bool json) {
  if (json) {
    std::cout << JsonOfChange(room, line) << "\n";
  } else {
    std::cout << TimeText(line.time_ms) << "  " << PrintableName(room) << "  " << line.sequence
              << "  " << line.bytes << " bytes  " << WritersOf(line) << "\n";
  }
}

// Whether somebody is still there to read.
bool StandardOutputStands() { return static_cast<bool>(std::cout.flush()); }

int Tail(const LogReader& log, const LogCommand& command) {
  std::map<std::string, Sequence> shown;
  bool first = true;
  for (;;) {
    const std::uint64_t transaction = log.last_transaction();
    const auto rooms = log.ListRooms();
    if (!rooms.ok()) return Fail(rooms.status());
    std::vector<std::pair<std::string, ChangeLine>> lines;
    for (const RoomInfo& room : *rooms) {
      if (command.has_room && room.name != command.room) continue;
      const auto [known, fresh] = shown.try_emplace(room.name, 0);
      if (known->second == room.head) continue;
      if (room.head < known->second) known->second = 0;  // deleted and made anew
      const Sequence begin = first
                                 ? room.head + 1 - std::min<std::uint64_t>(command.limit, room.head)
                                 : known->second + 1;
      known->second = room.head;
      const auto report = log.ReadRecords(
          room.name, {.begin = begin, .end = room.head + 1},
          [&](const Record& record) { lines.emplace_back(room.name, Describe(record)); });
      if (!report.ok()) return Fail(report.status());
    }
    std::ranges::stable_sort(lines, {}, [](const auto& line) { return line.second.time_ms; });
    const std::size_t skipped =
        first && lines.size() > command.limit ? lines.size() - command.limit : 0;
    for (std::size_t i = skipped; i < lines.size(); ++i) {
      PrintChange(lines[i].first, lines[i].second, command.json);
    }
    if (!StandardOutputStands()) return kExitFailed;
    if (!command.follow) return kExitOk;
    first = false;
    while (log.last_transaction() == transaction) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

// --- Copies
// -----------------------------------------------------------------------------------------

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
  ProgressBar bar("salvaging");
  const auto report =
      store::SalvageLog(command.directory, command.path,
                        [&](std::uint64_t done, std::uint64_t total) { bar.Show(done, total); });
  if (!report.ok()) return Fail(report.status());
  if (command.json) {
    std::cout << "{\"pages\":" << report->pages << ",\"rooms\":" << report->rooms
              << ",\"records\":" << report->records << ",\"snapshots\":" << report->snapshots
              << ",\"versions\":" << report->versions
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
    if (report->nameless_rooms > 0) {
      std::cout << report->nameless_rooms << " rooms lost their names: salvaged-room-N\n";
    }
  }
  return report->losses.empty() ? kExitOk : kExitDamaged;
}

// A room as lines of JSON: the room, its base state if its history has no beginning, its records,
// its versions.
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
    if (!file) return Fail(absl::InvalidArgumentError("cannot write " + command.path));
  }
  std::ostream& out = command.path.empty() ? std::cout : file;
  out << "{\"weft_room\":1,\"room\":" << Quote(room->name) << ",\"generation\":\""
      << GenerationText(room->generation) << "\",\"head\":" << room->head
      << ",\"first\":" << room->first << "}\n";
  const auto print = [&](const Record& record) {
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
  }
  if (!out.flush()) return Fail(absl::InternalError("the export could not be written"));
  return damage.ok() ? kExitOk : Fail(damage);
}

// --- Writing
// ----------------------------------------------------------------------------------------

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

int Compact(const LogCommand& command) {
  std::uint64_t merged_rooms = 0;
  std::uint64_t failed = 0;
  std::uint64_t aside = 0;
  {
    const auto log = OpenForWriting(command);
    if (!log.ok()) return Fail(log.status());
    std::vector<std::string> names = command.rooms;
    if (names.empty()) {
      const auto rooms = (*log)->ListRooms();
      if (!rooms.ok()) return Fail(rooms.status());
      for (const RoomInfo& room : *rooms) names.push_back(room.name);
    }
    ProgressBar bar("merging");
    constexpr double kDefaultDays = 7;
    const double days = command.history_days < 0 ? kDefaultDays : command.history_days;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto report = (*log)->Compact(
          names[i], MergePayloads,
          {.now_ms = WallTimeMs(), .retention_ms = static_cast<std::int64_t>(days * 86'400'000)});
      if (!report.ok()) {
        ++failed;
        std::cerr << "weft: room \"" << PrintableName(names[i])
                  << "\": " << std::string(report.status().message()) << "\n";
      } else {
        merged_rooms += report->merged_records > 0;
        aside += report->set_aside;
      }
      bar.Show(i + 1, names.size());
    }
  }
  ProgressBar bar("verifying the smaller file");
  const auto shrunk = store::ShrinkLog(
      command.directory, [&](std::uint64_t done, std::uint64_t total) { bar.Show(done, total); });
  if (!shrunk.ok()) return Fail(shrunk.status());
  if (command.json) {
    std::cout << "{\"rooms\":" << merged_rooms << ",\"failed\":" << failed
              << ",\"set_aside\":" << aside << ",\"bytes_before\":" << shrunk->bytes_before
              << ",\"bytes_after\":" << shrunk->bytes_after << "}\n";
  } else {
    std::cout << "merged " << merged_rooms << " rooms; the file had "
              << SizeOf(shrunk->bytes_before) << ", and has " << SizeOf(shrunk->bytes_after)
              << "\n";
    if (aside > 0) std::cout << aside << " damaged records are in quarantine now\n";
  }
  return failed == 0 ? kExitOk : kExitFailed;
}

// Reads what Export wrote.
int Import(const LogCommand& command) {
  std::ifstream file;
  if (command.path != "-") {
    file.open(command.path, std::ios::binary);
    if (!file) return Fail(absl::InvalidArgumentError("cannot read " + command.path));
  }
  std::istream& in = command.path == "-" ? std::cin : file;
  const auto log = UpdateLog::Open({.directory = command.directory});
  if (!log.ok()) return Fail(log.status());
  std::string room;
  Sequence imported = 0;
  std::size_t number = 0;
  std::string line;
  const auto bad = [&](std::string_view what) {
    return Fail(absl::InvalidArgumentError(
        absl::StrCat("line ", number, " of the export: ", std::string(what))));
  };
  std::uint64_t shift = 0;  // what lies before the export's first record has one record here
  while (std::getline(in, line)) {
    ++number;
    const auto object = ExportLine::Parse(line);
    if (!object) return bad("not a JSON object");
    if (number == 1) {
      const std::string* name = object->text("room");
      if (object->integer("weft_room") != 1 || name == nullptr) {
        return bad("not an export of a room");
      }
      room = command.has_room ? command.room : *name;
      const auto exists = (*log)->FindRoom(room);
      if (!exists.ok()) return Fail(exists.status());
      if (*exists) {
        return Fail(absl::AlreadyExistsError(
            absl::StrCat("there is a room \"", PrintableName(room),
                         "\" already; --room NAME gives the imported one another name")));
      }
      continue;
    }
    if (const std::string* version = object->text("version")) {
      const auto sequence = static_cast<Sequence>(object->integer("sequence"));
      if (sequence <= shift) continue;
      const std::string* note = object->text("note");
      const absl::Status status =
          (*log)->PutVersion(room,
                             {.name = *version,
                              .sequence = sequence - shift,
                              .made_ms = object->integer("made_ms"),
                              .note = note != nullptr ? *note : std::string()},
                             MergePayloads);
      if (!status.ok()) return Fail(status);
      continue;
    }
    const std::string* text = object->text("update");
    if (text == nullptr) return bad("neither a record nor a version");
    const auto payload = crdt::FromBase64(*text);
    if (!payload.ok() || !CheckPayload(*payload).ok()) return bad("not an update");
    if (object->has("snapshot")) {
      shift = static_cast<std::uint64_t>(object->integer("snapshot")) - 1;
    }
    Sequence sequence = 0;
    const absl::Status status = AppendAndWait(
        **log,
        {.room = room,
         .time_ms = object->integer("time_ms"),
         .origin = store::OriginId{static_cast<std::uint64_t>(object->integer("origin"))},
         .payload = *payload},
        sequence);
    if (!status.ok()) return Fail(status);
    ++imported;
  }
  if (number == 0) return bad("it is empty");
  if (command.json) {
    std::cout << "{\"room\":" << Quote(room) << ",\"records\":" << imported << "}\n";
  } else {
    std::cout << "the room \"" << PrintableName(room) << "\" has " << imported << " records\n";
  }
  return kExitOk;
}

int Revert(const LogCommand& command) {
  const auto log = OpenForWriting(command);
  if (!log.ok()) return Fail(log.status());
  const LogReader& reader = (*log)->reader();
  const auto room = GetRoom(reader, command.room);
  if (!room.ok()) return Fail(room.status());
  const auto sequence = ParsePoint(reader, command.room, command.point);
  if (!sequence.ok()) return Fail(sequence.status());
  const auto update = RestoringUpdate(reader, command.room, *sequence);
  if (!update.ok()) return Fail(update.status());
  Sequence stored = room->head;
  if (!update->empty()) {
    const absl::Status status = AppendAndWait(**log,
                                              {.room = command.room,
                                               .time_ms = WallTimeMs(),
                                               .payload = *update,
                                               .generation = room->generation},
                                              stored);
    if (!status.ok()) return Fail(status);
  }
  if (command.json) {
    std::cout << "{\"room\":" << Quote(command.room) << ",\"restored\":" << *sequence
              << ",\"changed\":" << (update->empty() ? "false" : "true")
              << ",\"sequence\":" << stored << "}\n";
  } else if (update->empty()) {
    std::cout << "the room holds already what it held at " << *sequence << "\n";
  } else {
    std::cout << "record " << stored << " brings back what the room held at " << *sequence << "\n";
  }
  return kExitOk;
}

int ChangeVersions(const LogCommand& command) {
  const auto log = OpenForWriting(command);
  if (!log.ok()) return Fail(log.status());
  if (!command.drop.empty()) {
    const absl::Status status = (*log)->DropVersion(command.room, command.drop);
    if (!status.ok()) return Fail(status);
  }
  if (!command.add.empty()) {
    const auto room = GetRoom((*log)->reader(), command.room);
    if (!room.ok()) return Fail(room.status());
    absl::StatusOr<Sequence> sequence = room->head;
    if (!command.point.empty()) {
      sequence = ParsePoint((*log)->reader(), command.room, command.point);
    }
    if (!sequence.ok()) return Fail(sequence.status());
    const absl::Status status = (*log)->PutVersion(
        command.room,
        {.name = command.add, .sequence = *sequence, .made_ms = WallTimeMs(), .note = command.note},
        MergePayloads);
    if (!status.ok()) return Fail(status);
  }
  return Versions((*log)->reader(), command);
}

int ChangeQuarantine(const LogCommand& command) {
  const auto log = OpenForWriting(command);
  if (!log.ok()) return Fail(log.status());
  absl::Status status;
  if (command.restore_record > 0) {
    status = (*log)->ReleaseQuarantined(command.room, command.restore_record, /*restore=*/true);
  }
  if (status.ok() && command.drop_record > 0) {
    status = (*log)->ReleaseQuarantined(command.room, command.drop_record, /*restore=*/false);
  }
  if (!status.ok()) return Fail(status);
  return Quarantine((*log)->reader(), command);
}

}  // namespace

int RunLogCommand(const LogCommand& command) {
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
  const auto log = LogReader::Open(command.directory);
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

}  // namespace weft::server
