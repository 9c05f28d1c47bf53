// Undo managers.

#include <cstddef>
#include <cstring>
#include <utility>

#include "crdt/c_api/handles.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

UndoManager::Options ReadOptions(Arguments& arguments, const weft_undo_options* options) {
  UndoManager::Options out;
  if (options == nullptr) return out;
  if (options->struct_size < offsetof(weft_undo_options, now_ms)) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "struct_size of the options is not set");
    return out;
  }
  weft_undo_options known{};
  std::memcpy(&known, options, std::min(options->struct_size, sizeof(known)));
  if (known.now_ms != nullptr) {
    out.now = [now_ms = known.now_ms, user_data = known.now_user_data] {
      return ToTime(now_ms(user_data));
    };
  }
  if (known.capture_timeout_ms < 0) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the capture timeout is negative");
  }
  if (known.capture_timeout_ms > 0) {
    out.capture_timeout_ms = known.capture_timeout_ms;
  }
  if (known.without_empty_origin) out.tracked_origins.clear();
  out.ignore_remote_map_changes = known.ignore_remote_map_changes;
  return out;
}

// A type of that document.
SharedType InDocument(Arguments& arguments, const DocRef& state, const weft_type* type) {
  const Place<SharedType> place = arguments.Type(type);
  if (arguments.ok() && place.state != state) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the type is of another document");
  }
  return place.type;
}

using Take = bool (UndoManager::*)();

weft_status TakeStep(weft_undo* undo, bool* done, Take take) {
  Arguments arguments;
  arguments.Result(done);
  const weft_undo* const handle = arguments.Handle(undo);
  if (handle != nullptr) arguments.NotInCall(handle->state);
  if (!arguments.ok()) return arguments.Fail();
  const std::shared_ptr<UndoManager> manager = handle->manager;
  const Guard guard(handle->state);
  *done = ((*manager).*take)();
  return WEFT_OK;
}

weft_status SetOrigin(weft_undo* undo, const char* origin, size_t origin_size,
                      void (UndoManager::*set)(std::string_view)) {
  Arguments arguments;
  arguments.Handle(undo);
  const std::string_view name = arguments.Text(origin, origin_size, "origin");
  if (!arguments.ok()) return arguments.Fail();
  ((*undo->manager).*set)(name);
  return WEFT_OK;
}

}  // namespace

extern "C" {

weft_status weft_undo_new(weft_doc* doc, const weft_type* const* scope, size_t count,
                          const weft_undo_options* options, weft_undo** undo) noexcept {
  Arguments arguments;
  arguments.Result(undo);
  const DocRef state = arguments.Document(doc);
  if (scope == nullptr && count > 0) arguments.Refuse(WEFT_INVALID_ARGUMENT, "the scope is NULL");
  std::vector<SharedType> types;
  for (size_t i = 0; i < count && arguments.ok(); ++i) {
    types.push_back(InDocument(arguments, state, scope[i]));
  }
  UndoManager::Options read = ReadOptions(arguments, options);
  if (!arguments.ok()) return arguments.Fail();
  *undo = new weft_undo{
      state, std::make_shared<UndoManager>(*state->doc, std::move(types), std::move(read))};
  return WEFT_OK;
}

void weft_undo_free(weft_undo* undo) noexcept {
  if (undo == nullptr) return;
  const DocRef state = undo->state;
  // It may be the one whose observer this is.
  if (state->calls > 0) state->freed.push_back(undo->manager);
  delete undo;
}

weft_status weft_undo_add_scope(weft_undo* undo, const weft_type* type) noexcept {
  Arguments arguments;
  const weft_undo* const handle = arguments.Handle(undo);
  if (!arguments.ok()) return arguments.Fail();
  const SharedType added = InDocument(arguments, handle->state, type);
  if (!arguments.ok()) return arguments.Fail();
  handle->manager->AddToScope({&added, 1});
  return WEFT_OK;
}

weft_status weft_undo_track_origin(weft_undo* undo, const char* origin,
                                   size_t origin_size) noexcept {
  return SetOrigin(undo, origin, origin_size, &UndoManager::AddTrackedOrigin);
}

weft_status weft_undo_untrack_origin(weft_undo* undo, const char* origin,
                                     size_t origin_size) noexcept {
  return SetOrigin(undo, origin, origin_size, &UndoManager::RemoveTrackedOrigin);
}

weft_status weft_undo_undo(weft_undo* undo, bool* done) noexcept {
  return TakeStep(undo, done, &UndoManager::Undo);
}

weft_status weft_undo_redo(weft_undo* undo, bool* done) noexcept {
  return TakeStep(undo, done, &UndoManager::Redo);
}

weft_status weft_undo_sizes(const weft_undo* undo, uint64_t* undo_size,
                            uint64_t* redo_size) noexcept {
  Arguments arguments;
  arguments.Result(undo_size);
  arguments.Result(redo_size);
  arguments.Handle(undo);
  if (!arguments.ok()) return arguments.Fail();
  *undo_size = undo->manager->undo_size();
  *redo_size = undo->manager->redo_size();
  return WEFT_OK;
}

weft_status weft_undo_clear(weft_undo* undo, bool undo_stack, bool redo_stack) noexcept {
  Arguments arguments;
  const weft_undo* const handle = arguments.Handle(undo);
  // An observer may be looking at a step.
  if (handle != nullptr) arguments.NotInCall(handle->state);
  if (!arguments.ok()) return arguments.Fail();
  const std::shared_ptr<UndoManager> manager = handle->manager;
  const Guard guard(handle->state);
  manager->Clear(undo_stack, redo_stack);
  return WEFT_OK;
}

weft_status weft_undo_stop_capturing(weft_undo* undo) noexcept {
  Arguments arguments;
  arguments.Handle(undo);
  if (!arguments.ok()) return arguments.Fail();
  undo->manager->StopCapturing();
  return WEFT_OK;
}

weft_status weft_undo_on_step(weft_undo* undo, weft_undo_callback callback, void* user_data,
                              weft_subscription** subscription) noexcept {
  Arguments arguments;
  arguments.Result(subscription);
  arguments.Handle(undo);
  arguments.Callback(callback);
  if (!arguments.ok()) return arguments.Fail();
  const auto tell = [callback, user_data](weft_undo_event_kind kind) {
    return [callback, user_data, kind](const UndoManager::StackEvent& event) {
      weft_undo_step step{*event.item};
      callback(user_data, kind, event.type == UndoManager::StackEvent::Type::kRedo, &step);
    };
  };
  UndoManager& manager = *undo->manager;
  auto all = std::make_shared<std::vector<Subscription>>();
  all->push_back(manager.OnStackItemAdded(tell(WEFT_UNDO_ADDED)));
  all->push_back(manager.OnStackItemUpdated(tell(WEFT_UNDO_UPDATED)));
  all->push_back(manager.OnStackItemPopped(tell(WEFT_UNDO_POPPED)));
  *subscription = NewSubscription(Subscription([all] { all->clear(); }));
  return WEFT_OK;
}

weft_status weft_undo_step_meta(const weft_undo_step* step, weft_buffer* json) noexcept {
  Arguments arguments;
  arguments.Result(json);
  arguments.Handle(step);
  if (!arguments.ok()) return arguments.Fail();
  *json = ToBuffer(ToJson(step->item.meta));
  return WEFT_OK;
}

weft_status weft_undo_step_set_meta(weft_undo_step* step, const char* json,
                                    size_t json_size) noexcept {
  Arguments arguments;
  arguments.Handle(step);
  const Any meta = arguments.Value(json, json_size, "meta");
  if (arguments.ok() && meta.AsObject() == nullptr) {
    arguments.Refuse(WEFT_INVALID_ARGUMENT, "the meta is no JSON object");
  }
  if (!arguments.ok()) return arguments.Fail();
  step->item.meta = *meta.AsObject();
  return WEFT_OK;
}

}  // extern "C"

}  // namespace weft::crdt::c_api
