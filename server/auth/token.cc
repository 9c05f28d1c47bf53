#include "server/auth/token.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"

namespace weft::server::auth {
namespace {

constexpr std::size_t kMaxJsonDepth = 16;
// About the year 33658: later times are no times.
constexpr double kMaxSeconds = 1e12;

absl::Status Refuse(std::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("the token ", std::string(why)));
}

struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signed_text;  // both of them, as they are signed
  std::string_view signature;
};

std::optional<Parts> Split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Parts parts;
  parts.header = token.substr(0, first);
  parts.claims = token.substr(first + 1, second - first - 1);
  parts.signed_text = token.substr(0, second);
  parts.signature = token.substr(second + 1);
  // A further point, as in an encrypted token, is no base64url text.
  return parts;
}

absl::StatusOr<crdt::AnyObject> ParseObject(std::string_view encoded, std::string_view what) {
  const auto text = FromBase64Url(encoded);
  std::optional<crdt::Any> json;
  if (text.ok()) json = crdt::ParseJson(*text, kMaxJsonDepth);
  const crdt::AnyObject* object = json ? json->AsObject() : nullptr;
  if (object == nullptr) return Refuse(absl::StrCat("is malformed in its ", std::string(what)));
  return *object;
}

std::optional<Algorithm> AlgorithmNamed(const crdt::AnyObject& header) {
  const crdt::Any* value = header.Find("alg");
  const std::string* name = value == nullptr ? nullptr : value->AsString();
  if (name == nullptr) return std::nullopt;
  for (const Algorithm algorithm :
       {Algorithm::kHs256, Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    if (*name == AlgorithmName(algorithm)) return algorithm;
  }
  return std::nullopt;
}

// --- Claims --------------------------------------------------------------------------------------

// Empty when the claim is absent. Fails when it is something else than text.
absl::StatusOr<std::string> TextClaim(const crdt::AnyObject& claims, std::string_view name) {
  const crdt::Any* value = claims.Find(name);
  if (value == nullptr) return std::string();
  if (value->AsString() == nullptr) {
    return Refuse(absl::StrCat("has a claim \"", std::string(name), "\" that is no text"));
  }
  return *value->AsString();
}

absl::StatusOr<std::optional<WallTime>> TimeClaim(const crdt::AnyObject& claims,
                                                  std::string_view name) {
  const crdt::Any* value = claims.Find(name);
  if (value == nullptr) return std::optional<WallTime>();
  const double* seconds = value->AsNumber();
  if (seconds == nullptr || !(std::abs(*seconds) <= kMaxSeconds)) {
    return Refuse(absl::StrCat("has a claim \"", std::string(name), "\" that is no time"));
  }
  return std::optional<WallTime>(
      WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000))));
}

absl::Status CheckTimes(const crdt::AnyObject& claims, const TokenRules& rules, WallTime now,
                        Grants& grants) {
  const auto expires = TimeClaim(claims, "exp");
  if (!expires.ok()) return expires.status();
  const auto begins = TimeClaim(claims, "nbf");
  if (!begins.ok()) return begins.status();
  if (*begins && now < **begins - rules.clock_skew) return Refuse("is not valid yet");
  if (*expires) grants.expires = **expires + rules.clock_skew;
  if (grants.expires && now >= *grants.expires) return Refuse("has expired");
  return absl::OkStatus();
}

absl::Status CheckIssuer(const crdt::AnyObject& claims, const TokenRules& rules) {
  if (rules.issuer.empty()) return absl::OkStatus();
  const auto issuer = TextClaim(claims, "iss");
  if (!issuer.ok()) return issuer.status();
  return *issuer == rules.issuer ? absl::OkStatus() : Refuse("comes from another issuer");
}

absl::Status CheckAudience(const crdt::AnyObject& claims, const TokenRules& rules) {
  if (rules.audiences.empty()) return absl::OkStatus();
  const crdt::Any* value = claims.Find("aud");
  const auto is_ours = [&](const crdt::Any& name) {
    return name.AsString() != nullptr && std::find(rules.audiences.begin(), rules.audiences.end(),
                                                   *name.AsString()) != rules.audiences.end();
  };
  const bool meant = value != nullptr &&
                     (is_ours(*value) ||
                      (value->AsArray() != nullptr &&
                       std::any_of(value->AsArray()->begin(), value->AsArray()->end(), is_ours)));
  return meant ? absl::OkStatus() : Refuse("is for another audience");
}

absl::Status ReadRooms(const crdt::AnyObject& claims, Grants& grants) {
  const crdt::Any* value = claims.Find("rooms");
  if (value == nullptr) return absl::OkStatus();
  if (value->AsObject() == nullptr) return Refuse("has a claim \"rooms\" that is no object");
  for (const auto& [pattern, named] : value->AsObject()->entries()) {
    const std::optional<Role> role =
        named.AsString() == nullptr ? std::nullopt : RoleFromName(*named.AsString());
    if (!role) return Refuse("has a role in \"rooms\" that is not none, read, write or admin");
    const absl::Status added = grants.rooms.Add(pattern, *role);
    if (!added.ok()) {
      return Refuse(absl::StrCat("has bad \"rooms\": ", std::string(added.message())));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Grants> ReadClaims(const crdt::AnyObject& claims, const TokenRules& rules,
                                  WallTime now) {
  Grants grants;
  absl::Status status = CheckTimes(claims, rules, now, grants);
  if (status.ok()) status = CheckIssuer(claims, rules);
  if (status.ok()) status = CheckAudience(claims, rules);
  if (status.ok()) status = ReadRooms(claims, grants);
  if (!status.ok()) return status;
  auto subject = TextClaim(claims, "sub");
  if (!subject.ok()) return subject.status();
  auto token_id = TextClaim(claims, "jti");
  if (!token_id.ok()) return token_id.status();
  grants.subject = *std::move(subject);
  grants.token_id = *std::move(token_id);
  return grants;
}

}  // namespace

absl::StatusOr<Grants> CheckToken(std::string_view token, const KeySet& keys,
                                  const TokenRules& rules, WallTime now) {
  auto checked = CheckTokenAndClaims(token, keys, rules, now);
  if (!checked.ok()) return checked.status();
  return std::move(checked->grants);
}

absl::StatusOr<CheckedToken> CheckTokenAndClaims(std::string_view token, const KeySet& keys,
                                                 const TokenRules& rules, WallTime now) {
  if (token.empty()) return absl::UnauthenticatedError("a token is needed");
  if (token.size() > kMaxTokenBytes) return Refuse("is too long");
  const std::optional<Parts> parts = Split(token);
  if (!parts) return Refuse("is no JWT");
  const auto header = ParseObject(parts->header, "header");
  if (!header.ok()) return header.status();
  if (header->Find("crit") != nullptr) return Refuse("asks for what is not known here");
  const std::optional<Algorithm> algorithm = AlgorithmNamed(*header);
  if (!algorithm || !keys.Has(*algorithm)) {
    return Refuse("is signed by another algorithm than that of this server's keys");
  }
  const auto key_id = TextClaim(*header, "kid");
  if (!key_id.ok()) return key_id.status();
  const auto signature = FromBase64Url(parts->signature);
  if (!signature.ok()) return Refuse("is malformed in its signature");
  // Nothing of what it claims is looked at before it is known who claims it.
  if (!keys.Accepts(*algorithm, *key_id, parts->signed_text, *signature)) {
    return Refuse("is signed by none of this server's keys");
  }
  auto claims = ParseObject(parts->claims, "claims");
  if (!claims.ok()) return claims.status();
  auto grants = ReadClaims(*claims, rules, now);
  if (!grants.ok()) return grants.status();
  return CheckedToken{.grants = *std::move(grants), .claims = *std::move(claims)};
}

absl::StatusOr<std::string> MakeToken(const SigningKey& key, const crdt::AnyObject& claims) {
  const crdt::AnyObject header = {{"alg", std::string(AlgorithmName(key.algorithm()))},
                                  {"typ", "JWT"}};
  const std::string text = absl::StrCat(ToBase64Url(crdt::ToJsonText(header)), ".",
                                        ToBase64Url(crdt::ToJsonText(claims)));
  const auto signature = key.Sign(text);
  if (!signature.ok()) return signature.status();
  return absl::StrCat(text, ".", ToBase64Url(*signature));
}

}  // namespace weft::server::auth
