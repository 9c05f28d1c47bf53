#pragma once

// TcpClient over TLS, by OpenSSL's own way of doing it (SSL_set_fd, blocking), which shares nothing
// with the server's.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "tests/server/tcp_client.h"

namespace weft::server {

class TlsClient : public TcpClient {
 public:
  using Prepare = std::function<void(SSL*)>;

  // Connects and shakes hands; `prepare` may choose versions and the like before.
  explicit TlsClient(std::uint16_t port, const Prepare& prepare = {}, int receive_buffer_bytes = 0)
      : TcpClient(port, receive_buffer_bytes) {
    ShakeHands(prepare);
  }
  explicit TlsClient(Connected connected, const Prepare& prepare = {}) : TcpClient(connected) {
    ShakeHands(prepare);
  }

  bool agreed() const { return agreed_; }
  SSL* ssl() { return ssl_.get(); }

  // The common name of the server's certificate.
  std::string PeerName() {
    const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl_.get()),
                                                           X509_free);
    char name[256] = "";
    if (peer != nullptr) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name,
                                sizeof name);
    }
    return name;
  }

  // Says that nothing more comes, and leaves the socket open.
  void SayEnd() { SSL_shutdown(ssl_.get()); }

 protected:
  ssize_t SendBytes(std::string_view bytes) override {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  ssize_t ReceiveBytes(char* buffer, std::size_t size) override {
    return SSL_read(ssl_.get(), buffer, static_cast<int>(size));
  }
  bool HasReceived() const override { return SSL_pending(ssl_.get()) > 0; }

 private:
  void ShakeHands(const Prepare& prepare) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets as to files
    SSL_set_fd(ssl_.get(), socket());
    if (prepare) prepare(ssl_.get());
    agreed_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{SSL_new(context_.get()), SSL_free};
  bool agreed_ = false;
};

}  // namespace weft::server
