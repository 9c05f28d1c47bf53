#pragma once

// The certificate and the private key that a server shows, as files that can be loaded again while
// it runs. TLS 1.2 and 1.3, forward secrecy and authenticated encryption alone, no renegotiation,
// no compression; of application protocols http/1.1.
//
// Streams that were made keep the certificate of their beginning. Threads: any.

#include <openssl/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/tls_stream.h"

namespace weft::server {

// Both in PEM. The certificate file holds the server's own first, then those that lead to a root.
struct TlsFiles {
  std::string certificate;
  std::string key;  // not encrypted
};

class TlsCertificate {
 public:
  // Fails: kInvalidArgument, with the file and the reason: it cannot be read, is none, is encrypted,
  // or the two do not belong together.
  static absl::StatusOr<std::unique_ptr<TlsCertificate>> Load(TlsFiles files);

  // Reads the files again. When they are bad the old ones stay in use. Fails: as Load.
  absl::Status Reload();

  // The server's side of a socket that was accepted just now.
  std::unique_ptr<TlsStream> MakeStream() const;

  // For the log: "CN = example.org, until 2026-11-28 12:00 UTC".
  std::string Describe() const;
  // When it ends, in seconds of the system clock's epoch.
  std::int64_t expiry_seconds() const;

 private:
  explicit TlsCertificate(TlsFiles files) : files_(std::move(files)) {}
  std::shared_ptr<SSL_CTX> context() const;

  const TlsFiles files_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace weft::server
