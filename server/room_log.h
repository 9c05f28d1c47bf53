#pragma once

// What rooms need of the durable log, in their own terms: no threads, no disk, answers on their
// thread. `store_log.h` is the real one; simulations bring their own.
//
// Threads: the room's thread, for calls and for callbacks. A callback never runs within the call
// that was given it.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::server {

class RoomLog {
 public:
  using AppendDone = std::move_only_function<void(absl::Status)>;
  using LoadDone = std::move_only_function<void(absl::StatusOr<std::vector<crdt::Bytes>>)>;

  virtual ~RoomLog() = default;

  // Stores one update behind all earlier ones of its room and calls `done` once: OK after the
  // commit, or why it is not stored. Updates of one room are answered in the order in which they
  // came.
  virtual void Append(std::string_view room, crdt::ByteView update, AppendDone done) = 0;

  // Reads all updates of a room, in order. An unknown room has none.
  virtual void Load(std::string_view room, LoadDone done) = 0;

  // Whether more updates wait for the log than it takes at a time. Rooms then read no more from who
  // has just written until their commits are through.
  virtual bool congested() const = 0;
};

}  // namespace weft::server
