#include "server/script/schema.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "crdt/doc.h"
#include "crdt/id.h"
#include "crdt/update_builder.h"

namespace weft::server::script {
namespace {

bool IsId(double number) {
  return number >= 1 && number <= static_cast<double>(crdt::kMaxSafeInteger) &&
         std::trunc(number) == number;
}

// The number that all of the text is, as JavaScript's parsers or C's would have it.
std::optional<double> WholeNumber(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

DocumentRoots RootsOf(crdt::Doc& doc) {
  return {.meta = doc.GetMap(kMeta),
          .pages = doc.GetMap(kPages),
          .deleted_line_ids = doc.GetArray(kDeletedLineIds)};
}

std::optional<std::uint64_t> ParseIdText(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0) return std::nullopt;
  if (digits != std::string_view::npos) {
    // "3.0", as a replica that knows only doubles may write it.
    const std::string_view rest = text.substr(digits);
    if (rest.size() < 2 || rest.front() != '.' || rest.find_first_not_of('0', 1) != rest.npos) {
      return std::nullopt;
    }
    text = text.substr(0, digits);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number == 0 || number > crdt::kMaxSafeInteger) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> ParseId(const crdt::Any& value) {
  if (const std::string* text = value.AsString()) return ParseIdText(*text);
  if (const double* number = value.AsNumber(); number != nullptr && IsId(*number)) {
    return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

bool IsTemporaryId(std::string_view text) {
  const bool is_blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  return !is_blank && !WholeNumber(std::string(text));
}

std::optional<std::uint32_t> ParsePageKey(std::string_view key) {
  std::uint32_t page = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), page);
  if (error != std::errc() || ToPageKey(page) != key) return std::nullopt;
  return page;
}

std::string ToPageKey(std::uint32_t page) { return std::to_string(page); }

crdt::Bytes NewPageUpdate(std::uint32_t page) {
  const std::string key = ToPageKey(page);
  crdt::Block block{.id = {.client = crdt::ClientId{(std::uint64_t{1} << 32) + page}, .clock = 0},
                    .length = 1,
                    .kind = crdt::ContentKind::kType,
                    .parent = crdt::Block::Parent::kRoot,
                    .type = crdt::TypeKind::kArray,
                    .has_key = true,
                    .root_name = kPages,
                    .key = key};
  crdt::UpdateBuilder builder;
  builder.Add(block, {});
  return std::move(builder).Finish({});
}

std::string IsoTime(std::int64_t time_ms) {
  const std::int64_t within = ((time_ms % 1000) + 1000) % 1000;
  const std::time_t seconds = (time_ms - within) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                         parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                         within);
}

}  // namespace weft::server::script
