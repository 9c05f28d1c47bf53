#pragma once

// Many runs of one kind, and what they come to: medians, and how each cost grows with the number of
// replicas.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "bench/concurrent_trace.h"
#include "crdt/any.h"
#include "tests/simulation/world.h"

namespace weft::bench {

// The runs with one topology, workload and number of replicas: medians over seeds.
struct Point {
  simulation::Topology topology{};
  simulation::Workload workload{};
  std::uint32_t replicas = 0;
  std::uint64_t runs = 0;
  std::uint64_t edits = 0;  // of one run
  double converged_ms = 0;  // simulated, after the last edit
  double cpu_ms_after_last_edit = 0;
  double edits_a_second = 0;  // of processor time: all replicas and the relay together
  double messages_an_edit = 0;
  double bytes_an_edit = 0;
  double state_bytes = 0;
  double memory_bytes = 0;
  // Of one run: when so many of all replicas had everything, in simulated ms after the last edit.
  std::vector<std::pair<double, double>> curve;  // ms, part of the replicas
};

struct Study {
  std::vector<simulation::Topology> topologies;
  std::vector<simulation::Workload> workloads;
  std::vector<std::uint32_t> replicas;
  std::uint32_t stay = 0;  // 0: all
  std::uint32_t edits = 1'000;
  simulation::Time pause = 50 * simulation::kMillisecond;
  simulation::Faults faults;
  std::vector<std::vector<std::string>> foreign;
  // Instead of workloads: what the writers of a trace wrote, by as many replicas.
  std::optional<ConcurrentTrace> trace;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 3;
};

// The transactions of a trace in their order, one every `pause` for each writer. Where an edit goes
// is kept as a part of the text's length, since the texts that replicas have at that moment are others.
simulation::Script ScriptOf(const ConcurrentTrace& trace, simulation::Time pause);

struct Finding {
  simulation::Recording recording;  // that fails, minimised
  absl::Status status;
};

struct StudyResult {
  std::vector<Point> points;
  std::vector<Finding> findings;
};

// Calls `progress` before each run: how many are done, of how many, and which is next.
StudyResult RunStudy(
    const Study& study,
    const std::function<void(std::uint64_t, std::uint64_t, const std::string&)>& progress);

// y = c · x^exponent, fitted by least squares over logarithms; 0 for less than two points.
double FitExponent(const std::vector<std::pair<double, double>>& points);

// A table for people: a row a point, and below each topology and workload how costs grow.
std::string ToTable(const StudyResult& result);
crdt::Any ToJson(const Study& study, const StudyResult& result);

}  // namespace weft::bench
