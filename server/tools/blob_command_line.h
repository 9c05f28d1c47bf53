#pragma once

// The command line of the verbs that work on updates in files.

#include <functional>

#include "server/tools/blob.h"
#include "server/tools/blob_verbs.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace weft::server {

// Adds the verbs to `app`; `chosen` is called when one of them is asked for.
void AddBlobVerbs(CLI::App& app, BlobCommand& command, const std::function<void()>& chosen);

// The flags that say what updates that are read look like.
void AddInputOptions(CLI::App& app, BlobOptions& options);

}  // namespace weft::server
