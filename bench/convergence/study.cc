#include "bench/convergence/study.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::AnyObject;
using simulation::kMillisecond;
using simulation::Outcome;
using simulation::Recording;
using simulation::Scenario;
using simulation::Time;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double Milliseconds(Time time) {
  return static_cast<double>(time) / static_cast<double>(kMillisecond);
}

std::vector<std::pair<double, double>> CurveOf(const Outcome& outcome) {
  std::vector<std::pair<double, double>> curve;
  const auto count = static_cast<double>(outcome.settled.size());
  for (std::size_t i = 0; i < outcome.settled.size(); ++i) {
    const double at = Milliseconds(outcome.settled[i]);
    const double part = static_cast<double>(i + 1) / count;
    if (!curve.empty() && curve.back().first == at) {
      curve.back().second = part;
    } else {
      curve.emplace_back(at, part);
    }
  }
  return curve;
}

Point Summarize(const Scenario& scenario, const std::vector<Outcome>& outcomes) {
  const auto median = [&outcomes](const auto& figure) {
    std::vector<double> values;
    for (const Outcome& outcome : outcomes) values.push_back(figure(outcome));
    return Median(std::move(values));
  };
  const auto edits = [](const Outcome& outcome) {
    return std::max(1.0, static_cast<double>(outcome.edits));
  };
  Point point{.topology = scenario.topology,
              .workload = scenario.workload,
              .replicas = scenario.replicas,
              .runs = outcomes.size(),
              .edits = outcomes.empty() ? 0 : outcomes[0].edits};
  point.converged_ms = median([](const Outcome& o) { return Milliseconds(o.converged()); });
  point.cpu_ms_after_last_edit =
      median([](const Outcome& o) { return 1'000 * o.cpu_after_last_edit; });
  point.edits_a_second =
      median([&](const Outcome& o) { return edits(o) / std::max(1e-9, o.cpu_seconds); });
  point.messages_an_edit =
      median([&](const Outcome& o) { return static_cast<double>(o.traffic.messages) / edits(o); });
  point.bytes_an_edit =
      median([&](const Outcome& o) { return static_cast<double>(o.traffic.bytes) / edits(o); });
  point.state_bytes = median([](const Outcome& o) { return static_cast<double>(o.state_bytes); });
  point.memory_bytes = median([](const Outcome& o) { return static_cast<double>(o.memory_bytes); });
  if (!outcomes.empty()) point.curve = CurveOf(outcomes[0]);
  return point;
}

// The points of one topology and workload, and what grows with their replicas.
struct Series {
  std::vector<const Point*> points;

  double Growth(double Point::* figure) const {
    std::vector<std::pair<double, double>> pairs;
    for (const Point* point : points) {
      pairs.emplace_back(static_cast<double>(point->replicas), point->*figure);
    }
    return FitExponent(pairs);
  }
  // Of the processor time of one edit.
  double CostGrowth() const { return -Growth(&Point::edits_a_second); }
};

std::vector<Series> SeriesOf(const StudyResult& result) {
  std::vector<Series> all;
  for (const Point& point : result.points) {
    const bool goes_on = !all.empty() && all.back().points[0]->topology == point.topology &&
                         all.back().points[0]->workload == point.workload;
    if (!goes_on) all.emplace_back();
    all.back().points.push_back(&point);
  }
  return all;
}

}  // namespace

simulation::Script ScriptOf(const ConcurrentTrace& trace, Time pause) {
  using Kind = simulation::Edit::Kind;
  simulation::Script script;
  std::vector<Time> next(trace.agents, kMillisecond);
  // The length that each transaction leaves behind is not known without merging: that of its
  // writer's own edits stands for it.
  std::vector<double> length(trace.agents, 1);
  for (const ConcurrentTrace::Transaction& transaction : trace.transactions) {
    const std::size_t agent = transaction.agent;
    next[agent] += pause;
    for (const Patch& patch : transaction.patches) {
      length[agent] = std::max(length[agent], static_cast<double>(patch.position + patch.deleted));
      const double place = static_cast<double>(patch.position) / (length[agent] + 1);
      const auto add = [&](simulation::Edit edit) {
        script.push_back({.at = next[agent],
                          .replica = static_cast<std::uint32_t>(agent),
                          .edit = std::move(edit)});
      };
      if (patch.deleted > 0) add({.kind = Kind::kErase, .place = place, .count = patch.deleted});
      if (!patch.inserted.empty()) {
        add({.kind = Kind::kType, .place = place, .text = patch.inserted});
        length[agent] += static_cast<double>(patch.inserted.size());
      }
    }
  }
  std::ranges::stable_sort(script, {}, &simulation::Step::at);
  return script;
}

StudyResult RunStudy(
    const Study& study,
    const std::function<void(std::uint64_t, std::uint64_t, const std::string&)>& progress) {
  StudyResult result;
  const std::uint64_t total =
      study.topologies.size() * study.workloads.size() * study.replicas.size() * study.seeds;
  std::uint64_t done = 0;
  for (const simulation::Topology topology : study.topologies) {
    for (const simulation::Workload workload : study.workloads) {
      for (const std::uint32_t replicas : study.replicas) {
        const Scenario scenario{.replicas = replicas,
                                .stay = study.stay,
                                .edits = study.edits,
                                .pause = study.pause,
                                .topology = topology,
                                .workload = workload,
                                .faults = study.faults,
                                .foreign = study.foreign};
        std::vector<Outcome> outcomes;
        for (std::uint64_t i = 0; i < study.seeds; ++i) {
          const std::uint64_t seed = study.seed + i;
          progress(done++, total,
                   absl::StrCat(std::string(NameOf(topology)), " ", std::string(NameOf(workload)),
                                ", ", replicas, " replicas, seed ", seed));
          Recording recording{.scenario = scenario,
                              .seed = seed,
                              .script = study.trace ? ScriptOf(*study.trace, study.pause)
                                                    : simulation::MakeScript(scenario, seed)};
          Outcome outcome = simulation::Simulate(recording);
          if (outcome.status.ok()) {
            outcomes.push_back(std::move(outcome));
            continue;
          }
          Recording shortest = simulation::Minimize(std::move(recording));
          result.findings.push_back({std::move(shortest), outcome.status});
        }
        if (!outcomes.empty()) result.points.push_back(Summarize(scenario, outcomes));
      }
    }
  }
  return result;
}

double FitExponent(const std::vector<std::pair<double, double>>& points) {
  double n = 0;
  double sum_x = 0;
  double sum_y = 0;
  double sum_xx = 0;
  double sum_xy = 0;
  for (const auto& [at, value] : points) {
    if (at <= 0 || value <= 0) continue;
    const double x = std::log(at);
    const double y = std::log(value);
    n += 1;
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  const double spread = n * sum_xx - sum_x * sum_x;
  return n < 2 || spread <= 0 ? 0 : (n * sum_xy - sum_x * sum_y) / spread;
}

std::string ToTable(const StudyResult& result) {
  std::string table =
      absl::StrFormat("%-8s %-14s %8s %7s %11s %11s %11s %9s %11s %11s %11s\n", "topology",
                      "workload", "replicas", "edits", "converged ms", "cpu ms then", "edits/cpu s",
                      "msgs/edit", "bytes/edit", "state bytes", "memory");
  for (const Series& series : SeriesOf(result)) {
    for (const Point* point : series.points) {
      absl::StrAppend(
          &table, absl::StrFormat(
                      "%-8s %-14s %8u %7u %11.1f %11.2f %11.0f %9.1f %11.0f %11.0f %11.0f\n",
                      std::string(NameOf(point->topology)), std::string(NameOf(point->workload)),
                      point->replicas, point->edits, point->converged_ms,
                      point->cpu_ms_after_last_edit, point->edits_a_second, point->messages_an_edit,
                      point->bytes_an_edit, point->state_bytes, point->memory_bytes));
    }
    if (series.points.size() < 2) continue;
    absl::StrAppend(
        &table,
        absl::StrFormat(
            "         grows with replicas as n^x: cpu/edit %.2f, msgs/edit %.2f, bytes/edit %.2f, "
            "memory %.2f\n",
            series.CostGrowth(), series.Growth(&Point::messages_an_edit),
            series.Growth(&Point::bytes_an_edit), series.Growth(&Point::memory_bytes)));
  }
  return table;
}

Any ToJson(const Study& study, const StudyResult& result) {
  Any::Array points;
  for (const Point& point : result.points) {
    Any::Array curve;
    for (const auto& [at, part] : point.curve) curve.emplace_back(Any::Array{at, part});
    points.emplace_back(AnyObject{{"topology", std::string(NameOf(point.topology))},
                                  {"workload", std::string(NameOf(point.workload))},
                                  {"replicas", static_cast<double>(point.replicas)},
                                  {"runs", static_cast<double>(point.runs)},
                                  {"edits", static_cast<double>(point.edits)},
                                  {"convergedMs", point.converged_ms},
                                  {"cpuMsAfterLastEdit", point.cpu_ms_after_last_edit},
                                  {"editsPerCpuSecond", point.edits_a_second},
                                  {"messagesPerEdit", point.messages_an_edit},
                                  {"bytesPerEdit", point.bytes_an_edit},
                                  {"stateBytes", point.state_bytes},
                                  {"memoryBytes", point.memory_bytes},
                                  {"curve", std::move(curve)}});
  }
  Any::Array growth;
  for (const Series& series : SeriesOf(result)) {
    growth.emplace_back(AnyObject{{"topology", std::string(NameOf(series.points[0]->topology))},
                                  {"workload", std::string(NameOf(series.points[0]->workload))},
                                  {"cpuPerEdit", series.CostGrowth()},
                                  {"messagesPerEdit", series.Growth(&Point::messages_an_edit)},
                                  {"bytesPerEdit", series.Growth(&Point::bytes_an_edit)},
                                  {"memory", series.Growth(&Point::memory_bytes)}});
  }
  Any::Array findings;
  for (const Finding& finding : result.findings) {
    findings.emplace_back(AnyObject{{"status", std::string(finding.status.message())},
                                    {"recording", simulation::ToJson(finding.recording)}});
  }
  // A recording without steps says what the runs have in common.
  const Recording common{.scenario = {.stay = study.stay,
                                      .edits = study.edits,
                                      .pause = study.pause,
                                      .faults = study.faults,
                                      .foreign = study.foreign},
                         .seed = study.seed};
  return AnyObject{{"seeds", static_cast<double>(study.seeds)},
                   {"common", simulation::ToJson(common)},
                   {"points", std::move(points)},
                   {"growth", std::move(growth)},
                   {"findings", std::move(findings)}};
}

}  // namespace weft::bench
