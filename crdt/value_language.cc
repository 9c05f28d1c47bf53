#include "crdt/value_language.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

constexpr std::array kTags = {std::string_view("$binary"), std::string_view("$bigint"),
                              std::string_view("$undefined"), std::string_view("$number"),
                              std::string_view("$object")};

// Whether an object would be read as something else.
bool LooksTagged(const AnyObject& object) {
  return object.size() == 1 &&
         std::ranges::find(kTags, object.entries().front().first) != kTags.end();
}

absl::Status Refuse(std::string_view reason) {
  return absl::InvalidArgumentError(std::string(reason));
}

absl::Status Unknown(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(what), " is no value of the language"));
}

template <typename Number>
std::optional<Number> ParseWhole(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::StatusOr<Any> ParseNumberText(const std::string& text) {
  if (text == "NaN") return Any(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity") return Any(std::numeric_limits<double>::infinity());
  if (text == "-Infinity") return Any(-std::numeric_limits<double>::infinity());
  // As JSON.parse, so that no locale and no hexadecimal comes in.
  const std::optional<Any> number = ParseJson(text, 0);
  if (!number || number->AsNumber() == nullptr) return Unknown("$number");
  return *number;
}

// What an object of one key, a tag other than $object, stands for.
absl::StatusOr<Any> FromTagged(const std::string& tag, const Any& value) {
  if (tag == "$undefined") return Any();
  const std::string* text = value.AsString();
  if (text == nullptr) return Unknown(tag + " without a string");
  if (tag == "$number") return ParseNumberText(*text);
  if (tag == "$bigint") {
    const std::optional<std::int64_t> number = ParseWhole<std::int64_t>(*text);
    if (!number) return Unknown("$bigint beyond 64 bits, or not of digits,");
    return Any(Any::BigInt{*number});
  }
  absl::StatusOr<Bytes> bytes = FromBase64(*text);
  if (!bytes.ok()) return bytes.status();
  return Any(*std::move(bytes));
}

// What the strings of values become.
enum class Strings { kAsTheyAre, kUtf8 };

std::string Convert(std::string text, Strings strings) {
  if (strings == Strings::kUtf8) ReplaceLoneSurrogates(text);
  return text;
}

absl::StatusOr<Any> FromJson(const Any& json, Strings strings);

absl::StatusOr<Any> FromMembers(const AnyObject& object, Strings strings) {
  std::vector<AnyObject::Entry> entries;
  entries.reserve(object.size());
  for (const auto& [key, member] : object.entries()) {
    absl::StatusOr<Any> value = FromJson(member, strings);
    if (!value.ok()) return value;
    entries.emplace_back(Convert(key, strings), *std::move(value));
  }
  return Any(AnyObject::FromEntries(std::move(entries)));
}

absl::StatusOr<Any> FromJson(const Any& json, Strings strings) {
  if (const std::string* text = json.AsString()) return Any(Convert(*text, strings));
  if (const Any::Array* array = json.AsArray()) {
    Any::Array out;
    out.reserve(array->size());
    for (const Any& element : *array) {
      absl::StatusOr<Any> value = FromJson(element, strings);
      if (!value.ok()) return value;
      out.push_back(*std::move(value));
    }
    return Any(std::move(out));
  }
  const AnyObject* object = json.AsObject();
  if (object == nullptr) return json;
  if (!LooksTagged(*object)) return FromMembers(*object, strings);
  const auto& [tag, value] = object->entries().front();
  if (tag != "$object") return FromTagged(tag, value);
  if (value.AsObject() == nullptr) return Unknown("$object without an object");
  return FromMembers(*value.AsObject(), strings);
}

// A number, string or the like: everything that nothing stands in.
void AppendLeaf(std::string& out, const Any& value, Precision precision) {
  if (value.is_undefined()) {
    out += R"({"$undefined":true})";
  } else if (const Bytes* bytes = value.AsBinary()) {
    out += R"({"$binary":")";
    out += ToBase64(*bytes);
    out += "\"}";
  } else if (const auto* big = std::get_if<Any::BigInt>(&value.value())) {
    absl::StrAppend(&out, R"({"$bigint":")", big->value, "\"}");
  } else if (const double* number = value.AsNumber();
             number != nullptr && !std::isfinite(*number)) {
    const char* text = std::isnan(*number) ? "NaN" : *number > 0 ? "Infinity" : "-Infinity";
    absl::StrAppend(&out, R"({"$number":")", text, "\"}");
  } else if (number != nullptr && *number == 0 && std::signbit(*number) &&
             precision == Precision::kExact) {
    out += "-0";
  } else {
    AppendJsonText(out, value);
  }
}

// Writes values, elements and what stands in them. A frame is an array or object that is being
// written, and where it goes on.
class ElementWriter {
 public:
  ElementWriter(std::string& out, Precision precision) : out_(out), precision_(precision) {}

  void Write(const Any& value) {
    Begin(value);
    Finish();
  }
  void Write(const Element& element) {
    Begin(element);
    Finish();
  }

 private:
  struct ValueArray {
    const Any::Array* array;
  };
  struct ValueObject {
    const AnyObject* object;
    bool escaped;
  };
  struct TypeArray {
    Array array;
    std::uint64_t length;
  };
  struct TypeMap {
    Map map;
    std::vector<std::string> keys;
  };
  struct Frame {
    std::variant<ValueArray, ValueObject, TypeArray, TypeMap> container;
    std::uint64_t next = 0;
  };

  void Begin(const Any& value) {
    if (const Any::Array* array = value.AsArray()) {
      Open('[', ValueArray{array});
    } else if (const AnyObject* object = value.AsObject()) {
      const bool escaped = precision_ == Precision::kExact && LooksTagged(*object);
      if (escaped) out_ += R"({"$object":)";
      Open('{', ValueObject{object, escaped});
    } else {
      AppendLeaf(out_, value, precision_);
    }
  }

  void Begin(const Element& element) {
    std::visit([&](const auto& here) { BeginElement(here); }, element);
  }
  void BeginElement(std::monostate) { out_ += "null"; }
  void BeginElement(const Any& value) {
    // A frame needs a value that stays: this one goes with its element.
    ElementWriter(out_, precision_).Write(value);
  }
  void BeginElement(const Text& text) { AppendString(out_, text.ToWtf8()); }
  void BeginElement(const XmlText& text) { AppendString(out_, text.ToXml()); }
  void BeginElement(const XmlFragment& fragment) { AppendString(out_, fragment.ToXml()); }
  void BeginElement(const XmlElement& element) { AppendString(out_, element.ToXml()); }
  void BeginElement(const Array& array) { Open('[', TypeArray{array, array.length()}); }
  void BeginElement(const Map& map) { Open('{', TypeMap{map, map.keys()}); }
  void BeginElement(const XmlHook& hook) { BeginElement(static_cast<const Map&>(hook)); }
  void BeginElement(const Subdocument& subdocument) {
    out_ += R"({"$doc":)";
    AppendString(out_, subdocument.guid());
    out_ += '}';
  }

  template <typename Container>
  void Open(char bracket, Container container) {
    out_ += bracket;
    frames_.push_back({std::move(container)});
  }

  void Finish() {
    while (!frames_.empty()) {
      // A step may open a frame, which moves this one: it ends with that.
      const std::uint64_t position = frames_.back().next++;
      const bool more = std::visit([&](const auto& container) { return Step(container, position); },
                                   frames_.back().container);
      if (!more) frames_.pop_back();
    }
  }

  void Separate(std::uint64_t position) {
    if (position > 0) out_ += ',';
  }
  void Key(std::uint64_t position, std::string_view key) {
    Separate(position);
    AppendString(out_, key);
    out_ += ':';
  }
  bool Close(char bracket) {
    out_ += bracket;
    return false;
  }

  // Writes the member at `position`; false behind the last one.
  bool Step(const ValueArray& container, std::uint64_t position) {
    const Any::Array& array = *container.array;
    if (position == array.size()) return Close(']');
    Separate(position);
    Begin(array[position]);
    return true;
  }
  bool Step(const ValueObject& container, std::uint64_t position) {
    const std::vector<AnyObject::Entry>& entries = container.object->entries();
    if (position == entries.size()) {
      if (container.escaped) out_ += '}';
      return Close('}');
    }
    Key(position, entries[position].first);
    Begin(entries[position].second);
    return true;
  }
  bool Step(const TypeArray& container, std::uint64_t position) {
    if (position == container.length) return Close(']');
    Separate(position);
    Begin(container.array.Get(position));
    return true;
  }
  bool Step(const TypeMap& container, std::uint64_t position) {
    if (position == container.keys.size()) return Close('}');
    const std::string& key = container.keys[position];
    Key(position, key);
    Begin(container.map.Find(key).value_or(Element()));
    return true;
  }

  std::string& out_;
  const Precision precision_;
  std::vector<Frame> frames_;
};

// Recurses as deep as the value is nested.
bool HoldsBigInt(const Any& value) {
  if (std::holds_alternative<Any::BigInt>(value.value())) return true;
  if (const Any::Array* array = value.AsArray()) return std::ranges::any_of(*array, HoldsBigInt);
  const AnyObject* object = value.AsObject();
  return object != nullptr && std::ranges::any_of(object->entries(), [](const auto& entry) {
           return HoldsBigInt(entry.second);
         });
}

absl::StatusOr<std::uint64_t> ToCount(const Any& value) {
  const double* number = value.AsNumber();
  if (number == nullptr || !(*number >= 0) || *number > static_cast<double>(kMaxSafeInteger) ||
      std::trunc(*number) != *number) {
    return Refuse("a delta retains and deletes whole numbers");
  }
  return static_cast<std::uint64_t>(*number);
}

absl::StatusOr<DeltaOp> ToDeltaOp(const Any& json) {
  const AnyObject* object = json.AsObject();
  if (object == nullptr) return Refuse("an operation of a delta is an object");
  DeltaOp op;
  if (const Any* attributes = object->Find("attributes");
      attributes != nullptr && !attributes->is_null()) {
    absl::StatusOr<Attributes> decoded = ToAttributes(*attributes);
    if (!decoded.ok()) return decoded.status();
    op.attributes = *std::move(decoded);
  }
  if (const Any* insert = object->Find("insert")) {
    if (const std::string* text = insert->AsString()) {
      op.text = *text;
      return op;
    }
    if (absl::Status status = CheckEmbed(*insert); !status.ok()) return status;
    op.elements.emplace_back(*insert);
    return op;
  }
  const Any* count = object->Find("retain");
  op.kind = DeltaOp::Kind::kRetain;
  if (count == nullptr) {
    count = object->Find("delete");
    op.kind = DeltaOp::Kind::kDelete;
  }
  if (count == nullptr) return Refuse("an operation of a delta inserts, retains or deletes");
  const absl::StatusOr<std::uint64_t> number = ToCount(*count);
  if (!number.ok()) return number.status();
  op.count = *number;
  return op;
}

std::string_view WordFor(KeyChange::Action action) {
  switch (action) {
    case KeyChange::Action::kAdd:
      return "add";
    case KeyChange::Action::kUpdate:
      return "update";
    case KeyChange::Action::kDelete:
      break;
  }
  return "delete";
}

}  // namespace

std::string ToBase64(ByteView bytes) {
  std::string out;
  const std::string_view text = AsText(bytes);
  absl::Base64Escape({text.data(), text.size()}, &out);
  return out;
}

absl::StatusOr<Bytes> FromBase64(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape({text.data(), text.size()}, &bytes)) {
    return absl::InvalidArgumentError("a string is no base64");
  }
  const ByteView view = AsBytes(bytes);
  return Bytes(view.begin(), view.end());
}

absl::StatusOr<Any> FromLanguage(const Any& json) { return FromJson(json, Strings::kAsTheyAre); }

absl::StatusOr<Any> ParseLanguage(std::string_view text, std::size_t max_depth) {
  if (!IsValidUtf8(text)) return Refuse("the text is no UTF-8");
  const std::optional<Any> json = ParseJson(text, max_depth);
  if (!json.has_value()) return Refuse("the text is no JSON, or nested too deeply");
  return FromJson(*json, Strings::kUtf8);
}

void AppendString(std::string& out, std::string_view text) { AppendJsonText(out, Any(text)); }

void AppendValue(std::string& out, const Any& value, Precision precision) {
  ElementWriter(out, precision).Write(value);
}

void AppendElement(std::string& out, const Element& element, Precision precision) {
  ElementWriter(out, precision).Write(element);
}

void AppendDelta(std::string& out, const Delta& delta, DeltaOf of, Precision precision) {
  const auto append_insert = [&](const DeltaOp& op) {
    if (of == DeltaOf::kText) {
      if (op.elements.empty()) return AppendString(out, op.text);
      return AppendElement(out, op.elements.front(), precision);
    }
    out += '[';
    for (std::size_t i = 0; i < op.elements.size(); ++i) {
      if (i > 0) out += ',';
      AppendElement(out, op.elements[i], precision);
    }
    out += ']';
  };
  out += '[';
  for (std::size_t i = 0; i < delta.size(); ++i) {
    const DeltaOp& op = delta[i];
    if (i > 0) out += ',';
    switch (op.kind) {
      case DeltaOp::Kind::kInsert:
        out += R"({"insert":)";
        append_insert(op);
        break;
      case DeltaOp::Kind::kRetain:
        absl::StrAppend(&out, R"({"retain":)", op.count);
        break;
      case DeltaOp::Kind::kDelete:
        absl::StrAppend(&out, R"({"delete":)", op.count);
        break;
    }
    if (!op.attributes.empty()) {
      out += R"(,"attributes":)";
      AppendValue(out, op.attributes, precision);
    }
    out += '}';
  }
  out += ']';
}

void AppendKeyChanges(std::string& out, const std::vector<KeyChange>& changes,
                      Precision precision) {
  out += '{';
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const KeyChange& change = changes[i];
    if (i > 0) out += ',';
    AppendString(out, change.key);
    out += R"(:{"action":)";
    AppendString(out, WordFor(change.action));
    if (change.old_value) {
      out += R"(,"oldValue":)";
      AppendElement(out, *change.old_value, precision);
    }
    out += '}';
  }
  out += '}';
}

void AppendPath(std::string& out, const std::vector<PathStep>& path) {
  out += '[';
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0) out += ',';
    if (const std::string* key = std::get_if<std::string>(&path[i])) {
      AppendString(out, *key);
    } else {
      absl::StrAppend(&out, std::get<std::uint64_t>(path[i]));
    }
  }
  out += ']';
}

absl::StatusOr<Delta> ToDelta(const Any& value) {
  if (value.AsArray() == nullptr) return Refuse("a delta is an array");
  Delta delta;
  for (const Any& entry : *value.AsArray()) {
    absl::StatusOr<DeltaOp> op = ToDeltaOp(entry);
    if (!op.ok()) return op.status();
    delta.push_back(*std::move(op));
  }
  return delta;
}

absl::Status CheckEmbed(const Any& value) {
  const bool fits = value.AsObject() != nullptr || value.AsArray() != nullptr ||
                    value.AsNumber() != nullptr || value.AsBool() != nullptr ||
                    value.AsBinary() != nullptr;
  if (!fits || HoldsBigInt(value)) {
    return Refuse("an embed is an object, an array, a number or a truth value, without a BigInt");
  }
  return absl::OkStatus();
}

absl::StatusOr<Attributes> ToAttributes(const Any& value) {
  const AnyObject* object = value.AsObject();
  if (object == nullptr) return Refuse("attributes are an object");
  if (HoldsBigInt(value)) return Refuse("a BigInt cannot be an attribute, as in Yjs");
  return *object;
}

}  // namespace weft::crdt
