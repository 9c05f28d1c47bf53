// The awareness of a client.

#include "crdt/awareness.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/c_api/handles.h"
#include "crdt/json.h"

namespace weft::crdt::c_api {
namespace {

// Keeps it until the call is done: observers may free their handle.
using AwarenessRef = std::shared_ptr<Awareness>;

AwarenessRef Open(Arguments& arguments, const weft_awareness* awareness) {
  return arguments.Handle(awareness) == nullptr ? nullptr : awareness->awareness;
}

std::vector<ClientId> Clients(Arguments& arguments, const uint64_t* clients, size_t count) {
  if (clients == nullptr && count > 0) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the clients are NULL");
  }
  std::vector<ClientId> ids;
  for (size_t i = 0; i < count && arguments.ok(); ++i) ids.push_back(ClientId{clients[i]});
  return ids;
}

std::vector<std::uint64_t> Numbers(const std::vector<ClientId>& clients) {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(clients.size());
  for (const ClientId client : clients) numbers.push_back(ToNumber(client));
  return numbers;
}

}  // namespace

extern "C" {

weft_status weft_awareness_new(uint64_t client_id, weft_awareness** awareness) noexcept {
  Arguments arguments;
  arguments.Result(awareness);
  if (client_id > kMaxSafeInteger) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "a client id is at most 2^53 - 1");
  }
  if (!arguments.ok()) return arguments.Fail();
  *awareness = new weft_awareness{std::make_shared<Awareness>(ClientId{client_id})};
  return WEFT_OK;
}

void weft_awareness_free(weft_awareness* awareness) noexcept { delete awareness; }

weft_status weft_awareness_set_local(weft_awareness* awareness, const char* json, size_t json_size,
                                     int64_t now_ms) noexcept {
  Arguments arguments;
  const AwarenessRef open = Open(arguments, awareness);
  Any state = Any::Null{};
  if (json != nullptr) {
    const std::string_view text = arguments.Text(json, json_size, "state");
    std::optional<Any> parsed = ParseJson(text, Awareness::Limits().state_depth);
    if (!parsed.has_value() || (!parsed->is_null() && parsed->AsObject() == nullptr)) {
      arguments.Refuse(WEFT_INVALID_ARGUMENT, "a state is a JSON object, not too deep, or null");
    } else {
      state = *std::move(parsed);
    }
  }
  if (!arguments.ok()) return arguments.Fail();
  const absl::Status status = open->SetLocal(std::move(state), ToTime(now_ms));
  return status.ok() ? WEFT_OK : Fail(status);
}

weft_status weft_awareness_get(const weft_awareness* awareness, uint64_t client_id,
                               weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const AwarenessRef open = Open(arguments, awareness);
  if (!arguments.ok()) return arguments.Fail();
  const Any* state = open->Find(ClientId{client_id});
  if (state == nullptr) return Fail(WEFT_NOT_FOUND, "the client has no state");
  *json = ToBuffer(ToJsonText(*state));
  return WEFT_OK;
}

weft_status weft_awareness_states(const weft_awareness* awareness, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  const AwarenessRef open = Open(arguments, awareness);
  if (!arguments.ok()) return arguments.Fail();
  std::string text = "{";
  for (const ClientId client : open->Present()) {
    if (text.size() > 1) text += ',';
    absl::StrAppend(&text, "\"", ToNumber(client), "\":");
    AppendJsonText(text, *open->Find(client));
  }
  text += '}';
  *json = ToBuffer(text);
  return WEFT_OK;
}

weft_status weft_awareness_encode(const weft_awareness* awareness, const uint64_t* clients,
                                  size_t count, weft_buffer* update) noexcept {
  Arguments arguments;
  arguments.Result(update);
  const AwarenessRef open = Open(arguments, awareness);
  const std::vector<ClientId> named = Clients(arguments, clients, count);
  if (!arguments.ok()) return arguments.Fail();
  *update = ToBuffer(open->Encode(clients == nullptr ? open->Present() : named));
  return WEFT_OK;
}

weft_status weft_awareness_apply(weft_awareness* awareness, const uint8_t* update,
                                 size_t update_size, int64_t now_ms) noexcept {
  Arguments arguments;
  const AwarenessRef open = Open(arguments, awareness);
  const ByteView bytes = arguments.Bytes(update, update_size, "update");
  if (!arguments.ok()) return arguments.Fail();
  const absl::Status status = open->Apply(bytes, ToTime(now_ms));
  return status.ok() ? WEFT_OK : Fail(status);
}

weft_status weft_awareness_remove(weft_awareness* awareness, const uint64_t* clients, size_t count,
                                  int64_t now_ms) noexcept {
  Arguments arguments;
  const AwarenessRef open = Open(arguments, awareness);
  const std::vector<ClientId> gone = Clients(arguments, clients, count);
  if (!arguments.ok()) return arguments.Fail();
  open->Remove(gone, ToTime(now_ms));
  return WEFT_OK;
}

weft_status weft_awareness_tick(weft_awareness* awareness, int64_t now_ms) noexcept {
  Arguments arguments;
  const AwarenessRef open = Open(arguments, awareness);
  if (!arguments.ok()) return arguments.Fail();
  open->Tick(ToTime(now_ms));
  return WEFT_OK;
}

weft_status weft_awareness_on_update(weft_awareness* awareness, weft_awareness_callback callback,
                                     void* user_data, weft_subscription** subscription) noexcept {
  Arguments arguments;
  arguments.Result(subscription);
  const AwarenessRef open = Open(arguments, awareness);
  arguments.Callback(callback);
  if (!arguments.ok()) return arguments.Fail();
  *subscription =
      NewSubscription(open->OnUpdate([callback, user_data](const AwarenessEvent& event) {
        const std::vector<std::uint64_t> added = Numbers(event.added);
        const std::vector<std::uint64_t> updated = Numbers(event.updated);
        const std::vector<std::uint64_t> removed = Numbers(event.removed);
        const weft_awareness_event told = {.added = added.data(),
                                           .added_count = added.size(),
                                           .updated = updated.data(),
                                           .updated_count = updated.size(),
                                           .removed = removed.data(),
                                           .removed_count = removed.size(),
                                           .changed = event.changed,
                                           .local = event.local};
        callback(user_data, &told);
      }));
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
