#pragma once

// The results as a table for people: a line for each benchmark as it ends.

#include <benchmark/benchmark.h>

#include <vector>

namespace weft::bench {

// Columns: the time of a run and of one of its items, and what sample.h counts.
class TableReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
};

}  // namespace weft::bench
