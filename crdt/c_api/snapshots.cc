// Snapshots and relative positions.

#include <utility>

#include "crdt/base/utf.h"
#include "crdt/c_api/handles.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// A position, which names a sequence or an element.
RelativePosition PositionFrom(Arguments& arguments, const char* json, std::size_t size) {
  const Any value = arguments.Value(json, size, "position");
  if (!arguments.ok()) return {};
  absl::StatusOr<RelativePosition> position = RelativePosition::FromJson(value);
  if (!position.ok()) {
    arguments.Refuse(position.status());
    return {};
  }
  return *std::move(position);
}

}  // namespace

extern "C" {

weft_status weft_doc_snapshot(const weft_doc* doc, weft_format format,
                              weft_buffer* snapshot) noexcept {
  Arguments arguments;
  arguments.Result(snapshot);
  const DocRef state = arguments.Document(doc);
  const UpdateFormat as = arguments.Format(format);
  if (!arguments.ok()) return arguments.Fail();
  *snapshot = ToBuffer(state->doc->TakeSnapshot().Encode(as));
  return WEFT_OK;
}

weft_status weft_doc_at_snapshot(weft_doc* doc, weft_format format, const uint8_t* snapshot,
                                 size_t snapshot_size, const weft_doc_options* options,
                                 weft_doc** then) noexcept {
  Arguments arguments;
  arguments.Result(then);
  const DocRef state = arguments.Document(doc);
  const Snapshot at = arguments.Snapshot(format, snapshot, snapshot_size);
  Arguments::DocOptions read = arguments.Options(options);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(state);
  const bool keeps_deleted = !read.options.gc;
  absl::StatusOr<std::unique_ptr<Doc>> made = state->doc->DocAt(at, std::move(read.options));
  if (!made.ok()) return Fail(made.status());
  *then = NewDoc(*std::move(made), options == nullptr ? state->unit : read.unit, keeps_deleted);
  return WEFT_OK;
}

weft_status weft_snapshot_equal(weft_format format, const uint8_t* a, size_t a_size,
                                const uint8_t* b, size_t b_size, bool* equal) noexcept {
  Arguments arguments;
  arguments.Result(equal);
  const Snapshot first = arguments.Snapshot(format, a, a_size);
  const Snapshot second = arguments.Snapshot(format, b, b_size);
  if (!arguments.ok()) return arguments.Fail();
  *equal = first == second;
  return WEFT_OK;
}

weft_status weft_snapshot_contains_update(weft_format format, const uint8_t* snapshot,
                                          size_t snapshot_size, const uint8_t* update,
                                          size_t update_size, bool* contains) noexcept {
  Arguments arguments;
  arguments.Result(contains);
  const Snapshot at = arguments.Snapshot(format, snapshot, snapshot_size);
  const UpdateFormat as = arguments.Format(format);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  if (!arguments.ok()) return arguments.Fail();
  const absl::StatusOr<bool> answer = at.Contains(bytes, as);
  if (!answer.ok()) return Fail(answer.status());
  *contains = *answer;
  return WEFT_OK;
}

// --- Relative positions ---

weft_status weft_position_create(const weft_type* sequence, uint64_t index, int32_t assoc,
                                 weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Place<SharedType> place = arguments.Type(sequence);
  const std::uint64_t at = arguments.Index(place, index);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ToJsonText(RelativePosition::At(place.type, at, assoc).ToJson()));
  return WEFT_OK;
}

weft_status weft_position_resolve(weft_doc* doc, const char* json, size_t json_size,
                                  weft_type** type, uint64_t* index) noexcept {
  Arguments arguments;
  arguments.Result(type);
  arguments.Result(index);
  const DocRef state = arguments.Document(doc);
  const RelativePosition position = PositionFrom(arguments, json, json_size);
  if (!arguments.ok()) return arguments.Fail();
  const std::optional<AbsolutePosition> place = position.Resolve(*state->doc);
  if (!place.has_value()) return Fail(WEFT_NOT_FOUND, "the element of the position is not there");
  const std::optional<Text> text = place->type.As<Text>();
  *index = text.has_value() ? text->FromUtf16(place->index, state->unit) : place->index;
  *type = NewType(state, place->type);
  return WEFT_OK;
}

weft_status weft_position_encode(const char* json, size_t json_size, weft_buffer* bytes) noexcept {
  Arguments arguments;
  arguments.Result(bytes);
  const RelativePosition position = PositionFrom(arguments, json, json_size);
  if (!arguments.ok()) return arguments.Fail();
  *bytes = ToBuffer(position.Encode());
  return WEFT_OK;
}

weft_status weft_position_decode(const uint8_t* bytes, size_t size, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const ByteView view = arguments.Bytes(bytes, size, "position");
  if (!arguments.ok()) return arguments.Fail();
  const absl::StatusOr<RelativePosition> position = RelativePosition::Decode(view);
  if (!position.ok()) return Fail(position.status());
  *json = ToBuffer(ToJsonText(position->ToJson()));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
