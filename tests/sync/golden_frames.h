#pragma once

// The frames of golden_frames.txt, which the real y-protocols and y-websocket made.

#include <map>
#include <string>
#include <string_view>

#include "crdt/base/bytes.h"

namespace weft::sync {

// By name. Ends the test program when the file is missing or is not what its maker writes.
const std::map<std::string, crdt::Bytes, std::less<>>& GoldenFrames();

const crdt::Bytes& GoldenFrame(std::string_view name);

}  // namespace weft::sync
