// Entries by key: maps and hooks, attributes of XML elements and of texts.

#include <utility>

#include "crdt/c_api/handles.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// A type that has entries.
Place<SharedType> WithEntries(Arguments& arguments, const weft_type* type) {
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return {};
  const TypeKind kind = place.type.kind();
  if (kind == TypeKind::kArray || kind == TypeKind::kXmlFragment) {
    arguments.Refuse(WEFT_WRONG_KIND, "arrays and XML fragments have no entries");
  }
  return place;
}

// The value of a key. Empty after a failure.
Element Find(Arguments& arguments, const Place<SharedType>& place, const char* key,
             std::size_t key_size) {
  const std::string_view name = arguments.Key(key, key_size, "key");
  if (!arguments.ok()) return {};
  const internal::TypeHandle& handle = place.type.handle();
  std::optional<Element> element = handle.doc->ElementOf(handle.type, name);
  if (!element.has_value()) arguments.Refuse(WEFT_NOT_FOUND, "the key has no value");
  return std::move(element).value_or(Element());
}

}  // namespace

extern "C" {

weft_status weft_entry_set(weft_type* type, const char* key, size_t key_size, const char* json,
                           size_t json_size) noexcept {
  Arguments arguments;
  const Place<SharedType> place = WithEntries(arguments, type);
  const std::string_view name = arguments.Key(key, key_size, "key");
  Any value = arguments.Value(json, json_size, "value");
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  if (std::optional<Map> map = place.type.As<Map>()) {
    map->Set(name, std::move(value));
  } else if (std::optional<Text> text = place.type.As<Text>()) {
    text->SetAttribute(name, std::move(value));
  } else if (std::optional<XmlElement> element = place.type.As<XmlElement>()) {
    element->SetAttribute(name, std::move(value));
  }
  return WEFT_OK;
}

weft_status weft_entry_set_type(weft_type* map, const char* key, size_t key_size, weft_kind kind,
                                const char* name, size_t name_size, weft_type** type) noexcept {
  Arguments arguments;
  arguments.Result(type);
  Place<Map> place = arguments.TypeOf<Map>(map, "map");
  const std::string_view at = arguments.Key(key, key_size, "key");
  const TypeKind as = arguments.Kind(kind);
  const std::string_view own_name =
      IsNamed(as) ? arguments.Key(name, name_size, "name") : std::string_view();
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  *type = NewType(place.state, place.type.SetType(at, as, own_name));
  return WEFT_OK;
}

weft_status weft_entry_set_doc(weft_type* map, const char* key, size_t key_size,
                               const char* options, size_t options_size,
                               weft_subdoc** subdoc) noexcept {
  Arguments arguments;
  arguments.Result(subdoc);
  Place<Map> place = arguments.TypeOf<Map>(map, "map");
  const std::string_view at = arguments.Key(key, key_size, "key");
  const Subdocument::Options read = SubdocOptions(arguments, options, options_size);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  *subdoc = new weft_subdoc{place.state, place.type.SetSubdocument(at, read)};
  return WEFT_OK;
}

weft_status weft_entry_delete(weft_type* type, const char* key, size_t key_size) noexcept {
  Arguments arguments;
  const Place<SharedType> place = WithEntries(arguments, type);
  const std::string_view name = arguments.Key(key, key_size, "key");
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(place.state);
  if (std::optional<Map> map = place.type.As<Map>()) {
    map->Delete(name);
  } else if (std::optional<Text> text = place.type.As<Text>()) {
    text->RemoveAttribute(name);
  } else if (std::optional<XmlElement> element = place.type.As<XmlElement>()) {
    element->RemoveAttribute(name);
  }
  return WEFT_OK;
}

weft_status weft_entry_get(const weft_type* type, const char* key, size_t key_size,
                           weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Element element = Find(arguments, WithEntries(arguments, type), key, key_size);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ElementToJson(element));
  return WEFT_OK;
}

weft_status weft_entry_get_type(const weft_type* type, const char* key, size_t key_size,
                                weft_type** found) noexcept {
  Arguments arguments;
  arguments.Result(found);
  const Place<SharedType> place = WithEntries(arguments, type);
  const Element element = Find(arguments, place, key, key_size);
  if (!arguments.ok()) return arguments.Fail();
  return ToType(place.state, element, found);
}

weft_status weft_entry_get_doc(const weft_type* type, const char* key, size_t key_size,
                               weft_subdoc** subdoc) noexcept {
  Arguments arguments;
  arguments.Result(subdoc);
  const Place<SharedType> place = WithEntries(arguments, type);
  const Element element = Find(arguments, place, key, key_size);
  if (!arguments.ok()) return arguments.Fail();
  return ToSubdoc(place.state, element, subdoc);
}

weft_status weft_entry_keys(const weft_type* type, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Place<SharedType> place = WithEntries(arguments, type);
  if (!arguments.ok()) return arguments.Fail();
  Any::Array keys;
  for (std::string& key : place.type.handle().doc->KeysOf(place.type.handle().type)) {
    keys.emplace_back(std::move(key));
  }
  *json = ToBuffer(ToJson(keys));
  return WEFT_OK;
}

weft_status weft_entries_to_json(const weft_type* type, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Place<SharedType> place = WithEntries(arguments, type);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ToJson(place.type.handle().doc->EntriesAsJson(place.type.handle().type)));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
