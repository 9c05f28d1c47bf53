#pragma once

// The log that rooms see, on top of store::UpdateLog: answers come back on the rooms' thread, and
// reading happens on a thread of its own.
//
// Queues: appends go straight to the UpdateLog, whose queue is bounded. When it is full they wait
// here, in order, until it says that it has space; congested() is true meanwhile, and rooms stop
// reading from who writes. So what waits here is at most what each connection had already sent: one
// read of 64 KiB, or one message. What one commit completes is told to the rooms' thread at once,
// however many appends it holds.
//
// Threads: the rooms' thread (that of `rooms`), except for what UpdateLog calls. Ownership: outlives
// its rooms and every callback it was given.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "server/asio.h"
#include "server/room_log.h"
#include "server/traffic.h"
#include "store/update_log.h"

namespace weft::server {

class StoreLog final : public RoomLog {
 public:
  // Runs a call on the rooms' thread with what has to come before and after it.
  using Turn = std::function<void(absl::FunctionRef<void()> call)>;

  // `loading` runs the reads. Appends are counted in `traffic`, when there is one. All answers that
  // have come are told in one `turn`.
  StoreLog(
      store::UpdateLog& log, asio::io_context& rooms, asio::any_io_executor loading,
      Traffic* traffic = nullptr, Turn turn = [](auto call) { call(); })
      : log_(log),
        rooms_(rooms),
        loading_(std::move(loading)),
        traffic_(traffic),
        turn_(std::move(turn)) {}

  void Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
              AppendDone done) override;
  void AppendWithRows(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      RowChange change, AppendDone done) override;
  void Load(std::string_view room, LoadDone done) override;
  void LoadTail(std::string_view room, const LogPlace& after, std::size_t max_bytes,
                TailDone done) override;
  bool answers_when_durable() const override {
    return log_.durability() == store::Durability::kFsync;
  }
  bool congested() const override { return !waiting_.empty(); }

 private:
  struct Waiting {
    std::string room;
    std::uint64_t generation = 0;
    crdt::Bytes update;
    RowChange change;  // when it has rows
    AppendDone done;
  };

  // Whether the log took it, or refused it for good and that is being said: `done` is then moved
  // from. False when it has to wait.
  bool TryAppend(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                 const RowChange& change, AppendDone& done);
  void WaitForSpace();
  void RetryWaiting();
  // The writer's thread: the oldest append without a result has this one.
  void OnCompleted(absl::StatusOr<LogPlace> result);
  // The rooms' thread: tells all results that have come.
  void Answer();

  store::UpdateLog& log_;
  asio::io_context& rooms_;
  asio::any_io_executor loading_;
  Traffic* traffic_;
  const Turn turn_;
  std::deque<Waiting> waiting_;
  // Taken by the log or refused, and not answered yet.
  struct InFlight {
    AppendDone done;
    Clock::time_point since;
  };
  std::deque<InFlight> in_flight_;
  bool waiting_for_space_ = false;

  // What the writer hands over. Not empty: Answer is on its way.
  std::mutex completed_mutex_;
  std::vector<absl::StatusOr<LogPlace>> completed_;
  std::vector<absl::StatusOr<LogPlace>> answering_;
};

}  // namespace weft::server
