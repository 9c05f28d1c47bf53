#pragma once

// The server's side of TLS over one socket, with the calling convention of recv and sendmsg.
//
//   socket ──recv──> [scratch of the thread] ──SSL_read──> plain bytes
//   plain bytes ──SSL_write──> [unsent] ──send──> socket
//
// OpenSSL never touches the socket itself: it is fed what one recv brought and asked until it wants
// more, so that no whole record stays inside of it, and a descriptor that is not readable means that
// there is nothing to read, as without TLS. What it encrypts is taken in full, and waits here when the
// socket takes no more: the caller is never asked to repeat a write with the same bytes.
//
// Bounds: Write takes nothing more while something is unsent, so that kGatherBytes wait at most, and
// what the handshake and answers to the peer's requests need beside it; past kMaxUnsentBytes the
// stream has failed. Threads: one at a time; it moves between them with its connection.
//
// Source: RFC 8446, RFC 5246; OpenSSL's manual, BIO_meth_new(3) and SSL_read(3).

#include <openssl/types.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "crdt/base/bytes.h"

namespace weft::server {

class TlsStream {
 public:
  // What one Write encrypts at most, and what may wait at most, whatever the peer asks for.
  static constexpr std::size_t kGatherBytes = std::size_t{64} << 10;
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{256} << 10;
  // A Read needs so much space, since what one recv brings is handed over in full.
  static constexpr std::size_t kReadBytes = std::size_t{64} << 10;

  // Takes over `ssl`, fresh, in the server's role.
  explicit TlsStream(SSL* ssl);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // As recv without waiting: a number of bytes; 0 at the end of the stream, by the peer's notice or
  // the end of TCP; -1 with errno, EAGAIN when there is nothing (the handshake may have gone on) and
  // EPROTO when the peer does not speak TLS as it should. Requires: buffer.size() >= kReadBytes.
  ssize_t Read(int socket, std::span<std::uint8_t> buffer);

  // As sendmsg without waiting; what it takes leaves before anything that is written later. -1 with
  // EAGAIN while something is unsent. Requires: something was read before.
  ssize_t Write(int socket, std::span<const iovec> pieces);

  // Encrypted bytes that the socket did not take yet.
  bool has_unsent() const { return unsent_begin_ < unsent_.size(); }
  std::size_t held_bytes() const { return unsent_.capacity(); }
  // Sends of them what the socket takes. False with errno when some are left (EAGAIN), or it is shut.
  bool SendUnsent(int socket);

  // Tells the peer that nothing more comes.
  void Finish(int socket);

  // Nothing more will be read, although the socket may still be open.
  bool ended() const { return ended_ || failed_; }

  // The handshake failed because the client began with an HTTP request in clear.
  bool spoke_http() const { return spoke_http_; }
  // Why the stream failed, for people; empty while it did not.
  const std::string& failure() const { return failure_; }

 private:
  friend struct TlsBio;  // OpenSSL's view of this object

  ssize_t Fail(int error);
  std::size_t Decrypt(std::span<std::uint8_t> buffer);
  std::size_t Encrypt(std::span<const iovec> pieces);
  bool Send(int socket);

  struct Free {
    void operator()(SSL* ssl) const;
  };
  std::unique_ptr<SSL, Free> ssl_;
  crdt::ByteView incoming_;  // within Read: what OpenSSL has not taken yet
  crdt::Bytes unsent_;       // sent up to unsent_begin_
  std::size_t unsent_begin_ = 0;
  bool ended_ = false;
  bool failed_ = false;
  bool spoke_http_ = false;
  std::string failure_;
};

}  // namespace weft::server
