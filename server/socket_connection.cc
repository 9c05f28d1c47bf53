#include "server/socket_connection.h"

#include <algorithm>

#include "server/room.h"
#include "server/worker.h"

namespace weft::server {
namespace {

// A drained buffer above this size is given back at once, a smaller one when the client is idle.
constexpr std::size_t kKeptBufferBytes = 64 << 10;
// Written bytes at the front of the buffer are dropped when they are this many and half of it.
constexpr std::size_t kCompactBytes = 1 << 20;

// The whole size of the frame of ours that begins at `frame`.
std::size_t FrameSize(crdt::ByteView frame) {
  const std::uint8_t length = frame[1];
  if (length < 126) return 2 + std::size_t{length};
  const std::size_t length_bytes = length == 126 ? 2 : 8;
  std::size_t size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | frame[2 + i];
  return 2 + length_bytes + size;
}

}  // namespace

SocketConnection::SocketConnection(Worker& worker, Tcp::socket socket, Arrival arrival)
    : worker_(worker),
      socket_(std::move(socket)),
      place_(std::move(arrival.place)),
      counted_(std::move(arrival.counted)),
      queued_(worker.stats().queued_bytes),
      receiving_(worker.stats().receiving_bytes),
      messages_(worker.limits().messages_per_second, Limits::kBurstSeconds, Clock::now()),
      bytes_(worker.limits().bytes_per_second, Limits::kBurstSeconds, Clock::now()),
      parser_(worker.limits().message_bytes),
      last_heard_(Clock::now()),
      out_(std::move(arrival.greeting)),
      frame_begin_(out_.size()),
      exempt_end_(out_.size()) {}

SocketConnection::~SocketConnection() = default;

// --- Out
// --------------------------------------------------------------------------------------------

void SocketConnection::Send(crdt::ByteView message) {
  if (state_ != State::kOpen || overflowed_) return;
  // A burst within one turn is no sign of a slow reader: see first what the socket takes. An error
  // shows again at the end of the turn.
  if (QueueIsFull() && !write_armed_) WriteOut();
  if (QueueIsFull()) return Overflow();
  const bool large = message.size() > worker_.limits().queue_bytes;
  // A large message is exempt from the bound of its queue, not from that of all of them.
  if (large && queued_.sum() > worker_.limits().all_queues_bytes) return Overflow();
  const bool exempt = large && exempt_end_ <= out_begin_;
  Queue(Opcode::kBinary, message);
  if (exempt) exempt_end_ = out_.size();
  if (large) queued_.Set(out_.size() - out_begin_);
}

// Beyond the bound of one queue; or beyond that of all queues, and with more than its fair part.
bool SocketConnection::QueueIsFull() const {
  const std::size_t bytes = counted_queue_bytes();
  if (bytes > worker_.limits().queue_bytes) return true;
  return bytes > Limits::kFairBytes && queued_.sum() > worker_.limits().all_queues_bytes;
}

// The room may be in the middle of a broadcast: it is told at the end of the turn.
void SocketConnection::Overflow() {
  const bool alone = counted_queue_bytes() > worker_.limits().queue_bytes;
  worker_.stats().limits.Hit(alone ? Limit::kQueueBytes : Limit::kAllQueuesBytes, "a client");
  overflowed_ = true;
  ScheduleFlush();
}

std::size_t SocketConnection::counted_queue_bytes() const {
  return out_.size() - std::max(out_begin_, exempt_end_);
}

void SocketConnection::Queue(Opcode opcode, crdt::ByteView payload) {
  AppendFrame(out_, opcode, payload);
  ScheduleFlush();
}

void SocketConnection::ScheduleFlush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  worker_.ScheduleFlush(shared_from_this());
}

void SocketConnection::Flush() {
  flush_scheduled_ = false;
  if (overflowed_ && state_ == State::kOpen) {
    DropBacklog();
    BeginClose(CloseCode::kBusy, "this client reads more slowly than others write");
  }
  if (state_ != State::kOpen) {  // what is left of a message is of no use any more
    parser_ = FrameParser(0);
    receiving_.Set(0);
  }
  queued_.Set(out_.size() - out_begin_);
  if (state_ == State::kGone || write_armed_) return;
  const error_code error = WriteOut();
  if (error == asio::error::would_block || error == asio::error::try_again) return ArmWrite();
  if (error) return Drop();
  OnDrained();
}

// Writes until all is written or the socket takes no more for now.
error_code SocketConnection::WriteOut() {
  error_code error;
  while (!error && out_begin_ < out_.size()) {
    out_begin_ +=
        socket_.write_some(asio::buffer(out_.data() + out_begin_, out_.size() - out_begin_), error);
  }
  return error;
}

void SocketConnection::ArmWrite() {
  write_armed_ = true;
  queued_.Set(out_.size() - out_begin_);
  if (out_begin_ > kCompactBytes && out_begin_ > out_.size() / 2) {
    SkipWrittenFrames();
    const std::size_t cut = std::min(frame_begin_, out_begin_);
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(cut));
    out_begin_ -= cut;
    frame_begin_ -= cut;
    exempt_end_ -= std::min(exempt_end_, cut);
  }
  socket_.async_wait(Tcp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
    self->write_armed_ = false;
    if (error) return self->Drop();
    self->Flush();
  });
}

void SocketConnection::OnDrained() {
  out_.clear();
  if (out_.capacity() > kKeptBufferBytes) crdt::Bytes().swap(out_);
  out_begin_ = frame_begin_ = exempt_end_ = 0;
  queued_.Set(0);
  if (state_ == State::kClosing && client_closed_) return Drop();
  if (state_ == State::kClosing && !shut_) {
    shut_ = true;
    error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }
}

// Moves frame_begin_ to the frame that holds out_begin_, or begins there.
void SocketConnection::SkipWrittenFrames() {
  while (frame_begin_ < out_begin_) {
    const std::size_t end = frame_begin_ + FrameSize(crdt::ByteView(out_).subspan(frame_begin_));
    if (end > out_begin_) return;
    frame_begin_ = end;
  }
}

// Keeps of what is queued only the rest of a frame that has begun to leave.
void SocketConnection::DropBacklog() {
  SkipWrittenFrames();
  const bool begun = frame_begin_ < out_begin_;
  const std::size_t keep =
      begun ? frame_begin_ + FrameSize(crdt::ByteView(out_).subspan(frame_begin_)) : frame_begin_;
  out_.resize(keep);
  exempt_end_ = std::min(exempt_end_, keep);
}

// --- In
// ---------------------------------------------------------------------------------------------

void SocketConnection::SetReading(bool reading) {
  if (state_ != State::kOpen || reading_ == reading) return;
  reading_ = reading;
  // A pause is no silence of the client.
  last_heard_ = Clock::now();
  ArmRead();
}

void SocketConnection::ArmRead() {
  if (!reading_ || throttled_ || read_armed_ || state_ == State::kGone) return;
  read_armed_ = true;
  socket_.async_wait(Tcp::socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->read_armed_ = false;
    self->OnReadable(error);
  });
}

void SocketConnection::OnReadable(const error_code& wait_error) {
  if (state_ == State::kGone) return;
  if (wait_error) return Drop();
  if (!reading_ || throttled_) return;  // paused meanwhile; whoever ends that waits anew
  const std::span<std::uint8_t> buffer = worker_.read_buffer();
  error_code error;
  const std::size_t size = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) return Drop();
  if (size > 0) {
    last_heard_ = Clock::now();
    ping_sent_ = false;
    HandleBytes(buffer.first(size));
    CheckShares(size);
  }
  ArmRead();
}

// After a read: what this client has had of the bounds on what clients send.
void SocketConnection::CheckShares(std::size_t bytes_read) {
  if (state_ != State::kOpen) return;
  receiving_.Set(parser_.held_bytes());
  LimitHits& hits = worker_.stats().limits;
  const Limits& limits = worker_.limits();
  if (receiving_.bytes() > Limits::kFairBytes && receiving_.sum() > limits.receiving_bytes) {
    hits.Hit(Limit::kReceivingBytes, "a client");
    return BeginClose(CloseCode::kBusy, "too much is being received; come back in a moment");
  }
  bytes_.Take(bytes_read);
  if (messages_.InDebt(last_heard_)) {
    hits.Hit(Limit::kMessagesPerSecond, "a client");
    throttled_ = true;
  } else if (bytes_.InDebt(last_heard_)) {
    hits.Hit(Limit::kBytesPerSecond, "a client");
    throttled_ = true;
  }
}

void SocketConnection::HandleBytes(std::span<std::uint8_t> bytes) {
  if (state_ != State::kOpen) return;
  parser_.Feed(bytes);
  // Messages that lie in `bytes` are handed over together; one that the parser collected is gone
  // with the next one.
  std::vector<crdt::ByteView>& messages = worker_.message_list();
  messages.clear();
  const auto hand_over = [&] {
    if (room_ != nullptr && !messages.empty()) room_->Receive(*this, messages);
    messages.clear();
  };
  while (state_ == State::kOpen) {
    const std::optional<FrameParser::Event> event = parser_.Next();
    if (!event) break;
    messages_.Take(1);
    const bool is_message = event->opcode == Opcode::kBinary;
    const bool lies_in_bytes = event->payload.data() >= bytes.data() &&
                               event->payload.data() < bytes.data() + bytes.size();
    if (is_message) messages.push_back(event->payload);
    if (!is_message || !lies_in_bytes) hand_over();
    if (!is_message && state_ == State::kOpen) HandleControl(*event);
  }
  hand_over();
  if (parser_.error() && state_ == State::kOpen) {
    const FrameParser::Error error = *parser_.error();
    if (error.code == CloseCode::kTooBig) {
      worker_.stats().limits.Hit(Limit::kMessageBytes, "a client");
    }
    BeginClose(error.code, error.reason);
  }
}

void SocketConnection::HandleControl(const FrameParser::Event& event) {
  switch (event.opcode) {
    case Opcode::kPing:
      // A client that asks and does not listen is at the bound of its queue like any other.
      if (overflowed_) break;
      if (QueueIsFull()) {
        Overflow();
      } else {
        Queue(Opcode::kPong, event.payload);
      }
      break;
    case Opcode::kClose:
      client_closed_ = true;
      BeginClose(
          event.close_code == 1005 ? CloseCode::kNormal : static_cast<CloseCode>(event.close_code),
          "");
      break;
    default:
      break;  // a pong: hearing it was enough
  }
}

// --- The end
// ----------------------------------------------------------------------------------------

void SocketConnection::Close(CloseCode code, std::string_view reason) {
  room_ = nullptr;  // the room has forgotten this connection
  BeginClose(code, reason);
}

void SocketConnection::BeginClose(CloseCode code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  close_deadline_ = Clock::now() + worker_.limits().close_timeout;
  AppendCloseFrame(out_, code, reason);
  ScheduleFlush();
  reading_ = true;  // until the client shuts its side
  throttled_ = false;
  ArmRead();
  LeaveRoom();
}

void SocketConnection::LeaveRoom() {
  if (room_ != nullptr) std::exchange(room_, nullptr)->Leave(*this);
}

void SocketConnection::Drop() {
  if (state_ == State::kGone) return;
  state_ = State::kGone;
  error_code ignored;
  socket_.close(ignored);
  worker_.Forget(*this);
  LeaveRoom();
}

void SocketConnection::Sweep(Clock::time_point now) {
  if (state_ == State::kClosing) {
    if (now < close_deadline_) return;
    worker_.stats().limits.Hit(Limit::kCloseTimeout, "a closing client");
    return Drop();
  }
  if (out_.empty() && out_.capacity() > 0) crdt::Bytes().swap(out_);
  if (throttled_ && !messages_.InDebt(now) && !bytes_.InDebt(now)) {
    throttled_ = false;
    last_heard_ = now;
    ArmRead();
  }
  if (!reading_ || throttled_) return;
  const auto silent = now - last_heard_;
  const auto interval = worker_.limits().ping_interval;
  if (silent >= 2 * interval) {
    worker_.stats().limits.Hit(Limit::kPingInterval, "a silent client");
    return Drop();
  }
  if (silent >= interval && !ping_sent_) {
    ping_sent_ = true;
    Queue(Opcode::kPing, {});
  }
}

}  // namespace weft::server
