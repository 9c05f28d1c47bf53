#pragma once

// Percent codes of URLs.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weft::server {

// `text` with each %XX decoded. Nothing when a % has no two hexadecimal digits behind it; `bad_at` is
// then its place.
std::optional<std::string> DecodePercent(std::string_view text, std::size_t& bad_at);

// `text` as one segment of a path: everything but letters, digits and -._~ as %XX.
std::string EncodePercent(std::string_view text);

}  // namespace weft::server
