#pragma once

// Says to people what is wrong with JSON text that ParseJson (json.h) refused.

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::crdt {

// Where parsing stops and why: "line 3, column 14, offset 57: unexpected ','", with lines and columns from
// 1 and columns counted in bytes. Empty when the text is JSON. Costs what parsing costs: call it once
// ParseJson has failed.
std::string ExplainJsonError(std::string_view text, std::size_t max_depth);

}  // namespace weft::crdt
