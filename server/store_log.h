#pragma once

// The log that rooms see, on top of store::UpdateLog: answers come back on the rooms' thread, and
// reading happens on a thread of its own.
//
// Queues: appends go straight to the UpdateLog, whose queue is bounded. When it is full they wait
// here, in order, until it says that it has space; congested() is true meanwhile, and rooms stop
// reading from who writes. So what waits here is at most what each connection had already sent: one
// read of 64 KiB, or one message. Threads: the rooms' thread (that of `rooms`), except for what
// UpdateLog calls. Ownership: outlives its rooms and every callback it was given.

#include <deque>
#include <memory>
#include <string>

#include "server/asio.h"
#include "server/room_log.h"
#include "store/update_log.h"

namespace weft::server {

class StoreLog final : public RoomLog {
 public:
  // `loading` runs the reads.
  StoreLog(store::UpdateLog& log, asio::io_context& rooms, asio::any_io_executor loading)
      : log_(log), rooms_(rooms), loading_(std::move(loading)) {}

  void Append(std::string_view room, crdt::ByteView update, AppendDone done) override;
  void Load(std::string_view room, LoadDone done) override;
  bool congested() const override { return !waiting_.empty(); }

 private:
  struct Waiting {
    std::string room;
    crdt::Bytes update;
    std::shared_ptr<AppendDone> done;
  };

  // Whether the log took it, or refused it for good and that is being said; false when it has to
  // wait.
  bool TryAppend(std::string_view room, crdt::ByteView update,
                 const std::shared_ptr<AppendDone>& done);
  void WaitForSpace();
  void RetryWaiting();
  void Answer(AppendDone& done, const absl::Status& status);

  store::UpdateLog& log_;
  asio::io_context& rooms_;
  asio::any_io_executor loading_;
  std::deque<Waiting> waiting_;
  std::size_t in_flight_ = 0;  // taken by the log or refused, and not answered yet
  bool waiting_for_space_ = false;
};

}  // namespace weft::server
