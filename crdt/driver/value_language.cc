#include "crdt/driver/value_language.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crdt/json.h"

namespace weft::crdt::driver {
namespace {

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

// What an object of one key that begins with a dollar sign stands for; empty for any other object.
std::optional<absl::StatusOr<Any>> FromTagged(const AnyObject& object) {
  if (object.size() != 1) return std::nullopt;
  const auto& [tag, value] = object.entries().front();
  if (tag == "$undefined") return Any();
  if (tag != "$binary" && tag != "$bigint" && tag != "$number") return std::nullopt;
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

// A number, string or the like: everything that nothing stands in.
void AppendLeaf(std::string& out, const Any& value) {
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
  } else {
    AppendJsonText(out, value);
  }
}

// Writes values, elements and what stands in them. A frame is an array or object that is being
// written, and where it goes on.
class ElementWriter {
 public:
  explicit ElementWriter(std::string& out) : out_(out) {}

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
      Open('{', ValueObject{object});
    } else {
      AppendLeaf(out_, value);
    }
  }

  void Begin(const Element& element) {
    std::visit([&](const auto& here) { BeginElement(here); }, element);
  }
  void BeginElement(std::monostate) { out_ += "null"; }
  void BeginElement(const Any& value) {
    // A frame needs a value that stays: this one goes with its element.
    if (value.AsArray() == nullptr && value.AsObject() == nullptr) return AppendLeaf(out_, value);
    ElementWriter(out_).Write(value);
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
    if (position == entries.size()) return Close('}');
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
  std::vector<Frame> frames_;
};

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

absl::StatusOr<Any> FromLanguage(const Any& json) {
  if (const Any::Array* array = json.AsArray()) {
    Any::Array out;
    out.reserve(array->size());
    for (const Any& element : *array) {
      absl::StatusOr<Any> value = FromLanguage(element);
      if (!value.ok()) return value;
      out.push_back(*std::move(value));
    }
    return Any(std::move(out));
  }
  const AnyObject* object = json.AsObject();
  if (object == nullptr) return json;
  if (auto tagged = FromTagged(*object)) return *std::move(tagged);
  std::vector<AnyObject::Entry> entries;
  entries.reserve(object->size());
  for (const auto& [key, member] : object->entries()) {
    absl::StatusOr<Any> value = FromLanguage(member);
    if (!value.ok()) return value;
    entries.emplace_back(key, *std::move(value));
  }
  return Any(AnyObject::FromEntries(std::move(entries)));
}

void AppendString(std::string& out, std::string_view text) { AppendJsonText(out, Any(text)); }

void AppendValue(std::string& out, const Any& value) { ElementWriter(out).Write(value); }

void AppendElement(std::string& out, const Element& element) { ElementWriter(out).Write(element); }

void AppendDelta(std::string& out, const Delta& delta, DeltaOf of) {
  const auto append_insert = [&](const DeltaOp& op) {
    if (of == DeltaOf::kText) {
      if (op.elements.empty()) return AppendString(out, op.text);
      return AppendElement(out, op.elements.front());
    }
    out += '[';
    for (std::size_t i = 0; i < op.elements.size(); ++i) {
      if (i > 0) out += ',';
      AppendElement(out, op.elements[i]);
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
      AppendValue(out, op.attributes);
    }
    out += '}';
  }
  out += ']';
}

}  // namespace weft::crdt::driver
