#pragma once

// A measured run, and how runs become benchmarks.
//
// A benchmark is a function that makes its input, does the work inside of Seconds(), checks what
// came out, and answers with the time: nothing but the work is measured, and a wrong result is an
// error of the whole program, not a fast line in a table.
//
//   absl::StatusOr<Sample> Prepend(std::size_t size) {
//     const std::unique_ptr<Doc> doc = MakeDoc(1);
//     const double seconds = Seconds([&] { … });
//     if (doc->GetText(kRoot).length() != size) return Wrong("characters are missing");
//     return Sample{.seconds = seconds};
//   }

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::bench {

struct Sample {
  double seconds = 0;
  // Of what was made or read; 0 for nothing worth telling.
  std::size_t bytes = 0;
  // That the measured work left behind on the heap; 0 when not measured.
  std::size_t memory_bytes = 0;
};

template <typename Work>
double Seconds(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline absl::Status Wrong(const std::string& what) { return absl::InternalError(what); }

// Registers a benchmark. `items`: how many equal things a run does, to tell the time of one.
void AddBenchmark(const std::string& name, std::size_t items,
                  std::function<absl::StatusOr<Sample>()> run);

// Registers the same work at growing sizes. A further counter tells how the time grows with the
// size n: the exponent e of the n^e that fits all sizes so far, so that the last line has the
// family's. A size is left out when it would take too long if growth were quadratic.
void AddGrowth(const std::string& name, const std::vector<std::size_t>& sizes,
               std::function<absl::StatusOr<Sample>(std::size_t size)> run);

// `count` sizes, each twice the one before, up to `largest`.
std::vector<std::size_t> Doublings(std::size_t largest, std::size_t count = 4);

// The slope of the line through the logarithms of points (size, seconds), by least squares. None
// for less than two sizes.
struct Point {
  double size = 0;
  double seconds = 0;
};
std::optional<double> FittedExponent(const std::vector<Point>& points);

// Whether any benchmark that was run had a wrong result.
bool AnyFailed();

}  // namespace weft::bench
