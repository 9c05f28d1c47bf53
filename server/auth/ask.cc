#include "server/auth/ask.h"

#include <utility>

#include "server/api/await.h"

namespace weft::server::auth {

asio::awaitable<absl::StatusOr<GrantsPtr>> Ask(Authority& authority,
                                               const Credentials& credentials) {
  using Result = absl::StatusOr<GrantsPtr>;
  co_return co_await api::Await<Result>([&authority, &credentials](api::Deliver<Result> deliver) {
    authority.Authenticate(credentials, std::move(deliver));
  });
}

asio::awaitable<absl::StatusOr<std::unique_ptr<Pass>>> AskForPass(Authority& authority,
                                                                  const Credentials& credentials) {
  using Result = absl::StatusOr<std::unique_ptr<Pass>>;
  if (authority.is_open()) co_return nullptr;
  co_return co_await api::Await<Result>([&authority, &credentials](api::Deliver<Result> deliver) {
    Pass::Open(authority, credentials, std::move(deliver));
  });
}

}  // namespace weft::server::auth
