#pragma once

// The command line of `weft log …`.

#include <functional>

#include "server/tools/log_verbs.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace weft::server {

// Adds `log` and its verbs to `app`; `chosen` is called when one of them is asked for.
void AddLogVerbs(CLI::App& app, LogCommand& command, std::function<void()> chosen);

}  // namespace weft::server
