#pragma once

// What a call of the API answers when it cannot be done: application/problem+json (RFC 9457) with
// type, title, status and detail. The type is what programs go by, the detail is for people.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "server/http_routes.h"

namespace weft::server::api {

enum class Problem : std::uint8_t {
  kBadRequest,
  kMalformedUpdate,
  kUnauthorized,
  kForbidden,
  kNoSuchPath,
  kNoSuchRoom,
  kNoSuchMember,
  kNoSuchVersion,
  kNoSuchMode,
  kNoSuchHolder,
  kMethodNotAllowed,
  kNotAcceptable,
  kRoomExists,
  kConflictingIds,
  kAnotherGeneration,
  kStillRunning,
  kVersionExists,
  kModeRefused,
  kBlocked,
  kHistoryDropped,
  kLengthRequired,
  kPreconditionFailed,
  kTooLarge,
  kUnsupportedMediaType,
  kCannotBeDone,
  kKeyReused,
  kFrozen,
  kInternal,
  kUnavailable,
};

struct ProblemKind {
  Problem problem;
  int status;
  std::string_view slug;   // the type is "urn:weft:problem:" and this
  std::string_view title;  // the same for each problem of this type
};
std::span<const ProblemKind> ProblemKinds();

// `more`: further members, for machines; values are JSON.
HttpAnswer MakeProblem(Problem problem, std::string_view detail,
                       std::initializer_list<std::pair<std::string_view, std::string>> more = {});

// What it means that reading or writing a room failed like this. `invalid` is what kInvalidArgument
// means, which depends on what was asked.
HttpAnswer ProblemFor(const absl::Status& status, Problem invalid = Problem::kBadRequest);

}  // namespace weft::server::api
