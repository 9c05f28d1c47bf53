#include "server/settings_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

// Digits with a sign, a point, an exponent, underscores between: what is passed on as it stands.
bool IsNumber(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_') plain += c;
  }
  const char* begin = plain.data() + (plain.starts_with('+') ? 1 : 0);
  double number = 0;
  const auto [end, error] = std::from_chars(begin, plain.data() + plain.size(), number);
  return !plain.empty() && error == std::errc() && end == plain.data() + plain.size() &&
         (absl::ascii_isdigit(plain.back()));
}

void AppendUtf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<Setting>> Parse() {
    std::vector<Setting> settings;
    for (;;) {
      SkipSpace(/*lines=*/true);
      if (rest_.empty() || !error_.empty()) break;
      Setting setting = ParseSetting();
      if (!error_.empty()) break;
      const auto same = std::find_if(settings.begin(), settings.end(), [&](const Setting& other) {
        return other.name == setting.name;
      });
      if (same != settings.end()) {
        Fail(absl::StrCat(setting.name, " stands in line ", same->line, " already"));
        break;
      }
      settings.push_back(std::move(setting));
    }
    if (error_.empty()) return settings;
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", error_));
  }

 private:
  Setting ParseSetting() {
    Setting setting{.name = {}, .line = line_, .is_array = false, .values = {}};
    if (rest_.front() == '[') {
      Fail("there are no tables here: each setting is a flag of weft serve, without its dashes");
      return setting;
    }
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsNameByte);
    setting.name = std::string(rest_.begin(), end);
    std::replace(setting.name.begin(), setting.name.end(), '_', '-');
    rest_.remove_prefix(setting.name.size());
    SkipSpace(/*lines=*/false);
    if (setting.name.empty() || !Take('=')) {
      Fail("a line is NAME = VALUE");
      return setting;
    }
    SkipSpace(/*lines=*/false);
    if (Take('[')) {
      setting.is_array = true;
      ParseArray(setting);
    } else {
      setting.values.push_back(ParseScalar());
    }
    SkipSpace(/*lines=*/false);
    if (error_.empty() && !rest_.empty() && rest_.front() != '\n') {
      Fail(absl::StrCat("something follows the value of ", setting.name));
    }
    return setting;
  }

  void ParseArray(Setting& setting) {
    for (;;) {
      SkipSpace(/*lines=*/true);
      if (Take(']') || !error_.empty()) return;
      setting.values.push_back(ParseScalar());
      SkipSpace(/*lines=*/true);
      if (!error_.empty() || Take(']')) return;
      if (!Take(',')) return Fail("the values of an array stand between [ and ], with commas");
    }
  }

  std::string ParseScalar() {
    if (rest_.starts_with("\"\"\"") || rest_.starts_with("'''")) {
      Fail("a text has one line here");
      return {};
    }
    if (Take('"')) return ParseQuoted();
    if (Take('\'')) {
      const std::size_t end = rest_.find_first_of("'\n");
      if (end == std::string_view::npos || rest_[end] == '\n') {
        Fail("a text is not closed");
        return {};
      }
      std::string text(rest_.substr(0, end));
      rest_.remove_prefix(end + 1);
      return text;
    }
    const std::size_t end = std::min(rest_.find_first_of(" \t\r\n,]#"), rest_.size());
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (word != "true" && word != "false" && !IsNumber(word)) {
      Fail(absl::StrCat("\"", word, "\" is no number, true or false; a text stands in quotes"));
    }
    std::erase(word, '_');
    return word;
  }

  std::string ParseQuoted() {
    std::string text;
    while (!rest_.empty() && rest_.front() != '\n') {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
      } else if (!ParseEscape(text)) {
        Fail("an escape in a text is none of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX");
        return {};
      }
    }
    Fail("a text is not closed");
    return {};
  }

  bool ParseEscape(std::string& text) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view kNames = "btnfr\"\\";
    constexpr std::string_view kBytes = "\b\t\n\f\r\"\\";
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      text += kBytes[at];
      return true;
    }
    const std::size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0 || rest_.size() < digits) return false;
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + digits, code, 16);
    if (error != std::errc() || end != rest_.data() + digits) return false;
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    AppendUtf8(text, code);
    rest_.remove_prefix(digits);
    return true;
  }

  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Blanks and comments.
  void SkipSpace(bool lines) {
    for (;;) {
      if (Take(' ') || Take('\t') || rest_.starts_with("\r\n")) {
        if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
      } else if (rest_.starts_with('#')) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (lines && Take('\n')) {
        ++line_;
      } else {
        return;
      }
    }
  }

  void Fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
  }

  std::string_view rest_;
  int line_ = 1;
  std::string error_;
};

}  // namespace

absl::StatusOr<std::vector<Setting>> ParseSettings(std::string_view text) {
  return Parser(text).Parse();
}

std::string RenderScalar(std::string_view value) {
  // JSON and TOML know no 007.
  const bool is_plain =
      !value.starts_with('+') && (!value.starts_with('0') || value.size() == 1 || value[1] == '.');
  if (value == "true" || value == "false" || (is_plain && IsNumber(value))) {
    return std::string(value);
  }
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      absl::StrAppend(&text, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace weft::server
