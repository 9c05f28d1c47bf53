// A relative position, of bytes or of JSON, is read back as it was written, and stands in its sequence or nowhere.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{
    .memory_base = 1 << 14, .memory_per_byte = 256, .steps_base = 100'000, .steps_per_byte = 5'000};

std::uint64_t LengthOf(const SharedType& type) {
  if (const auto text = type.As<Text>()) return text->length();
  if (const auto array = type.As<Array>()) return array->length();
  if (const auto fragment = type.As<XmlFragment>()) return fragment->length();
  return 0;
}

void CheckPosition(const RelativePosition& position, Doc& doc) {
  const absl::StatusOr<RelativePosition> read = RelativePosition::FromJson(position.ToJson());
  // As in Yjs, the empty name of a root does not get into JSON, which then may name nothing.
  CHECK(read.ok() ? *read == position || position.root == "" : position.root == "");
  const absl::StatusOr<RelativePosition> decoded = RelativePosition::Decode(position.Encode());
  CHECK(decoded.ok());
  CHECK(decoded->Encode() == position.Encode());
  for (const bool follow : {false, true}) {
    const std::optional<AbsolutePosition> place = position.Resolve(doc, follow);
    if (!place) continue;
    CHECK(place->index <= LengthOf(place->type) || LengthOf(place->type) == 0);
    if (!place->type.As<Text>() && !place->type.As<Array>()) continue;
    const RelativePosition again = RelativePosition::At(place->type, place->index, place->assoc);
    const std::optional<AbsolutePosition> same = again.Resolve(doc, follow);
    CHECK(same && same->index == place->index);
  }
  CHECK(doc.Validate().ok());
}

}  // namespace

// A pack: a position, of bytes or of JSON, and updates of the document. Flags: the format of the
// updates, and whether the position is JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  if (pack.parts.empty()) return 0;
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  Doc doc({.client_id = ClientId{1}, .limits = {.update_blocks = 20'000}});
  doc.GetText("t").Insert(0, "hello \U0001F600 world");
  doc.GetText("t").Delete(3, 4);
  doc.GetArray("a").InsertText(0).Insert(0, "nested");
  for (std::size_t i = 1; i < pack.parts.size(); ++i) {
    if (!doc.ApplyUpdate(pack.parts[i], "", format).ok()) return 0;
  }
  const weft::fuzz::CostMeter cost;
  absl::StatusOr<RelativePosition> position = RelativePosition();
  if (pack.flag(1)) {
    const std::optional<Any> json = ParseJson(AsText(pack.parts[0]), 64);
    if (!json) return 0;
    position = RelativePosition::FromJson(*json);
  } else {
    position = RelativePosition::Decode(pack.parts[0]);
  }
  cost.Check(kBound, pack.parts[0].size());
  if (position.ok()) CheckPosition(*position, doc);
  return 0;
}
