// What all shared types have in common.

#include "absl/strings/str_cat.h"
#include "crdt/c_api/handles.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// What observers are told of one event.
void AppendEvent(std::string& out, const Event& event) {
  const TypeKind kind = event.target().kind();
  absl::StrAppend(&out, R"({"kind":)", static_cast<int>(kind), R"(,"path":)");
  AppendPath(out, event.path());
  absl::StrAppend(&out, R"(,"local":)", event.local() ? "true" : "false", R"(,"origin":)");
  AppendString(out, event.origin());
  // In this order: a delta may remove redundant marks.
  if (event.keys_changed()) {
    out += R"(,"keys":)";
    AppendKeyChanges(out, event.keys(), Precision::kExact);
  }
  if (event.sequence_changed()) {
    out += R"(,"delta":)";
    AppendDelta(out, event.delta(), IsText(kind) ? DeltaOf::kText : DeltaOf::kSequence,
                Precision::kExact);
  }
  out += '}';
}

}  // namespace

extern "C" {

void weft_type_free(weft_type* type) noexcept { delete type; }

weft_status weft_type_clone(const weft_type* type, weft_type** clone) noexcept {
  Arguments arguments;
  arguments.Result(clone);
  arguments.Handle(type);
  if (!arguments.ok()) return arguments.Fail();
  *clone = new weft_type(*type);
  return WEFT_OK;
}

weft_status weft_type_exists(const weft_type* type, bool* exists) noexcept {
  Arguments arguments;
  arguments.Result(exists);
  arguments.Handle(type);
  if (!arguments.ok()) return arguments.Fail();
  *exists = type->type.exists();
  return WEFT_OK;
}

weft_status weft_type_equal(const weft_type* a, const weft_type* b, bool* equal) noexcept {
  Arguments arguments;
  arguments.Result(equal);
  arguments.Handle(a);
  arguments.Handle(b);
  if (!arguments.ok()) return arguments.Fail();
  *equal = a->type == b->type;
  return WEFT_OK;
}

weft_status weft_type_kind(const weft_type* type, weft_kind* kind) noexcept {
  Arguments arguments;
  arguments.Result(kind);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  *kind = static_cast<weft_kind>(place.type.kind());
  return WEFT_OK;
}

weft_status weft_type_doc(const weft_type* type, weft_doc** doc) noexcept {
  Arguments arguments;
  arguments.Result(doc);
  arguments.Handle(type);
  if (!arguments.ok()) return arguments.Fail();
  *doc = new weft_doc{type->state};
  return WEFT_OK;
}

weft_status weft_type_parent(const weft_type* type, weft_type** parent) noexcept {
  Arguments arguments;
  arguments.Result(parent);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  const std::optional<SharedType> around = place.type.parent();
  if (!around.has_value()) return Fail(WEFT_NOT_FOUND, "a root has no parent");
  *parent = NewType(place.state, *around);
  return WEFT_OK;
}

weft_status weft_type_name(const weft_type* type, weft_buffer* name) noexcept {
  Arguments arguments;
  arguments.Result(name);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  if (!place.type.item_id().has_value()) {
    *name = ToBuffer(place.type.root_name());
  } else if (const std::optional<XmlElement> element = place.type.As<XmlElement>()) {
    *name = ToBuffer(element->name());
  } else if (const std::optional<XmlHook> hook = place.type.As<XmlHook>()) {
    *name = ToBuffer(hook->name());
  } else {
    return Fail(WEFT_NOT_FOUND, "a nested type of this kind has no name");
  }
  return WEFT_OK;
}

weft_status weft_type_length(const weft_type* type, uint64_t* length) noexcept {
  Arguments arguments;
  arguments.Result(length);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  if (const std::optional<Map> map = place.type.As<Map>()) {
    *length = map->size();
  } else if (const std::optional<Text> text = place.type.As<Text>()) {
    *length = text->length(place.state->unit);
  } else {
    *length = place.type.handle().doc->LengthOf(place.type.handle().type);
  }
  return WEFT_OK;
}

weft_status weft_type_to_json(const weft_type* type, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  *json =
      ToBuffer(ElementToJson(place.type.handle().doc->HandleAsElement(place.type.handle().type)));
  return WEFT_OK;
}

weft_status weft_type_to_string(const weft_type* type, weft_buffer* text) noexcept {
  Arguments arguments;
  arguments.Result(text);
  const Place<SharedType> place = arguments.Type(type);
  if (!arguments.ok()) return arguments.Fail();
  if (const std::optional<XmlText> xml_text = place.type.As<XmlText>()) {
    *text = ToBuffer(xml_text->ToXml());
  } else if (const std::optional<XmlFragment> fragment = place.type.As<XmlFragment>()) {
    *text = ToBuffer(fragment->ToXml());
  } else if (const std::optional<Text> plain = place.type.As<Text>()) {
    *text = ToBuffer(plain->ToString());
  } else {
    return Fail(WEFT_WRONG_KIND, "arrays and maps are no text");
  }
  return WEFT_OK;
}

weft_status weft_type_observe(weft_type* type, bool deep, weft_json_callback callback,
                              void* user_data, weft_subscription** subscription) noexcept {
  Arguments arguments;
  arguments.Result(subscription);
  Place<SharedType> place = arguments.Type(type);
  arguments.Callback(callback);
  if (!arguments.ok()) return arguments.Fail();
  const auto tell = [callback, user_data](std::span<const Event* const> events) {
    std::string json = "[";
    for (const Event* event : events) {
      if (json.size() > 1) json += ',';
      AppendEvent(json, *event);
    }
    json += ']';
    callback(user_data, json.c_str(), json.size());
  };
  *subscription =
      NewSubscription(deep ? place.type.ObserveDeep(
                                 [tell](const std::vector<const Event*>& events) { tell(events); })
                           : place.type.Observe([tell](const Event& event) {
                               const Event* const only = &event;
                               tell({&only, 1});
                             }));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
