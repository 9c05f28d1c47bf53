#include "server/tools/log_changes.h"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/command_line.h"
#include "server/durability.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/text_table.h"
#include "server/tools/log_looking.h"
#include "server/tools/log_verb_parts.h"
#include "store/backup.h"
#include "store/update_log.h"

namespace weft::server::log_verbs {

using store::LogReader;
using store::RoomInfo;
using store::Sequence;

int Compact(const LogCommand& command) {
  std::uint64_t merged_rooms = 0;
  std::uint64_t failed = 0;
  std::uint64_t aside = 0;
  {
    const auto log = OpenForWriting(command);
    if (!log.ok()) return Fail(log.status());
    std::vector<std::string> names = command.rooms;
    // All are looked for before anything changes.
    for (const std::string& name : names) {
      const auto room = GetRoom((*log)->reader(), name);
      if (!room.ok()) return Fail(room.status());
    }
    if (names.empty()) {
      const auto rooms = (*log)->ListRooms();
      if (!rooms.ok()) return Fail(rooms.status());
      for (const RoomInfo& room : *rooms) names.push_back(room.name);
    }
    ProgressBar bar("merging", !command.json);
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
  const auto shrunk = [&] {
    ProgressBar bar("making the file smaller", !command.json);
    return store::ShrinkLog(command.directory, bar.teller());
  }();
  if (!shrunk.ok()) return Fail(shrunk.status());
  if (command.json) {
    std::cout << "{\"rooms\":" << merged_rooms << ",\"failed\":" << failed
              << ",\"set_aside\":" << aside << ",\"bytes_before\":" << shrunk->bytes_before
              << ",\"bytes_after\":" << shrunk->bytes_after << "}\n";
  } else {
    std::cout << "merged " << Counted(merged_rooms, "room") << "; the file had "
              << SizeOf(shrunk->bytes_before) << ", and has " << SizeOf(shrunk->bytes_after)
              << "\n";
    if (aside > 0)
      std::cout << Counted(aside, "damaged record") << " set aside, in quarantine now\n";
  }
  return failed == 0 ? kExitOk : kExitFailed;
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

int Delete(const LogCommand& command) {
  const auto log = OpenForWriting(command);
  if (!log.ok()) return Fail(log.status());
  const auto room = GetRoom((*log)->reader(), command.room);
  if (!room.ok()) return Fail(room.status());
  const absl::Status status = (*log)->DeleteRoom(command.room, room->generation);
  if (!status.ok()) return Fail(status);
  if (command.json) {
    std::cout << "{\"room\":" << Quote(command.room) << ",\"head\":" << room->head
              << ",\"records\":" << room->records << ",\"quarantined\":" << room->quarantined
              << "}\n";
  } else {
    std::cout << "the room \"" << PrintableName(command.room) << "\" is gone, with its history of "
              << Counted(room->head, "change") << "\n";
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
  if (!command.has_room) {
    return Fail(absl::InvalidArgumentError("--restore and --drop want a ROOM"));
  }
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

}  // namespace weft::server::log_verbs
