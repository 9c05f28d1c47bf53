// Updates that decode can be merged, cut and converted, and what comes out decodes again.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/update_merge.h"

// The first byte says the format, the second where the first update ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  if (size < 2) return 0;
  const UpdateFormat format = (data[0] & 1) != 0 ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const UpdateFormat other = format == UpdateFormat::kV1 ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const DecodeLimits limits{.update_blocks = 20'000};
  const DecodeLimits roomy{.update_blocks = 100'000};
  const ByteView input(data + 2, size - 2);
  const std::size_t cut = input.size() * data[1] / 255;
  const ByteView parts[] = {input.first(cut), input.subspan(cut)};
  const bool decodes =
      DecodeUpdate(parts[0], limits, format).ok() && DecodeUpdate(parts[1], limits, format).ok();
  const absl::StatusOr<Bytes> merged = MergeUpdates(parts, limits, format);
  CHECK(merged.ok() == decodes);
  if (!merged.ok()) return 0;
  CHECK(DecodeUpdate(*merged, roomy, format).ok());
  const absl::StatusOr<StateVector> vector = StateVectorOfUpdate(*merged, roomy, format);
  CHECK(vector.ok());
  const absl::StatusOr<Bytes> rest = DiffUpdate(*merged, *vector, roomy, format);
  CHECK(rest.ok() && DecodeUpdate(*rest, roomy, format).ok());
  const absl::StatusOr<Bytes> converted = ConvertUpdate(*merged, format, other, roomy);
  CHECK(converted.ok() && DecodeUpdate(*converted, roomy, other).ok());
  return 0;
}
