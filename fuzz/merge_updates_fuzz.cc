// Updates that decode can be merged, at a bounded cost; merging what was merged adds nothing, and the order loses nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/update_compare.h"
#include "crdt/update_merge.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

constexpr weft::fuzz::CostBound kBound{.memory_base = 24 << 20,
                                       .memory_per_byte = 2'048,
                                       .steps_base = 20'000'000,
                                       .steps_per_byte = 20'000};

}  // namespace

// A pack of updates. Flags: the format.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  if (pack.parts.empty()) return 0;
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const DecodeLimits limits{.update_blocks = 20'000, .update_memory_floor = 8 << 20};
  const DecodeLimits roomy{.update_blocks = 2'000'000};
  bool decodes = true;
  for (const ByteView part : pack.parts) {
    const absl::StatusOr<Update> update = DecodeUpdate(part, limits, format);
    decodes = decodes && update.ok();
  }
  const weft::fuzz::CostMeter cost;
  const absl::StatusOr<Bytes> merged = MergeUpdates(pack.parts, limits, format);
  cost.Check(kBound, size);
  // The memory of all inputs counts together: many that decode alone may be too much.
  CHECK(merged.ok() ? decodes
                    : !decodes || merged.status().code() == absl::StatusCode::kResourceExhausted);
  if (!merged.ok()) return 0;
  const absl::StatusOr<Update> whole = DecodeUpdate(*merged, roomy, format);
  CHECK(whole.ok());
  CHECK(whole->deletes.Validate().ok());

  // One update alone is answered as it is, whatever the order of its clients, as Yjs does it: the law then begins
  // with what was made of two.
  Bytes settled = *merged;
  for (int merges = pack.parts.size() == 1 ? 2 : 1; merges > 0; --merges) {
    const ByteView twice[] = {settled, settled};
    absl::StatusOr<Bytes> again = MergeUpdates(twice, roomy, format);
    CHECK(again.ok());
    if (merges == 1) CHECK(*UpdatesEqual(settled, *again, format, roomy));
    settled = *std::move(again);
  }

  std::ranges::reverse(pack.parts);
  const absl::StatusOr<Bytes> reversed = MergeUpdates(pack.parts, limits, format);
  CHECK(reversed.ok());
  const absl::StatusOr<StateVector> vector = StateVectorOfUpdate(*merged, roomy, format);
  CHECK(vector.ok() && vector->Validate().ok());
  CHECK(*vector == *StateVectorOfUpdate(*reversed, roomy, format));
  CHECK(DecodeUpdate(*reversed, roomy, format)->deletes == whole->deletes);
  return 0;
}
