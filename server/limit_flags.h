#pragma once

// The limits of a server as flags of `weft serve`.

#include "server/limits.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace weft::server {

// Requires: `limits`, which holds the defaults, outlives `serve`.
void AddLimitFlags(CLI::App& serve, Limits& limits);

}  // namespace weft::server
