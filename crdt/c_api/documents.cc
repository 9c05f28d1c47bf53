// Documents, transactions, and their exchange as updates.

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/bytes.h"
#include "crdt/c_api/handles.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

// {client id: [[clock, length]]}
Any IdsAsJson(const DeleteSet& ids) {
  std::vector<AnyObject::Entry> clients;
  for (const DeleteSet::ClientRanges& client : ids.clients()) {
    Any::Array ranges;
    for (const IdRange& range : client.ranges) {
      ranges.emplace_back(
          Any::Array{static_cast<double>(range.clock), static_cast<double>(range.length)});
    }
    clients.emplace_back(absl::StrCat(ToNumber(client.client)), std::move(ranges));
  }
  return AnyObject::FromEntries(std::move(clients));
}

}  // namespace

extern "C" {

weft_status weft_doc_new(const weft_doc_options* options, weft_doc** doc) noexcept {
  Arguments arguments;
  arguments.Result(doc);
  Arguments::DocOptions read = arguments.Options(options);
  if (!arguments.ok()) return arguments.Fail();
  const bool keeps_deleted = !read.options.gc;
  *doc = NewDoc(std::make_shared<Doc>(std::move(read.options)), read.unit, keeps_deleted);
  return WEFT_OK;
}

void weft_doc_free(weft_doc* doc) noexcept { delete doc; }

weft_status weft_doc_client_id(const weft_doc* doc, uint64_t* client_id) noexcept {
  Arguments arguments;
  arguments.Result(client_id);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *client_id = ToNumber(state->doc->client_id());
  return WEFT_OK;
}

weft_status weft_doc_set_client_id(weft_doc* doc, uint64_t client_id) noexcept {
  Arguments arguments;
  const DocRef state = arguments.Document(doc);
  arguments.NotInTransaction(state);
  if (client_id > kMaxSafeInteger) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "a client id is at most 2^53 - 1");
  }
  if (!arguments.ok()) return arguments.Fail();
  state->doc->set_client_id(ClientId{client_id});
  return WEFT_OK;
}

weft_status weft_doc_guid(const weft_doc* doc, weft_buffer* guid) noexcept {
  Arguments arguments;
  arguments.Result(guid);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *guid = ToBuffer(state->doc->guid());
  return WEFT_OK;
}

weft_status weft_doc_type(weft_doc* doc, weft_kind kind, const char* name, size_t name_size,
                          weft_type** type) noexcept {
  Arguments arguments;
  arguments.Result(type);
  const DocRef state = arguments.Document(doc);
  const TypeKind as = arguments.Kind(kind);
  const std::string_view key = arguments.Key(name, name_size, "name");
  if (as == TypeKind::kXmlHook) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "a hook has a name of its own: it is no root");
  }
  if (!arguments.ok()) return arguments.Fail();
  internal::DocCore& core = state->doc->core();
  const TypeKind known = core.Type(core.EnsureRoot(key)).kind;
  if (known != TypeKind::kUndefined && known != as) {
    return Fail(WEFT_WRONG_KIND, "the root was asked for as another kind before");
  }
  *type = NewType(state, state->doc->GetType(key, as));
  return WEFT_OK;
}

weft_status weft_doc_roots(const weft_doc* doc, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  Any::Array roots;
  for (const auto& [name, kind] : state->doc->Roots()) {
    roots.emplace_back(AnyObject{
        {"name", name},
        {"kind", kind == TypeKind::kUndefined ? Any(Any::Null{}) : Any(static_cast<int>(kind))}});
  }
  *json = ToBuffer(ToJson(roots));
  return WEFT_OK;
}

weft_status weft_doc_to_json(const weft_doc* doc, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ToJson(state->doc->ToJson()));
  return WEFT_OK;
}

weft_status weft_doc_transact(weft_doc* doc, const char* origin, size_t origin_size,
                              weft_edit_callback edit, void* user_data) noexcept {
  Arguments arguments;
  const DocRef state = arguments.Document(doc);
  const std::string_view from = arguments.Text(origin, origin_size, "origin");
  arguments.Callback(edit);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(state);
  state->doc->Transact(from, [&] { edit(user_data); });
  return WEFT_OK;
}

// --- Exchange ---

weft_status weft_doc_apply_update(weft_doc* doc, weft_format format, const uint8_t* update,
                                  size_t update_size, const char* origin,
                                  size_t origin_size) noexcept {
  Arguments arguments;
  const DocRef state = arguments.Document(doc);
  const UpdateFormat as = arguments.Format(format);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  const std::string_view from = arguments.Text(origin, origin_size, "origin");
  arguments.NotInTransaction(state);
  if (!arguments.ok()) return arguments.Fail();
  const Guard guard(state);
  const absl::Status status = state->doc->ApplyUpdate(bytes, from, as);
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    return Fail(WEFT_COLLISION, std::string(status.message()));
  }
  return status.ok() ? WEFT_OK : Fail(status);
}

weft_status weft_doc_encode_state(const weft_doc* doc, weft_format format, const uint8_t* known,
                                  size_t known_size, weft_buffer* update) noexcept {
  Arguments arguments;
  arguments.Result(update);
  const DocRef state = arguments.Document(doc);
  const UpdateFormat as = arguments.Format(format);
  const StateVector vector = arguments.KnownState(known, known_size);
  if (!arguments.ok()) return arguments.Fail();
  *update = ToBuffer(state->doc->EncodeStateAsUpdate(vector, as));
  return WEFT_OK;
}

weft_status weft_doc_state_vector(const weft_doc* doc, weft_buffer* state_vector) noexcept {
  Arguments arguments;
  arguments.Result(state_vector);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *state_vector = ToBuffer(EncodeStateVector(state->doc->GetStateVector()));
  return WEFT_OK;
}

weft_status weft_doc_has_pending(const weft_doc* doc, bool* has_pending) noexcept {
  Arguments arguments;
  arguments.Result(has_pending);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *has_pending = state->doc->has_pending();
  return WEFT_OK;
}

weft_status weft_doc_memory(const weft_doc* doc, size_t* bytes) noexcept {
  Arguments arguments;
  arguments.Result(bytes);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  *bytes = state->doc->MemoryUsage().total();
  return WEFT_OK;
}

weft_status weft_doc_pending(const weft_doc* doc, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const DocRef state = arguments.Document(doc);
  if (!arguments.ok()) return arguments.Fail();
  const PendingReport report = state->doc->GetPendingReport();
  const auto number = [](std::uint64_t value) { return Any(static_cast<double>(value)); };
  *json = ToBuffer(ToJson(AnyObject{{"blocks", number(report.blocks)},
                                    {"elements", number(report.elements)},
                                    {"deletes", number(report.deletes)},
                                    {"bytes", number(report.bytes)},
                                    {"beyondLimits", report.beyond_limits},
                                    {"missing", IdsAsJson(report.missing)},
                                    {"missingOfDeletes", IdsAsJson(report.missing_of_deletes)}}));
  return WEFT_OK;
}

weft_status weft_doc_on_update(weft_doc* doc, weft_format format, weft_update_callback callback,
                               void* user_data, weft_subscription** subscription) noexcept {
  Arguments arguments;
  arguments.Result(subscription);
  const DocRef state = arguments.Document(doc);
  const UpdateFormat as = arguments.Format(format);
  arguments.Callback(callback);
  if (!arguments.ok()) return arguments.Fail();
  *subscription = NewSubscription(state->doc->OnUpdate(
      [callback, user_data](const UpdateEvent& event) {
        const std::string origin(event.origin);  // with its NUL
        const weft_update_event told = {.update = event.update.data(),
                                        .update_size = event.update.size(),
                                        .origin = origin.c_str(),
                                        .origin_size = origin.size(),
                                        .local = event.local};
        callback(user_data, &told);
      },
      as));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
