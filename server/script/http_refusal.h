#pragma once

// What an HTTP call of the application answers when it cannot be done: application/problem+json (RFC 9457) with
// type, title, status and detail, as the API of rooms (server/api/problem.h), and "message", the detail once
// more, for clients of the system before this one. Beside them
//
//   blockers   [{"code","detail"}] of lease::WriteBlockers, with 409: what has to end first
//   problems   [{"kind","page","line","part","field","what"}] (problem.h), with 422: everything that is wrong

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/http_routes.h"
#include "server/lease/write_blockers.h"
#include "server/script/problem.h"

namespace weft::server::script {

enum class Refusal : std::uint8_t {
  kBadRequest,
  kNoShow,
  kFirstRevision,
  kUnauthorized,
  kForbidden,
  kNoSuchPath,
  kNotFound,
  kMethodNotAllowed,
  kBlocked,
  kPageExists,
  kNotLive,
  kLengthRequired,
  kPreconditionFailed,
  kTooLarge,
  kUnsupportedMediaType,
  kInvalidScript,
  kInternal,
  kUnavailable,
};

HttpAnswer Refuse(Refusal refusal, std::string_view detail);
HttpAnswer RefuseBlocked(std::string_view detail, std::span<const lease::Blocker> blockers);
HttpAnswer RefuseInvalid(const std::vector<Problem>& problems);

// What it means that reading or writing rows failed like this: kNotFound is something that the call names,
// kInvalidArgument the call itself, kAborted its precondition, kPermissionDenied a live session.
HttpAnswer RefusalFor(const absl::Status& status);

}  // namespace weft::server::script
