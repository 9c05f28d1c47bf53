#pragma once

// A whole room with its history, made in one step.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "store/update_log.h"

namespace weft::store {

struct NewRecord {
  std::int64_t time_ms = 0;
  OriginId origin{};
  Bytes payload;
};

struct NewRoom {
  std::string name;
  std::vector<NewRecord> records;  // 1, 2, 3, …
  std::vector<Version> versions;
};

// kInvalidArgument for what ImportRoom refuses whatever the log holds.
absl::Status CheckNewRoom(const NewRoom& room);

// Makes the room in one transaction: after a kill or a power cut it is there with everything, or it is
// not there and can be made again. What speeds its versions up is made behind that, and can be lost
// without harm. Waits for the commit; LMDB keeps what is written in memory meanwhile, once more.
// `progress` is told records, on the writer's thread, from 0 again when the log had to grow meanwhile.
// Fails: kAlreadyExists for a name in use; kInvalidArgument for a room without a record, a name that is
// too long, a version without a name, with a name twice, or of a record that is not there; as
// UpdateLog::Submit.
absl::Status ImportRoom(UpdateLog& log, const NewRoom& room, const Merge& merge,
                        const Progress& progress = {});

}  // namespace weft::store
