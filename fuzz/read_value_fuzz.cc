// A binary value decodes to what encodes to the same again, as any, as JSON and in the language of values, at a bounded cost.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "crdt/any_codec.h"
#include "crdt/base/check.h"
#include "crdt/json.h"
#include "crdt/value_language.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

constexpr weft::fuzz::CostBound kBound{
    .memory_base = 1 << 14, .memory_per_byte = 512, .steps_base = 100'000, .steps_per_byte = 5'000};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  constexpr std::size_t kDepth = 200;
  ByteReader reader({data, size});
  std::optional<Any> value;
  {
    const weft::fuzz::CostMeter cost;
    value = ReadAny(reader, kDepth);
    cost.Check(kBound, size);
  }
  if (!reader.ok()) return 0;
  ByteWriter writer;
  WriteAny(writer, *value);
  ByteReader second(writer.view());
  const Any again = ReadAny(second, kDepth);
  CHECK(second.ok() && second.at_end());
  ByteWriter rewritten;
  WriteAny(rewritten, again);
  CHECK(std::ranges::equal(writer.view(), rewritten.view()));

  // JSON loses what it has no form for, and is then stable.
  const std::string json = ToJsonText(*value);
  if (value->is_undefined()) return 0;
  const std::optional<Any> parsed = ParseJson(json, kDepth);
  CHECK(parsed.has_value());
  const std::string json_again = ToJsonText(*parsed);
  CHECK(ToJsonText(*ParseJson(json_again, kDepth)) == json_again);

  // The language of values loses nothing.
  std::string exact;
  AppendValue(exact, again, Precision::kExact);
  const absl::StatusOr<Any> said = ParseLanguage(exact, 3 * kDepth);
  CHECK(said.ok());
  std::string said_again;
  AppendValue(said_again, *said, Precision::kExact);
  CHECK(said_again == exact);
  return 0;
}
