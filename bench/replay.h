#pragma once

// Traces typed into documents, and what is recorded of it.

#include <cstddef>
#include <string>
#include <vector>

#include "bench/trace.h"
#include "crdt/doc.h"

namespace weft::bench {

// Each transaction of the trace as a transaction of the document. What the trace starts with comes
// first.
void Replay(const Trace& trace, crdt::Doc& doc);

// The updates of a replay by client 1, one a transaction, and the state after them.
struct Recording {
  std::vector<crdt::Bytes> updates;
  crdt::Bytes state;     // in format v1
  crdt::Bytes state_v2;  // in format v2
};
Recording Record(const Trace& trace);

// The trace typed `times` times into one document, each time in front of what is there: its state
// in format v1.
crdt::Bytes RecordRepeated(const Trace& trace, std::size_t times);

}  // namespace weft::bench
