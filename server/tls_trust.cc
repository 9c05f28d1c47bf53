#include "server/tls_trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include "absl/strings/str_cat.h"

namespace weft::server {

absl::StatusOr<TlsTrust> TlsTrust::Load(const std::string& ca_file) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code error;
  context->set_verify_mode(asio::ssl::verify_peer, error);
  if (ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(ca_file, error);
  }
  ERR_clear_error();
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        ca_file.empty() ? "the certificates of the system" : "the certificates in " + ca_file,
        " cannot be read: ", error.message()));
  }
  return TlsTrust(std::move(context));
}

absl::Status TlsTrust::Expect(SSL* stream, const std::string& host) {
  error_code no_address;
  asio::ip::make_address(host, no_address);
  X509_VERIFY_PARAM* checks = SSL_get0_param(stream);
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = no_address
                       ? X509_VERIFY_PARAM_set1_host(checks, host.data(), host.size()) == 1 &&
                             SSL_set_tlsext_host_name(stream, host.c_str()) == 1
                       : X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()) == 1;
  if (set) return absl::OkStatus();
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(host, " cannot be the host of a certificate"));
}

std::string TlsTrust::Explain(SSL* stream, const error_code& error) {
  const long verdict = SSL_get_verify_result(stream);
  if (verdict == X509_V_OK) return error.message();
  return absl::StrCat("its certificate is not accepted: ", X509_verify_cert_error_string(verdict));
}

}  // namespace weft::server
