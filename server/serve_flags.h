#pragma once

// The flags of `weft serve`, but for those that stand with what they are about: auth/auth_flags.h,
// limit_flags.h, webhooks/webhook_flags.h.

#include "server/command_line.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace weft::server {

// Adds `serve` with all of its flags to `app`; what they say goes into `line`, which lives as long.
CLI::App& AddServe(CLI::App& app, CommandLine& line);

}  // namespace weft::server
