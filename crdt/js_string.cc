#include "crdt/js_string.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::crdt {

namespace {

// Everything but arrays.
void AppendScalar(const Any& value, std::string& out) {
  if (value.is_undefined()) {
    out += "undefined";
  } else if (value.is_null()) {
    out += "null";
  } else if (const bool* flag = value.AsBool()) {
    out += *flag ? "true" : "false";
  } else if (const double* number = value.AsNumber()) {
    if (std::isnan(*number)) {
      out += "NaN";
    } else if (std::isinf(*number)) {
      out += *number < 0 ? "-Infinity" : "Infinity";
    } else {
      out += NumberToJsText(*number);
    }
  } else if (const std::string* text = value.AsString()) {
    out += *text;
  } else if (const auto* big = std::get_if<Any::BigInt>(&value.value())) {
    absl::StrAppend(&out, big->value);
  } else if (const Bytes* bytes = value.AsBinary()) {
    for (std::size_t i = 0; i < bytes->size(); ++i) {
      absl::StrAppend(&out, i == 0 ? "" : ",", static_cast<int>((*bytes)[i]));
    }
  } else {
    out += "[object Object]";
  }
}

}  // namespace

void AppendAsJsString(const Any& value, std::string& out) {
  if (value.AsArray() == nullptr) return AppendScalar(value, out);
  std::vector<std::pair<const Any::Array*, std::size_t>> open{{value.AsArray(), 0}};
  while (!open.empty()) {
    auto& [array, next] = open.back();
    if (next == array->size()) {
      open.pop_back();
      continue;
    }
    if (next > 0) out += ',';
    const Any& element = (*array)[next++];
    if (element.AsArray() != nullptr) {
      open.emplace_back(element.AsArray(), 0);
    } else if (!element.is_null() && !element.is_undefined()) {
      AppendScalar(element, out);
    }
  }
}

bool IsBeforeInJs(std::string_view a, std::string_view b) {
  if (IsAscii(a) && IsAscii(b)) return a < b;
  return Utf8ToUtf16(a) < Utf8ToUtf16(b);
}

}  // namespace weft::crdt
