#pragma once

// The inputs that programs of bench/peers share, as files, so that every engine gets the same.
//
//   trace.json            {"name", "start", "end", "edits": [[position, deleted, inserted]]}
//   NAME.concurrent.json  {"agents", "txns": [{"agent", "parents", "patches"}]}, as in the trace
//   crdt.json             [{"name", "kind", "root", "initial", "length", "expected"?,
//                           "writers": [[[index, deleted, text, values]]]}], as in crdt_benchmarks.h
//   *.updates             what a Yjs-compatible peer sent:  (size:u32, little-endian  bytes)*
//   trace.v1, trace.v2, x100.v1   states
//   NAME.concurrent.text, x100.text   what is read then

#include <string>

#include "absl/status/status.h"
#include "bench/trace_files.h"

namespace weft::bench {

// Writes them into a folder that exists: of the first sequential trace, and of all concurrent ones.
absl::Status WritePeerInputs(const TraceFiles& traces, const std::string& folder);

}  // namespace weft::bench
