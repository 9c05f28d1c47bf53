#include "server/socket_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "server/worker.h"

namespace weft::server {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

SocketConnection::SocketConnection(Worker& worker, Arrival arrival)
    : worker_(worker),
      transport_(std::move(arrival.transport)),
      place_(std::move(arrival.place)),
      counted_(std::move(arrival.counted)),
      queued_(worker.stats().queued_bytes),
      receiving_(worker.stats().receiving_bytes),
      messages_(worker.limits().messages_per_second, Limits::kBurstSeconds, Clock::now()),
      bytes_(worker.limits().bytes_per_second, Limits::kBurstSeconds, Clock::now()),
      kind_(arrival.dialect == Dialect::kApplication ? Opcode::kText : Opcode::kBinary),
      parser_(worker.limits().message_bytes, kind_),
      last_heard_(Clock::now()),
      out_(std::move(arrival.greeting)) {}

SocketConnection::~SocketConnection() = default;

// --- Out
// --------------------------------------------------------------------------------------------

void SocketConnection::Send(crdt::ByteView message) {
  if (!MayQueue(message.size())) return;
  const bool large = message.size() > worker_.limits().queue_bytes;
  out_.Add(kind_, message, large);
  worker_.traffic().sent_messages.Add();
  answered_bytes_ += message.size();
  if (large) queued_.Set(HeldBytes());
  ScheduleFlush();
}

void SocketConnection::SendShared(crdt::ByteView head,
                                  const std::shared_ptr<const crdt::Bytes>& message) {
  if (!MayQueue(message->size())) return;
  // What waits before it leaves first, so that this one need not be copied.
  if (message->size() >= OutQueue::kSharedBytes && !write_blocked_) WriteOut();
  out_.AddShared(kind_, head, message, message->size() > worker_.limits().queue_bytes);
  worker_.traffic().sent_messages.Add();
  answered_bytes_ += message->size();
  ScheduleFlush();
}

bool SocketConnection::MayQueue(std::size_t bytes) {
  if (state_ != State::kOpen || overflowed_) return false;
  // A burst within one turn is no sign of a slow reader: see first what the socket takes. An error
  // shows again at the end of the turn.
  if (ReachedBound(bytes) && !write_blocked_) WriteOut();
  const std::optional<Limit> reached = ReachedBound(bytes);
  if (!reached) return true;
  worker_.stats().limits.Hit(*reached, "a client");
  // Who sends may be in the middle of a broadcast: it is told at the end of the turn.
  overflowed_ = true;
  ScheduleFlush();
  return false;
}

// Beyond the bound of all queues, whoever has more than a fair part of it goes, and no large message
// is exempt any more.
std::optional<Limit> SocketConnection::ReachedBound(std::size_t bytes) const {
  const Limits& limits = worker_.limits();
  const std::size_t waiting = out_.counted_bytes();
  if (waiting > limits.queue_bytes) return Limit::kQueueBytes;
  if (waiting <= Limits::kFairBytes && bytes <= limits.queue_bytes) return std::nullopt;
  if (queued_.sum() > limits.all_queues_bytes) return Limit::kAllQueuesBytes;
  return std::nullopt;
}

void SocketConnection::ScheduleFlush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  worker_.ScheduleFlush(*this);
}

void SocketConnection::Flush() {
  flush_scheduled_ = false;
  if (overflowed_ && !lagging_ && state_ == State::kOpen) FallBehind();
  if (state_ != State::kOpen) {  // what is left of a message is of no use any more
    parser_ = FrameParser(0);
    receiving_.Set(0);
  }
  queued_.Set(HeldBytes());
  if (state_ == State::kGone || write_blocked_) return;
  const Written written = WriteOut();
  queued_.Set(HeldBytes());
  if (written == Written::kFailed) return Drop();
  if (written == Written::kAll) return OnDrained();
  write_blocked_ = true;
  out_.Compact();
  Watch({.read = watched_.read, .write = true});
}

// The queue is full: what waits in it is dropped, and made up for when the socket has taken the
// rest. Who reads slowly is thus told the document as often as it can read it.
void SocketConnection::FallBehind() {
  out_.DropBacklog();
  lagging_ = true;
  lag_began_ = Clock::now();
}

SocketConnection::Written SocketConnection::WriteOut() {
  while (!out_.empty()) {
    std::array<iovec, 3> pieces;
    const std::size_t count = out_.Gather(pieces);
    const ssize_t size = transport_.Write(std::span(pieces).first(count));
    if (size < 0) return WouldBlock(errno) ? Written::kSome : Written::kFailed;
    out_.Advance(static_cast<std::size_t>(size));
    worker_.traffic().sent_bytes.Add(static_cast<std::uint64_t>(size));
  }
  if (!transport_.has_unsent() || transport_.SendUnsent()) return Written::kAll;
  return WouldBlock(errno) ? Written::kSome : Written::kFailed;
}

void SocketConnection::OnDrained() {
  out_.Rest(/*idle=*/false);
  if (state_ == State::kOpen) {
    const bool lost = std::exchange(lagging_, false);
    if (lost) overflowed_ = false;
    if (told_ != nullptr) told_->OnDrained(lost);
    return;
  }
  if (state_ == State::kClosing && client_closed_) {
    transport_.ShutDown();
    return Drop();
  }
  if (state_ == State::kClosing && !shut_) {
    shut_ = true;
    transport_.ShutDown();
  }
}

void SocketConnection::Watch(SocketPoller::Interest interest) {
  if (interest == watched_ || !transport_.is_open()) return;
  watched_ = interest;
  worker_.poller().Change(transport_.descriptor(), interest, this);
}

// --- In
// ---------------------------------------------------------------------------------------------

void SocketConnection::SetReading(bool reading) {
  if (state_ != State::kOpen || reading_ == reading) return;
  reading_ = reading;
  // A pause is no silence of the client.
  last_heard_ = Clock::now();
  // A pause that ends before more has come costs nothing: see OnReady.
  if (reading && !throttled_) Watch({.read = true, .write = watched_.write});
}

void SocketConnection::OnReady(SocketPoller::Readiness readiness) {
  if (state_ == State::kGone) return;
  if (readiness.write && write_blocked_) {
    write_blocked_ = false;
    Watch({.read = watched_.read, .write = false});
    Flush();
    if (state_ == State::kGone) return;
  }
  if (readiness.read && reading_ && !throttled_) return OnReadable();
  if (readiness.broken) return Drop();
  if (readiness.read) Watch({.read = false, .write = watched_.write});
}

void SocketConnection::OnReadable() {
  const std::span<std::uint8_t> buffer = worker_.read_buffer();
  const ssize_t size = transport_.Read(buffer);
  if (size == 0 || (size < 0 && !WouldBlock(errno))) return Drop();
  if (transport_.has_unsent()) ScheduleFlush();  // TLS has something to say by itself
  if (size < 0) return;
  last_heard_ = Clock::now();
  ping_sent_ = false;
  answered_bytes_ = 0;
  worker_.traffic().received_bytes.Add(static_cast<std::uint64_t>(size));
  HandleBytes(buffer.first(static_cast<std::size_t>(size)));
  CheckShares(static_cast<std::size_t>(size));
  if (transport_.ended() && state_ == State::kOpen) Drop();
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
  // A question of a few bytes can ask for the whole document.
  bytes_.Take(bytes_read + answered_bytes_);
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
    worker_.traffic().received_messages.Add(messages.size());
    if (told_ != nullptr && !messages.empty()) told_->Receive(messages);
    messages.clear();
  };
  while (state_ == State::kOpen) {
    const std::optional<FrameParser::Event> event = parser_.Next();
    if (!event) break;
    messages_.Take(1);
    const bool is_message = event->opcode == kind_;
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
      if (MayQueue(event.payload.size())) {
        out_.Add(Opcode::kPong, event.payload);
        ScheduleFlush();
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
  told_ = nullptr;
  BeginClose(code, reason);
}

void SocketConnection::BeginClose(CloseCode code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  worker_.stats().closes.Count(code);
  close_deadline_ = Clock::now() + worker_.limits().close_timeout;
  out_.AddClose(code, reason);
  ScheduleFlush();
  reading_ = true;  // until the client shuts its side
  throttled_ = false;
  Watch({.read = true, .write = watched_.write});
  EndSink();
}

void SocketConnection::EndSink() {
  if (told_ != nullptr) std::exchange(told_, nullptr)->OnEnd();
}

void SocketConnection::Drop() {
  if (state_ == State::kGone) return;
  state_ = State::kGone;
  transport_.Close();
  worker_.Forget(*this);
  EndSink();
}

void SocketConnection::Sweep(Clock::time_point now) {
  if (state_ == State::kClosing) {
    if (now < close_deadline_) return;
    worker_.stats().limits.Hit(Limit::kCloseTimeout, "a closing client");
    return Drop();
  }
  if (lagging_ && now - lag_began_ >= worker_.limits().catch_up_time) {
    return BeginClose(CloseCode::kBusy, "this client reads more slowly than others write");
  }
  if (told_ != nullptr) told_->Sweep(now);
  if (state_ != State::kOpen) return;
  if (out_.empty()) out_.Rest(/*idle=*/true);
  if (throttled_ && !messages_.InDebt(now) && !bytes_.InDebt(now)) {
    throttled_ = false;
    last_heard_ = now;
    if (reading_) Watch({.read = true, .write = watched_.write});
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
    out_.Add(Opcode::kPing, {});
    ScheduleFlush();
  }
}

}  // namespace weft::server
