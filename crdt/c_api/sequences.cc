// Sequences: arrays, the children of XML, and what texts share with them.

#include <utility>

#include "crdt/c_api/handles.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// The values of a JSON array, all of which an array takes.
std::vector<Any> ArrayValues(Arguments& arguments, const char* json, std::size_t size) {
  const Any values = arguments.Value(json, size, "values");
  if (!arguments.ok()) return {};
  const Any::Array* array = values.AsArray();
  if (array == nullptr) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the values are no JSON array");
    return {};
  }
  for (const Any& value : *array) {
    if (value.is_undefined() || std::holds_alternative<Any::BigInt>(value.value())) {
      arguments.Refuse(WEFT_INVALID_ARGUMENT,
                       "undefined and BigInt cannot be elements of an array, as in Yjs");
    }
  }
  return *array;
}

bool FitsIntoXml(TypeKind kind) {
  return kind == TypeKind::kXmlElement || kind == TypeKind::kXmlText || kind == TypeKind::kXmlHook;
}

// What stands at `index`. Empty after a failure.
Element ElementAt(Arguments& arguments, const Place<SharedType>& place, std::uint64_t index) {
  // One element of a text may be half a character of the document's unit: its beginning counts.
  const std::uint64_t at = arguments.RangeOf(place, index, 1).begin;
  if (!arguments.ok()) return {};
  return place.type.handle().doc->ElementAt(place.type.handle().type, at);
}

}  // namespace

extern "C" {

weft_status weft_sequence_insert(weft_type* array, uint64_t index, const char* values,
                                 size_t values_size) noexcept {
  Arguments arguments;
  Place<Array> place = arguments.TypeOf<Array>(array, "array");
  std::vector<Any> inserted = ArrayValues(arguments, values, values_size);
  const std::uint64_t at = arguments.Index(Untyped(place), index);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  place.type.Insert(at, std::move(inserted));
  return WEFT_OK;
}

weft_status weft_sequence_insert_type(weft_type* sequence, uint64_t index, weft_kind kind,
                                      const char* name, size_t name_size,
                                      weft_type** type) noexcept {
  Arguments arguments;
  arguments.Result(type);
  const Place<SharedType> place = arguments.Type(sequence);
  const TypeKind as = arguments.Kind(kind);
  const std::string_view key =
      IsNamed(as) ? arguments.Key(name, name_size, "name") : std::string_view();
  const std::uint64_t at = arguments.Index(place, index);
  if (arguments.ok() && XmlFragment::IsOfKind(place.type.kind()) && !FitsIntoXml(as)) {
    arguments.Refuse(WEFT_WRONG_KIND, "XML holds elements, XML texts and hooks");
  }
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  SharedType made;
  if (std::optional<Text> text = place.type.As<Text>()) {
    made = text->InsertType(at, as, key);
  } else if (std::optional<Array> array = place.type.As<Array>()) {
    made = array->InsertType(at, as, key);
  } else if (std::optional<XmlFragment> fragment = place.type.As<XmlFragment>()) {
    made = fragment->InsertType(at, as, key);
  }
  *type = NewType(place.state, made);
  return WEFT_OK;
}

weft_status weft_sequence_insert_doc(weft_type* array, uint64_t index, const char* options,
                                     size_t options_size, weft_subdoc** subdoc) noexcept {
  Arguments arguments;
  arguments.Result(subdoc);
  Place<Array> place = arguments.TypeOf<Array>(array, "array");
  const Subdocument::Options read = SubdocOptions(arguments, options, options_size);
  const std::uint64_t at = arguments.Index(Untyped(place), index);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  *subdoc = new weft_subdoc{place.state, place.type.InsertSubdocument(at, read)};
  return WEFT_OK;
}

weft_status weft_sequence_delete(weft_type* sequence, uint64_t index, uint64_t count) noexcept {
  Arguments arguments;
  const Place<SharedType> place = arguments.Type(sequence);
  const Range range = arguments.RangeOf(place, index, count);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  if (std::optional<Text> text = place.type.As<Text>()) {
    text->Delete(range.begin, range.count);
  } else if (std::optional<Array> array = place.type.As<Array>()) {
    array->Delete(range.begin, range.count);
  } else if (std::optional<XmlFragment> fragment = place.type.As<XmlFragment>()) {
    fragment->Delete(range.begin, range.count);
  }
  return WEFT_OK;
}

weft_status weft_sequence_get(const weft_type* sequence, uint64_t index,
                              weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Element element = ElementAt(arguments, arguments.Type(sequence), index);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ElementToJson(element));
  return WEFT_OK;
}

weft_status weft_sequence_get_type(const weft_type* sequence, uint64_t index,
                                   weft_type** type) noexcept {
  Arguments arguments;
  arguments.Result(type);
  const Place<SharedType> place = arguments.Type(sequence);
  const Element element = ElementAt(arguments, place, index);
  if (!arguments.ok()) return arguments.Fail();
  return ToType(place.state, element, type);
}

weft_status weft_sequence_get_doc(const weft_type* sequence, uint64_t index,
                                  weft_subdoc** subdoc) noexcept {
  Arguments arguments;
  arguments.Result(subdoc);
  const Place<SharedType> place = arguments.Type(sequence);
  const Element element = ElementAt(arguments, place, index);
  if (!arguments.ok()) return arguments.Fail();
  return ToSubdoc(place.state, element, subdoc);
}

}  // extern "C"

}  // namespace weft::crdt::c_api
