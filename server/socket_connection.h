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
// Threads: the worker's. Ownership: shared by its worker and its pending operations.

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crdt/base/bytes.h"
#include "server/arrival.h"
#include "server/asio.h"
#include "server/connection.h"
#include "server/frame.h"
#include "server/limits.h"
#include "server/stats.h"
#include "server/token_bucket.h"

namespace weft::server {

class Room;
class Worker;

class SocketConnection final : public Connection,
                               public std::enable_shared_from_this<SocketConnection> {
 public:
  // Takes over what `arrival` counts and its greeting, which is written before the first frame.
  SocketConnection(Worker& worker, Tcp::socket socket, Arrival arrival);
  ~SocketConnection() override;

  void Send(crdt::ByteView message) override;
  void Close(CloseCode code, std::string_view reason) override;
  void SetReading(bool reading) override;

  // The room whose member this is; it is told when the connection ends. Requires: called once.
  void EnterRoom(Room& room) { room_ = &room; }

  // Bytes that came together with the upgrade request.
  void HandleEarlyBytes(std::span<std::uint8_t> bytes) { HandleBytes(bytes); }

  // Writes what is queued; called by the worker once a turn after Send or Close.
  void Flush();

  // Pings who is silent, ends who is dead or takes too long to close. Called by the worker now and
  // then.
  void Sweep(Clock::time_point now);

  // Ends without a word.
  void Drop();

 private:
  enum class State { kOpen, kClosing, kGone };

  void ArmRead();
  void OnReadable(const error_code& error);
  void HandleBytes(std::span<std::uint8_t> bytes);
  void HandleControl(const FrameParser::Event& event);
  void CheckShares(std::size_t bytes_read);
  void BeginClose(CloseCode code, std::string_view reason);
  void LeaveRoom();

  void Queue(Opcode opcode, crdt::ByteView payload);
  void ScheduleFlush();
  error_code WriteOut();
  void ArmWrite();
  void OnDrained();
  std::size_t counted_queue_bytes() const;
  bool QueueIsFull() const;
  void Overflow();
  void DropBacklog();
  void SkipWrittenFrames();

  Worker& worker_;
  Tcp::socket socket_;
  AddressPlace place_;
  Counted counted_;
  Share queued_;     // of Stats::queued_bytes: what a write left in out_
  Share receiving_;  // of Stats::receiving_bytes
  TokenBucket messages_;
  TokenBucket bytes_;
  FrameParser parser_;
  Room* room_ = nullptr;

  State state_ = State::kOpen;
  bool reading_ = false;    // as the room wants it
  bool throttled_ = false;  // not read from: more was sent than its share
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool flush_scheduled_ = false;
  bool ping_sent_ = false;
  bool overflowed_ = false;
  bool client_closed_ = false;  // its close frame has come
  bool shut_ = false;           // our side of the stream
  Clock::time_point last_heard_;
  Clock::time_point close_deadline_;

  crdt::Bytes out_;  // written up to out_begin_
  std::size_t out_begin_ = 0;
  std::size_t frame_begin_ =
      0;  // of a frame in out_ that is not wholly written, or of an earlier one
  std::size_t exempt_end_ = 0;  // end in out_ of a message that may exceed the bound of the queue
};

}  // namespace weft::server
