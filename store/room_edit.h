#pragma once

// Changes of rooms that are no appends, each inside the writer's transaction. They answer LMDB's
// code, and put what concerns the change alone into `result`, anew each time they run.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "store/batch_writer.h"

namespace weft::store {

// Makes a room with one record, unless the name has one: `created` tells.
int CreateRoomWith(BatchWriter& writer, const Append& first, bool& created, RoomRow& row);

// Stores the append as the next record of its room, which is made when it is unknown, unless `with`
// refuses: it is told the place that the record gets, and answers LMDB's code and a reason. Then
// nothing of the room changes. `place` and `refused` tell.
int AppendWith(BatchWriter& writer, const Append& append,
               absl::FunctionRef<std::pair<int, absl::Status>(const Appended& place)> with,
               Appended& place, absl::Status& refused);

// Takes the room's name and marks its row deleted. What it kept is purged later.
// kNotFound for an unknown room; kFailedPrecondition when it has another generation than a given
// one.
int DeleteRoom(BatchWriter& writer, std::string_view name, Generation generation,
               absl::Status& result);
// Gives the room another name, with all that it has. kNotFound for an unknown room.
// Requires: no room has the new name.
int RenameRoom(BatchWriter& writer, std::string_view name, std::string_view new_name,
               absl::Status& result);
// Deletes up to `count` entries of a deleted room. `more` tells whether some are left.
int PurgeRoom(BatchWriter& writer, RoomId id, std::size_t count, bool& more);

// A snapshot as it was made from what a read saw.
struct NewSnapshot {
  Generation generation{};
  Sequence sequence = 0;
  Checksum tie{};
  std::int64_t time_ms = 0;
  ByteView payload;
  // Records that the merge could not use, and are to be set aside.
  std::span<const Damage> damage;
  std::int64_t now_ms = 0;
};
// Nothing happens when the room is another by now, or has this snapshot.
int PutSnapshot(BatchWriter& writer, std::string_view name, const NewSnapshot& snapshot,
                absl::Status& result);

// Drops history that is older than the retention: records up to the newest snapshot that is, at
// most `count` of them in one go, and snapshots that neither begin what is kept, nor are the newest,
// nor have a version, nor are far enough from their neighbours to be worth their bytes.
struct Trim {
  std::int64_t now_ms = 0;
  std::int64_t default_retention_ms = 0;
  std::size_t count = 4096;
};
int TrimHistory(BatchWriter& writer, std::string_view name, const Trim& trim, bool& more);

// Moves records into quarantine. kNotFound for an unknown room.
int QuarantineRecords(BatchWriter& writer, std::string_view name, std::span<const Damage> damage,
                      std::int64_t now_ms, absl::Status& result);
// Brings a record back from quarantine, or drops it for good.
int ReleaseQuarantined(BatchWriter& writer, std::string_view name, Sequence sequence, bool restore,
                       absl::Status& result);

// kNotFound when the room is unknown, or the sequence none of its. With `replace` false
// kAlreadyExists when the name is in use.
int PutVersion(BatchWriter& writer, std::string_view name, const Version& version, bool replace,
               absl::Status& result);
int DropVersion(BatchWriter& writer, std::string_view name, std::string_view version,
                absl::Status& result);

int SetPolicy(BatchWriter& writer, std::string_view name, const RoomPolicy& policy,
              absl::Status& result);

}  // namespace weft::store
