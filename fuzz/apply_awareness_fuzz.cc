// Awareness updates are taken whole or refused whole, by a client and by a relay; the bounds hold, and what is told is understood.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/awareness.h"
#include "crdt/base/check.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"
#include "sync/awareness.h"

namespace {

using namespace weft;

constexpr fuzz::CostBound kBound{.memory_base = 1 << 16,
                                 .memory_per_byte = 1'024,
                                 .steps_base = 200'000,
                                 .steps_per_byte = 20'000};

}  // namespace

// A pack of awareness updates; the flags, bit by bit, say which of two sessions sends each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Pack pack = fuzz::ReadPack({data, size});
  crdt::Awareness client(crdt::ClientId{1},
                         {.state_bytes = 200, .state_depth = 20, .clients = 8, .bytes = 1'000});
  crdt::Awareness reader(crdt::ClientId{2});
  sync::Awareness relay({.state_bytes = 200,
                         .state_depth = 20,
                         .clients_per_session = 4,
                         .clients = 6,
                         .bytes = 1'000,
                         .departures = 3});
  std::int64_t now_ms = 1;
  CHECK(client.SetLocal(crdt::Any(crdt::AnyObject{{"name", "ada"}}), now_ms).ok());
  for (std::size_t i = 0; i < pack.parts.size() && i < 64; ++i) {
    const crdt::ByteView update = pack.parts[i];
    now_ms += update.size() % 7 == 0 ? 16'000 : 10;
    const crdt::Bytes before = client.Encode(client.Present());
    {
      const fuzz::CostMeter cost;
      const bool applied = client.Apply(update, now_ms).ok();
      cost.Check(kBound, size);
      CHECK(applied || client.Encode(client.Present()) == before);
    }
    CHECK(client.Validate().ok());

    const sync::TimePoint now{std::chrono::milliseconds(now_ms)};
    const crdt::Bytes known = relay.EncodeAll();
    const std::size_t known_clients = relay.client_count();
    const fuzz::CostMeter cost;
    const auto applied = relay.Apply(sync::SessionId{1 + (pack.flags >> i % 8 & 1u)}, update, now);
    cost.Check(kBound, size);
    CHECK(relay.Validate().ok());
    if (!applied.ok()) {
      CHECK(relay.client_count() == known_clients && relay.EncodeAll().size() == known.size());
    } else {
      if (!applied->to_all.empty()) CHECK(reader.Apply(applied->to_all, now_ms).ok());
      if (!applied->to_sender.empty()) CHECK(reader.Apply(applied->to_sender, now_ms).ok());
    }
    client.Tick(now_ms);
    if (now_ms % 3 == 0) relay.RemoveExpired(now);
    CHECK(relay.Validate().ok() && client.Validate().ok());
  }
  const crdt::Bytes left = relay.RemoveOwnedBy(sync::SessionId{1});
  if (!left.empty()) CHECK(reader.Apply(left, now_ms).ok());
  CHECK(relay.Validate().ok() && reader.Validate().ok());
  return 0;
}
