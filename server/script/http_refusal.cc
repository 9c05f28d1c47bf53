#include "server/script/http_refusal.h"

#include <array>
#include <string>
#include <utility>

#include "crdt/base/check.h"
#include "server/api/json_object.h"

namespace weft::server::script {
namespace {

using api::JsonObject;

struct Kind {
  Refusal refusal;
  int status;
  std::string_view slug;   // the type is "urn:weft:problem:" and this
  std::string_view title;  // the same for each problem of this type
};

constexpr std::array kKinds = {
    Kind{Refusal::kBadRequest, 400, "bad-request", "The request cannot be understood"},
    Kind{Refusal::kNoShow, 400, "no-show", "No show is loaded"},
    Kind{Refusal::kFirstRevision, 400, "first-revision", "The first revision stays"},
    Kind{Refusal::kUnauthorized, 401, "unauthorized", "The request needs a valid token"},
    Kind{Refusal::kForbidden, 403, "forbidden", "The user's role does not permit this"},
    Kind{Refusal::kNoSuchPath, 404, "no-such-path", "There is no such path"},
    Kind{Refusal::kNotFound, 404, "not-found", "There is no such thing"},
    Kind{Refusal::kMethodNotAllowed, 405, "method-not-allowed",
         "The path does not take this method"},
    Kind{Refusal::kBlocked, 409, "blocked", "Something else has to end first"},
    Kind{Refusal::kPageExists, 409, "page-exists", "The page has lines already"},
    Kind{Refusal::kNotLive, 409, "not-live", "No live session is running"},
    Kind{Refusal::kLengthRequired, 411, "length-required", "The body needs a Content-Length"},
    Kind{Refusal::kPreconditionFailed, 412, "precondition-failed", "The condition does not hold"},
    Kind{Refusal::kTooLarge, 413, "too-large", "This is more than the server takes"},
    Kind{Refusal::kUnsupportedMediaType, 415, "unsupported-media-type",
         "The body has a type that is not taken here"},
    Kind{Refusal::kInvalidScript, 422, "invalid-script", "The script would not be valid"},
    Kind{Refusal::kInternal, 500, "internal", "Something went wrong in the server"},
    Kind{Refusal::kUnavailable, 503, "unavailable", "This cannot be done at the moment"},
};

HttpAnswer Answer(Refusal refusal, std::string_view detail, std::string_view member = {},
                  std::string_view json = {}) {
  const Kind& kind = kKinds[std::to_underlying(refusal)];
  CHECK(kind.refusal == refusal);
  JsonObject object;
  object.Text("type", "urn:weft:problem:" + std::string(kind.slug))
      .Text("title", kind.title)
      .Number("status", kind.status)
      .Text("detail", detail)
      .Text("message", detail);
  if (!member.empty()) object.Json(member, json);
  HttpAnswer answer;
  answer.status = kind.status;
  answer.content_type = "application/problem+json";
  answer.text = object.Take() + "\n";
  if (kind.status == 401) answer.headers += "WWW-Authenticate: Bearer\r\n";
  if (kind.status == 503) answer.headers += "Retry-After: 5\r\n";
  return answer;
}

Refusal RefusalOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return Refusal::kBadRequest;
    case absl::StatusCode::kUnauthenticated:
      return Refusal::kUnauthorized;
    case absl::StatusCode::kNotFound:
      return Refusal::kNotFound;
    case absl::StatusCode::kAlreadyExists:
      return Refusal::kPageExists;
    case absl::StatusCode::kAborted:
      return Refusal::kPreconditionFailed;
    case absl::StatusCode::kResourceExhausted:  // of the disk
    case absl::StatusCode::kUnavailable:
      return Refusal::kUnavailable;
    default:
      return Refusal::kInternal;
  }
}

}  // namespace

HttpAnswer Refuse(Refusal refusal, std::string_view detail) { return Answer(refusal, detail); }

HttpAnswer RefuseBlocked(std::string_view detail, std::span<const lease::Blocker> blockers) {
  std::vector<std::string> list;
  for (const lease::Blocker& blocker : blockers) {
    list.push_back(JsonObject().Text("code", blocker.code).Text("detail", blocker.detail).Take());
  }
  return Answer(Refusal::kBlocked, detail, "blockers", api::JsonArray(list));
}

HttpAnswer RefuseInvalid(const std::vector<Problem>& problems) {
  return Answer(Refusal::kInvalidScript, Describe(problems), "problems", ToJson(problems));
}

HttpAnswer RefusalFor(const absl::Status& status) {
  const std::string_view why(status.message().data(), status.message().size());
  if (absl::IsPermissionDenied(status)) {
    const std::array blockers = {lease::Blocker{"frozen", std::string(why)}};
    return RefuseBlocked(why, blockers);
  }
  return Answer(RefusalOf(status.code()), why);
}

}  // namespace weft::server::script
