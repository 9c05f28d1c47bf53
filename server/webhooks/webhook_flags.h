#pragma once

// The flags of webhooks.

#include "server/webhooks/webhooks.h"

namespace CLI {  // NOLINT(readability-identifier-naming): of the library
class App;
}

namespace weft::server::webhooks {

// Requires: `options`, which holds the defaults, outlives `serve`.
void AddWebhookFlags(CLI::App& serve, Options& options);

}  // namespace weft::server::webhooks
