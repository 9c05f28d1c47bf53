#pragma once

// Which form of an answer a client takes (RFC 9110, section 12.5.1), and what a body says it is.

#include <optional>
#include <span>
#include <string_view>

namespace weft::server::api {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
inline constexpr std::string_view kXml = "application/xml; charset=utf-8";
inline constexpr std::string_view kEventStream = "text/event-stream";
// An update whose format the query tells; v1 without a word.
inline constexpr std::string_view kBytes = "application/octet-stream";
inline constexpr std::string_view kUpdateV1 = "application/vnd.weft.update-v1";
inline constexpr std::string_view kUpdateV2 = "application/vnd.weft.update-v2";

// "text/plain" of "Text/Plain; charset=utf-8", in whatever case it came.
std::string_view TypeOf(std::string_view content_type);
// Whether two types are the same, whatever their case and parameters.
bool SameType(std::string_view a, std::string_view b);

// The offer that `accept` prefers, the first of those that it likes as well; none when it takes none
// of them. An empty header takes anything.
std::optional<std::string_view> ChooseType(std::string_view accept,
                                           std::span<const std::string_view> offers);

}  // namespace weft::server::api
