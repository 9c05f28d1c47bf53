#pragma once

// Time as the protocol sees it: always an argument, so that tests and simulations decide what it
// is.

#include <chrono>

namespace weft::sync {

// Milliseconds of a clock that never goes back. Only differences mean something.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

}  // namespace weft::sync
