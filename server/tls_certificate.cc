#include "server/tls_certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>

#include <cstring>
#include <ctime>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "server/text_table.h"

namespace weft::server {
namespace {

// Of TLS 1.2; those of 1.3 are all of this kind. Mozilla's "intermediate" list without DHE.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

constexpr std::string_view kHttp11 = "http/1.1";

// Why OpenSSL could not read a file that should hold `what`. Its list of errors is emptied.
std::string LastReason(std::string_view what) {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(error)) return std::strerror(reason);
  if (ERR_GET_LIB(error) == ERR_LIB_X509 && reason == X509_R_KEY_VALUES_MISMATCH) {
    return "it does not belong to the certificate";
  }
  const char* text = ERR_reason_error_string(error);
  return absl::StrCat("it holds no ", std::string(what), " in PEM (",
                      text != nullptr ? text : "no reason", ")");
}

absl::Status BadFile(const char* what, const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " \"", path, "\" is of no use: ", std::string(why)));
}

// Nobody sits at the terminal of a server.
int RefusePassphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// A client that lists protocols and not this one would not understand the answers.
int ChooseProtocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned offered_size, void* /*argument*/) {
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
    if (name != kHttp11) continue;
    *chosen = offered + at + 1;
    *chosen_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<SSL_CTX> NewContext() {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Clients come back with tickets, which cost the server nothing.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_cipher_list(context.get(), kCiphers) == 1);
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  return context;
}

absl::StatusOr<std::shared_ptr<SSL_CTX>> LoadContext(const TlsFiles& files) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context = NewContext();
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return BadFile("certificate", files.certificate, LastReason("certificate"));
  }
  bool asked_for_passphrase = false;
  SSL_CTX_set_default_passwd_cb(context.get(), RefusePassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), &asked_for_passphrase);
  const bool has_key =
      SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), nullptr);
  if (asked_for_passphrase) {
    ERR_clear_error();
    return BadFile("private key", files.key, "it is encrypted, and a server cannot be asked");
  }
  if (!has_key || SSL_CTX_check_private_key(context.get()) != 1) {
    return BadFile("private key", files.key, LastReason("private key"));
  }
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsCertificate>> TlsCertificate::Load(TlsFiles files) {
  std::unique_ptr<TlsCertificate> certificate(new TlsCertificate(std::move(files)));
  const absl::Status loaded = certificate->Reload();
  if (!loaded.ok()) return loaded;
  return certificate;
}

absl::Status TlsCertificate::Reload() {
  absl::StatusOr<std::shared_ptr<SSL_CTX>> context = LoadContext(files_);
  if (!context.ok()) return context.status();
  const std::lock_guard lock(mutex_);
  context_ = *std::move(context);
  return absl::OkStatus();
}

std::shared_ptr<SSL_CTX> TlsCertificate::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::unique_ptr<TlsStream> TlsCertificate::MakeStream() const {
  SSL* ssl = SSL_new(context().get());
  CHECK(ssl != nullptr);
  return std::make_unique<TlsStream>(ssl);
}

std::int64_t TlsCertificate::expiry_seconds() const {
  const std::shared_ptr<SSL_CTX> now = context();
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(now.get())), &end) != 1) return 0;
  return ::timegm(&end);
}

std::string TlsCertificate::Describe() const {
  const std::shared_ptr<SSL_CTX> now = context();
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(SSL_CTX_get0_certificate(now.get())), 0,
                     XN_FLAG_ONELINE);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return absl::StrCat(std::string(bytes, static_cast<std::size_t>(size)), ", until ",
                      TimeText(expiry_seconds() * 1000), " UTC");
}

}  // namespace weft::server
