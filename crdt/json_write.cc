#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

template <typename Integer>
void AppendInteger(std::string& out, Integer value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  out.append(digits, end);
}

// The shortest digits that read back as `value`, laid out as ECMA-262 says in Number::toString.
void AppendNumber(std::string& out, double value) {
  if (std::abs(value) < 1e15 && std::trunc(value) == value) {
    AppendInteger(out, static_cast<std::int64_t>(value));
    return;
  }
  char buffer[32];  // "-d.dddddddddddddddde-ddd" at most
  const char* const end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t exponent_mark = text.find('e');
  std::string digits;
  for (const char c : text.substr(0, exponent_mark)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  int exponent = 0;
  const std::size_t exponent_digits = exponent_mark + (text[exponent_mark + 1] == '+' ? 2 : 1);
  std::from_chars(buffer + exponent_digits, end, exponent);

  if (value < 0) out.push_back('-');
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the decimal point
  if (point >= count && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    digits.insert(static_cast<std::size_t>(point), 1, '.');
    out.append(digits);
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    if (count > 1) digits.insert(1, 1, '.');
    out.append(digits).append(exponent < 0 ? "e-" : "e+");
    AppendInteger(out, std::abs(exponent));
  }
}

void AppendUnicodeEscape(std::string& out, unsigned unit) {
  constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[unit >> shift & 0xf]);
}

void AppendControl(std::string& out, unsigned char byte) {
  switch (byte) {
    case '\b':
      out.append("\\b");
      return;
    case '\t':
      out.append("\\t");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\r':
      out.append("\\r");
      return;
    default:
      AppendUnicodeEscape(out, byte);
  }
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t written = 0;  // all of `text` before this is in `out`
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    const bool surrogate =
        byte == 0xed && i + 2 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xa0;
    if (byte >= 0x20 && byte != '"' && byte != '\\' && !surrogate) continue;
    out.append(text, written, i - written);
    if (surrogate) {
      AppendUnicodeEscape(out, Utf8ToUtf16(text.substr(i, 3)).front());
      i += 2;
    } else if (byte < 0x20) {
      AppendControl(out, byte);
    } else {
      out.push_back('\\');
      out.push_back(text[i]);
    }
    written = i + 1;
  }
  out.append(text, written);
  out.push_back('"');
}

// An array or object of which the elements before `next` are written.
struct OpenContainer {
  const Any* container;
  std::size_t next = 0;
  bool comma = false;
};

// Writes a leaf whole; of an array or object the bracket, and opens it.
class TextWriter {
 public:
  TextWriter(std::string& out, std::vector<OpenContainer>& open) : out_(out), open_(open) {}

  void Write(const Any& value) {
    value_ = &value;
    std::visit(*this, value.value());
  }

  void operator()(Any::Undefined) { out_.append(open_.empty() ? "undefined" : "null"); }
  void operator()(Any::Null) { out_.append("null"); }
  void operator()(bool value) { out_.append(value ? "true" : "false"); }
  void operator()(double value) {
    if (std::isfinite(value)) {
      AppendNumber(out_, value);
    } else {
      out_.append("null");
    }
  }
  void operator()(Any::BigInt value) { AppendInteger(out_, value.value); }
  void operator()(const std::string& text) { AppendQuoted(out_, text); }
  void operator()(const Bytes& bytes) {
    out_.push_back('{');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      out_.append(i == 0 ? "\"" : ",\"");
      AppendInteger(out_, i);
      out_.append("\":");
      AppendInteger(out_, static_cast<unsigned>(bytes[i]));
    }
    out_.push_back('}');
  }
  void operator()(const Any::Array&) { Open('['); }
  void operator()(const AnyObject&) { Open('{'); }

 private:
  void Open(char bracket) {
    out_.push_back(bracket);
    open_.push_back({value_});
  }

  std::string& out_;
  std::vector<OpenContainer>& open_;
  const Any* value_ = nullptr;
};

}  // namespace

void AppendJsonText(std::string& out, const Any& value) {
  std::vector<OpenContainer> open;
  TextWriter writer(out, open);
  writer.Write(value);
  while (!open.empty()) {
    OpenContainer& top = open.back();
    const Any::Array* const elements = top.container->AsArray();
    const std::size_t size =
        elements != nullptr ? elements->size() : top.container->AsObject()->size();
    if (top.next == size) {
      out.push_back(elements != nullptr ? ']' : '}');
      open.pop_back();
      continue;
    }
    const std::size_t i = top.next++;
    if (elements != nullptr) {
      if (i > 0) out.push_back(',');
      writer.Write((*elements)[i]);
      continue;
    }
    const auto& [key, element] = top.container->AsObject()->entries()[i];
    if (element.is_undefined()) continue;
    if (std::exchange(top.comma, true)) out.push_back(',');
    AppendQuoted(out, key);
    out.push_back(':');
    writer.Write(element);
  }
}

std::string ToJsonText(const Any& value) {
  std::string text;
  AppendJsonText(text, value);
  return text;
}

std::string NumberToJsText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string text;
  AppendNumber(text, value);
  return text;
}

}  // namespace weft::crdt
