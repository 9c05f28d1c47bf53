#pragma once

// A reply of the driver: a JSON object, written member by member.

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "crdt/base/bytes.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {

class Reply {
 public:
  // The text of the value follows, by one of the calls below or by whatever appends JSON to it.
  std::string& Member(std::string_view name) {
    out_ += out_.size() == 1 ? "" : ",";
    AppendString(out_, name);
    out_ += ':';
    return out_;
  }
  void AddBytes(std::string_view name, ByteView bytes) { AddText(name, ToBase64(bytes)); }
  void AddText(std::string_view name, std::string_view text) { AppendString(Member(name), text); }
  void AddNumber(std::string_view name, std::uint64_t number) {
    absl::StrAppend(&Member(name), number);
  }
  void AddFlag(std::string_view name, bool flag) { Member(name) += flag ? "true" : "false"; }

  std::string Take() && {
    out_ += '}';
    return std::move(out_);
  }

 private:
  std::string out_ = "{";
};

// Appends an array of what `append(element)` writes.
template <typename Range, typename Append>
void AppendList(std::string& out, const Range& range, const Append& append) {
  out += '[';
  bool first = true;
  for (const auto& element : range) {
    if (!first) out += ',';
    first = false;
    append(element);
  }
  out += ']';
}

}  // namespace weft::crdt::driver
