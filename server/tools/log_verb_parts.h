#pragma once

// What the verbs of `weft log` share: how they fail, how rooms and places in their history are named.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/tools/log_verbs.h"
#include "store/log_reader.h"
#include "store/update_log.h"

namespace weft::server::log_verbs {

// The log for reading, beside whoever has it. Fails: kNotFound when there is none.
absl::StatusOr<std::unique_ptr<store::LogReader>> OpenForReading(const LogCommand& command);

// The log for writing. Fails: kNotFound when there is none, kUnavailable when another process has it.
absl::StatusOr<std::unique_ptr<store::UpdateLog>> OpenForWriting(const LogCommand& command);

// What was printed has left this process. Fails: kInternal, with the reason when it is known.
absl::Status FlushOutput();

// Whether there is a file to open, sound or not.
bool HasLog(const std::string& directory);

std::string GenerationText(store::Generation generation);

// Fails: kNotFound.
absl::StatusOr<store::RoomInfo> GetRoom(const store::LogReader& log, const std::string& name);

// A place in a room's history: "123", a time, or a version's name. Fails: kInvalidArgument when it is
// none of these, kNotFound when the room had no record yet.
absl::StatusOr<store::Sequence> ParsePoint(const store::LogReader& log, const std::string& room,
                                           const std::string& text);

// Appends and waits until it is durable; `sequence` is then where.
absl::Status AppendAndWait(store::UpdateLog& log, const store::Append& append,
                           store::Sequence& sequence);

}  // namespace weft::server::log_verbs
