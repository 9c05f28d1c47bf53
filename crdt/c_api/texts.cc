// Texts: characters, embeds, formatting.

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/c_api/handles.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// Newlines that a delta may make by reaching past the end.
constexpr std::uint64_t kMaxPadding = 65'536;

// How far past the end of a text of `length` the delta reaches; more than kMaxPadding is enough to
// know.
std::uint64_t PaddingOf(const Delta& delta, std::uint64_t length) {
  std::uint64_t at = 0;
  std::uint64_t padding = 0;
  for (const DeltaOp& op : delta) {
    switch (op.kind) {
      case DeltaOp::Kind::kInsert: {
        const std::uint64_t inserted = op.elements.empty() ? Utf16Length(op.text) : 1;
        at += inserted;
        length += inserted;
        break;
      }
      case DeltaOp::Kind::kRetain:
        if (op.count > length - at) {
          padding += op.count - (length - at);
          if (padding > kMaxPadding) return padding;
          length = at + op.count;
        }
        at += op.count;
        break;
      case DeltaOp::Kind::kDelete:
        length -= std::min(op.count, length - at);
        break;
    }
  }
  return padding;
}

}  // namespace

extern "C" {

weft_status weft_text_insert(weft_type* text, uint64_t index, const char* utf8, size_t utf8_size,
                             const char* attributes, size_t attributes_size) noexcept {
  Arguments arguments;
  Place<Text> place = arguments.TypeOf<Text>(text, "text");
  const std::string_view inserted = arguments.Text(utf8, utf8_size, "text");
  const std::optional<Attributes> format = arguments.AttributesOrNone(attributes, attributes_size);
  const std::uint64_t at = arguments.Index(Untyped(place), index);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  if (format.has_value()) {
    place.type.Insert(at, inserted, *format);
  } else {
    place.type.Insert(at, inserted);
  }
  return WEFT_OK;
}

weft_status weft_text_insert_embed(weft_type* text, uint64_t index, const char* embed,
                                   size_t embed_size, const char* attributes,
                                   size_t attributes_size) noexcept {
  Arguments arguments;
  Place<Text> place = arguments.TypeOf<Text>(text, "text");
  Any object = arguments.Value(embed, embed_size, "embed");
  if (arguments.ok()) {
    if (const absl::Status status = CheckEmbed(object); !status.ok()) arguments.Refuse(status);
  }
  const std::optional<Attributes> format = arguments.AttributesOrNone(attributes, attributes_size);
  const std::uint64_t at = arguments.Index(Untyped(place), index);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  place.type.InsertEmbed(at, std::move(object), format.value_or(Attributes()));
  return WEFT_OK;
}

weft_status weft_text_format(weft_type* text, uint64_t index, uint64_t count,
                             const char* attributes, size_t attributes_size) noexcept {
  Arguments arguments;
  Place<Text> place = arguments.TypeOf<Text>(text, "text");
  const std::optional<Attributes> format = arguments.AttributesOrNone(attributes, attributes_size);
  if (!format.has_value()) arguments.Refuse(WEFT_INVALID_ARGUMENT, "the attributes are NULL");
  const Range range = arguments.RangeOf(Untyped(place), index, count);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  place.type.Format(range.begin, range.count, *format);
  return WEFT_OK;
}

weft_status weft_text_delta(const weft_type* text, weft_buffer* delta) noexcept {
  Arguments arguments;
  arguments.Result(delta);
  const Place<Text> place = arguments.TypeOf<Text>(text, "text");
  if (!arguments.ok()) return arguments.Fail();
  std::string json;
  AppendDelta(json, place.type.ToDelta(), DeltaOf::kText, Precision::kExact);
  *delta = ToBuffer(json);
  return WEFT_OK;
}

weft_status weft_text_apply_delta(weft_type* text, const char* delta, size_t delta_size) noexcept {
  Arguments arguments;
  Place<Text> place = arguments.TypeOf<Text>(text, "text");
  const Any value = arguments.Value(delta, delta_size, "delta");
  if (!arguments.ok()) return arguments.Fail();
  const absl::StatusOr<Delta> operations = ToDelta(value);
  if (!operations.ok()) return Fail(operations.status());
  if (PaddingOf(*operations, place.type.length()) > kMaxPadding) {
    return Fail(WEFT_OUT_OF_RANGE,
                absl::StrCat("the delta reaches more than ", kMaxPadding, " past the end"));
  }
  const Guard guard(place.state);
  place.type.ApplyDelta(*operations);
  return WEFT_OK;
}

weft_status weft_text_delta_at(weft_type* text, weft_format format, const uint8_t* snapshot,
                               size_t snapshot_size, const uint8_t* previous, size_t previous_size,
                               weft_buffer* delta) noexcept {
  Arguments arguments;
  arguments.Result(delta);
  Place<Text> place = arguments.TypeOf<Text>(text, "text");
  const Snapshot then = arguments.Snapshot(format, snapshot, snapshot_size);
  const Snapshot before =
      previous == nullptr ? Snapshot() : arguments.Snapshot(format, previous, previous_size);
  if (arguments.ok() && !place.state->keeps_deleted) {
    arguments.Refuse(WEFT_UNSUPPORTED, "the document does not keep what is deleted");
  }
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  std::string json;
  AppendDelta(json, place.type.ToDelta(then, previous == nullptr ? nullptr : &before),
              DeltaOf::kText, Precision::kExact);
  *delta = ToBuffer(json);
  return WEFT_OK;
}

weft_status weft_text_to_utf16(const weft_type* text, uint64_t index, uint64_t* utf16) noexcept {
  Arguments arguments;
  arguments.Result(utf16);
  const Place<Text> place = arguments.TypeOf<Text>(text, "text");
  const std::uint64_t at = arguments.Index(Untyped(place), index);
  if (!arguments.ok()) return arguments.Fail();
  *utf16 = at;
  return WEFT_OK;
}

weft_status weft_text_from_utf16(const weft_type* text, uint64_t utf16, uint64_t* index) noexcept {
  Arguments arguments;
  arguments.Result(index);
  const Place<Text> place = arguments.TypeOf<Text>(text, "text");
  if (arguments.ok() && utf16 > place.type.length()) {
    arguments.Refuse(WEFT_OUT_OF_RANGE, "the offset reaches past the end");
  }
  if (!arguments.ok()) return arguments.Fail();
  *index = place.type.FromUtf16(utf16, place.state->unit);
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
