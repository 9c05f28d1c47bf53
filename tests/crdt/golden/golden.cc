#include "tests/crdt/golden/golden.h"

#include <charconv>
#include <fstream>

#include "crdt/base/check.h"

namespace weft::crdt::golden {

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (text == "-") return parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<Case> Cases(std::string_view kind) {
  std::ifstream file(WEFT_GOLDEN_VALUES);
  CHECK(file.good());
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    Case fields = Split(line, ' ');
    if (fields.front() != kind) continue;
    fields.erase(fields.begin());
    cases.push_back(std::move(fields));
  }
  CHECK(!cases.empty());
  return cases;
}

bool IsRefused(std::string_view field) { return field == "!"; }

Bytes FieldBytes(std::string_view field) {
  Bytes bytes;
  if (field == "-") return bytes;
  CHECK(field.size() % 2 == 0);
  for (std::size_t i = 0; i < field.size(); i += 2) {
    const auto [end, error] =
        std::from_chars(field.data() + i, field.data() + i + 2, bytes.emplace_back(), 16);
    CHECK(error == std::errc() && end == field.data() + i + 2);
  }
  return bytes;
}

std::string FieldText(std::string_view field) { return std::string(AsText(FieldBytes(field))); }

std::u16string FieldUtf16(std::string_view field) {
  std::u16string units;
  const Bytes bytes = FieldBytes(field);
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    units.push_back(static_cast<char16_t>(bytes[i] << 8 | bytes[i + 1]));
  }
  return units;
}

std::string ToHex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text.empty() ? "-" : text;
}

}  // namespace weft::crdt::golden
