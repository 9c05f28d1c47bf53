#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"
#include "crdt/json_error.h"

namespace weft::crdt {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Parses one value, which may have others in it. After the first error, which ok() tells, what is
// answered means nothing.
class Parser {
 public:
  Parser(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  bool ok() const { return ok_; }
  // Where the next character would have been taken from.
  std::size_t position() const { return next_; }
  bool is_too_deep() const { return is_too_deep_; }

  bool AtEnd() {
    SkipSpace();
    return next_ == text_.size();
  }

  Any ParseValue() {
    while (true) {
      Any value = ParseLeafOrOpen();
      if (!ok_) return Any();
      if (opened_) continue;
      // The value completes the containers that end behind it.
      while (true) {
        if (open_.empty()) return value;
        Put(std::move(value));
        if (Accept(',')) break;
        value = Close();
        if (!ok_) return Any();
      }
      if (open_.back().is_object) ParseKey();
    }
  }

 private:
  struct OpenContainer {
    bool is_object = false;
    Any::Array elements;
    std::vector<AnyObject::Entry> entries;
    std::string key;  // of the value to come
  };

  void SkipSpace() {
    while (next_ < text_.size() && (text_[next_] == ' ' || text_[next_] == '\t' ||
                                    text_[next_] == '\n' || text_[next_] == '\r')) {
      ++next_;
    }
  }

  // Passes over `c` when it comes next.
  bool AcceptHere(char c) {
    if (next_ == text_.size() || text_[next_] != c) return false;
    ++next_;
    return true;
  }
  // As above behind white space.
  bool Accept(char c) {
    SkipSpace();
    return AcceptHere(c);
  }
  void Expect(char c) {
    if (!Accept(c)) ok_ = false;
  }

  Any ParseLeafOrOpen() {
    opened_ = false;
    if (Accept('{')) return Open(/*is_object=*/true);
    if (AcceptHere('[')) return Open(/*is_object=*/false);
    if (AcceptHere('"')) return ParseRestOfString();
    if (AcceptWord("true")) return true;
    if (AcceptWord("false")) return false;
    if (AcceptWord("null")) return Any::Null();
    return ParseNumber();
  }

  bool AcceptWord(std::string_view word) {
    if (!text_.substr(next_).starts_with(word)) return false;
    next_ += word.size();
    return true;
  }

  Any Open(bool is_object) {
    if (open_.size() >= max_depth_) {
      ok_ = false;
      is_too_deep_ = true;
      return Any();
    }
    if (Accept(is_object ? '}' : ']')) return is_object ? Any(AnyObject()) : Any(Any::Array());
    opened_ = true;
    open_.emplace_back().is_object = is_object;
    if (is_object) ParseKey();
    return Any();
  }

  void ParseKey() {
    Expect('"');
    if (!ok_) return;
    open_.back().key = ParseRestOfString();
    Expect(':');
  }

  void Put(Any value) {
    OpenContainer& container = open_.back();
    if (container.is_object) {
      container.entries.emplace_back(std::move(container.key), std::move(value));
    } else {
      container.elements.push_back(std::move(value));
    }
  }

  Any Close() {
    OpenContainer container = std::move(open_.back());
    open_.pop_back();
    Expect(container.is_object ? '}' : ']');
    if (!ok_) return Any();
    if (!container.is_object) return std::move(container.elements);
    return AnyObject::FromEntries(std::move(container.entries));
  }

  // A string from behind its opening quote to behind its closing one.
  std::string ParseRestOfString() {
    std::string out;
    while (true) {
      const std::size_t run = next_;
      while (next_ < text_.size() && !EndsRun(text_[next_])) ++next_;
      out.append(text_, run, next_ - run);
      if (AcceptHere('"')) return out;
      if (AcceptHere('\\')) {
        ParseRestOfEscape(out);
      } else if (next_ < text_.size() && text_[next_] == '\xed') {
        // Three bytes, perhaps a low surrogate that an escaped high one waits for.
        AppendUtf16AsWtf8(out, Utf8ToUtf16(text_.substr(next_, 3)));
        next_ += 3;
      } else {
        ok_ = false;  // a control character, or the end
      }
      if (!ok_) return out;
    }
  }

  static bool EndsRun(char c) {
    return c == '"' || c == '\\' || c == '\xed' || static_cast<unsigned char>(c) < 0x20;
  }

  void ParseRestOfEscape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const bool ends = next_ == text_.size();
    const char letter = ends ? '\0' : text_[next_++];
    if (letter == 'u') {
      const char16_t unit = ParseHex();
      if (ok_) AppendUtf16AsWtf8(out, {&unit, 1});
    } else if (const std::size_t i = kLetters.find(letter); i != std::string_view::npos) {
      out.push_back(kMeanings[i]);
    } else {
      ok_ = false;
      if (!ends) --next_;
    }
  }

  char16_t ParseHex() {
    unsigned unit = 0;
    const std::string_view digits = text_.substr(next_, 4);
    const char* const end = digits.data() + digits.size();
    const auto [parsed_to, error] = std::from_chars(digits.data(), end, unit, 16);
    if (error != std::errc() || parsed_to != end || digits.size() != 4) {
      ok_ = false;
      return 0;
    }
    next_ += digits.size();
    return static_cast<char16_t>(unit);
  }

  // Passes over digits; how many.
  std::size_t SkipDigits() {
    const std::size_t begin = next_;
    while (next_ < text_.size() && IsDigit(text_[next_])) ++next_;
    return next_ - begin;
  }

  // number := "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [+-]? [0-9]+)?
  Any ParseNumber() {
    const std::size_t begin = next_;
    AcceptHere('-');
    if (!AcceptHere('0') && SkipDigits() == 0) ok_ = false;
    if (AcceptHere('.') && SkipDigits() == 0) ok_ = false;
    if (AcceptHere('e') || AcceptHere('E')) {
      if (!AcceptHere('+')) AcceptHere('-');
      if (SkipDigits() == 0) ok_ = false;
    }
    if (!ok_) return Any();
    return ToNumber(text_.substr(begin, next_ - begin));
  }

  // Requires: of the form above.
  static double ToNumber(std::string_view number) {
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error == std::errc()) return value;
    // Out of range: too large when the first digit that counts has a positive exponent, else too
    // small.
    const double far = LeadingExponent(number) > 0 ? std::numeric_limits<double>::infinity() : 0;
    return number.front() == '-' ? -far : far;
  }

  // The power of ten of the first digit that is not 0, within bounds that no text in memory
  // reaches.
  static std::int64_t LeadingExponent(std::string_view number) {
    constexpr std::int64_t kFar = std::int64_t{1} << 50;
    const std::size_t mark = number.find_first_of("eE");
    std::int64_t exponent = 0;
    if (mark != std::string_view::npos) {
      std::string_view digits = number.substr(mark + 1);
      const bool negative = digits.front() == '-';
      if (!IsDigit(digits.front())) digits.remove_prefix(1);
      for (const char digit : digits) exponent = std::min(kFar, exponent * 10 + (digit - '0'));
      if (negative) exponent = -exponent;
    }
    const std::string_view digits = number.substr(0, mark);
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const std::size_t first = digits.find_first_of("123456789");
    if (first == std::string_view::npos) return -kFar;
    const std::int64_t places = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
    return exponent + (first < point ? places - 1 : places);
  }

  const std::string_view text_;
  const std::size_t max_depth_;
  std::size_t next_ = 0;
  bool ok_ = true;
  bool is_too_deep_ = false;
  bool opened_ = false;
  std::vector<OpenContainer> open_;
};

// For people.
std::string NameOfCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte > 0x20 && byte < 0x7f) return std::string({'\'', c, '\''});
  return absl::StrCat("byte 0x", absl::Hex(byte, absl::kZeroPad2));
}

}  // namespace

std::optional<Any> ParseJson(std::string_view text, std::size_t max_depth) {
  if (!IsValidWtf8(text)) return std::nullopt;
  Parser parser(text, max_depth);
  Any value = parser.ParseValue();
  if (!parser.ok() || !parser.AtEnd()) return std::nullopt;
  return value;
}

std::string ExplainJsonError(std::string_view text, std::size_t max_depth) {
  if (!IsValidWtf8(text)) return "it is no UTF-8";
  Parser parser(text, max_depth);
  parser.ParseValue();
  if (parser.ok() && parser.AtEnd()) return "";
  const std::size_t at = std::min(parser.position(), text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_begin = line == 0 ? 0 : before.rfind('\n') + 1;
  const std::string where =
      absl::StrCat("line ", line + 1, ", column ", at - line_begin + 1, ", offset ", at);
  if (parser.is_too_deep()) {
    return absl::StrCat(where, ": nested more than ", max_depth, " deep");
  }
  if (at == text.size()) return absl::StrCat(where, ": the text ends before its value does");
  return absl::StrCat(where, parser.ok() ? ": more follows after the value" : ": unexpected ",
                      parser.ok() ? "" : NameOfCharacter(text[at]));
}

JsonShape MeasureJson(std::string_view text) {
  JsonShape shape;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',') {
      ++shape.values;
    } else if (c == '[' || c == '{') {
      ++shape.values;
      shape.depth = std::max(shape.depth, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return shape;
}

}  // namespace weft::crdt
