#include "store/room_import.h"

#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "store/room_edit.h"

namespace weft::store {

absl::Status CheckNewRoom(const NewRoom& room) {
  if (room.name.size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a room name of ", room.name.size(), " bytes; at most ", kMaxRoomNameBytes));
  }
  if (room.records.empty()) return absl::InvalidArgumentError("a room without a record");
  std::set<std::string_view> names;
  for (const Version& version : room.versions) {
    if (version.name.empty() || version.name.size() > kMaxVersionNameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a version's name has 1 to ", kMaxVersionNameBytes, " bytes"));
    }
    if (!names.insert(version.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the version \"", version.name, "\" is there twice"));
    }
    if (version.sequence == 0 || version.sequence > room.records.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the version \"", version.name,
                                                     "\" is of record ", version.sequence,
                                                     ", which is not there"));
    }
  }
  return absl::OkStatus();
}

absl::Status ImportRoom(UpdateLog& log, const NewRoom& room, const Merge& merge,
                        const Progress& progress) {
  const absl::Status sound = CheckNewRoom(room);
  if (!sound.ok()) return sound;
  absl::Status result;
  const absl::Status status = log.Submit([&](BatchWriter& writer) {
    result = absl::OkStatus();
    OpenRoom* made = nullptr;
    int code = writer.Find(room.name, made);
    if (code != 0) return code;
    if (made != nullptr) {
      result =
          absl::AlreadyExistsError(absl::StrCat("there is a room \"", room.name, "\" already"));
      return 0;
    }
    code = writer.FindOrCreate(room.name, made);
    for (std::size_t i = 0; i < room.records.size() && code == 0; ++i) {
      const NewRecord& record = room.records[i];
      code = writer.PutRecord(*made, record.time_ms, record.origin, record.payload);
      if (progress && i % 64 == 0) progress(i, room.records.size());
    }
    for (std::size_t i = 0; i < room.versions.size() && code == 0; ++i) {
      code = PutVersion(writer, room.name, room.versions[i], /*replace=*/false, result);
    }
    return code;
  });
  if (!status.ok()) return status;
  if (!result.ok()) return result;
  // A version without a snapshot of its own is made of the records, which stay for it.
  for (const Version& version : room.versions) {
    (void)log.Compact(room.name, merge, {.up_to = version.sequence});
  }
  return absl::OkStatus();
}

}  // namespace weft::store
