#pragma once

// What stands behind the handles of crdt/weft.h, and how its functions read their arguments.
//
//   weft_status weft_text_delta(const weft_type* text, weft_buffer* delta) noexcept {
//     Arguments arguments;
//     arguments.Result(delta);
//     const Place<Text> place = arguments.TypeOf<Text>(text, "text");
//     if (!arguments.ok()) return arguments.Fail();
//     …
//   }
//
// Handles share a DocState, which owns the document. A function that may call observers holds a
// Guard: observers may free any handle, and what they free lives until the function returns.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "crdt/any.h"
#include "crdt/awareness.h"
#include "crdt/base/bytes.h"
#include "crdt/doc.h"
#include "crdt/snapshot.h"
#include "crdt/state_vector.h"
#include "crdt/types.h"
#include "crdt/undo_manager.h"
#include "crdt/update_format.h"
#include "crdt/weft.h"

namespace weft::crdt::c_api {

struct DocState {
  std::shared_ptr<Doc> doc;
  TextUnit unit = TextUnit::kUtf16;
  bool keeps_deleted = false;
  int calls = 0;  // that may call observers, and are not done yet
  // Freed by an observer while it may be in use.
  std::vector<std::shared_ptr<void>> freed;
  // Contents of subdocuments that are open.
  absl::flat_hash_map<const Doc*, std::weak_ptr<DocState>> opened;
};
using DocRef = std::shared_ptr<DocState>;

// Keeps a document, and what observers free, until a call is done.
class Guard {
 public:
  explicit Guard(DocRef state) : state_(std::move(state)) { ++state_->calls; }
  ~Guard() {
    if (--state_->calls == 0) {
      const std::vector<std::shared_ptr<void>> freed = std::move(state_->freed);
      state_->freed.clear();
    }
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  const DocRef state_;
};

}  // namespace weft::crdt::c_api

// The names of these structs are part of the interface in C.
// NOLINTBEGIN(readability-identifier-naming)
struct weft_doc {
  weft::crdt::c_api::DocRef state;
};
struct weft_type {
  weft::crdt::c_api::DocRef state;
  weft::crdt::SharedType type;
};
struct weft_subdoc {
  weft::crdt::c_api::DocRef state;
  weft::crdt::Subdocument subdocument;
};
struct weft_subscription {
  weft::crdt::Subscription subscription;
};
struct weft_undo {
  weft::crdt::c_api::DocRef state;
  std::shared_ptr<weft::crdt::UndoManager> manager;
};
struct weft_undo_step {
  weft::crdt::UndoManager::StackItem& item;
};
struct weft_awareness {
  std::shared_ptr<weft::crdt::Awareness> awareness;
};
// NOLINTEND(readability-identifier-naming)

namespace weft::crdt::c_api {

// Remembers `message` for weft_error_message() and answers `status`.
weft_status Fail(weft_status status, std::string message);
weft_status Fail(const absl::Status& status);

// In the language of crdt/value_language.h, exactly.
std::string ToJson(const Any& value);
std::string ElementToJson(const Element& element);

// Copies into memory that weft_buffer_free frees.
weft_buffer ToBuffer(std::string_view text);
weft_buffer ToBuffer(ByteView bytes);

// A type that is there, as the handle of its kind. Empty after a failure, when it must not be used.
template <typename Handle>
struct Place {
  DocRef state;
  Handle type;
};

// A range of a sequence in elements, or of a text in UTF-16 code units.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t count = 0;
};

// Reads the arguments of one call. The first that is wrong is remembered, and everything read after it
// is empty, so that a function reads its arguments one by one and asks once.
class Arguments {
 public:
  bool ok() const { return status_ == WEFT_OK; }
  // Requires: !ok().
  weft_status Fail() { return c_api::Fail(status_, std::move(message_)); }
  void Refuse(weft_status status, std::string message);
  void Refuse(const absl::Status& status);

  // Where a result goes; it is zero from here on.
  template <typename Value>
  void Result(Value* result) {
    if (result == nullptr) return Refuse(WEFT_INVALID_ARGUMENT, "no place for a result (NULL)");
    *result = Value{};
  }

  // The document of a handle; null after a failure.
  template <typename Object>
  const Object* Handle(const Object* handle) {
    if (handle == nullptr) Refuse(WEFT_INVALID_ARGUMENT, "a handle is NULL");
    return ok() ? handle : nullptr;
  }
  DocRef Document(const weft_doc* doc) { return Handle(doc) == nullptr ? nullptr : doc->state; }
  void NotInTransaction(const DocRef& state);
  // Nor while observers are being called.
  void NotInCall(const DocRef& state);

  // A type that is there.
  Place<SharedType> Type(const weft_type* type);
  // The same, of the kind that the handle stands for.
  template <typename Kind>
  Place<Kind> TypeOf(const weft_type* type, const char* kind) {
    const Place<SharedType> place = Type(type);
    if (!ok()) return {};
    const std::optional<Kind> typed = place.type.template As<Kind>();
    if (!typed.has_value()) Refuse(WEFT_WRONG_KIND, std::string("the type is no ") + kind);
    return ok() ? Place<Kind>{place.state, *typed} : Place<Kind>{};
  }

  // Bytes and text. `name` is what the message calls them.
  ByteView Bytes(const std::uint8_t* data, std::size_t size, const char* name);
  std::string_view Text(const char* text, std::size_t size, const char* name);
  // A key or a name, which updates carry: with a limit of its own.
  std::string_view Key(const char* text, std::size_t size, const char* name);
  // Values in the language of crdt/value_language.h.
  Any Value(const char* json, std::size_t size, const char* name);
  // None when `json` is NULL.
  std::optional<Attributes> AttributesOrNone(const char* json, std::size_t size);
  template <typename Function>
  void Callback(Function* callback) {
    if (callback == nullptr) Refuse(WEFT_INVALID_ARGUMENT, "a callback is NULL");
  }

  UpdateFormat Format(weft_format format);
  TypeKind Kind(weft_kind kind);
  StateVector KnownState(const std::uint8_t* data, std::size_t size);
  crdt::Snapshot Snapshot(weft_format format, const std::uint8_t* data, std::size_t size);

  // A place between elements, and elements; in texts in the document's unit.
  std::uint64_t Index(const Place<SharedType>& sequence, std::uint64_t index);
  Range RangeOf(const Place<SharedType>& sequence, std::uint64_t index, std::uint64_t count);

  // The options of a document, and in what its texts are counted.
  struct DocOptions {
    Doc::Options options;
    TextUnit unit = TextUnit::kUtf16;
  };
  DocOptions Options(const weft_doc_options* options);

 private:
  weft_status status_ = WEFT_OK;
  std::string message_;
};

// A time that may be subtracted from any other.
inline std::int64_t ToTime(std::int64_t ms) {
  constexpr std::int64_t kMost = std::int64_t{1} << 60;
  return std::clamp(ms, -kMost, kMost);
}

// Drops the kind that a handle is known to be of.
template <typename Kind>
Place<SharedType> Untyped(const Place<Kind>& place) {
  return {place.state, place.type};
}

// Handles for what comes back.
weft_doc* NewDoc(std::shared_ptr<Doc> doc, TextUnit unit, bool keeps_deleted);
inline weft_type* NewType(const DocRef& state, const SharedType& type) {
  return new weft_type{state, type};
}
inline weft_subscription* NewSubscription(Subscription subscription) {
  return new weft_subscription{std::move(subscription)};
}
// The nested type, or the subdocument, that stands at a place.
weft_status ToType(const DocRef& state, const Element& element, weft_type** type);
weft_status ToSubdoc(const DocRef& state, const Element& element, weft_subdoc** subdoc);
// Options from their JSON; NULL is none.
Subdocument::Options SubdocOptions(Arguments& arguments, const char* json, std::size_t size);

// How deep values may be nested, so that peers take the updates that carry them.
inline constexpr std::size_t kValueDepth = DecodeLimits{}.value_depth;
// Bytes of one text or JSON that comes in, for the same reason.
inline constexpr std::size_t kTextBytes = std::size_t{64} << 20;

}  // namespace weft::crdt::c_api
