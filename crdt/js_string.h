#pragma once

// String(value), as JavaScript converts what is put into a string.

#include <string>

#include "crdt/any.h"

namespace weft::crdt {

// Arrays as their elements with commas between (null and undefined as nothing), bytes likewise,
// objects as "[object Object]". Does not recurse.
void AppendAsJsString(const Any& value, std::string& out);

// Orders strings as JavaScript does, by UTF-16 code units. Requires: valid UTF-8 or WTF-8.
bool IsBeforeInJs(std::string_view a, std::string_view b);

}  // namespace weft::crdt
