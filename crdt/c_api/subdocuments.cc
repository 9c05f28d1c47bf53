// Documents in documents.

#include <utility>

#include "crdt/c_api/handles.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

Any Guids(const std::vector<Subdocument>& subdocuments) {
  Any::Array guids;
  for (const Subdocument& subdocument : subdocuments) guids.emplace_back(subdocument.guid());
  return guids;
}

bool FlagOr(Arguments& arguments, const AnyObject& object, const char* name, bool otherwise) {
  const Any* value = object.Find(name);
  if (value == nullptr) return otherwise;
  if (value->AsBool() == nullptr) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, std::string(name) + " is true or false");
    return otherwise;
  }
  return *value->AsBool();
}

}  // namespace

Subdocument::Options SubdocOptions(Arguments& arguments, const char* json, std::size_t size) {
  Subdocument::Options options;
  if (json == nullptr && (size == 0 || size == WEFT_NUL)) return options;
  const Any value = arguments.Value(json, size, "options");
  if (!arguments.ok()) return options;
  const AnyObject* object = value.AsObject();
  if (object == nullptr) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the options are no JSON object");
    return options;
  }
  if (const Any* guid = object->Find("guid")) {
    if (guid->AsString() == nullptr) {
      arguments.Refuse(WEFT_INVALID_ARGUMENT, "a guid is a string");
      return options;
    }
    options.guid =
        std::string(arguments.Key(guid->AsString()->data(), guid->AsString()->size(), "guid"));
  }
  options.gc = FlagOr(arguments, *object, "gc", true);
  options.auto_load = FlagOr(arguments, *object, "autoLoad", false);
  if (const Any* meta = object->Find("meta")) options.meta = *meta;
  return options;
}

extern "C" {

void weft_subdoc_free(weft_subdoc* subdoc) noexcept { delete subdoc; }

weft_status weft_subdoc_to_json(const weft_subdoc* subdoc, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  arguments.Handle(subdoc);
  if (!arguments.ok()) return arguments.Fail();
  const Subdocument& subdocument = subdoc->subdocument;
  *json = ToBuffer(ToJson(AnyObject{{"guid", subdocument.guid()},
                                    {"autoLoad", subdocument.auto_load()},
                                    {"shouldLoad", subdocument.should_load()},
                                    {"options", subdocument.options()}}));
  return WEFT_OK;
}

weft_status weft_subdoc_load(weft_subdoc* subdoc) noexcept {
  Arguments arguments;
  arguments.Handle(subdoc);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(subdoc->state);
  Subdocument subdocument = subdoc->subdocument;
  subdocument.Load();
  return WEFT_OK;
}

weft_status weft_subdoc_open(weft_subdoc* subdoc, weft_doc** doc) noexcept {
  Arguments arguments;
  arguments.Result(doc);
  arguments.Handle(subdoc);
  if (!arguments.ok()) return arguments.Fail();
  DocState& outer = *subdoc->state;
  const std::shared_ptr<Doc> content = subdoc->subdocument.shared_doc();
  if (content == nullptr) return Fail(WEFT_GONE, "the subdocument was deleted");
  absl::erase_if(outer.opened, [](const auto& entry) { return entry.second.expired(); });
  DocRef state = outer.opened[content.get()].lock();
  if (state == nullptr) {
    state = std::make_shared<DocState>();
    state->doc = content;
    state->unit = outer.unit;
    const AnyObject* options = subdoc->subdocument.options().AsObject();
    const Any* gc = options == nullptr ? nullptr : options->Find("gc");
    state->keeps_deleted = gc != nullptr && *gc == Any(false);
    outer.opened[content.get()] = state;
  }
  *doc = new weft_doc{std::move(state)};
  return WEFT_OK;
}

weft_status weft_doc_subdocs(const weft_doc* doc, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ToJson(Guids(state->doc->Subdocuments())));
  return WEFT_OK;
}

weft_status weft_doc_on_subdocs(weft_doc* doc, weft_json_callback callback, void* user_data,
                                weft_subscription** subscription) noexcept {
  Arguments arguments;
  arguments.Result(subscription);
  const DocRef state = arguments.Document(doc);
  arguments.Callback(callback);
  if (!arguments.ok()) return arguments.Fail();
  *subscription = NewSubscription(
      state->doc->OnSubdocuments([callback, user_data](const SubdocumentsEvent& event) {
        const std::string json = ToJson(AnyObject{{"added", Guids(event.added)},
                                                  {"removed", Guids(event.removed)},
                                                  {"loaded", Guids(event.loaded)}});
        callback(user_data, json.c_str(), json.size());
      }));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
