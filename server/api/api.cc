#include "server/api/api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/call_parts.h"
#include "server/api/problem.h"
#include "server/page.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

// What every answer of the API says: it is no page, and what it shows may change at any time.
constexpr std::string_view kHeaders =
    "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n";

// With what the script of a page may ask, if it may (CORS).
HttpAnswer AnswerOptions(const Match& match) {
  HttpAnswer answer;
  answer.status = 204;
  answer.headers = absl::StrCat(
      "Allow: ", match.allowed, "\r\nAccess-Control-Allow-Methods: ", match.allowed,
      "\r\nAccess-Control-Allow-Headers: Authorization, Content-Type, If-Match, If-None-Match, "
      "Idempotency-Key, Weft-Lease\r\n");
  return answer;
}

// Whether a page of this very server asks, by whatever name it was found.
bool IsOwnPage(const Request& request) {
  const std::string host(request.header("Host"));
  const std::string_view origin = request.header("Origin");
  return origin == "http://" + host || origin == "https://" + host;
}

// What is wrong with the form of the request, if something is, as far as its header tells.
std::optional<HttpAnswer> CheckForm(const Context& call) {
  const Route& route = call.route;
  const Body& body = *call.request.body;
  if (route.body_types.empty()) {
    if (!body.present()) return std::nullopt;
    return MakeProblem(Problem::kBadRequest, "this call takes no body");
  }
  if (!body.present()) {
    if (route.body_optional) return std::nullopt;
    return MakeProblem(Problem::kLengthRequired, "the body is missing");
  }
  if (!body.has_length()) {
    return MakeProblem(Problem::kLengthRequired, "the length of the body is to be told in advance");
  }
  const std::string_view type = call.request.header("Content-Type");
  const auto fits = [type](std::string_view known) { return SameType(known, type); };
  if (std::ranges::any_of(route.body_types, fits)) return std::nullopt;
  std::string accepted;
  for (const std::string_view known : route.body_types) {
    absl::StrAppend(&accepted, accepted.empty() ? "" : ", ", std::string(known));
  }
  HttpAnswer answer = MakeProblem(Problem::kUnsupportedMediaType, "the body may be " + accepted);
  answer.headers += "Accept: " + accepted + "\r\n";
  return answer;
}

HttpAnswer Describe(const Context& call) {
  constexpr std::string_view kOffers[] = {kJson, "text/html"};
  const bool wants_page =
      call.route.path.empty() && ChooseType(call.request.header("Accept"), kOffers) == kOffers[1];
  const std::string_view path = wants_page ? "/api/index.html" : "/api/openapi.json";
  const auto file = std::ranges::find(PageFiles(), path, &PageFile::path);
  if (file == PageFiles().end()) return MakeProblem(Problem::kNoSuchPath, "there is no such page");
  HttpAnswer answer;
  answer.content_type = file->content_type;
  answer.headers = absl::StrCat("ETag: ", std::string(file->etag), "\r\nVary: Accept\r\n");
  if (IsKnown(call.request, file->etag)) {
    answer.status = 304;
  } else {
    answer.asset = file->bytes;
  }
  return answer;
}

}  // namespace

Api::Api(const Services& services)
    : services_(services),
      rooms_(services.log, services.worker_of_room, services.workers, executor_.get_executor()),
      tools_{.rooms = rooms_,
             .watcher = services.watcher,
             .keys = keys_,
             .modes = services.modes,
             .drafts = services.drafts} {}

bool Api::Serves(std::string_view target) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  return path == "/api" || path.starts_with("/api/");
}

void Api::Stop() { executor_.join(); }

asio::awaitable<Answer> Api::Handle(const Request& request) {
  Answer answer;
  const absl::StatusOr<Target> target = Target::Parse(request.target);
  if (!target.ok()) {
    answer.http = ProblemFor(target.status());
    answer.http.headers += kHeaders;
    co_return answer;
  }
  const Match match = FindRoute(request.method, target->segments());
  if (match.allowed.empty()) {
    answer.http = MakeProblem(Problem::kNoSuchPath, "GET /api tells what there is");
  } else if (request.method == "OPTIONS") {
    answer.http = AnswerOptions(match);
  } else if (match.route == nullptr) {
    answer.http = MakeProblem(Problem::kMethodNotAllowed, "here are served: " + match.allowed);
    answer.http.headers += "Allow: " + match.allowed + "\r\n";
  } else {
    absl::StatusOr<std::shared_ptr<const Rights>> rights = std::shared_ptr<const Rights>();
    const bool may_come = services_.origins.Allows(request.header("Origin")) || IsOwnPage(request);
    if (match.route->right != Right::kNone && !may_come) {
      rights = absl::PermissionDeniedError("pages of this origin may not ask (--allow-origin)");
    } else if (match.route->right != Right::kNone) {
      rights = co_await services_.access.Enter(request);
    }
    const std::string nothing;
    const std::string& room = match.values.empty() ? nothing : match.values[0];
    const std::string& value = match.values.size() < 2 ? nothing : match.values[1];
    if (absl::IsPermissionDenied(rights.status())) {
      answer.http = MakeProblem(Problem::kForbidden, std::string(rights.status().message()));
    } else if (absl::IsUnavailable(rights.status())) {
      answer.http = ProblemFor(rights.status());
    } else if (!rights.ok()) {
      answer.http = MakeProblem(Problem::kUnauthorized, std::string(rights.status().message()));
      answer.http.headers += "WWW-Authenticate: Bearer\r\n";
    } else {
      const Context call{.request = request,
                         .target = *target,
                         .route = *match.route,
                         .rights = *rights,
                         .room = room,
                         .value = value};
      answer = co_await Dispatch(call);
    }
  }
  answer.http.headers += services_.origins.CorsHeaders(request.header("Origin"));
  // The page that describes the API runs a script of its own.
  if (answer.http.content_type.find("html") == std::string_view::npos) {
    answer.http.headers += kHeaders;
  }
  co_return answer;
}

asio::awaitable<Answer> Api::Dispatch(const Context& call) {
  const Route& route = call.route;
  Answer answer;
  const bool of_room = route.path.starts_with("rooms/{}");
  if (of_room) {
    const absl::Status name = CheckRoomName(call.room);
    if (!name.ok()) {
      answer.http = ProblemFor(name);
      co_return answer;
    }
    if (services_.workers.front()->IsReserved(call.room)) {
      answer.http = MakeProblem(Problem::kForbidden, "this room is an application's");
      co_return answer;
    }
  }
  // Who lists rooms or hears of them is shown those that it may read.
  const bool filters = route.call == Call::kListRooms || route.call == Call::kEvents;
  const auto has = [&] { return of_room ? call.rights->In(call.room) : call.rights->InAll(); };
  if (!filters && route.right != Right::kNone && has() < route.right) {
    answer.http =
        MakeProblem(Problem::kForbidden, "this call needs more rights than the request has");
    co_return answer;
  }
  if (std::optional<HttpAnswer> problem = CheckForm(call)) {
    answer.http = *std::move(problem);
    co_return answer;
  }
  switch (route.call) {
    case Call::kDescription:
      answer.http = Describe(call);
      break;
    case Call::kListRooms:
      answer.http = co_await ListRooms(tools_, call);
      break;
    case Call::kReadRoom:
      answer.http = co_await ReadRoom(tools_, call);
      break;
    case Call::kReadUpdate:
    case Call::kReadStateVector:
    case Call::kReadJson:
    case Call::kReadText:
    case Call::kReadXml:
    case Call::kReadDelta:
      answer.http = co_await ReadContent(tools_, call);
      break;
    case Call::kSeedRoom:
      answer.http = co_await SeedRoom(tools_, call);
      break;
    case Call::kDeleteRoom:
      answer.http = co_await DeleteRoom(tools_, call);
      break;
    case Call::kPostUpdate:
      answer.http = co_await PostUpdate(tools_, call);
      break;
    case Call::kPostEdits:
      answer.http = co_await PostEdits(tools_, call);
      break;
    case Call::kReadChanges:
      answer.http = co_await ReadChanges(tools_, call);
      break;
    case Call::kReadDiff:
      answer.http = co_await ReadDiff(tools_, call);
      break;
    case Call::kListVersions:
      answer.http = co_await ListVersions(tools_, call);
      break;
    case Call::kReadVersion:
      answer.http = co_await ReadVersion(tools_, call);
      break;
    case Call::kPutVersion:
      answer.http = co_await PutVersion(tools_, call);
      break;
    case Call::kDropVersion:
      answer.http = co_await DropVersion(tools_, call);
      break;
    case Call::kRestore:
      answer.http = co_await Restore(tools_, call);
      break;
    case Call::kListModes:
      answer.http = co_await ListModes(tools_, call);
      break;
    case Call::kPostMode:
      answer.http = co_await PostMode(tools_, call);
      break;
    case Call::kDropMode:
      answer.http = co_await DropMode(tools_, call);
      break;
    case Call::kReadDraft:
      answer.http = co_await api::ReadDraft(tools_, call);
      break;
    case Call::kPostPublish:
      answer.http = co_await PostPublish(tools_, call);
      break;
    case Call::kDropDraft:
      answer.http = co_await DropDraft(tools_, call);
      break;
    case Call::kListMembers:
      answer.http = co_await ListMembers(tools_, call);
      break;
    case Call::kKickMember:
      answer.http = co_await KickMember(tools_, call);
      break;
    case Call::kFreeze:
      answer.http = co_await Freeze(tools_, call);
      break;
    case Call::kUnfreeze:
      answer.http = co_await Unfreeze(tools_, call);
      break;
    case Call::kEvents:
      answer = co_await Events(call);
      break;
    case Call::kStats:
      answer.http = AnswerHttp({.method = "GET", .target = "/health", .if_none_match = ""},
                               services_.health());
      answer.http.status = 200;
      answer.http.headers.clear();
      break;
  }
  co_return answer;
}

asio::awaitable<Answer> Api::Events(const Context& call) {
  Answer answer;
  const absl::Status known = CheckParameters(call.target, {"room", "prefix"});
  constexpr std::string_view kOffers[] = {kEventStream};
  if (!known.ok()) {
    answer.http = ProblemFor(known);
  } else if (!ChooseType(call.request.header("Accept"), kOffers)) {
    answer.http = MakeProblem(Problem::kNotAcceptable, "events come as text/event-stream");
  } else if (call.request.method == "HEAD") {
    answer.http.content_type = kEventStream;
  } else {
    const std::vector<std::string> rooms = call.target.Parameters("room");
    const std::string prefix(call.target.Parameter("prefix").value_or(""));
    EventHub::Wants wants = [rooms, prefix, rights = call.rights](std::string_view room) {
      const bool chosen = rooms.empty() || std::ranges::find(rooms, room) != rooms.end();
      return chosen && room.starts_with(prefix) && rights->In(room) >= Right::kRead;
    };
    answer.http.content_type = kEventStream;
    answer.stream = services_.events.Listen(std::move(wants), call.request.header("Last-Event-ID"),
                                            co_await asio::this_coro::executor);
    if (answer.stream == nullptr) {
      answer.http = MakeProblem(Problem::kUnavailable, "as many listen as may");
    }
  }
  co_return answer;
}

}  // namespace weft::server::api
