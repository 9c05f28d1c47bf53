#pragma once

// Editing traces of several writers who did not see each other's edits at once.
//
// Format (JSON, perhaps gzipped): as in trace.h, with {"kind": "concurrent", "numAgents"} and, for
// each transaction, {"agent", "parents": [indices of transactions]}: it was made by `agent` in the
// state that its parents and all before them give. Source: github.com/josephg/editing-traces.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/trace.h"
#include "crdt/base/bytes.h"

namespace weft::bench {

struct ConcurrentTrace {
  struct Transaction {
    std::size_t agent = 0;
    std::vector<std::size_t>
        parents;  // earlier transactions, at least those of the agent's own past
    std::vector<Patch> patches;
  };

  std::string name;
  std::string end_content;  // as the program that recorded it merged it; empty when not known
  std::size_t agents = 0;
  std::vector<Transaction> transactions;
};

// Fails: kNotFound when there is no such file, kInvalidArgument when it is no concurrent trace.
absl::StatusOr<ConcurrentTrace> LoadConcurrentTrace(const std::string& path);

// A made-up trace: two writers who type and correct, and get each other's edits now and then. The
// length of its text is the same whatever the order of concurrent insertions.
ConcurrentTrace MakeSyntheticConcurrentTrace(std::size_t edits);

// What the writers sent: for each transaction one update. Agent i writes as client i + 1.
// Fails: kInvalidArgument when a transaction does not fit the state it was made in.
absl::StatusOr<std::vector<crdt::Bytes>> UpdatesOf(const ConcurrentTrace& trace);

}  // namespace weft::bench
