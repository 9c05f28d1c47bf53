// JSON text is refused, or is a value whose text is read as the same value; the cost is bounded, and was told before.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"
#include "crdt/value_language.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{
    .memory_base = 1 << 14, .memory_per_byte = 512, .steps_base = 100'000, .steps_per_byte = 5'000};

// How many values there are, and how deep they stand in one another.
JsonShape ShapeOf(const Any& value) {
  JsonShape shape;
  std::size_t deepest = 0;
  const auto add = [&](const Any& nested) {
    const JsonShape inner = ShapeOf(nested);
    shape.values += inner.values;
    deepest = std::max(deepest, inner.depth);
  };
  if (const Any::Array* array = value.AsArray()) {
    for (const Any& each : *array) add(each);
    shape.depth = deepest + 1;
  } else if (const AnyObject* object = value.AsObject()) {
    for (const auto& [key, each] : object->entries()) add(each);
    shape.depth = deepest + 1;
  }
  return shape;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kDepth = 100;
  const std::string_view text = AsText({data, size});
  const weft::fuzz::CostMeter cost;
  const JsonShape told = MeasureJson(text);
  const std::optional<Any> value = ParseJson(text, kDepth);
  cost.Check(kBound, size);
  CHECK(told.values <= size + 1);
  if (value) {
    const JsonShape shape = ShapeOf(*value);
    CHECK(shape.values <= told.values && shape.depth <= told.depth);
    CHECK(shape.depth <= kDepth);
    const std::string written = ToJsonText(*value);
    const std::optional<Any> again = ParseJson(written, kDepth);
    CHECK(again.has_value());
    CHECK(ToJsonText(*again) == written);
  }
  const weft::fuzz::CostMeter language_cost;
  const absl::StatusOr<Any> said = ParseLanguage(text, kDepth);
  language_cost.Check(kBound, size);
  if (!said.ok()) return 0;
  CHECK(value.has_value());
  std::string exact;
  AppendValue(exact, *said, Precision::kExact);
  const absl::StatusOr<Any> again = ParseLanguage(exact, 3 * kDepth);
  CHECK(again.ok() && *again == *said);
  // Both may be asked of a client; either answer is good.
  (void)ToDelta(*said);
  (void)ToAttributes(*said);
  (void)CheckEmbed(*said);
  return 0;
}
