#pragma once

// An edit of a script, on a weft document and in the words of the driver.

#include "crdt/any.h"
#include "crdt/doc.h"
#include "tests/crdt/oracle/script.h"

namespace weft::crdt::oracle {

// Performs `edit` on `doc`, with its numbers taken modulo what the document allows, and returns
// what was done as an action of the driver.
Any Perform(const Edit& edit, Doc& doc);

}  // namespace weft::crdt::oracle
