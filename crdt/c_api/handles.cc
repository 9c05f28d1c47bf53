#include "crdt/c_api/handles.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "crdt/doc_core.h"
#include "crdt/value_language.h"

namespace weft::crdt::c_api {
namespace {

std::string& LastError() {
  thread_local std::string message;
  return message;
}

weft_status StatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return WEFT_OK;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kDataLoss:
      return WEFT_INVALID_ARGUMENT;
    case absl::StatusCode::kOutOfRange:
      return WEFT_OUT_OF_RANGE;
    case absl::StatusCode::kResourceExhausted:
      return WEFT_LIMIT;
    case absl::StatusCode::kNotFound:
      return WEFT_NOT_FOUND;
    case absl::StatusCode::kFailedPrecondition:
      return WEFT_UNSUPPORTED;
    default:
      return WEFT_INTERNAL;
  }
}

weft_buffer Copy(const void* data, std::size_t size) {
  auto* copy = static_cast<std::uint8_t*>(std::malloc(size + 1));
  CHECK(copy != nullptr && "memory");
  if (size > 0) std::memcpy(copy, data, size);
  copy[size] = 0;
  return {.data = copy, .size = size};
}

}  // namespace

weft_status Fail(weft_status status, std::string message) {
  LastError() = std::move(message);
  return status;
}

weft_status Fail(const absl::Status& status) {
  return Fail(StatusOf(status.code()), std::string(status.message()));
}

std::string ToJson(const Any& value) {
  std::string json;
  AppendValue(json, value, Precision::kExact);
  return json;
}
std::string ElementToJson(const Element& element) {
  std::string json;
  AppendElement(json, element, Precision::kExact);
  return json;
}

weft_buffer ToBuffer(std::string_view text) { return Copy(text.data(), text.size()); }
weft_buffer ToBuffer(ByteView bytes) { return Copy(bytes.data(), bytes.size()); }

// --- Arguments ---

void Arguments::Refuse(weft_status status, std::string message) {
  if (!ok()) return;
  status_ = status;
  message_ = std::move(message);
}

void Arguments::Refuse(const absl::Status& status) {
  Refuse(StatusOf(status.code()), std::string(status.message()));
}

void Arguments::NotInTransaction(const DocRef& state) {
  if (ok() && state->doc->core().in_transaction()) {
    Refuse(WEFT_BUSY, "a transaction of this document is open");
  }
}

void Arguments::NotInCall(const DocRef& state) {
  if (ok() && state->calls > 0) {
    Refuse(WEFT_BUSY, "a transaction of this document is open, or observers are being called");
  }
}

Place<SharedType> Arguments::Type(const weft_type* type) {
  if (Handle(type) == nullptr) return {};
  if (!type->type.exists()) Refuse(WEFT_GONE, "the type was deleted");
  return ok() ? Place<SharedType>{type->state, type->type} : Place<SharedType>{};
}

ByteView Arguments::Bytes(const std::uint8_t* data, std::size_t size, const char* name) {
  if (data == nullptr && size > 0) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("the ", name, " is NULL"));
  }
  if (size > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max())) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("the size of the ", name, " is no size"));
  }
  return ok() && size > 0 ? ByteView(data, size) : ByteView();
}

std::string_view Arguments::Text(const char* text, std::size_t size, const char* name) {
  if (text == nullptr && size > 0) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("the ", name, " is NULL"));
  }
  if (!ok() || text == nullptr) return {};
  if (size == WEFT_NUL) size = std::strlen(text);
  if (size > kTextBytes) {
    Refuse(WEFT_LIMIT, absl::StrCat("the ", name, " has more than ", kTextBytes, " bytes"));
    return {};
  }
  const std::string_view view(text, size);
  if (!IsValidUtf8(view)) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("the ", name, " is no UTF-8"));
  }
  return ok() ? view : std::string_view();
}

std::string_view Arguments::Key(const char* text, std::size_t size, const char* name) {
  if (text == nullptr) Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("the ", name, " is NULL"));
  const std::string_view key = Text(text, size, name);
  if (key.size() > DecodeLimits{}.key_bytes) {
    Refuse(WEFT_LIMIT, absl::StrCat("the ", name, " is longer than peers accept"));
  }
  return ok() ? key : std::string_view();
}

Any Arguments::Value(const char* json, std::size_t size, const char* name) {
  const std::string_view text = Text(json, size, name);
  if (!ok()) return {};
  absl::StatusOr<Any> value = ParseLanguage(text, kValueDepth);
  if (!value.ok()) {
    Refuse(WEFT_INVALID_ARGUMENT,
           absl::StrCat("the ", name, ": ", std::string(value.status().message())));
    return {};
  }
  return *std::move(value);
}

std::optional<Attributes> Arguments::AttributesOrNone(const char* json, std::size_t size) {
  if (json == nullptr && (size == 0 || size == WEFT_NUL)) return std::nullopt;
  const Any value = Value(json, size, "attributes");
  if (!ok()) return std::nullopt;
  absl::StatusOr<Attributes> attributes = ToAttributes(value);
  if (!attributes.ok()) {
    Refuse(attributes.status());
    return std::nullopt;
  }
  return *std::move(attributes);
}

UpdateFormat Arguments::Format(weft_format format) {
  if (format != WEFT_V1 && format != WEFT_V2) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("there is no format ", format));
  }
  return format == WEFT_V2 ? UpdateFormat::kV2 : UpdateFormat::kV1;
}

TypeKind Arguments::Kind(weft_kind kind) {
  if (kind < WEFT_ARRAY || kind > WEFT_XML_TEXT) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("there is no kind ", kind));
    return TypeKind::kText;
  }
  return static_cast<TypeKind>(kind);
}

StateVector Arguments::KnownState(const std::uint8_t* data, std::size_t size) {
  if (data == nullptr && size == 0) return {};
  const ByteView bytes = Bytes(data, size, "state vector");
  if (!ok()) return {};
  absl::StatusOr<StateVector> vector = DecodeStateVector(bytes);
  if (!vector.ok()) {
    Refuse(vector.status());
    return {};
  }
  return *std::move(vector);
}

Snapshot Arguments::Snapshot(weft_format format, const std::uint8_t* data, std::size_t size) {
  const UpdateFormat as = Format(format);
  const ByteView bytes = Bytes(data, size, "snapshot");
  if (!ok()) return {};
  absl::StatusOr<crdt::Snapshot> snapshot = crdt::Snapshot::Decode(bytes, as);
  if (!snapshot.ok()) {
    Refuse(snapshot.status());
    return {};
  }
  return *std::move(snapshot);
}

std::uint64_t Arguments::Index(const Place<SharedType>& sequence, std::uint64_t index) {
  return RangeOf(sequence, index, 0).begin;
}

Range Arguments::RangeOf(const Place<SharedType>& sequence, std::uint64_t index,
                         std::uint64_t count) {
  if (!ok()) return {};
  const SharedType& type = sequence.type;
  if (Map::IsOfKind(type.kind())) {
    Refuse(WEFT_WRONG_KIND, "a map is no sequence");
    return {};
  }
  const std::optional<crdt::Text> text = type.As<crdt::Text>();
  const std::uint64_t length = text.has_value() ? text->length(sequence.state->unit)
                                                : type.handle().doc->LengthOf(type.handle().type);
  if (index > length || count > length - index) {
    Refuse(WEFT_OUT_OF_RANGE, absl::StrCat("[", index, ", ", index, " + ", count,
                                           ") reaches past the end: the length is ", length));
    return {};
  }
  if (!text.has_value()) return {index, count};
  const std::uint64_t begin = text->ToUtf16(index, sequence.state->unit);
  return {begin, text->ToUtf16(index + count, sequence.state->unit) - begin};
}

Arguments::DocOptions Arguments::Options(const weft_doc_options* options) {
  DocOptions out;
  if (options == nullptr) return out;
  // The struct as it is filled by those who know less of it than we do.
  weft_doc_options known{};
  if (options->struct_size < offsetof(weft_doc_options, client_id)) {
    Refuse(WEFT_INVALID_ARGUMENT, "struct_size of the options is not set");
    return out;
  }
  std::memcpy(&known, options, std::min(options->struct_size, sizeof(known)));
  if (known.unit < WEFT_UTF16 || known.unit > WEFT_CODE_POINTS) {
    Refuse(WEFT_INVALID_ARGUMENT, absl::StrCat("there is no unit ", known.unit));
    return out;
  }
  if (known.has_client_id) {
    if (known.client_id > kMaxSafeInteger) {
      Refuse(WEFT_INVALID_ARGUMENT, "a client id is at most 2^53 - 1");
      return out;
    }
    out.options.client_id = ClientId{known.client_id};
  }
  if (known.guid != nullptr) {
    out.options.guid = std::string(Key(known.guid, known.guid_size, "guid"));
  }
  out.options.gc = !known.keep_deleted;
  out.unit = static_cast<TextUnit>(known.unit);
  return out;
}

// --- What comes back ---

weft_doc* NewDoc(std::shared_ptr<Doc> doc, TextUnit unit, bool keeps_deleted) {
  auto state = std::make_shared<DocState>();
  state->doc = std::move(doc);
  state->unit = unit;
  state->keeps_deleted = keeps_deleted;
  return new weft_doc{std::move(state)};
}

weft_status ToType(const DocRef& state, const Element& element, weft_type** type) {
  const SharedType* found = std::visit(
      [](const auto& here) -> const SharedType* {
        if constexpr (std::is_base_of_v<SharedType, std::decay_t<decltype(here)>>) {
          return &here;
        } else {
          return nullptr;
        }
      },
      element);
  if (found == nullptr) return Fail(WEFT_WRONG_KIND, "what stands there is no shared type");
  *type = NewType(state, *found);
  return WEFT_OK;
}

weft_status ToSubdoc(const DocRef& state, const Element& element, weft_subdoc** subdoc) {
  const Subdocument* found = std::get_if<Subdocument>(&element);
  if (found == nullptr) return Fail(WEFT_WRONG_KIND, "what stands there is no document");
  *subdoc = new weft_subdoc{state, *found};
  return WEFT_OK;
}

extern "C" {

const char* weft_error_message(void) noexcept { return LastError().c_str(); }

#define WEFT_TEXT_OF(number) #number
#define WEFT_NUMBER_AS_TEXT(number) WEFT_TEXT_OF(number)
const char* weft_version(void) noexcept {
  return WEFT_NUMBER_AS_TEXT(WEFT_VERSION_MAJOR) "." WEFT_NUMBER_AS_TEXT(
      WEFT_VERSION_MINOR) "." WEFT_NUMBER_AS_TEXT(WEFT_VERSION_PATCH);
}

uint32_t weft_abi_version(void) noexcept { return WEFT_ABI_VERSION; }

void weft_buffer_free(weft_buffer* buffer) noexcept {
  if (buffer == nullptr) return;
  std::free(buffer->data);
  *buffer = {};
}

void weft_subscription_free(weft_subscription* subscription) noexcept { delete subscription; }

}  // extern "C"

}  // namespace weft::crdt::c_api
