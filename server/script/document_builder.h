#pragma once

// A revision as its shared document (schema.h).

#include <memory>
#include <string_view>

#include "crdt/doc.h"
#include "server/script/script.h"

namespace weft::server::script {

// Lines keep their order; the parts of a line come by their index. O(lines).
// Requires: the pages of the lines never go down; texts are valid UTF-8.
std::unique_ptr<crdt::Doc> BuildDocument(const Revision& revision);

}  // namespace weft::server::script
