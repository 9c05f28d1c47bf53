#pragma once

// Who may do what through the API, as the authority of the server says (server/auth/authority.h).
//
// A token comes in the header Authorization ("Bearer …"), or as the parameter token. With --auth none and
// without --admin-token-file everything is as in OpenAccess.

#include "server/api/access.h"
#include "server/auth/authority.h"
#include "server/auth/refusal.h"

namespace weft::server::api {

class AuthorityAccess final : public Access {
 public:
  // Both outlive it.
  AuthorityAccess(auth::Authority& authority, auth::RefusalCounts& refusals)
      : authority_(authority), refusals_(refusals) {}

  asio::awaitable<absl::StatusOr<std::shared_ptr<const Rights>>> Enter(
      const Request& request) override;

 private:
  auth::Authority& authority_;
  auth::RefusalCounts& refusals_;
};

}  // namespace weft::server::api
