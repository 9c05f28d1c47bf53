#pragma once

// What carries updates between replicas: through the relay (star_transport.h), or from one to the
// other (peer_transport.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/replica.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/scheduler.h"

namespace weft::simulation {

struct Traffic {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // of the messages themselves
};

// What a transport is given. Outlives it.
struct Site {
  const Scenario& scenario;
  std::uint64_t seed;
  Scheduler& scheduler;
  std::vector<std::unique_ptr<Replica>>& replicas;
  // Gives an update to a replica, and tells others what that one made of it. Whether it changed.
  std::function<bool(std::uint32_t, crdt::ByteView)> apply;
  // Ends the run as failed.
  std::function<void(absl::Status)> fail;
};

// The fate of one message.
struct Fate {
  bool lost = false;
  bool doubled = false;
  Time delay = 0;
  Time second_delay = 0;  // of the double
};

class Transport {
 public:
  explicit Transport(Site site) : site_(site) {}
  virtual ~Transport() = default;

  virtual void Start() = 0;
  // A replica has made something: others are to hear of it.
  virtual void OnMade(std::uint32_t replica, const std::vector<crdt::Bytes>& updates) = 0;
  // It begins anew: what was on the way to it is gone.
  virtual void OnCrash(std::uint32_t replica) = 0;
  virtual void CrashRelay() {}

  virtual void Cut(std::uint64_t choice) {
    is_cut_ = true;
    cut_ = choice;
  }
  virtual void Heal() { is_cut_ = false; }

  // OK when the transport, too, is as it should be once all replicas agree; kUnavailable when it
  // needs more time.
  virtual absl::Status CheckAtEnd() { return absl::OkStatus(); }

  const Traffic& traffic() const { return traffic_; }
  std::uint64_t digest() const { return digest_; }

 protected:
  // On which side of the cut a replica is. The relay is on side false.
  bool SideOf(std::uint32_t replica) const { return is_cut_ && (Mix(cut_ + replica) & 1) != 0; }
  // Of the next message of a link.
  Fate Draw(std::uint64_t link, std::uint64_t number) const;
  void Count(crdt::ByteView message);

  Site site_;
  bool is_cut_ = false;
  std::uint64_t cut_ = 0;

 private:
  Traffic traffic_;
  std::uint64_t digest_ = 0xCBF29CE484222325;
};

std::unique_ptr<Transport> MakePeerTransport(Site site);
std::unique_ptr<Transport> MakeStarTransport(Site site);

}  // namespace weft::simulation
