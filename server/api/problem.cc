#include "server/api/problem.h"

#include <string>

#include "crdt/base/check.h"
#include "server/api/json_object.h"

namespace weft::server::api {
namespace {

constexpr ProblemKind kKinds[] = {
    {Problem::kBadRequest, 400, "bad-request", "The request cannot be understood"},
    {Problem::kMalformedUpdate, 400, "malformed-update", "The body is no update of this format"},
    {Problem::kUnauthorized, 401, "unauthorized", "The request needs a valid token"},
    {Problem::kForbidden, 403, "forbidden", "The token does not permit this"},
    {Problem::kNoSuchPath, 404, "no-such-path", "The API has no such path"},
    {Problem::kNoSuchRoom, 404, "no-such-room", "There is no such room"},
    {Problem::kNoSuchMember, 404, "no-such-member", "The room has no such member"},
    {Problem::kNoSuchVersion, 404, "no-such-version", "The room has no such version"},
    {Problem::kNoSuchMode, 404, "no-such-mode", "There is no such mode"},
    {Problem::kNoSuchHolder, 404, "no-such-holder", "Nobody like this is in a mode"},
    {Problem::kMethodNotAllowed, 405, "method-not-allowed", "The path does not take this method"},
    {Problem::kNotAcceptable, 406, "not-acceptable", "The answer has no form that is accepted"},
    {Problem::kRoomExists, 409, "room-exists", "The room exists already"},
    {Problem::kConflictingIds, 409, "conflicting-ids",
     "The update gives known ids another content"},
    {Problem::kAnotherGeneration, 409, "another-generation", "The room has another generation"},
    {Problem::kStillRunning, 409, "still-running", "A request with this key is under way"},
    {Problem::kVersionExists, 409, "version-exists", "The room has a version of this name"},
    {Problem::kModeRefused, 409, "mode-refused", "The mode cannot be entered now"},
    {Problem::kBlocked, 409, "blocked", "Something stands against it"},
    {Problem::kHistoryDropped, 410, "history-dropped", "The room does not keep this history"},
    {Problem::kLengthRequired, 411, "length-required", "The body needs a Content-Length"},
    {Problem::kPreconditionFailed, 412, "precondition-failed", "The condition does not hold"},
    {Problem::kTooLarge, 413, "too-large", "This is more than the server takes"},
    {Problem::kUnsupportedMediaType, 415, "unsupported-media-type",
     "The body has a type that is not taken here"},
    {Problem::kCannotBeDone, 422, "cannot-be-done", "The document does not permit this"},
    {Problem::kKeyReused, 422, "key-reused", "The key was used for another request"},
    {Problem::kFrozen, 423, "frozen", "The room is frozen"},
    {Problem::kInternal, 500, "internal", "Something went wrong in the server"},
    {Problem::kUnavailable, 503, "unavailable", "This cannot be done at the moment"},
};

}  // namespace

std::span<const ProblemKind> ProblemKinds() { return kKinds; }

HttpAnswer MakeProblem(Problem problem, std::string_view detail,
                       std::initializer_list<std::pair<std::string_view, std::string>> more) {
  const ProblemKind& kind = kKinds[static_cast<std::size_t>(problem)];
  CHECK(kind.problem == problem);
  HttpAnswer answer;
  answer.status = kind.status;
  answer.content_type = "application/problem+json";
  JsonObject out;
  out.Text("type", "urn:weft:problem:" + std::string(kind.slug));
  out.Text("title", kind.title).Number("status", kind.status).Text("detail", detail);
  for (const auto& [name, json] : more) out.Json(name, json);
  answer.text = out.Take();
  answer.text += '\n';
  if (kind.status == 503) answer.headers += "Retry-After: 5\r\n";
  return answer;
}

HttpAnswer ProblemFor(const absl::Status& status, Problem invalid) {
  const auto problem = [&] {
    switch (status.code()) {
      case absl::StatusCode::kInvalidArgument:
        return invalid;
      case absl::StatusCode::kNotFound:
        return Problem::kNoSuchRoom;
      case absl::StatusCode::kAlreadyExists:
        return Problem::kRoomExists;
      case absl::StatusCode::kFailedPrecondition:
        return Problem::kConflictingIds;
      case absl::StatusCode::kPermissionDenied:
        return Problem::kFrozen;
      case absl::StatusCode::kResourceExhausted:
        return Problem::kTooLarge;
      case absl::StatusCode::kOutOfRange:
        return Problem::kHistoryDropped;
      case absl::StatusCode::kUnavailable:
        return Problem::kUnavailable;
      default:
        return Problem::kInternal;
    }
  }();
  return MakeProblem(problem, std::string(status.message()));
}

}  // namespace weft::server::api
