#pragma once

// Runs a script on pairs of documents, one of weft and one of real Yjs each, which get the same
// calls, the same updates and the same client id, and compares them after every step: the update
// that each transaction emits, the state as an update, the state vector, all byte for byte, and the
// JSON. Since every update is compared, it makes no difference whose bytes travel: the network is a
// mixed one.

#include <string>

#include "absl/status/statusor.h"
#include "tests/crdt/oracle/script.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt::oracle {

// Empty when weft and Yjs agree all the way, and when the replicas agree with each other once the
// script has settled; else the first difference, with the requests that lead to it.
// Fails: when the Yjs process does.
absl::StatusOr<std::string> RunScript(const Script& script, YjsProcess& yjs);

}  // namespace weft::crdt::oracle
