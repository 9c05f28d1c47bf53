#pragma once

// One run: replicas of one document, what connects them, and what goes wrong, until all agree.
//
// What holds at its end, or it fails: all replicas show the same, have the same state vector, delete
// set and state bytes, and are sound (Doc::Validate); nothing waits, unless a replica crashed that
// had told others but a part of what it made, and then the same waits everywhere; through the relay:
// the log holds the same, and everything that it acknowledged. Of those that do not stay: what they made
// is with those who do, unless one of these crashed.
//
// Threads: one. Everything follows from the scenario, the seed and the script but the processor
// time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/simulation/replica.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/transport.h"

namespace weft::simulation {

// What a run came to.
struct Outcome {
  absl::Status status;  // OK, or what did not hold
  std::uint64_t edits = 0;
  Traffic traffic;
  Time last_edit = 0;
  // When each replica last changed, relative to the last edit, sorted: by then it had all. Not
  // below 0.
  std::vector<Time> settled;
  Time converged() const { return settled.empty() ? 0 : settled.back(); }
  std::uint64_t state_bytes = 0;   // of the document, encoded
  std::uint64_t memory_bytes = 0;  // of a replica, on average; foreign ones not counted
  double cpu_seconds = 0;          // of the whole run
  double cpu_after_last_edit = 0;
  std::uint64_t digest = 0;  // of all that was said: equal for equal runs
};

Outcome Simulate(const Scenario& scenario, std::uint64_t seed, const Script& script);
inline Outcome Simulate(const Recording& recording) {
  return Simulate(recording.scenario, recording.seed, recording.script);
}

// The shortest script found that still fails, by leaving out steps; the one given if it does not
// fail. `tries` bounds the runs that this takes.
Recording Minimize(Recording recording, int tries = 2'000);

}  // namespace weft::simulation
