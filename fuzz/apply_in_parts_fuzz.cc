// Updates applied one by one, in any order, and their merge applied at once lead to the same state vector, and to the same that waits.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "crdt/update_merge.h"
#include "fuzz/input.h"
#include "fuzz/named_once.h"

namespace {

using namespace weft::crdt;

constexpr DecodeLimits kLimits{.update_blocks = 20'000};

}  // namespace

// A pack of updates. Flags: the format; whether holes are integrated.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const Doc::Options options{.client_id = ClientId{77},
                             .guid = "g",
                             .holes = pack.flag(2) ? HoleMode::kIntegrate : HoleMode::kWait};
  if (pack.parts.empty() || pack.parts.size() > 8) return 0;
  std::vector<Update> updates;
  for (const ByteView part : pack.parts) {
    absl::StatusOr<Update> update = DecodeUpdate(part, kLimits, format);
    if (!update.ok()) return 0;
    updates.push_back(*std::move(update));
  }
  if (!weft::fuzz::NameEachIdOnce(updates)) return 0;

  const absl::StatusOr<Bytes> merged = MergeUpdates(pack.parts, kLimits, format);
  CHECK(merged.ok());
  Doc at_once(options);
  CHECK(at_once.ApplyUpdate(*merged, "", format).ok());
  CHECK(at_once.Validate().ok());
  // Where holes are integrated, as in @y/y 14, a block that waits for another client holds back what its own
  // client has behind it in the same update, and not what came in another.
  const bool holds_back = pack.flag(2) && at_once.has_pending();
  for (const bool backwards : {false, true}) {
    std::vector<ByteView> parts = pack.parts;
    if (backwards) std::ranges::reverse(parts);
    Doc one_by_one(options);
    for (const ByteView part : parts) CHECK(one_by_one.ApplyUpdate(part, "", format).ok());
    // What waits is tried again when a client that it waits for moves on, and once more here.
    CHECK(one_by_one.ApplyUpdate(*merged, "", format).ok());
    CHECK(one_by_one.Validate().ok());
    CHECK(holds_back || one_by_one.GetStateVector() == at_once.GetStateVector());
    CHECK(one_by_one.has_pending() == at_once.has_pending());
  }
  return 0;
}
