#pragma once

// Lower case as JavaScript has it.

#include <string>
#include <string_view>

namespace weft::crdt {

// String.prototype.toLowerCase: simple mappings of Unicode, U+0130 as two characters, a capital
// sigma at the end of a word as the final one. Requires: valid UTF-8 or WTF-8.
std::string ToLowerCase(std::string_view utf8);

}  // namespace weft::crdt
