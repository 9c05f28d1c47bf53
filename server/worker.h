#pragma once

// One thread of the server: its event loop, the rooms that live on it, and their connections.
//
// Threads: the functions marked "any thread" hand their work over; everything else runs on the
// worker's own thread, `io()`. Ownership: the worker owns its rooms, and its connections together
// with their pending operations.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "crdt/base/bytes.h"
#include "server/arrival.h"
#include "server/asio.h"
#include "server/auth/authority.h"
#include "server/channel.h"
#include "server/limits.h"
#include "server/relay_moment.h"
#include "server/room_calls.h"
#include "server/room_table.h"
#include "server/socket_connection.h"
#include "server/socket_poller.h"
#include "server/stats.h"
#include "server/store_log.h"
#include "server/traffic.h"

namespace weft::server {

class Worker {
 public:
  using WorkerOfRoom = std::function<Worker&(std::string_view room)>;

  // `authority` says who may do what. `loading` runs the reads of the log; `worker_of_room` says where a
  // room lives, of all workers of the server. `watcher` is told what happens to rooms, and outlives them.
  Worker(Limits limits, RelayMoment relay, Stats& stats, auth::Authority& authority,
         store::UpdateLog& log, asio::any_io_executor loading, WorkerOfRoom worker_of_room,
         RoomWatcher* watcher = nullptr);
  // Requires: not started, or joined; and the log is gone or idle.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Start();

  // Any thread. Takes a client in.
  void Receive(Arrival arrival);

  // Any thread. Runs `visit` on the worker's thread with the room of that name, made when it is not
  // in memory; it has to call Query, Submit or the like within the call for the room to stay. Fails,
  // and says so to `visit`: as RoomTable::Enter; kUnavailable when the server stops.
  using Visit = std::move_only_function<void(absl::StatusOr<Room*>)>;
  void WithRoom(std::string name, Visit visit);
  // The same with nothing made: null when the room is not in memory.
  void WithRoomInMemory(std::string name, std::move_only_function<void(Room*)> visit);
  // The same with all rooms of this worker.
  void WithRooms(std::move_only_function<void(RoomTable&)> visit);

  // Before Start. Rooms that `is_reserved` says yes to are an application's: clients of other dialects are
  // refused there.
  void Reserve(std::function<bool(std::string_view room)> is_reserved) {
    is_reserved_ = std::move(is_reserved);
  }
  bool IsReserved(std::string_view room) const { return is_reserved_ && is_reserved_(room); }

  // Before Start. What members may ask beside the conversation; outlives the sockets.
  void SetRoomCalls(RoomCalls& calls) { room_calls_ = &calls; }
  RoomCalls* room_calls() const { return room_calls_; }

  // Any thread. New limits, for everything that is asked from then on: rates and sizes of messages
  // for clients that come, sizes of documents for rooms that are loaded.
  void SetLimits(Limits limits);

  // Any thread. Closes clients with 1012, evenly over `spread`, while the others go on; then stops
  // reading, waits for the log, closes who is left, and calls `stopped` on the worker's thread when
  // all are gone, close_timeout has passed, or `deadline` when everything is committed.
  struct StopPlan {
    std::chrono::milliseconds spread{0};
    Clock::time_point deadline = Clock::time_point::max();
  };
  void BeginStop(StopPlan plan, std::function<void()> stopped);

  // Any thread. Ends the loop, whatever is pending, and waits for the thread.
  void StopAndJoin();

  // Forgets rooms and everything that waits for something. Coroutines of one worker wait for rooms of
  // another: all workers are emptied before the first of them ends. Requires: joined; the log is gone.
  void Empty();

  asio::io_context& io() { return io_; }
  const Limits& limits() const { return limits_; }
  Stats& stats() { return stats_; }
  auth::Authority& authority() { return authority_; }
  Traffic& traffic() { return traffic_; }

  // For connections.
  Worker& WorkerOf(std::string_view room) const { return worker_of_room_(room); }
  const RoomLog& log() const { return log_; }
  RelayMoment relay() const { return relay_; }
  // Numbers conversations, for people.
  std::uint64_t NextSession() { return ++last_session_; }
  // To be called when rooms were visited outside of a turn of the sockets: news of awareness that
  // began to wait meanwhile are told in time.
  void EndVisit() { ArmAwareness(); }
  // What it has to say leaves at the end of the turn.
  void ScheduleNews(std::shared_ptr<Channel> channel);
  void ScheduleFlush(SocketConnection& connection);
  // It dies at the end of the turn.
  void Forget(SocketConnection& connection);
  SocketPoller& poller() { return poller_; }
  // Scratch space for one read; its content is nobody's after the handler returns.
  std::span<std::uint8_t> read_buffer() { return read_buffer_; }
  // The same for the messages in it.
  std::vector<crdt::ByteView>& message_list() { return message_list_; }

 private:
  void Admit(Arrival arrival);
  void WaitForSockets();
  void HandleSockets();
  // What `call` wants to be sent leaves right after it, without a post.
  void Turn(absl::FunctionRef<void()> call);
  void PostFlush();
  void SendNews();
  void FlushScheduled();
  void ArmSweep();
  void Sweep();
  void AdvanceStop(Clock::time_point now);
  void CloseSome(Clock::time_point now);
  void ArmAwareness();

  Limits limits_;
  Stats& stats_;
  auth::Authority& authority_;
  const RelayMoment relay_;
  const WorkerOfRoom worker_of_room_;
  std::function<bool(std::string_view room)> is_reserved_;
  RoomCalls* room_calls_ = nullptr;
  std::uint64_t last_session_ = 0;
  // Can be emptied before its end.
  struct Loop : asio::io_context {
    using asio::io_context::io_context;
    using asio::io_context::shutdown;
  };
  Loop io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::steady_timer sweep_timer_{io_};
  asio::steady_timer awareness_timer_{io_};
  bool awareness_armed_ = false;
  Traffic traffic_;
  StoreLog log_;
  RoomTable rooms_;
  std::vector<std::uint8_t> read_buffer_;
  std::vector<crdt::ByteView> message_list_;
  SocketPoller poller_;
  asio::posix::stream_descriptor poller_ready_{io_, poller_.Duplicate()};
  std::vector<std::unique_ptr<SocketConnection>> connections_;
  std::vector<std::unique_ptr<SocketConnection>>
      forgotten_;  // until what refers to them is through
  std::vector<SocketConnection*> to_flush_;
  std::vector<std::shared_ptr<Channel>> with_news_;
  bool flushes_ = false;  // FlushScheduled is on its way
  Clock::time_point next_tick_{};

  enum class Stop { kNo, kSpreading, kCommitting, kClosing, kDone };
  Stop stop_ = Stop::kNo;
  StopPlan stop_plan_;
  Clock::time_point stop_begin_{};
  std::size_t connections_at_stop_ = 0;
  std::function<void()> stopped_;
  Clock::time_point stop_deadline_{};

  std::thread thread_;
};

}  // namespace weft::server
