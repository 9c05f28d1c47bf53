#include "server/http_stream.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace weft::server {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

error_code LastError() { return {errno, boost::system::system_category()}; }

std::span<std::uint8_t> Scratch() {
  static thread_local std::vector<std::uint8_t> scratch(Transport::kReadBytes);
  return scratch;
}

}  // namespace

HttpStream::Parts::Parts(const executor_type& executor, Transport connected)
    : transport(std::move(connected)),
      descriptor(executor, transport.descriptor()),
      deadline(executor) {}

HttpStream::Parts::~Parts() {
  if (descriptor.is_open()) descriptor.release();
}

HttpStream::HttpStream(const executor_type& executor, Transport transport)
    : parts_(std::make_shared<Parts>(executor, std::move(transport))) {}

HttpStream::~HttpStream() { expires_never(); }

void HttpStream::expires_after(std::chrono::milliseconds time) {
  parts_->deadline.expires_after(time);
  parts_->deadline.async_wait(
      [weak = std::weak_ptr(parts_), number = ++parts_->deadlines](const error_code& error) {
        const std::shared_ptr<Parts> parts = weak.lock();
        if (error || parts == nullptr || parts->deadlines != number) return;
        parts->timed_out = true;
        error_code ignored;
        parts->descriptor.cancel(ignored);
      });
}

void HttpStream::expires_never() {
  ++parts_->deadlines;
  parts_->deadline.cancel();
}

std::size_t HttpStream::Parts::TakeAhead(const iovec& into) {
  const std::size_t taken = std::min(into.iov_len, ahead.size() - ahead_begin);
  std::copy_n(ahead.begin() + static_cast<std::ptrdiff_t>(ahead_begin), taken,
              static_cast<std::uint8_t*>(into.iov_base));
  ahead_begin += taken;
  if (ahead_begin == ahead.size()) {
    ahead_begin = 0;
    crdt::Bytes().swap(ahead);
  }
  return taken;
}

HttpStream::Parts::Next HttpStream::Parts::Read(const iovec& into, error_code& error,
                                                std::size_t& size) {
  if (ahead.empty()) {
    const ssize_t got = transport.Read(Scratch());
    if (got < 0 && WouldBlock(errno)) {
      // The peer waits for what the handshake has to say before it goes on.
      if (!transport.has_unsent() || transport.SendUnsent()) return Next::kWaitToRead;
      if (WouldBlock(errno)) return Next::kWaitToWrite;
    }
    if (got < 0) error = LastError();
    if (got == 0) error = asio::error::eof;
    if (got <= 0) return Next::kDone;
    ahead.assign(Scratch().begin(), Scratch().begin() + got);
  }
  size = TakeAhead(into);
  return Next::kDone;
}

HttpStream::Parts::Next HttpStream::Parts::Write(std::span<iovec> pieces, error_code& error,
                                                 std::size_t& size) {
  // What has been taken is told when it is with the system: a session may end after its last write.
  if (size == 0 && !pieces.empty()) {
    const ssize_t taken = transport.Write(pieces);
    if (taken < 0 && WouldBlock(errno)) return Next::kWaitToWrite;
    if (taken < 0) error = LastError();
    if (taken <= 0) return Next::kDone;
    size = static_cast<std::size_t>(taken);
  }
  if (!transport.has_unsent() || transport.SendUnsent()) return Next::kDone;
  if (WouldBlock(errno)) return Next::kWaitToWrite;
  error = LastError();
  return Next::kDone;
}

bool HttpStream::DropTlsOfClearText() {
  const TlsStream* tls = parts_->transport.tls();
  if (tls == nullptr || !tls->spoke_http()) return false;
  parts_->transport.DropTls();
  return true;
}

std::string HttpStream::tls_failure() const {
  const TlsStream* tls = parts_->transport.tls();
  return tls == nullptr ? std::string() : tls->failure();
}

std::pair<Transport, crdt::Bytes> HttpStream::Release() {
  expires_never();
  parts_->descriptor.release();
  crdt::Bytes ahead(parts_->ahead.begin() + static_cast<std::ptrdiff_t>(parts_->ahead_begin),
                    parts_->ahead.end());
  return {std::move(parts_->transport), std::move(ahead)};
}

}  // namespace weft::server
