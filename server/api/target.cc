#include "server/api/target.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "server/percent.h"

namespace weft::server::api {
namespace {

absl::StatusOr<std::string> Decode(std::string_view text, std::string_view what) {
  std::size_t bad_at = 0;
  std::optional<std::string> decoded = DecodePercent(text, bad_at);
  if (!decoded) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the ", std::string(what), " has a % without two hexadecimal digits at byte ", bad_at));
  }
  if (!crdt::IsValidUtf8(*decoded)) {
    return absl::InvalidArgumentError(absl::StrCat("the ", std::string(what), " is not UTF-8"));
  }
  return *std::move(decoded);
}

// Calls `visit` with each piece of `text` between two separators.
template <typename Visit>
absl::Status ForEachPiece(std::string_view text, char separator, Visit visit) {
  for (;;) {
    const std::size_t end = text.find(separator);
    const absl::Status visited = visit(text.substr(0, end));
    if (!visited.ok() || end == std::string_view::npos) return visited;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

absl::StatusOr<Target> Target::Parse(std::string_view text) {
  Target target;
  text = text.substr(0, text.find('#'));
  const std::size_t mark = text.find('?');
  std::string_view path = text.substr(0, mark);
  if (path.empty() || path.front() != '/') {
    return absl::InvalidArgumentError("the request target does not begin with a slash");
  }
  path.remove_prefix(1);
  absl::Status status = ForEachPiece(path, '/', [&](std::string_view piece) {
    absl::StatusOr<std::string> segment = Decode(piece, "path");
    if (!segment.ok()) return segment.status();
    target.segments_.push_back(*std::move(segment));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (mark == std::string_view::npos) return target;
  status = ForEachPiece(text.substr(mark + 1), '&', [&](std::string_view piece) {
    if (piece.empty()) return absl::OkStatus();
    std::string plain(piece);
    std::ranges::replace(plain, '+', ' ');
    const std::string_view pair = plain;
    const std::size_t equals = pair.find('=');
    absl::StatusOr<std::string> name = Decode(pair.substr(0, equals), "query");
    if (!name.ok()) return name.status();
    absl::StatusOr<std::string> value =
        Decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), "query");
    if (!value.ok()) return value.status();
    target.parameters_.emplace_back(*std::move(name), *std::move(value));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return target;
}

std::optional<std::string_view> Target::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Target::Parameters(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : parameters_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

}  // namespace weft::server::api
