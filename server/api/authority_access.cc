#include "server/api/authority_access.h"

#include <utility>

#include "server/api/target.h"
#include "server/auth/ask.h"

namespace weft::server::api {
namespace {

Right RightOf(auth::Role role) {
  switch (role) {
    case auth::Role::kNone:
      return Right::kNone;
    case auth::Role::kRead:
      return Right::kRead;
    case auth::Role::kWrite:
      return Right::kWrite;
    case auth::Role::kAdmin:
      return Right::kAdmin;
  }
  return Right::kNone;
}

// They end with their token: a stream of events may outlive it.
class GrantedRights final : public Rights {
 public:
  GrantedRights(const auth::Authority& authority, auth::GrantsPtr grants)
      : authority_(authority), grants_(std::move(grants)) {}
  Right In(std::string_view room) const override {
    return Hold() ? RightOf(grants_->RoleFor(room)) : Right::kNone;
  }
  Right InAll() const override {
    return Hold() ? RightOf(grants_->RoleEverywhere()) : Right::kNone;
  }
  std::string Subject() const override { return grants_->subject; }

 private:
  bool Hold() const {
    const bool over = grants_->expires && authority_.now() >= *grants_->expires;
    return !over && !authority_.Revoked(*grants_);
  }

  const auth::Authority& authority_;
  const auth::GrantsPtr grants_;
};

// The room that a call is about; empty when it is about the server.
std::string RoomOf(std::string_view text) {
  const absl::StatusOr<Target> target = Target::Parse(text);
  if (!target.ok()) return {};
  const std::vector<std::string>& segments = target->segments();
  const bool names_one = segments.size() > 2 && segments[0] == "api" && segments[1] == "rooms";
  return names_one ? segments[2] : std::string();
}

}  // namespace

asio::awaitable<absl::StatusOr<std::shared_ptr<const Rights>>> AuthorityAccess::Enter(
    const Request& request) {
  if (authority_.is_open()) co_return co_await OpenAccess().Enter(request);
  const auth::Credentials shown{
      .token = auth::PresentedToken(request.target, request.header("Authorization")),
      .room = RoomOf(request.target),
      .origin = std::string(request.header("Origin")),
      .address = request.address};
  absl::StatusOr<auth::GrantsPtr> grants = co_await auth::Ask(authority_, shown);
  if (!grants.ok()) refusals_.Count(auth::RefusalOf(grants.status()));
  // Who is known and has no role is told so by the call, as everybody whose role is too small.
  if (absl::IsPermissionDenied(grants.status())) grants = std::make_shared<const auth::Grants>();
  if (!grants.ok()) co_return grants.status();
  co_return std::shared_ptr<const Rights>(
      std::make_shared<GrantedRights>(authority_, *std::move(grants)));
}

}  // namespace weft::server::api
