// State vectors and delete sets decode to what their invariants say, at a bounded cost, and encode to bytes that say the same.

#include <cstddef>
#include <cstdint>

#include "crdt/base/check.h"
#include "crdt/codec/update_v2.h"
#include "crdt/delete_set.h"
#include "crdt/state_vector.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{.memory_base = 1 << 16,
                                       .memory_per_byte = 1'024,
                                       .steps_base = 100'000,
                                       .steps_per_byte = 5'000};

void CheckVector(ByteView bytes) {
  const weft::fuzz::CostMeter cost;
  const absl::StatusOr<StateVector> vector = DecodeStateVector(bytes, 1'000);
  cost.Check(kBound, bytes.size());
  if (!vector.ok()) return;
  CHECK(vector->Validate().ok());
  const absl::StatusOr<StateVector> again = DecodeStateVector(EncodeStateVector(*vector));
  CHECK(again.ok() && *again == *vector);
  CHECK(vector->Covers(*again));
  StateVector joined;
  joined.MergeMax(*vector);
  joined.MergeMax(*again);
  CHECK(joined.Validate().ok());
  CHECK(joined.Covers(*vector));
}

void CheckDeletes(ByteView bytes, bool v2) {
  const DecodeLimits limits;
  DecodeBudget budget(limits, bytes.size());
  ByteReader reader(bytes);
  const weft::fuzz::CostMeter cost;
  const DeleteSet set =
      v2 ? ReadDeleteSetV2(reader, limits, budget) : ReadDeleteSet(reader, limits, budget);
  cost.Check(kBound, bytes.size());
  if (!reader.ok()) return;
  CHECK(set.Validate().ok());
  ByteWriter out;
  if (v2) WriteDeleteSetV2(out, set);
  if (!v2) WriteDeleteSet(out, set);
  ByteReader again(out.view());
  CHECK((v2 ? ReadDeleteSetV2(again) : ReadDeleteSet(again)) == set);
  CHECK(again.ok() && again.at_end());
  for (const auto& client : set.clients()) {
    CHECK(set.Contains({client.client, client.ranges.front().clock}));
    CHECK(!set.Contains({client.client, client.ranges.back().end()}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CheckVector({data, size});
  CheckDeletes({data, size}, /*v2=*/false);
  CheckDeletes({data, size}, /*v2=*/true);
  return 0;
}
