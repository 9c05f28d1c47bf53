#pragma once

// A WebSocket over a stream socket, with TLS or without, after the opening handshake: frames, limits,
// the way out, pings, the end. What the messages are about is up to what it carries (message_sink.h).
//
// Reading: whenever the socket is readable, up to 64 KiB into the worker's buffer, and the messages
// in it are handed on together, at once. No buffer is held for an idle client. Writing: messages
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
#include "server/close_code.h"
#include "server/frame.h"
#include "server/limits.h"
#include "server/message_sink.h"
#include "server/out_queue.h"
#include "server/socket_poller.h"
#include "server/stats.h"
#include "server/token_bucket.h"
#include "server/transport.h"

namespace weft::server {

class Worker;

class SocketConnection {
 public:
  // Takes over the socket of `arrival`, what it counts, and its greeting, which is written before the
  // first frame. It is closed with the connection.
  SocketConnection(Worker& worker, Arrival arrival);
  ~SocketConnection();
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;

  // From now on messages go to `sink`. Requires: called once at most.
  void Carry(std::unique_ptr<MessageSink> sink) {
    sink_ = std::move(sink);
    told_ = sink_.get();
  }

  // Queues one message behind all earlier ones. At the bound of the queue it is dropped, with all that
  // waits and all that follows, until the socket has taken the rest: MessageSink::OnDrained.
  void Send(crdt::ByteView message);
  // The same for a message that others are sent too: a large one may be kept instead of copied.
  void SendShared(const std::shared_ptr<const crdt::Bytes>& message) { SendShared({}, message); }
  // The same with bytes of its own before it, as one message.
  void SendShared(crdt::ByteView head, const std::shared_ptr<const crdt::Bytes>& message);
  // What waits to be written, without one large message.
  std::size_t waiting_bytes() const { return out_.counted_bytes(); }

  // For what it carries, which is told nothing any more: sends what is queued, then closes. Nothing
  // that comes in afterwards is handed on. Only the first call counts.
  void Close(CloseCode code, std::string_view reason);

  // Whether messages of the client are read. A socket starts paused; what the client sends meanwhile
  // waits in the kernel, and then at the client.
  void SetReading(bool reading);

  // Bytes that came together with the upgrade request.
  void HandleEarlyBytes(std::span<std::uint8_t> bytes) { HandleBytes(bytes); }

  // Called by the worker: the socket is ready.
  void OnReady(SocketPoller::Readiness readiness);

  // Writes what is queued; called by the worker once a turn after Send or Close.
  void Flush();

  // Pings who is silent, ends who is dead or takes too long to close. Called by the worker now and
  // then.
  void Sweep(Clock::time_point now);

  // Called by the worker once its rooms have closed their members: the server stops.
  void OnStop() {
    if (told_ != nullptr) told_->OnStop();
  }

  // Ends without a word.
  void Drop();

  // Sends what is queued, then closes; what it carries is told. Only the first call counts.
  void End(CloseCode code, std::string_view reason) { BeginClose(code, reason); }
  bool is_open() const { return state_ == State::kOpen; }

 private:
  enum class State { kOpen, kClosing, kGone };

  void OnReadable();
  void HandleBytes(std::span<std::uint8_t> bytes);
  void HandleControl(const FrameParser::Event& event);
  void CheckShares(std::size_t bytes_read);
  void BeginClose(CloseCode code, std::string_view reason);
  void EndSink();

  // Whether one more message of that size may be queued.
  bool MayQueue(std::size_t bytes);
  std::optional<Limit> ReachedBound(std::size_t bytes) const;
  // Memory that is held for what waits to be written.
  std::size_t HeldBytes() const { return out_.held_bytes() + transport_.held_bytes(); }
  void FallBehind();
  void ScheduleFlush();
  enum class Written { kAll, kSome, kFailed };
  Written WriteOut();
  void OnDrained();
  void Watch(SocketPoller::Interest interest);

  Worker& worker_;
  Transport transport_;  // closed once the connection is gone
  AddressPlace place_;
  Counted counted_;
  Share queued_;     // of Stats::queued_bytes, as of the last turn
  Share receiving_;  // of Stats::receiving_bytes
  TokenBucket messages_;
  TokenBucket bytes_;
  const Opcode kind_;  // of its messages
  FrameParser parser_;
  std::unique_ptr<MessageSink> sink_;
  MessageSink* told_ = nullptr;  // sink_, until one of both has ended

  State state_ = State::kOpen;
  bool reading_ = false;        // as the sink wants it
  bool throttled_ = false;      // not read from: more was sent than its share
  bool write_blocked_ = false;  // the socket takes no more for now
  bool flush_scheduled_ = false;
  bool ping_sent_ = false;
  bool overflowed_ = false;  // nothing more is queued until what is under way has left
  bool lagging_ = false;     // and the backlog was dropped
  Clock::time_point lag_began_;
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
