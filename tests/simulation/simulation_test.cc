// Thousands of runs of replicas that edit while things go wrong. WEFT_SIMULATION_SEEDS sets how many,
// WEFT_SEED where they begin. A failure prints a script that `weft_convergence --replay` runs.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "crdt/json.h"
#include "server/log.h"
#include "tests/simulation/world.h"

namespace weft::simulation {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What a seed alone decides.
Scenario RandomScenario(std::uint64_t seed) {
  Chance chance(Mix(seed ^ 0x5CE2));
  Scenario scenario;
  scenario.topology = static_cast<Topology>(chance.Below(5));
  scenario.workload = static_cast<Workload>(chance.Below(13));
  scenario.replicas = static_cast<std::uint32_t>(2 + chance.Below(4));
  scenario.edits = static_cast<std::uint32_t>(5 + chance.Below(35));
  Faults& faults = scenario.faults;
  if (chance.Below(2) == 0) faults.jitter = 50 * kMillisecond;
  if (chance.Below(2) == 0) faults.loss = 0.2;
  if (chance.Below(2) == 0) faults.duplication = 0.2;
  if (chance.Below(2) == 0) faults.reordering = 0.3;
  if (chance.Below(4) == 0) faults.slow_disk = 300 * kMillisecond;
  if (chance.Below(4) == 0) faults.clock_skew = 0.3;
  faults.partitions = static_cast<std::uint32_t>(chance.Below(3));
  faults.replica_crashes = static_cast<std::uint32_t>(chance.Below(3));
  faults.relay_crashes = static_cast<std::uint32_t>(chance.Below(3));
  if (chance.Below(4) == 0) {
    scenario.stay = static_cast<std::uint32_t>(1 + chance.Below(scenario.replicas));
  }
  return scenario;
}

Recording Record(const Scenario& scenario, std::uint64_t seed) {
  return {.scenario = scenario, .seed = seed, .script = MakeScript(scenario, seed)};
}

// Fails the test with the shortest script that still fails.
void Expect(const Recording& recording) {
  const Outcome outcome = Simulate(recording);
  if (outcome.status.ok()) return;
  const Recording shortest = Minimize(recording);
  ADD_FAILURE() << "seed " << recording.seed << ": " << outcome.status << "\n"
                << shortest.script.size() << " steps fail, too: " << Simulate(shortest).status
                << "\n"
                << crdt::ToJsonText(ToJson(shortest));
}

class Simulation : public testing::Test {
 protected:
  void SetUp() override { server::SetLogLevel(server::LogLevel::kOff); }
};

TEST_F(Simulation, ReplicasAgreeWhateverGoesWrong) {
  const std::uint64_t first = FromEnvironment("WEFT_SEED", std::random_device{}());
  const std::uint64_t count = FromEnvironment("WEFT_SIMULATION_SEEDS", 10'000);
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    Expect(Record(RandomScenario(seed), seed));
  }
}

TEST_F(Simulation, ASeedIsARun) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Recording recording = Record(RandomScenario(seed), seed);
    const Outcome first = Simulate(recording);
    const Outcome second = Simulate(recording);
    EXPECT_EQ(first.digest, second.digest) << seed;
    EXPECT_EQ(first.settled, second.settled) << seed;
    EXPECT_GT(first.traffic.messages, 0U);
  }
}

TEST_F(Simulation, ARecordingOnPaperIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Recording recording = Record(RandomScenario(seed), seed);
    const auto read = RecordingFromJson(crdt::ToJsonText(ToJson(recording)));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->script, recording.script);
    EXPECT_EQ(Simulate(*read).digest, Simulate(recording).digest);
  }
}

TEST_F(Simulation, WhatIsNoRecordingIsRefused) {
  for (const char* text : {"", "{}", "[]", R"({"scenario":{},"script":[]})",
                           R"({"scenario":{"topology":"star","workload":"knitting"},"script":[]})",
                           R"({"scenario":{"topology":"star","workload":"typing","replicas":2},
                               "script":[{"step":"edit","replica":2,"edit":{"edit":"type"}}]})",
                           R"({"scenario":{"topology":"star","workload":"typing","replicas":2},
                               "script":[{"step":"edit","replica":1,"edit":{"edit":"knit"}}]})"}) {
    EXPECT_FALSE(RecordingFromJson(text).ok()) << text;
  }
}

// Every workload over every topology, with more replicas than above.
TEST_F(Simulation, EveryWorkloadConvergesOverEveryTopology) {
  for (std::size_t topology = 0; topology < TopologyNames().size(); ++topology) {
    for (std::size_t workload = 0; workload < WorkloadNames().size(); ++workload) {
      Scenario scenario;
      scenario.topology = static_cast<Topology>(topology);
      scenario.workload = static_cast<Workload>(workload);
      scenario.replicas = 12;
      scenario.edits = 240;
      scenario.faults.loss = 0.05;
      scenario.faults.jitter = 30 * kMillisecond;
      Expect(Record(scenario, 7));
    }
  }
}

// Every writer's character is in the documents of those who stay, or the run does not end well.
TEST_F(Simulation, WhatIsHandedOverByWritersThatLeaveIsWithThoseWhoStay) {
  for (std::size_t topology = 0; topology < TopologyNames().size(); ++topology) {
    Scenario scenario;
    scenario.topology = static_cast<Topology>(topology);
    scenario.workload = Workload::kOnceEach;
    scenario.replicas = 200;
    scenario.stay = 3;
    scenario.faults.loss = 0.1;
    scenario.faults.partitions = 2;
    scenario.faults.relay_crashes = 2;
    const Recording recording = Record(scenario, 11);
    Expect(recording);
    const Outcome outcome = Simulate(recording);
    EXPECT_EQ(outcome.edits, 200U);
    EXPECT_EQ(outcome.settled.size(), 3U);
    // Each character is an item of its own, by a client of its own.
    EXPECT_GT(outcome.state_bytes, std::uint64_t{200} * 4);
  }
}

// Nobody but those who stay hears of it: with the number of writers messages grow as their number.
TEST_F(Simulation, WritersThatLeaveDoNotHearOfEachOther) {
  Scenario scenario;
  scenario.topology = Topology::kRing;
  scenario.workload = Workload::kOnceEach;
  scenario.stay = 2;
  scenario.replicas = 100;
  const Traffic few = Simulate(Record(scenario, 1)).traffic;
  scenario.replicas = 1'000;
  const Traffic many = Simulate(Record(scenario, 1)).traffic;
  EXPECT_LT(many.messages, 15 * few.messages);
}

TEST_F(Simulation, ReplicasOfYjsAgreeWithThoseOfWeft) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Scenario scenario = RandomScenario(seed);
    scenario.replicas = 4;
    if (scenario.stay > 0) scenario.stay = 3;
    const std::vector<std::string> yjs = {"node", WEFT_TESTS "/crdt/oracle/yjs_oracle.mjs"};
    scenario.foreign = {yjs, yjs};
    Expect(Record(scenario, seed));
  }
}

// Its replies are not waited for one by one, but each is looked at.
TEST_F(Simulation, AForeignReplicaThatRefusesAnUpdateFailsTheRun) {
  Scenario scenario;
  scenario.foreign = {{"node", "--eval", R"(
    const { createInterface } = require('node:readline')
    let applied = 0
    createInterface({ input: process.stdin }).on('line', (line) => {
      const { op } = JSON.parse(line)
      const refused = op === 'apply' && ++applied === 3
      const reply = refused ? { error: 'the third is too many' } : op === 'state' ? { update: 'AAA=' } : {}
      process.stdout.write(JSON.stringify(reply) + '\n')
    }))"}};
  scenario.replicas = 2;
  scenario.workload = Workload::kAllOver;
  scenario.topology = Topology::kMesh;
  const Outcome outcome = Simulate(Record(scenario, 3));
  EXPECT_TRUE(outcome.status.message().find("the third is too many") != std::string::npos)
      << outcome.status;
}

// A failure is made on purpose, to see that it is found, and made small.
TEST_F(Simulation, AFailureShrinksToTheStepsThatMatter) {
  Scenario scenario;
  scenario.foreign = {{"node", "--eval", R"(
    // Answers like a replica that loses every fifth update.
    const { createInterface } = require('node:readline')
    let applied = 0
    for (const method of ['log']) console[method] = console.error
    createInterface({ input: process.stdin }).on('line', (line) => {
      const { op } = JSON.parse(line)
      if (op === 'apply') applied += 1
      const reply = op === 'state' ? { update: applied > 2 ? 'AAA=' : 'AAA=' } : {}
      process.stdout.write(JSON.stringify(reply) + '\n')
    }))"}};
  scenario.replicas = 2;
  scenario.edits = 30;
  scenario.workload = Workload::kAllOver;
  scenario.topology = Topology::kMesh;
  const Recording recording = Record(scenario, 3);
  ASSERT_FALSE(Simulate(recording).status.ok());
  const Recording shortest = Minimize(recording, 200);
  EXPECT_LE(shortest.script.size(), 2U);
  EXPECT_FALSE(Simulate(shortest).status.ok());
}

}  // namespace
}  // namespace weft::simulation
