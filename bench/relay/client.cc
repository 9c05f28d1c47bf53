#include "bench/relay/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace weft::bench {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr std::size_t kEvents = 512;
constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

Nanoseconds NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
}

// --- A client
// ---------------------------------------------------------------------------------------

Client::Client(Fleet& fleet, std::size_t index, std::string room)
    : fleet_(fleet),
      index_(index),
      room_(std::move(room)),
      messages_(fleet.target_.dialect, room_) {}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

void Client::Connect() {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return Fail(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(fleet_.target_.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return Fail(std::string("cannot connect: ") + std::strerror(errno));
  }
  const std::string request =
      "GET /" + room_ +
      " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  out_.assign(request.begin(), request.end());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  ::epoll_ctl(fleet_.epoll_, EPOLL_CTL_ADD, socket_, &event);
  // On the loopback device the connection is there by now.
  Flush();
}

void Client::Watch(bool writable) {
  if (watches_writable_ == writable || socket_ < 0) return;
  watches_writable_ = writable;
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  event.data.ptr = this;
  ::epoll_ctl(fleet_.epoll_, EPOLL_CTL_MOD, socket_, &event);
}

void Client::OnReady(std::uint32_t events) {
  if (socket_ < 0) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
    return Fail("a connection was refused or reset");
  }
  if ((events & EPOLLOUT) != 0) Flush();
  if (socket_ >= 0 && (events & EPOLLIN) != 0) Read();
}

void Client::Send(View message) {
  PutFrame(out_, message);
  if (!std::exchange(to_flush_, true)) fleet_.to_flush_.push_back(this);
}

void Client::Flush() {
  to_flush_ = false;
  while (socket_ >= 0 && out_begin_ < out_.size()) {
    const ssize_t size =
        ::send(socket_, out_.data() + out_begin_, out_.size() - out_begin_, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN || errno == ENOTCONN) return Watch(true);
      return Fail(std::string("cannot send: ") + std::strerror(errno));
    }
    out_begin_ += static_cast<std::size_t>(size);
  }
  out_.clear();
  out_begin_ = 0;
  Watch(false);
}

void Client::Read() {
  Buffer& scratch = fleet_.scratch_;
  const std::size_t kept = in_.size();
  if (kept > 0) {
    // A large frame grows where it is; a small rest goes in front of the next read.
    if (scratch.size() < kept + kReadBytes) scratch.resize(kept + kReadBytes);
    std::memcpy(scratch.data(), in_.data(), kept);
  }
  const ssize_t size = ::recv(socket_, scratch.data() + kept, scratch.size() - kept, 0);
  if (size == 0) return Fail("the server closed a connection");
  if (size < 0) {
    if (errno == EAGAIN) return;
    return Fail(std::string("cannot read: ") + std::strerror(errno));
  }
  fleet_.read_at_ = NowNs();
  const View bytes(scratch.data(), kept + static_cast<std::size_t>(size));
  const std::size_t used = Consume(bytes);
  if (socket_ < 0) return;
  in_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
}

std::size_t Client::Consume(View bytes) {
  std::size_t at = 0;
  if (!greeted_ && !ReadGreeting(bytes, at)) return 0;
  while (const auto frame = NextFrame(bytes, at)) {
    OnFrame(*frame);
    if (socket_ < 0) break;
  }
  return at;
}

bool Client::ReadGreeting(View bytes, std::size_t& at) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  if (!text.starts_with("HTTP/1.1 101")) {
    Fail("the server refused an upgrade: " + std::string(text.substr(0, text.find('\r'))));
    return false;
  }
  at = end + 4;
  greeted_ = true;
  state_ = State::kOpen;
  Send(messages_.wants_token() ? messages_.Token() : messages_.Step1());
  return true;
}

void Client::OnFrame(const ServerFrame& frame) {
  constexpr std::uint8_t kBinary = 2;
  constexpr std::uint8_t kClose = 8;
  constexpr std::uint8_t kPing = 9;
  if (frame.opcode == kBinary) return OnMessage(frame.payload);
  if (frame.opcode == kPing) {
    PutFrame(out_, frame.payload);
    out_[out_.size() - frame.payload.size() - 6] = 0x8A;  // made a pong
    if (!std::exchange(to_flush_, true)) fleet_.to_flush_.push_back(this);
  } else if (frame.opcode == kClose) {
    const unsigned code =
        frame.payload.size() < 2 ? 0U : frame.payload[0] * 256U + frame.payload[1];
    Fail("the server closed a connection with " + std::to_string(code));
  }
}

void Client::OnMessage(View message) {
  const Received received = messages_.Read(message);
  switch (received.kind) {
    case Kind::kAuthenticated:
      return Send(messages_.Step1());
    case Kind::kStep1:
      return Send(messages_.Step2OfNothing());
    case Kind::kStep2:
      if (state_ == State::kSynced) return;
      state_ = State::kSynced;
      ++fleet_.synced_;
      break;
    case Kind::kUpdate:
    case Kind::kAwareness:
      break;
    case Kind::kMalformed:
      return Fail("a message is malformed, or the token was refused");
    case Kind::kOther:
      return;
  }
  if (fleet_.handlers_.received) fleet_.handlers_.received(*this, received, fleet_.read_at_);
}

void Client::Fail(const std::string& reason) {
  const bool was_closed = state_ == State::kClosed;
  Close(false);
  if (was_closed) return;
  if (!fleet_.tolerant_) fleet_.Fail(reason);
  if (fleet_.handlers_.closed) fleet_.handlers_.closed(*this);
}

void Client::Close(bool politely) {
  if (state_ == State::kSynced) --fleet_.synced_;
  state_ = State::kClosed;
  if (socket_ < 0) return;
  if (politely) {
    PutCloseFrame(out_);
    (void)!::send(socket_, out_.data() + out_begin_, out_.size() - out_begin_, MSG_NOSIGNAL);
  }
  ::close(std::exchange(socket_, -1));
}

// --- All of them
// ------------------------------------------------------------------------------------

Fleet::Fleet(const Target& target, Handlers handlers)
    : target_(target),
      handlers_(std::move(handlers)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      scratch_(kReadBytes) {}

Fleet::~Fleet() {
  clients_.clear();
  ::close(epoll_);
}

Client& Fleet::Add(std::string room) {
  clients_.push_back(std::make_unique<Client>(*this, clients_.size(), std::move(room)));
  clients_.back()->Connect();
  return *clients_.back();
}

void Fleet::Replace(std::size_t index, std::string room) {
  retired_.push_back(
      std::exchange(clients_[index], std::make_unique<Client>(*this, index, std::move(room))));
  std::erase(to_flush_, retired_.back().get());
  clients_[index]->Connect();
}

void Fleet::FlushAll() {
  // Flushing adds nobody.
  for (Client* client : to_flush_) {
    if (client->to_flush_) client->Flush();
  }
  to_flush_.clear();
}

void Fleet::Turn(Nanoseconds deadline) {
  FlushAll();
  std::array<epoll_event, kEvents> events;
  const Nanoseconds now = NowNs();
  const Nanoseconds wait = deadline > now ? deadline - now : 0;
  timespec timeout{};
  timeout.tv_sec = static_cast<std::time_t>(wait / kSecond);
  timeout.tv_nsec = static_cast<long>(wait % kSecond);
  const int count = ::epoll_pwait2(epoll_, events.data(), kEvents, &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr)
        ->OnReady(events[static_cast<std::size_t>(i)].events);
  }
  FlushAll();
  retired_.clear();
}

bool Fleet::TurnUntil(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const Nanoseconds end =
      NowNs() + static_cast<Nanoseconds>(std::chrono::nanoseconds(limit).count());
  while (!done()) {
    if (!failure_.empty()) return false;
    const Nanoseconds now = NowNs();
    if (now >= end) return false;
    Turn(std::min(end, now + kSecond / 20));
  }
  return true;
}

}  // namespace weft::bench
