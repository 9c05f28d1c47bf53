#include "server/auth/pass.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/auth/refusal.h"

namespace weft::server::auth {

Pass::Pass(Authority& authority, Credentials credentials, GrantsPtr grants,
           std::uint64_t answers_version)
    : authority_(authority),
      credentials_(std::move(credentials)),
      grants_(std::move(grants)),
      role_(grants_->RoleFor(credentials_.room)),
      answers_version_(answers_version) {}

void Pass::Open(Authority& authority, Credentials credentials, Opened done) {
  if (authority.is_open()) return done(nullptr);
  const std::uint64_t version = authority.answers_version();
  Authority::Done decide = [&authority, credentials, version,
                            done = std::move(done)](absl::StatusOr<GrantsPtr> grants) mutable {
    if (!grants.ok()) return done(grants.status());
    if ((*grants)->RoleFor(credentials.room) == Role::kNone) {
      return done(absl::PermissionDeniedError("no access to this room"));
    }
    done(std::make_unique<Pass>(authority, std::move(credentials), *std::move(grants), version));
  };
  authority.Authenticate(std::move(credentials), std::move(decide));
}

std::optional<Pass::Change> Pass::Poll() {
  if (ended_ || authority_.is_open()) return std::nullopt;
  const WallTime now = authority_.now();
  std::optional<Change> change;
  if (auto answer = TakeAnswer()) change = Accept(*std::move(answer), now);
  if (change) return change;
  if (grants_->expires && now >= *grants_->expires) {
    // What is to be renewed ends only when nobody could be asked.
    return grants_->renew ? End(CloseCode::kBusy, "rights could not be checked for too long")
                          : End(CloseCode::kUnauthorized, "the token has expired");
  }
  const std::uint64_t version = authority_.version();
  if (std::exchange(version_, version) != version && authority_.Revoked(*grants_)) {
    return End(CloseCode::kUnauthorized, "the token was revoked");
  }
  const bool renews = grants_->renew && now >= *grants_->renew;
  const bool stale = answers_version_ != authority_.answers_version();
  if (answer_ == nullptr && (renews || stale) && now >= retry_at_) Ask();
  return std::nullopt;
}

void Pass::Ask() {
  answers_version_ = authority_.answers_version();
  answer_ = std::make_shared<Answer>();
  authority_.Authenticate(credentials_, [answer = answer_](absl::StatusOr<GrantsPtr> grants) {
    const std::lock_guard lock(answer->mutex);
    answer->value = std::move(grants);
  });
}

std::optional<absl::StatusOr<GrantsPtr>> Pass::TakeAnswer() {
  if (answer_ == nullptr) return std::nullopt;
  std::optional<absl::StatusOr<GrantsPtr>> value;
  {
    const std::lock_guard lock(answer_->mutex);
    value = std::exchange(answer_->value, std::nullopt);
  }
  if (value) answer_.reset();
  return value;
}

std::optional<Pass::Change> Pass::Accept(absl::StatusOr<GrantsPtr> answer, WallTime now) {
  if (!answer.ok()) {
    const Refusal refusal = RefusalOf(answer.status());
    if (refusal != Refusal::kUnavailable) {
      return End(CloseCodeOf(refusal), std::string(answer.status().message()));
    }
    retry_at_ = now + kRetry;
    answers_version_ = 0;  // what it was asked for is still open
    return std::nullopt;
  }
  grants_ = *std::move(answer);
  const Role role = grants_->RoleFor(credentials_.room);
  if (role == Role::kNone) return End(CloseCode::kForbidden, "no access to this room any more");
  if (std::exchange(role_, role) == role) return std::nullopt;
  return Change{.close = std::nullopt,
                .role = role,
                .reason = absl::StrCat("the role here is now: ", std::string(RoleName(role)))};
}

Pass::Change Pass::End(CloseCode code, std::string reason) {
  ended_ = true;
  return {.close = code, .role = Role::kNone, .reason = std::move(reason)};
}

}  // namespace weft::server::auth
