#include "server/auth/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/percent.h"

namespace weft::server::auth {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

std::string TokenOfQuery(std::string_view target) {
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return {};
  std::string_view query = target.substr(question + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    if (equals == std::string_view::npos || (name != "token" && name != "access_token")) continue;
    std::size_t bad_at = 0;
    // A code that is none is part of no token that anyone made.
    return DecodePercent(part.substr(equals + 1), bad_at).value_or(std::string(part));
  }
  return {};
}

}  // namespace

std::string PresentedToken(std::string_view target, std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (absl::StartsWithIgnoreCase(ToAbsl(authorization), ToAbsl(kScheme))) {
    const absl::string_view token =
        absl::StripAsciiWhitespace(ToAbsl(authorization.substr(kScheme.size())));
    return std::string(token);
  }
  return TokenOfQuery(target);
}

}  // namespace weft::server::auth
