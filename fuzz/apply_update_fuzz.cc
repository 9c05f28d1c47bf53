// An update in either format is applied or refused; a refused one changes nothing, Validate() holds, the cost is bounded.

#include <cstddef>
#include <cstdint>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

constexpr weft::crdt::DecodeLimits kLimits{.update_blocks = 20'000,
                                           .update_memory = 64 << 20,
                                           .update_memory_floor = 8 << 20,
                                           .pending_bytes = 1 << 16,
                                           .conflict_steps = 1 << 14};

// The budget of decoding may be used for each of both, the update and what waits.
constexpr weft::fuzz::CostBound kBound{.memory_base = 24 << 20,
                                       .memory_per_byte = 2'048,
                                       .steps_base = 20'000'000,
                                       .steps_per_byte = 20'000};

}  // namespace

// A pack of updates. Flags: the format, whether deleted content is kept, whether holes are integrated,
// whether an id may come with two contents.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const bool gc = !pack.flag(1);
  const HoleMode holes = pack.flag(2) ? HoleMode::kIntegrate : HoleMode::kWait;
  const CollisionPolicy collisions =
      pack.flag(3) ? CollisionPolicy::kIgnore : CollisionPolicy::kRefuse;
  Doc doc({.client_id = ClientId{77},
           .gc = gc,
           .limits = kLimits,
           .holes = holes,
           .collisions = collisions});
  doc.GetText("t");
  doc.GetArray("a");
  doc.GetMap("m");
  doc.GetXmlFragment("x");
  std::size_t applied_bytes = 0;
  for (const ByteView update : pack.parts) {
    const Bytes before = doc.EncodeStateAsUpdate();
    applied_bytes += update.size();
    const weft::fuzz::CostMeter cost;
    const bool applied = doc.ApplyUpdate(update, "", format).ok();
    // What waits is tried again with each update.
    cost.Check(kBound, applied_bytes);
    CHECK(doc.Validate().ok());
    const Bytes after = doc.EncodeStateAsUpdate();
    CHECK(applied || after == before);
    // What a document says of itself is understood by another one, and says the same again.
    Doc copy({.client_id = ClientId{78}, .gc = gc, .holes = holes});
    CHECK(copy.ApplyUpdate(after).ok());
    CHECK(copy.Validate().ok());
    // What waits and came from elsewhere as collected is, as in Yjs, encoded as what waits.
    CHECK(doc.has_pending() || copy.GetStateVector() == doc.GetStateVector());
    doc.ToJson();
  }
  doc.GetText("t").Insert(doc.GetText("t").length() / 2, "edit");
  CHECK(doc.Validate().ok());
  return 0;
}
