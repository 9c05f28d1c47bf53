#include "server/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "crdt/base/check.h"

namespace weft::server {
namespace {

// A record: what it carries at most, and with its header, its tag and what RFC 5246 allows beside it.
constexpr std::size_t kRecordPayload = std::size_t{16} << 10;
constexpr std::size_t kRecordBytes = kRecordPayload + (std::size_t{2} << 10) + 5;
// One recv, so that with a record that had begun before it all fits into kReadBytes.
constexpr std::size_t kReceiveBytes = TlsStream::kReadBytes - kRecordBytes;

std::span<std::uint8_t> Scratch() {
  static thread_local std::array<std::uint8_t, kReceiveBytes> scratch;
  return scratch;
}

}  // namespace

struct TlsBio {
  static TlsStream& Stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    crdt::ByteView& incoming = Stream(bio).incoming_;
    if (incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t taken = std::min(incoming.size(), static_cast<std::size_t>(size));
    std::copy_n(incoming.begin(), taken, data);
    incoming = incoming.subspan(taken);
    return static_cast<int>(taken);
  }

  static int Write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    TlsStream& stream = Stream(bio);
    const std::size_t waiting = stream.unsent_.size() - stream.unsent_begin_;
    if (waiting + static_cast<std::size_t>(size) > TlsStream::kMaxUnsentBytes) return -1;
    // Of a peer that asks without end and reads slowly, what it has read is not kept.
    if (stream.unsent_begin_ > TlsStream::kGatherBytes) {
      stream.unsent_.erase(stream.unsent_.begin(),
                           stream.unsent_.begin() +
                               static_cast<std::ptrdiff_t>(std::exchange(stream.unsent_begin_, 0)));
    }
    stream.unsent_.insert(stream.unsent_.end(), data, data + size);
    return size;
  }

  static long Control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* Make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft");
    CHECK(method != nullptr);
    BIO_meth_set_read(method, Read);
    BIO_meth_set_write(method, Write);
    BIO_meth_set_ctrl(method, Control);
    return method;
  }
};

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(SSL* ssl) : ssl_(ssl) {
  static const BIO_METHOD* const method = TlsBio::Make();
  BIO* bio = BIO_new(method);
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_accept_state(ssl);
}

TlsStream::~TlsStream() = default;

ssize_t TlsStream::Fail(int error) {
  failed_ = true;
  errno = error;
  return -1;
}

ssize_t TlsStream::Read(int socket, std::span<std::uint8_t> buffer) {
  DCHECK(buffer.size() >= kReadBytes);
  if (failed_) return Fail(EPROTO);
  if (ended_) return 0;
  const std::span<std::uint8_t> scratch = Scratch();
  const ssize_t received = ::recv(socket, scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (received < 0) return -1;
  if (received == 0) {
    // Whoever wants to know whether something was cut off asks the protocol above, which says where
    // its messages end.
    ended_ = true;
    return 0;
  }
  incoming_ = scratch.first(static_cast<std::size_t>(received));
  const std::size_t size = Decrypt(buffer);
  incoming_ = {};
  // The socket's own error shows at the next call.
  if (has_unsent()) SendUnsent(socket);
  if (size > 0) return static_cast<ssize_t>(size);
  if (failed_) return Fail(EPROTO);
  if (ended_) return 0;
  errno = EAGAIN;
  return -1;
}

std::size_t TlsStream::Decrypt(std::span<std::uint8_t> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data() + size, buffer.size() - size, &got);
    if (result == 1) {
      size += got;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
      break;
    }
    failed_ = true;
    const unsigned long reason = ERR_peek_error();
    spoke_http_ =
        ERR_GET_LIB(reason) == ERR_LIB_SSL && ERR_GET_REASON(reason) == SSL_R_HTTP_REQUEST;
    const char* text = ERR_reason_error_string(reason);
    failure_ = text != nullptr ? text : "the peer asks for too much";
    ERR_clear_error();
    break;
  }
  return size;
}

ssize_t TlsStream::Write(int socket, std::span<const iovec> pieces) {
  if (failed_) return Fail(EPROTO);
  if (has_unsent() && !SendUnsent(socket)) return -1;
  // Mostly all of it leaves at once, so that a buffer of the thread serves for it.
  static thread_local crdt::Bytes gathered;
  unsent_.swap(gathered);
  const std::size_t size = Encrypt(pieces);
  if (failed_) return Fail(EPROTO);
  const bool sent = Send(socket);
  const int error = errno;
  unsent_.swap(gathered);
  if (sent) return static_cast<ssize_t>(size);
  unsent_.assign(gathered.begin() + static_cast<std::ptrdiff_t>(std::exchange(unsent_begin_, 0)),
                 gathered.end());
  gathered.clear();
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return static_cast<ssize_t>(size);
  return Fail(error);
}

std::size_t TlsStream::Encrypt(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) {
    const auto* bytes = static_cast<const std::uint8_t*>(piece.iov_base);
    for (std::size_t at = 0; at < piece.iov_len && size < kGatherBytes;) {
      ERR_clear_error();
      std::size_t taken = 0;
      if (SSL_write_ex(ssl_.get(), bytes + at, std::min(piece.iov_len - at, kRecordPayload),
                       &taken) != 1) {
        failed_ = true;
        failure_ = "nothing more can be encrypted";
        ERR_clear_error();
        return size;
      }
      at += taken;
      size += taken;
    }
  }
  return size;
}

bool TlsStream::Send(int socket) {
  while (has_unsent()) {
    const ssize_t sent = ::send(socket, unsent_.data() + unsent_begin_,
                                unsent_.size() - unsent_begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return false;
    unsent_begin_ += static_cast<std::size_t>(sent);
  }
  unsent_.clear();
  unsent_begin_ = 0;
  return true;
}

bool TlsStream::SendUnsent(int socket) {
  if (!Send(socket)) return false;
  crdt::Bytes().swap(unsent_);  // a client that is idle holds no buffer
  return true;
}

void TlsStream::Finish(int socket) {
  if (failed_ || SSL_is_init_finished(ssl_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  SendUnsent(socket);
}

}  // namespace weft::server
