#pragma once

// Who somebody is, on the socket and over HTTP: a JWT (server/auth/token.h) signed with HS256 whose claim
// "user_id" is the id of a user of the application. "exp", "nbf" and "jti" are respected.
//
// Threads: const functions may run concurrently.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/auth/grants.h"
#include "server/auth/key_set.h"
#include "server/script/script.h"
#include "store/rows.h"

namespace weft::server::script {

class UserTokens {
 public:
  // Whether the operator has revoked it (--auth-revoked-file).
  using IsRevoked = std::function<bool(const auth::Grants& grants)>;

  // `rows` outlives it; `is_revoked` may be empty.
  UserTokens(auth::KeySet keys, const store::Rows& rows, IsRevoked is_revoked)
      : keys_(std::move(keys)), rows_(rows), is_revoked_(std::move(is_revoked)) {}

  struct Known {
    User user;            // as stored now
    auth::Grants grants;  // of the token: how long it holds, and what it is revoked by
  };
  // Whose token it is. Fails: kUnauthenticated, with the words of the protocol ("No token provided",
  // "Revoked token", "Invalid or expired token", "User not found"); kDataLoss and the like of the rows.
  absl::StatusOr<Known> Identify(std::string_view token, auth::WallTime now) const;

  // Why a token that was good holds no more.
  enum class End { kExpired, kRevoked };
  std::optional<End> EndOf(const auth::Grants& grants, auth::WallTime now) const;
  // In the words of the protocol.
  static std::string_view WordsFor(End end);

 private:
  const auth::KeySet keys_;
  const store::Rows& rows_;
  const IsRevoked is_revoked_;
};

// The keys of a file with a secret of at least 32 bytes. Fails: naming the flag and the file.
absl::StatusOr<auth::KeySet> ReadUserKeys(const std::string& file);

// Where the secret is when nobody says: in the data directory. Made there, readable by its owner alone, when it is
// absent. Fails: as the disk says.
std::string DefaultSecretFile(const std::string& data_directory);
absl::Status MakeSecretFile(const std::string& file);

}  // namespace weft::server::script
