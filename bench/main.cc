// weft_bench [--trace=FILE]… [--json] [Google Benchmark's flags]
//
// Prints a table; with --json, Google Benchmark's JSON.
// Without --trace, the traces (*.json, *.json.gz) in the folder that WEFT_TRACES names; without
// that, made-up ones. Exit code 1 when a result was wrong.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bench/benchmarks.h"
#include "bench/sample.h"
#include "bench/table_reporter.h"
#include "bench/trace_files.h"

namespace weft::bench {
namespace {

// Takes the --trace flags out of the arguments.
std::vector<std::string> TakeTraceFlags(std::vector<char*>& arguments) {
  constexpr std::string_view kFlag = "--trace=";
  std::vector<std::string> paths;
  std::erase_if(arguments, [&](const char* argument) {
    const std::string_view text(argument);
    if (!text.starts_with(kFlag)) return false;
    paths.emplace_back(text.substr(kFlag.size()));
    return true;
  });
  return paths;
}

bool TakeJsonFlag(std::vector<char*>& arguments) {
  return std::erase_if(arguments, [](const char* argument) {
           return std::string_view(argument) == "--json";
         }) > 0;
}

int Main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  const bool json = TakeJsonFlag(arguments);
  const absl::StatusOr<TraceFiles> traces = LoadTraceFiles(TakeTraceFlags(arguments));
  if (!traces.ok()) {
    std::fprintf(stderr, "%s\n", traces.status().ToString().c_str());
    return 1;
  }
  for (const Trace& trace : traces->sequential) {
    AddTraceBenchmarks(trace, &trace == &traces->sequential.front());
  }
  for (const ConcurrentTrace& trace : traces->concurrent) AddConcurrentTraceBenchmarks(trace);
  AddCrdtBenchmarks();
  AddTextShapes();
  AddStructureShapes();
  AddReplicationShapes();
  AddLargeDocumentShapes();

  // A default that a later flag overrides: there are many benchmarks, and most are long enough.
  std::string min_time = "--benchmark_min_time=0.1";
  arguments.insert(arguments.begin() + 1, min_time.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  TableReporter table;
  benchmark::JSONReporter machine;
  benchmark::BenchmarkReporter* reporter = &table;
  if (json) reporter = &machine;
  benchmark::RunSpecifiedBenchmarks(reporter);
  benchmark::Shutdown();
  return AnyFailed() ? 1 : 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { return weft::bench::Main(argc, argv); }
