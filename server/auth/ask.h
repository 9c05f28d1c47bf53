#pragma once

// Asking an authority from a coroutine, which goes on where it runs. When the authority is stopped first,
// the coroutine ends here, without going on.
//
// Credentials live until the answer is there: GCC 12 breaks temporaries that own something and are
// arguments of what is awaited, so what is awaited is given references alone.

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "server/auth/authority.h"
#include "server/auth/pass.h"

namespace weft::server::auth {

// As Authority::Authenticate.
asio::awaitable<absl::StatusOr<GrantsPtr>> Ask(Authority& authority,
                                               const Credentials& credentials);

// As Pass::Open.
asio::awaitable<absl::StatusOr<std::unique_ptr<Pass>>> AskForPass(Authority& authority,
                                                                  const Credentials& credentials);

}  // namespace weft::server::auth
