#include "server/tools/log_looking.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/doc.h"
#include "crdt/driver/type_path.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"
#include "server/command_line.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/text_table.h"
#include "server/tools/blob.h"
#include "server/tools/log_verb_parts.h"

namespace weft::server::log_verbs {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using store::LogReader;
using store::Record;
using store::RoomInfo;
using store::Sequence;

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

void PrintChange(const std::string& room, const ChangeLine& line, bool json) {
  if (json) {
    std::cout << JsonOfChange(room, line) << "\n";
  } else {
    std::cout << TimeText(line.time_ms) << "  " << PrintableName(room) << "  " << line.sequence
              << "  " << line.bytes << " bytes  " << WritersOf(line) << "\n";
  }
}

}  // namespace

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
  std::cout << table.Render() << Counted(rooms->size(), "room") << "\n";
  return kExitOk;
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
  if (command.has_room) {
    const auto room = GetRoom(log, command.room);
    if (!room.ok()) return Fail(room.status());
  }
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

int Tail(const LogReader& log, const LogCommand& command) {
  // Who follows may wait for a room that is not there yet.
  if (command.has_room && !command.follow) {
    const auto room = GetRoom(log, command.room);
    if (!room.ok()) return Fail(room.status());
  }
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
    // Whether somebody is still there to read.
    const absl::Status printed = FlushOutput();
    if (!printed.ok()) return Fail(printed);
    if (!command.follow) return kExitOk;
    first = false;
    while (log.last_transaction() == transaction) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

}  // namespace weft::server::log_verbs
