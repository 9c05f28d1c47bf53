#pragma once

// Signed tokens: JWT (RFC 7519) in the compact form of JWS (RFC 7515).
//
//   token   := base64url(header) "." base64url(claims) "." base64url(signature)
//   header  := {"alg": "HS256" | "RS256" | "ES256" | "EdDSA", "kid"?: text, …}    without "crit"
//   claims  := {"rooms": {pattern: role, …}, "sub"?: text, "jti"?: text, "exp"?: seconds,
//               "nbf"?: seconds, "iss"?: text, "aud"?: text | [text, …], …}
//
// Patterns and roles are those of room_roles.h. A token without "rooms" is valid and may do nothing; one
// without "exp" holds until its key or itself is revoked. "exp" and "nbf" are seconds since 1970.
//
// The header says which key to take, and not how it is used: a token is valid only if a key made for
// the very algorithm that it names made its signature.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "server/auth/grants.h"
#include "server/auth/key_set.h"
#include "server/auth/signature.h"

namespace weft::server::auth {

// Longer ones are refused unread. A header of HTTP has not much more space.
inline constexpr std::size_t kMaxTokenBytes = 8192;

struct TokenRules {
  std::string issuer;                  // required when it is not empty
  std::vector<std::string> audiences;  // one of them is required when there are any
  // How far the clock of whoever signs may be off.
  std::chrono::seconds clock_skew{30};
};

// What a token grants at `now`. Grants::expires is "exp" and the skew.
// Fails: kUnauthenticated, with a reason for its owner that has nothing of the token in it.
absl::StatusOr<Grants> CheckToken(std::string_view token, const KeySet& keys,
                                  const TokenRules& rules, WallTime now);

// The same with all that it claims, for who reads claims of its own.
struct CheckedToken {
  Grants grants;
  crdt::AnyObject claims;
};
absl::StatusOr<CheckedToken> CheckTokenAndClaims(std::string_view token, const KeySet& keys,
                                                 const TokenRules& rules, WallTime now);

// A token with these claims.
absl::StatusOr<std::string> MakeToken(const SigningKey& key, const crdt::AnyObject& claims);

}  // namespace weft::server::auth
