#pragma once

// A connected stream socket, plain or with TLS on it, for as long as it lives: its bytes in and out
// without waiting. It is handed from the HTTP session to the WebSocket connection as it is.
//
// Plain sockets cost a test of a pointer beside the system call. Threads: one at a time. Ownership:
// the descriptor, which is closed with it.

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "server/tls_stream.h"

namespace weft::server {

class Transport {
 public:
  // What a Read has to have space for.
  static constexpr std::size_t kReadBytes = TlsStream::kReadBytes;

  Transport() = default;
  explicit Transport(int descriptor, std::unique_ptr<TlsStream> tls = nullptr)
      : descriptor_(descriptor), tls_(std::move(tls)) {}
  Transport(Transport&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}
  Transport& operator=(Transport&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(tls_, other.tls_);
    return *this;
  }
  ~Transport() { Close(); }

  // -1 once it is closed.
  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  const TlsStream* tls() const { return tls_.get(); }

  // As recv without waiting: 0 at the end of the stream, -1 with errno.
  // Requires: buffer.size() >= kReadBytes.
  ssize_t Read(std::span<std::uint8_t> buffer) {
    if (tls_ != nullptr) [[unlikely]]
      return tls_->Read(descriptor_, buffer);
    return ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  }

  // As sendmsg without waiting. What it takes is out of the caller's hands.
  ssize_t Write(std::span<iovec> pieces) {
    if (tls_ != nullptr) [[unlikely]]
      return tls_->Write(descriptor_, pieces);
    if (pieces.size() == 1) [[likely]] {
      return ::send(descriptor_, pieces[0].iov_base, pieces[0].iov_len,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // Of what Write took, something waits for the socket to be writable: SendUnsent then goes on. It
  // is false, with errno, as long as something is left.
  bool has_unsent() const { return tls_ != nullptr && tls_->has_unsent(); }
  bool SendUnsent() { return tls_ == nullptr || tls_->SendUnsent(descriptor_); }
  std::size_t held_bytes() const { return tls_ == nullptr ? 0 : tls_->held_bytes(); }

  // The stream has ended although the socket may not show it: nothing more is to be read.
  bool ended() const { return tls_ != nullptr && tls_->ended(); }

  // Says that nothing more comes.
  void ShutDown() {
    if (descriptor_ < 0) return;
    if (tls_ != nullptr) tls_->Finish(descriptor_);
    ::shutdown(descriptor_, SHUT_WR);
  }

  // Requires: nothing was read or written.
  void StartTls(std::unique_ptr<TlsStream> tls) { tls_ = std::move(tls); }
  // The rest is in clear, for who did not speak TLS.
  void DropTls() { tls_.reset(); }

  void Close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    tls_.reset();
  }

 private:
  int descriptor_ = -1;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace weft::server
