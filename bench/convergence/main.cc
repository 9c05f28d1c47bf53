// The program `weft_convergence`: how fast replicas come to agree, and what that costs.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "bench/convergence/study.h"
#include "crdt/json.h"
#include "server/log.h"

namespace {

using weft::bench::Finding;
using weft::bench::Study;
using weft::bench::StudyResult;
using weft::simulation::kMillisecond;
using weft::simulation::Recording;

constexpr int kOk = 0;
constexpr int kDidNotConverge = 1;
constexpr int kUsage = 2;

struct Flags {
  std::vector<std::string> topologies = {"star", "mesh"};
  std::vector<std::string> workloads = {"typing", "mixed"};
  std::vector<std::uint32_t> replicas = {2, 4, 8, 16, 32, 64};
  std::uint32_t stay = 0;
  std::uint32_t edits = 1'000;
  double pause_ms = 50;
  double latency_ms = 20;
  double jitter_ms = 0;
  double disk_ms = 2;
  double slow_disk_ms = 0;
  std::uint64_t seed = 1;
  std::uint64_t seeds = 3;
  std::vector<std::string> foreign;
  std::string json;
  std::string trace;
  std::string replay;
  std::string findings = ".";
  weft::simulation::Faults faults;
};

void AddFlags(CLI::App& app, Flags& flags) {
  const auto add = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  const auto topologies = weft::simulation::TopologyNames();
  const auto workloads = weft::simulation::WorkloadNames();
  const std::string topology_help = "Who is connected with whom: " + CLI::detail::join(topologies);
  const std::string workload_help = "What replicas do: " + CLI::detail::join(workloads);
  add("--topology", flags.topologies, topology_help.c_str())->delimiter(',');
  add("--workload", flags.workloads, workload_help.c_str())->delimiter(',');
  add("--replicas", flags.replicas, "How many; a list shows how costs grow")
      ->delimiter(',')
      ->check(CLI::Range(1U, 10'000U));
  add("--stay", flags.stay,
      "So many of them stay and are compared (0: all); the others hear nothing: they write, come, "
      "hand "
      "over what they made, and leave");
  add("--edits", flags.edits, "Of all replicas together")->check(CLI::Range(1U, 10'000'000U));
  add("--pause-ms", flags.pause_ms, "Between two edits of one replica, on average, simulated");
  add("--seed", flags.seed, "The first one; a seed is a run, to the byte");
  add("--seeds", flags.seeds, "Runs of each kind; medians are shown")
      ->check(CLI::Range(1, 1'000'000));
  add("--latency-ms", flags.latency_ms, "One way")->check(CLI::NonNegativeNumber);
  add("--jitter-ms", flags.jitter_ms, "Up to so much more")->check(CLI::NonNegativeNumber);
  add("--loss", flags.faults.loss, "Part of messages that are lost")->check(CLI::Range(0.0, 0.9));
  add("--duplication", flags.faults.duplication, "Part that comes twice")
      ->check(CLI::Range(0.0, 1.0));
  add("--reordering", flags.faults.reordering, "Part that takes up to ten times as long")
      ->check(CLI::Range(0.0, 1.0));
  add("--partitions", flags.faults.partitions, "How often a part of the replicas is cut off");
  add("--replica-crashes", flags.faults.replica_crashes,
      "How often a replica begins anew with what it saved last");
  add("--relay-crashes", flags.faults.relay_crashes,
      "Power cuts of the relay (star): what is not committed is gone");
  add("--disk-ms", flags.disk_ms, "A commit of the relay's log")->check(CLI::NonNegativeNumber);
  add("--slow-disk-ms", flags.slow_disk_ms, "One commit in eight takes so long instead")
      ->check(CLI::NonNegativeNumber);
  add("--clock-skew", flags.faults.clock_skew, "Clocks run up to this part too fast or slow")
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--foreign", flags.foreign,
                 "A program that takes the place of one replica: words of its command, split at "
                 "spaces; may be repeated. It speaks the contract of crdt/driver/driver.h");
  app.add_option("--trace", flags.trace,
                 "Instead of workloads: what the writers of this concurrent trace wrote");
  app.add_option("--json", flags.json, "Also write everything to this file");
  add("--findings", flags.findings, "Where the script of a run that fails is written");
  app.add_option("--replay", flags.replay, "Run such a script, and nothing else");
  app.footer(
      "Exit codes: 0 when all runs converged, 1 when one did not (its script is written, made as\n"
      "short as it gets), 2 when the command line or a file is wrong.");
}

int Fail(const absl::Status& status) {
  std::cerr << "weft_convergence: " << std::string(status.message()) << "\n";
  return kUsage;
}

std::vector<std::string> Words(const std::string& command) {
  std::istringstream stream(command);
  return {std::istream_iterator<std::string>(stream), {}};
}

int Replay(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(absl::NotFoundError("cannot read " + path));
  std::ostringstream text;
  text << file.rdbuf();
  const auto recording = weft::simulation::RecordingFromJson(text.str());
  if (!recording.ok()) return Fail(recording.status());
  const auto outcome = weft::simulation::Simulate(*recording);
  if (!outcome.status.ok()) {
    std::cout << "after " << outcome.edits << " edits: " << outcome.status << "\n";
    return kDidNotConverge;
  }
  std::cout << "converged " << static_cast<double>(outcome.converged()) / 1'000
            << " ms after the last of " << outcome.edits << " edits; " << outcome.traffic.messages
            << " messages\n";
  return kOk;
}

absl::StatusOr<Study> MakeStudy(const Flags& flags) {
  Study study;
  for (const std::string& name : flags.topologies) {
    const auto topology = weft::simulation::TopologyNamed(name);
    if (!topology.ok()) return topology.status();
    study.topologies.push_back(*topology);
  }
  for (const std::string& name : flags.workloads) {
    const auto workload = weft::simulation::WorkloadNamed(name);
    if (!workload.ok()) return workload.status();
    study.workloads.push_back(*workload);
  }
  const auto time = [](double ms) {
    return static_cast<weft::simulation::Time>(ms * static_cast<double>(kMillisecond));
  };
  study.replicas = flags.replicas;
  std::ranges::sort(study.replicas);
  study.stay = flags.stay;
  study.edits = flags.edits;
  study.pause = time(flags.pause_ms);
  study.faults = flags.faults;
  study.faults.latency = time(flags.latency_ms);
  study.faults.jitter = time(flags.jitter_ms);
  study.faults.disk = time(flags.disk_ms);
  study.faults.slow_disk = time(flags.slow_disk_ms);
  if (!flags.trace.empty()) {
    auto trace = weft::bench::LoadConcurrentTrace(flags.trace);
    if (!trace.ok()) return trace.status();
    study.replicas = {static_cast<std::uint32_t>(trace->agents)};
    study.workloads = {weft::simulation::Workload::kTyping};
    study.trace = *std::move(trace);
  }
  study.seed = flags.seed;
  study.seeds = flags.seeds;
  for (const std::string& command : flags.foreign) {
    study.foreign.push_back(Words(command));
    if (study.foreign.back().empty()) {
      return absl::InvalidArgumentError("--foreign needs a command");
    }
  }
  const std::uint32_t fewest = study.replicas.front();
  if (study.foreign.size() > (study.stay == 0 ? fewest : std::min(study.stay, fewest))) {
    return absl::InvalidArgumentError("there are more foreign replicas than replicas that stay");
  }
  return study;
}

void WriteFindings(const StudyResult& result, const std::string& folder) {
  for (const Finding& finding : result.findings) {
    const std::string path = folder + "/convergence-" +
                             std::string(NameOf(finding.recording.scenario.topology)) + "-" +
                             std::string(NameOf(finding.recording.scenario.workload)) + "-" +
                             std::to_string(finding.recording.scenario.replicas) + "-" +
                             std::to_string(finding.recording.seed) + ".json";
    std::ofstream(path) << weft::crdt::ToJsonText(weft::simulation::ToJson(finding.recording))
                        << "\n";
    std::cerr << "seed " << finding.recording.seed << " of "
              << NameOf(finding.recording.scenario.topology) << ", "
              << NameOf(finding.recording.scenario.workload) << ": " << finding.status
              << "\n  to see it again: weft_convergence --replay " << path << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  weft::server::SetLogLevel(weft::server::LogLevel::kOff);
  CLI::App app("Replicas of one document on a simulated network: how fast they come to agree.",
               "weft_convergence");
  Flags flags;
  AddFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (!flags.replay.empty()) return Replay(flags.replay);
  const absl::StatusOr<Study> study = MakeStudy(flags);
  if (!study.ok()) return Fail(study.status());

  const bool terminal = isatty(STDERR_FILENO) != 0;
  const StudyResult result =
      RunStudy(*study, [terminal](std::uint64_t done, std::uint64_t all, const std::string& next) {
        if (terminal) std::cerr << "\r\033[K" << done << "/" << all << "  " << next << std::flush;
      });
  if (terminal) std::cerr << "\r\033[K";
  std::cout << ToTable(result);
  if (!flags.json.empty()) {
    std::ofstream file(flags.json);
    file << weft::crdt::ToJsonText(ToJson(*study, result)) << "\n";
    if (!file.flush()) return Fail(absl::UnavailableError("cannot write " + flags.json));
  }
  WriteFindings(result, flags.findings);
  return result.findings.empty() ? kOk : kDidNotConverge;
}
