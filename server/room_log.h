#pragma once

// What rooms need of the durable log, in their own terms: no threads, no disk, answers on their
// thread. `store_log.h` is the real one; simulations bring their own.
//
// Threads: the room's thread, for calls and for callbacks. A callback never runs within the call
// that was given it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::store {
class Rows;
class RowWriter;
}  // namespace weft::store

namespace weft::server {

// A moment of a room's history: how many updates it had, and which history that is. A room that was
// deleted and made anew has another generation. Generation 0: there is no such room (yet).
struct LogPlace {
  std::uint64_t sequence = 0;
  std::uint64_t generation = 0;

  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};

// Rows of an application that are stored together with an update (store/rows.h).
struct RowChange {
  store::Rows* rows = nullptr;  // outlives what becomes of the change
  // Runs on the log's writer thread, perhaps more than once: short, without calls of the log. It is told
  // the place that the update gets; an error refuses both.
  std::function<absl::Status(store::RowWriter&, const LogPlace& place)> edit;
};

// Updates [begin, end) of a room's history that its log cannot show any more: they are damaged, or missing.
struct LostUpdates {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  friend bool operator==(const LostUpdates&, const LostUpdates&) = default;
};

class RoomLog {
 public:
  // All that a room holds, in order, and the place of the last of it.
  struct Loaded {
    std::vector<crdt::Bytes> updates;
    LogPlace head;
    // What is not among them, ascending and apart from each other, known before or found now; empty for a
    // healthy room.
    std::vector<LostUpdates> lost = {};
  };
  using AppendDone = std::move_only_function<void(absl::StatusOr<LogPlace>)>;
  using LoadDone = std::move_only_function<void(absl::StatusOr<Loaded>)>;
  using TailDone = std::move_only_function<void(absl::StatusOr<std::vector<crdt::Bytes>>)>;

  virtual ~RoomLog() = default;

  // Stores one update behind all earlier ones of its room and calls `done` once: with its place
  // after the commit, or why it is not stored. Updates of one room are answered in the order in
  // which they came. `generation`: of the history that it belongs to, 0 when that is not known; an
  // update of another history than the room has is refused with kFailedPrecondition.
  virtual void Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      AppendDone done) = 0;

  // The same for an update that is stored together with rows, or neither is: `done` is then told the
  // error of the change.
  virtual void AppendWithRows(std::string_view room, std::uint64_t generation,
                              crdt::ByteView update, RowChange change, AppendDone done) = 0;

  // Reads all updates of a room. An unknown room has none.
  virtual void Load(std::string_view room, LoadDone done) = 0;

  // Reads the updates after `after`, one by one, up to the present. Fails: kNotFound when the room
  // has another history, or does not keep them all any more; kResourceExhausted when they have more
  // than `max_bytes`. Whoever asks then reads the document instead.
  virtual void LoadTail(std::string_view room, const LogPlace& after, std::size_t max_bytes,
                        TailDone done) = 0;

  // Whether what is answered to Append is on the medium.
  virtual bool answers_when_durable() const = 0;

  // Whether more updates wait for the log than it takes at a time. Rooms then read no more from who
  // has just written until their commits are through.
  virtual bool congested() const = 0;
};

}  // namespace weft::server
