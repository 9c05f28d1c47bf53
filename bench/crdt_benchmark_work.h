#pragma once

// Doing what a row of crdt-benchmarks says.

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/crdt_benchmarks.h"

namespace weft::bench {

struct Worked {
  std::unique_ptr<crdt::Doc> doc;    // of the first writer, or of who got all updates
  double seconds = 0;                // of what the row measures
  std::vector<crdt::Bytes> updates;  // that were made of it, or applied

  std::size_t update_bytes() const;
};

// Fails: kInternal when replicas differ or the content is not what the row expects.
absl::StatusOr<Worked> DoCrdtBenchmark(const CrdtBenchmark& benchmark);

}  // namespace weft::bench
