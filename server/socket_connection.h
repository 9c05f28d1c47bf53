#pragma once

// A WebSocket over TCP: the Connection of real clients, after the opening handshake.
//
// Reading: whenever the socket is readable, up to 64 KiB into the worker's buffer, and the
// messages in it go to the room together, at once. No buffer is held for an idle client. Writing: messages
// gather in one flat buffer that leaves once a turn of the worker's loop. Limits and what happens
// at them: limits.h (message_bytes, messages_per_second, bytes_per_second, receiving_bytes,
// queue_bytes, all_queues_bytes, ping_interval, close_timeout).
//
//   open ──(Close, a malformed frame, a full queue, the client's close frame)──> closing ──> gone
//     └────────(end of stream, an error, no answer to a ping)─────────────────────────────────┘
//   closing: what is queued and the close frame are written, the stream is shut, and what still
//   comes is thrown away until the client shuts its side or close_timeout has passed.
//
// Threads: the worker's. Ownership: the worker's, from Forget to the end of the turn.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crdt/base/bytes.h"
#include "server/arrival.h"
#include "server/asio.h"
#include "server/connection.h"
#include "server/frame.h"
#include "server/limits.h"
#include "server/out_queue.h"
#include "server/socket_poller.h"
#include "server/stats.h"
#include "server/token_bucket.h"

namespace weft::server {

class Room;
class Worker;

class SocketConnection final : public Connection {
 public:
  // Takes over the socket of `arrival`, what it counts, and its greeting, which is written before the
  // first frame. Requires: the socket does not block. It is closed with the connection.
  SocketConnection(Worker& worker, Arrival arrival);
  ~SocketConnection() override;

  void Send(crdt::ByteView message) override;
  void SendShared(const std::shared_ptr<const crdt::Bytes>& message) override;
  void Close(CloseCode code, std::string_view reason) override;
  void SetReading(bool reading) override;

  // The room whose member this is; it is told when the connection ends. Requires: called once.
  void EnterRoom(Room& room) { room_ = &room; }

  // Bytes that came together with the upgrade request.
  void HandleEarlyBytes(std::span<std::uint8_t> bytes) { HandleBytes(bytes); }

  // Called by the worker: the socket is ready.
  void OnReady(SocketPoller::Readiness readiness);

  // Writes what is queued; called by the worker once a turn after Send or Close.
  void Flush();

  // Pings who is silent, ends who is dead or takes too long to close. Called by the worker now and
  // then.
  void Sweep(Clock::time_point now);

  // Ends without a word.
  void Drop();

 private:
  enum class State { kOpen, kClosing, kGone };

  void OnReadable();
  void HandleBytes(std::span<std::uint8_t> bytes);
  void HandleControl(const FrameParser::Event& event);
  void CheckShares(std::size_t bytes_read);
  void BeginClose(CloseCode code, std::string_view reason);
  void LeaveRoom();

  // Whether one more message of that size may be queued.
  bool MayQueue(std::size_t bytes);
  std::optional<Limit> ReachedBound(std::size_t bytes) const;
  void FallBehind();
  void ScheduleFlush();
  enum class Written { kAll, kSome, kFailed };
  Written WriteOut();
  void OnDrained();
  void Watch(SocketPoller::Interest interest);

  Worker& worker_;
  int socket_;  // -1 once it is closed
  AddressPlace place_;
  Counted counted_;
  Share queued_;     // of Stats::queued_bytes, as of the last turn
  Share receiving_;  // of Stats::receiving_bytes
  TokenBucket messages_;
  TokenBucket bytes_;
  FrameParser parser_;
  Room* room_ = nullptr;

  State state_ = State::kOpen;
  bool reading_ = false;        // as the room wants it
  bool throttled_ = false;      // not read from: more was sent than its share
  bool write_blocked_ = false;  // the socket takes no more for now
  bool flush_scheduled_ = false;
  bool ping_sent_ = false;
  bool overflowed_ = false;  // nothing more is queued until what is under way has left
  bool lagging_ = false;     // and the backlog was dropped
  Clock::time_point lag_began_;
  Clock::time_point caught_up_{};
  bool client_closed_ = false;  // its close frame has come
  bool shut_ = false;           // our side of the stream
  SocketPoller::Interest watched_;
  Clock::time_point last_heard_;
  Clock::time_point close_deadline_;
  OutQueue out_;
  std::size_t answered_bytes_ = 0;  // sent while messages of this client were handled
  std::size_t index_ = 0;           // in the worker's list
  friend class Worker;
};

}  // namespace weft::server
