#pragma once

// Keys that sign tokens and keys that check them (JWS, RFC 7515 and 7518): HS256, RS256, ES256 with
// P-256, and EdDSA with Ed25519.
//
// The algorithm is a property of the key, never of what is checked: a key made of a public key cannot
// check HMACs, and there is no key for "none".
//
// Over OpenSSL directly, because the JWT libraries of Debian 12 (libjwt 1.10, cpp-jwt 1.4, cjose 0.6)
// lack Ed25519, all but the last lack key sets, and take the algorithm from the token.
//
// Threads: values; const functions may run concurrently.

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/any.h"

namespace weft::server::auth {

enum class Algorithm : std::uint8_t { kHs256, kRs256, kEs256, kEdDsa };

// "HS256".
std::string_view AlgorithmName(Algorithm algorithm);

// As short as a secret for HMAC-SHA256 may be (RFC 7518, section 3.2).
inline constexpr std::size_t kMinSecretBytes = 32;
inline constexpr int kMinRsaBits = 2048;

class VerifyingKey {
 public:
  // All of these fail with kInvalidArgument, saying what is wrong with the key.
  static absl::StatusOr<VerifyingKey> FromSecret(std::string secret);
  // "BEGIN PUBLIC KEY".
  static absl::StatusOr<VerifyingKey> FromPem(const std::string& pem);
  // One key of a key set (RFC 7517; RFC 8037 for Ed25519). kUnimplemented: no key of these kinds, or not
  // one to check signatures with.
  static absl::StatusOr<VerifyingKey> FromJwk(const crdt::AnyObject& jwk);

  Algorithm algorithm() const { return algorithm_; }
  const std::string& id() const { return id_; }  // "kid" of a key set; may be empty

  // Whether `signature` was made over `text` with the other half of this key.
  bool Accepts(std::string_view text, std::string_view signature) const;

 private:
  VerifyingKey() = default;
  static absl::StatusOr<VerifyingKey> FromPublicKey(std::shared_ptr<EVP_PKEY> key);

  Algorithm algorithm_ = Algorithm::kHs256;
  std::string id_;
  std::string secret_;             // of kHs256
  std::shared_ptr<EVP_PKEY> key_;  // of all others
};

class SigningKey {
 public:
  // As those above.
  static absl::StatusOr<SigningKey> FromSecret(std::string secret);
  // "BEGIN PRIVATE KEY" and its older forms, without a passphrase.
  static absl::StatusOr<SigningKey> FromPem(const std::string& pem);

  Algorithm algorithm() const { return algorithm_; }

  // Fails: kInternal, when OpenSSL does.
  absl::StatusOr<std::string> Sign(std::string_view text) const;

 private:
  SigningKey() = default;

  Algorithm algorithm_ = Algorithm::kHs256;
  std::string secret_;
  std::shared_ptr<EVP_PKEY> key_;
};

// base64url without padding (RFC 7515, section 2): one text for each byte string.
std::string ToBase64Url(std::string_view bytes);
// Fails: kInvalidArgument, for any text that ToBase64Url does not make.
absl::StatusOr<std::string> FromBase64Url(std::string_view text);

}  // namespace weft::server::auth
