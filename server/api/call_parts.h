#pragma once

// What several calls share: parameters, bodies, forms of answers.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/pending_report.h"
#include "crdt/update_format.h"
#include "server/api/calls.h"
#include "server/http_routes.h"

namespace weft::server::api {

HttpAnswer JsonAnswer(std::string json, int status = 200);

// W/"<generation>-<sequence>": the same for all forms of a state.
std::string TagOf(const LogPlace& place);
// Whether the client has what `tag` names already; the answer is then 304.
bool IsKnown(const Request& request, std::string_view tag);

// A parameter that is a number from 1 to `most`; `otherwise` without it. Fails: kInvalidArgument.
absl::StatusOr<std::uint64_t> CountParameter(const Target& target, std::string_view name,
                                             std::uint64_t otherwise, std::uint64_t most);

// Bytes in base64url or base64, with or without padding. Fails: kInvalidArgument.
absl::StatusOr<crdt::Bytes> FromBase64Url(std::string_view text);

// Fails: kInvalidArgument when some parameter is none of these: whoever mistypes one is told.
absl::Status CheckParameters(const Target& target, std::initializer_list<std::string_view> known);

// The format of updates in an answer or a body: as the media type says, or format=v1|v2.
// Fails: kInvalidArgument.
absl::StatusOr<crdt::UpdateFormat> FormatOf(const Target& target, std::string_view media_type);

// The form of an update that is answered; nothing when the client takes none.
std::optional<std::string_view> ChooseUpdateType(const Request& request);

// An answer that is an update of format v1, in the form that `type` and format= say. May block.
HttpAnswer UpdateAnswer(const crdt::Bytes& update, std::string_view type,
                        crdt::UpdateFormat format);

// A JSON object. Fails: kInvalidArgument, kResourceExhausted (values, or nesting).
absl::StatusOr<crdt::Any> ParseBody(std::string_view text);

// The whole body, or the problem.
asio::awaitable<std::optional<HttpAnswer>> ReadBody(const Context& call, std::size_t limit,
                                                    std::string_view& body);

// A member "at" or the like: a version's name, a sequence, a time. Fails: kInvalidArgument.
absl::StatusOr<std::string> MomentOf(const crdt::Any& value);

// What waits, and for what, as JSON.
std::string DescribePending(const crdt::PendingReport& pending);

// What writing answers.
std::string DescribeWritten(const Tools& tools, std::string_view room, const LogPlace& place,
                            bool changed);

}  // namespace weft::server::api
