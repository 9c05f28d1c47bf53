#include "server/api/media_type.h"

#include <charconv>

#include "absl/strings/match.h"

namespace weft::server::api {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next piece of a list, taken out of it.
std::string_view TakePiece(std::string_view& list, char separator) {
  const std::size_t end = list.find(separator);
  const std::string_view piece = Trim(list.substr(0, end));
  list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  return piece;
}

// How much a range of an Accept header likes what it covers: its q, 1 without one.
double QualityOf(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view parameter = TakePiece(parameters, ';');
    if (!absl::StartsWithIgnoreCase(ToAbsl(parameter), "q=")) continue;
    parameter.remove_prefix(2);
    double quality = 0;
    const auto [end, error] =
        std::from_chars(parameter.data(), parameter.data() + parameter.size(), quality);
    return error == std::errc() && quality >= 0 && quality <= 1 ? quality : 0;
  }
  return 1;
}

// 0 when the range does not cover the type, else more the more exactly it names it.
int Cover(std::string_view range, std::string_view type) {
  if (range == "*/*") return 1;
  if (range.ends_with("/*")) {
    range.remove_suffix(1);
    return absl::StartsWithIgnoreCase(ToAbsl(type), ToAbsl(range)) ? 2 : 0;
  }
  return SameType(range, type) ? 3 : 0;
}

double QualityFor(std::string_view accept, std::string_view type) {
  int best = 0;
  double quality = 0;
  while (!accept.empty()) {
    std::string_view entry = TakePiece(accept, ',');
    const std::string_view range = TakePiece(entry, ';');
    const int cover = Cover(range, type);
    if (cover <= best) continue;
    best = cover;
    quality = QualityOf(entry);
  }
  return quality;
}

}  // namespace

std::string_view TypeOf(std::string_view content_type) {
  return Trim(content_type.substr(0, content_type.find(';')));
}

bool SameType(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(ToAbsl(TypeOf(a)), ToAbsl(TypeOf(b)));
}

std::optional<std::string_view> ChooseType(std::string_view accept,
                                           std::span<const std::string_view> offers) {
  if (Trim(accept).empty()) return offers.front();
  std::optional<std::string_view> chosen;
  double best = 0;
  for (const std::string_view offer : offers) {
    const double quality = QualityFor(accept, offer);
    if (quality > best) {
      best = quality;
      chosen = offer;
    }
  }
  return chosen;
}

}  // namespace weft::server::api
