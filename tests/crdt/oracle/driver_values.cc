#include "tests/crdt/oracle/driver_values.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "crdt/base/check.h"
#include "crdt/json.h"

namespace weft::crdt::oracle {
namespace {

Any Tagged(const char* tag, Any value) { return AnyObject{{tag, std::move(value)}}; }

// What an object of one key with a dollar sign stands for.
std::optional<Any> DecodeTagged(const AnyObject& object) {
  if (object.size() != 1) return std::nullopt;
  const auto& [tag, value] = object.entries().front();
  if (tag == "$undefined") return Any();
  const std::string* text = value.AsString();
  if (text == nullptr) return std::nullopt;
  if (tag == "$binary") return Any(FromBase64(*text));
  if (tag == "$bigint") return Any(Any::BigInt{std::stoll(*text)});
  if (tag == "$number") return Any(std::stod(*text));
  return std::nullopt;
}

void AppendCanonical(std::string& out, const Any& value) {
  if (const Any::Array* array = value.AsArray()) {
    out += '[';
    for (const Any& element : *array) {
      AppendCanonical(out, element);
      out += ',';
    }
    out += ']';
  } else if (const AnyObject* object = value.AsObject()) {
    std::vector<const AnyObject::Entry*> entries;
    for (const AnyObject::Entry& entry : object->entries()) entries.push_back(&entry);
    std::ranges::sort(entries, {}, [](const AnyObject::Entry* entry) { return entry->first; });
    out += '{';
    for (const AnyObject::Entry* entry : entries) {
      AppendJsonText(out, Any(entry->first));
      out += ':';
      AppendCanonical(out, entry->second);
      out += ',';
    }
    out += '}';
  } else {
    AppendJsonText(out, value);
  }
}

}  // namespace

std::string ToBase64(ByteView bytes) {
  std::string out;
  const std::string_view text = AsText(bytes);
  absl::Base64Escape({text.data(), text.size()}, &out);
  return out;
}

Bytes FromBase64(std::string_view text) {
  std::string bytes;
  CHECK(absl::Base64Unescape({text.data(), text.size()}, &bytes));
  const ByteView view = AsBytes(bytes);
  return {view.begin(), view.end()};
}

std::string ToHex(ByteView bytes) {
  const std::string_view text = AsText(bytes);
  return absl::BytesToHexString({text.data(), text.size()});
}

Any ToDriverValue(const Any& value) {
  if (value.is_undefined()) return Tagged("$undefined", true);
  if (const Bytes* bytes = value.AsBinary()) return Tagged("$binary", ToBase64(*bytes));
  if (const auto* big = std::get_if<Any::BigInt>(&value.value())) {
    return Tagged("$bigint", std::to_string(big->value));
  }
  if (const double* number = value.AsNumber()) {
    if (std::isnan(*number)) return Tagged("$number", "NaN");
    if (std::isinf(*number)) return Tagged("$number", *number > 0 ? "Infinity" : "-Infinity");
    return value;
  }
  if (const Any::Array* array = value.AsArray()) {
    Any::Array out;
    for (const Any& element : *array) out.push_back(ToDriverValue(element));
    return out;
  }
  if (const AnyObject* object = value.AsObject()) {
    AnyObject out;
    for (const auto& [key, member] : object->entries()) out.Set(key, ToDriverValue(member));
    return out;
  }
  return value;
}

Any FromDriverValue(const Any& value) {
  if (const Any::Array* array = value.AsArray()) {
    Any::Array out;
    for (const Any& element : *array) out.push_back(FromDriverValue(element));
    return out;
  }
  const AnyObject* object = value.AsObject();
  if (object == nullptr) return value;
  if (std::optional<Any> tagged = DecodeTagged(*object)) return *std::move(tagged);
  AnyObject out;
  for (const auto& [key, member] : object->entries()) out.Set(key, FromDriverValue(member));
  return out;
}

std::string CanonicalJson(const Any& driver_value) {
  std::string out;
  AppendCanonical(out, driver_value);
  return out;
}

const Any& Member(const Any& object, std::string_view name) {
  CHECK(object.AsObject() != nullptr);
  const Any* member = object.AsObject()->Find(name);
  CHECK(member != nullptr);
  return *member;
}

std::uint64_t NumberMember(const Any& object, std::string_view name) {
  const double* number = Member(object, name).AsNumber();
  CHECK(number != nullptr);
  return static_cast<std::uint64_t>(*number);
}

const std::string& StringMember(const Any& object, std::string_view name) {
  const std::string* text = Member(object, name).AsString();
  CHECK(text != nullptr);
  return *text;
}

}  // namespace weft::crdt::oracle
