#pragma once

// Whom a client of ours believes to be who it says, over TLS 1.2 and 1.3: whoever shows a certificate
// for the host that was asked for, signed by an authority of the system, or of a file.
//
// Threads: any. A value: copies share what was loaded.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"

namespace weft::server {

class TlsTrust {
 public:
  // `ca_file`: certificates in PEM, instead of the system's; empty: the system's. Fails:
  // kInvalidArgument, with the file.
  static absl::StatusOr<TlsTrust> Load(const std::string& ca_file);

  // What streams are made of.
  asio::ssl::context& context() const { return *context_; }

  // Before the handshake of a stream: that it is to lead to this host, a name or an address.
  static absl::Status Expect(SSL* stream, const std::string& host);

  // Why a handshake failed, in words: of the certificate if that is it.
  static std::string Explain(SSL* stream, const error_code& error);

 private:
  explicit TlsTrust(std::shared_ptr<asio::ssl::context> context) : context_(std::move(context)) {}

  std::shared_ptr<asio::ssl::context> context_;
};

}  // namespace weft::server
