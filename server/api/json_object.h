#pragma once

// A JSON object as text, member by member.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/value_language.h"

namespace weft::server::api {

class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view value) {
    Name(name);
    crdt::AppendString(out_, value);
    return *this;
  }
  JsonObject& Number(std::string_view name, std::integral auto value) {
    Name(name);
    out_ += std::to_string(value);
    return *this;
  }
  JsonObject& Flag(std::string_view name, bool value) {
    return Json(name, value ? "true" : "false");
  }
  JsonObject& Null(std::string_view name) { return Json(name, "null"); }
  // `json` is a value as text.
  JsonObject& Json(std::string_view name, std::string_view json) {
    Name(name);
    out_ += json;
    return *this;
  }

  // The object; nothing may be added afterwards.
  std::string Take() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void Name(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    crdt::AppendString(out_, name);
    out_ += ':';
  }

  std::string out_ = "{";
};

// [a,b,…] of values that are JSON already.
template <typename Texts>
std::string JsonArray(const Texts& values) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    out += value;
  }
  out += ']';
  return out;
}

}  // namespace weft::server::api
