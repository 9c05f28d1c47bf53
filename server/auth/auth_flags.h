#pragma once

// The flags of `weft serve` about who may do what.

#include "server/auth/options.h"

namespace CLI {  // NOLINT(readability-identifier-naming): of the library
class App;
}

namespace weft::server::auth {

// `options` outlives `serve`.
void AddAuthFlags(CLI::App& serve, Options& options);

}  // namespace weft::server::auth
