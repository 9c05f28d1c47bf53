#pragma once

// Which traces a run uses: those named, else those of the folder WEFT_TRACES, else made-up ones.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/concurrent_trace.h"
#include "bench/trace.h"

namespace weft::bench {

struct TraceFiles {
  std::vector<Trace> sequential;
  std::vector<ConcurrentTrace> concurrent;
};

// Neither list is empty: a made-up trace stands in. Fails: a named file that does not load, or
// a folder in WEFT_TRACES that cannot be read.
absl::StatusOr<TraceFiles> LoadTraceFiles(std::vector<std::string> paths);

}  // namespace weft::bench
