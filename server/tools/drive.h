#pragma once

// The conformance driver (crdt/driver/driver.h) on a pair of descriptors: `weft driver`.

#include "absl/status/status.h"

namespace weft::server {

// Reads requests, a line each, and writes a reply to each, until the input ends. Replies are
// written when no further input is waiting, so that requests may be sent ahead of replies. A line
// that is too long is answered with an error. Blocks.
// Fails: kInternal when reading or writing fails.
absl::Status Drive(int input, int output);

}  // namespace weft::server
