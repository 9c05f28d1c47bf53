#include "bench/sample.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace weft::bench {
namespace {

constexpr double kLongestSeconds = 2;
// Making the input often takes longer than the work: no more runs than tell noise from growth.
constexpr int kRunsOfASize = 3;

bool any_failed = false;

// What is known of a family of sizes.
struct Family {
  std::vector<Point> points;  // the fastest run of each size

  void Add(double size, double seconds) {
    const auto known = std::ranges::find(points, size, &Point::size);
    if (known == points.end()) {
      points.push_back({size, seconds});
    } else {
      known->seconds = std::min(known->seconds, seconds);
    }
  }

  // Whether quadratic growth from the largest size so far would take too long.
  bool WouldTakeTooLong(double size) const {
    if (points.empty() || points.back().size >= size) return false;
    const double factor = size / points.back().size;
    return points.back().seconds * factor * factor > kLongestSeconds;
  }
};

// Runs as often as the library asks for. False when a result was wrong.
template <typename Run, typename Seen>
bool RunAll(benchmark::State& state, const Run& run, const Seen& seen) {
  Sample last;
  for ([[maybe_unused]] auto _ : state) {
    const absl::StatusOr<Sample> sample = run();
    if (!sample.ok()) {
      any_failed = true;
      state.SkipWithError(std::string(sample.status().message()).c_str());
      return false;
    }
    state.SetIterationTime(sample->seconds);
    seen(sample->seconds);
    last = *sample;
  }
  if (last.bytes > 0) state.counters["bytes"] = static_cast<double>(last.bytes);
  if (last.memory_bytes > 0) state.counters["memory"] = static_cast<double>(last.memory_bytes);
  return true;
}

void CountItems(benchmark::State& state, double items) {
  using benchmark::Counter;
  state.counters["time/item"] =
      Counter(items, Counter::kIsIterationInvariantRate | Counter::kInvert);
}

}  // namespace

void AddBenchmark(const std::string& name, std::size_t items,
                  std::function<absl::StatusOr<Sample>()> run) {
  const auto body = [items, run = std::move(run)](benchmark::State& state) {
    if (!RunAll(state, run, [](double) {})) return;
    if (items > 1) CountItems(state, static_cast<double>(items));
  };
  benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Unit(benchmark::kMillisecond);
}

void AddGrowth(const std::string& name, const std::vector<std::size_t>& sizes,
               std::function<absl::StatusOr<Sample>(std::size_t size)> run) {
  const auto family = std::make_shared<Family>();
  const auto body = [family, run = std::move(run)](benchmark::State& state) {
    const auto size = static_cast<double>(state.range(0));
    if (family->WouldTakeTooLong(size)) {
      state.SkipWithError("left out: it would take too long");
      return;
    }
    const auto sample = [&] { return run(static_cast<std::size_t>(state.range(0))); };
    if (!RunAll(state, sample, [&](double seconds) { family->Add(size, seconds); })) return;
    const std::optional<double> exponent = FittedExponent(family->points);
    if (exponent) state.counters["exponent"] = *exponent;
  };
  benchmark::internal::Benchmark* registered = benchmark::RegisterBenchmark(name.c_str(), body)
                                                   ->UseManualTime()
                                                   ->Iterations(kRunsOfASize)
                                                   ->Unit(benchmark::kMillisecond);
  for (const std::size_t size : sizes) registered->Arg(static_cast<std::int64_t>(size));
}

std::vector<std::size_t> Doublings(std::size_t largest, std::size_t count) {
  std::vector<std::size_t> sizes;
  for (std::size_t i = count; i > 0; --i) sizes.push_back(largest >> (i - 1));
  return sizes;
}

std::optional<double> FittedExponent(const std::vector<Point>& points) {
  if (points.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(points.size());
  double mean_x = 0;
  double mean_y = 0;
  for (const Point& point : points) {
    mean_x += std::log(point.size) / count;
    mean_y += std::log(point.seconds) / count;
  }
  double covariance = 0;
  double variance = 0;
  for (const Point& point : points) {
    const double x = std::log(point.size) - mean_x;
    covariance += x * (std::log(point.seconds) - mean_y);
    variance += x * x;
  }
  return covariance / variance;
}

bool AnyFailed() { return any_failed; }

}  // namespace weft::bench
