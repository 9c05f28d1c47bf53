#pragma once

// The log of one room in simulated time: what gathers during a commit is the next one; a power cut
// takes what is not committed, and what is being committed perhaps.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/room_log.h"
#include "store/rows.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/scheduler.h"

namespace weft::simulation {

class SimulatedLog final : public server::RoomLog {
 public:
  SimulatedLog(Scheduler& scheduler, const Faults& faults, std::uint64_t seed)
      : scheduler_(scheduler), faults_(faults), chance_(Mix(seed ^ 0x106)) {}

  void Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
              AppendDone done) override;
  // The change writes nothing here: it is asked.
  void AppendWithRows(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      server::RowChange change, AppendDone done) override;
  void Load(std::string_view room, LoadDone done) override;
  void LoadTail(std::string_view room, const server::LogPlace& after, std::size_t max_bytes,
                TailDone done) override;
  bool answers_when_durable() const override { return true; }
  bool congested() const override { return gathered_.size() > 10'000; }

  // Nobody who waits for an answer gets one.
  void LosePower();

  bool idle() const { return gathered_.empty() && committing_.empty(); }
  const std::vector<crdt::Bytes>& stored() const { return stored_; }

 private:
  struct Waiting {
    crdt::Bytes update;
    server::RowChange change;
    AppendDone done;
  };

  void Commit();
  // Whether it is stored: its change may refuse.
  absl::Status Store(Waiting& append);
  server::LogPlace head() const { return {.sequence = stored_.size(), .generation = 1}; }

  Scheduler& scheduler_;
  const Faults& faults_;
  Chance chance_;
  std::uint64_t life_ = 0;
  std::vector<Waiting> gathered_;
  std::vector<Waiting> committing_;
  std::vector<crdt::Bytes> stored_;
};

}  // namespace weft::simulation
