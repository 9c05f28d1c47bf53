#include "tests/simulation/transport.h"

namespace weft::simulation {

Fate Transport::Draw(std::uint64_t link, std::uint64_t number) const {
  const Faults& faults = site_.scenario.faults;
  Chance chance(Mix(site_.seed ^ Mix(link) ^ Mix(number * 0x9E3779B97F4A7C15)));
  const auto delay = [&] {
    Time took = faults.latency;
    if (faults.jitter > 0) {
      took += static_cast<Time>(chance.Below(static_cast<std::uint64_t>(faults.jitter)));
    }
    if (chance.Happens(faults.reordering)) took *= 1 + static_cast<Time>(chance.Below(10));
    return took;
  };
  Fate fate;
  fate.lost = chance.Happens(faults.loss);
  fate.doubled = chance.Happens(faults.duplication);
  fate.delay = delay();
  fate.second_delay = delay();
  return fate;
}

void Transport::Count(crdt::ByteView message) {
  ++traffic_.messages;
  traffic_.bytes += message.size();
  digest_ = (digest_ ^ static_cast<std::uint64_t>(site_.scheduler.now())) * 0x100000001B3;
  for (const std::uint8_t byte : message) digest_ = (digest_ ^ byte) * 0x100000001B3;
}

}  // namespace weft::simulation
