#pragma once

// The keys that tokens are checked with, as they stand in a file.
//
// Threads: a value; const functions may run concurrently.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/signature.h"

namespace weft::server::auth {

class KeySet {
 public:
  // More than anyone rotates; all of an algorithm may be tried for one token.
  static constexpr std::size_t kMaxKeys = 64;

  // A file with public keys in PEM, one after the other, or with a secret for HS256: all of its bytes
  // but a line end at the end. What looks like any other form of a key is not taken for a secret.
  // Fails: kInvalidArgument, kNotFound, kPermissionDenied, saying what is wrong.
  static absl::StatusOr<KeySet> FromKeyText(const std::string& text);
  // A key set (RFC 7517, JWKS) or one key of it (JWK). Keys for other purposes or of other kinds are
  // left out, as that standard asks for; one that is broken is an error.
  // Fails: kInvalidArgument, also when no key is left.
  static absl::StatusOr<KeySet> FromJwksText(std::string_view text);

  // Whether a key of this set, of this algorithm and, when both say one, of this id, made the
  // signature.
  bool Accepts(Algorithm algorithm, std::string_view key_id, std::string_view text,
               std::string_view signature) const;
  // Whether there is a key of that algorithm.
  bool Has(Algorithm algorithm) const;

  std::size_t size() const { return keys_.size(); }

 private:
  absl::Status Add(VerifyingKey key);

  std::vector<VerifyingKey> keys_;
};

// The whole of a small file. Fails: kNotFound and others, naming the file.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// The secret in a file's text, for who signs with it. Fails: as FromKeyText.
absl::StatusOr<std::string> SecretFromText(std::string text);

}  // namespace weft::server::auth
