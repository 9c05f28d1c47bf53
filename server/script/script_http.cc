#include "server/script/script_http.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "crdt/json.h"
#include "crdt/json_error.h"
#include "server/api/await.h"
#include "server/api/media_type.h"
#include "server/log_event.h"
#include "server/page.h"
#include "server/script/compile.h"
#include "server/script/http_refusal.h"
#include "server/script/json_place.h"

namespace weft::server::script {
namespace {

using api::Await;
using api::Deliver;
using api::RunOn;

constexpr std::string_view kPrefix = "/api/v1/";
constexpr std::string_view kDescription = "/api/v1/openapi.json";
constexpr std::size_t kJsonDepth = 16;
// What every answer says: it is no page, and what it shows may change at any time.
constexpr std::string_view kHeaders =
    "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n";

std::string_view PathOf(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

struct Match {
  const Route* route = nullptr;  // null when no route has this path and method
  std::string allowed;           // empty when there is no such path
};
Match FindRoute(std::string_view method, std::string_view path) {
  Match match;
  if (!path.starts_with(kPrefix)) return match;
  path.remove_prefix(kPrefix.size());
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : Routes()) {
    if (route.path != path) continue;
    absl::StrAppend(&match.allowed, match.allowed.empty() ? "" : ", ", std::string(route.method),
                    route.method == "GET" ? ", HEAD" : "");
    if (route.method == wanted) match.route = &route;
  }
  if (!match.allowed.empty()) match.allowed += ", OPTIONS";
  return match;
}

HttpAnswer Describe(const api::Request& request) {
  const auto file = std::ranges::find(PageFiles(), kDescription, &PageFile::path);
  if (file == PageFiles().end()) return Refuse(Refusal::kNoSuchPath, "there is no description");
  HttpAnswer answer;
  answer.content_type = file->content_type;
  answer.headers = absl::StrCat("ETag: ", std::string(file->etag), "\r\n");
  if (IsKnown(request, file->etag)) {
    answer.status = 304;
  } else {
    answer.asset = file->bytes;
  }
  return answer;
}

// What is wrong with the request, if something is, as far as its header tells.
std::optional<HttpAnswer> CheckForm(const api::Request& request, const api::Target& target,
                                    const Route& route) {
  for (const auto& [name, value] : target.parameters()) {
    if (std::ranges::find(route.parameters, name) == route.parameters.end()) {
      return Refuse(Refusal::kBadRequest,
                    absl::StrCat("there is no parameter \"", name, "\" here"));
    }
  }
  const api::Body& body = *request.body;
  if (!route.takes_body) {
    if (!body.present()) return std::nullopt;
    return Refuse(Refusal::kBadRequest, "this call takes no body");
  }
  if (!body.present() || !body.has_length()) {
    return Refuse(Refusal::kLengthRequired, body.present()
                                                ? "the length of the body is to be told in advance"
                                                : "the body is missing");
  }
  if (!api::SameType(request.header("Content-Type"), api::kJson)) {
    HttpAnswer answer = Refuse(Refusal::kUnsupportedMediaType, "the body may be application/json");
    answer.headers += "Accept: application/json\r\n";
    return answer;
  }
  return std::nullopt;
}

// The body as a JSON object. Fails: kInvalidArgument, with where and why.
absl::StatusOr<crdt::Any> ParseBody(std::string_view text) {
  std::optional<crdt::Any> value = crdt::ParseJson(text, kJsonDepth);
  if (!value) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is no JSON: ", crdt::ExplainJsonError(text, kJsonDepth)));
  }
  if (value->AsObject() == nullptr) {
    return absl::InvalidArgumentError("the body is JSON, but no object");
  }
  return *std::move(value);
}

// "Bearer TOKEN"; empty without one.
std::string_view BearerOf(const api::Request& request) {
  std::string_view header = request.header("Authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (header.size() < kBearer.size() ||
      !std::ranges::equal(header.substr(0, kBearer.size()), kBearer, {},
                          [](char letter) { return letter | 0x20; })) {
    return {};
  }
  return header.substr(kBearer.size());
}

// Which revision a call is about; nothing when it names none. Fails: kInvalidArgument.
absl::StatusOr<std::optional<RevisionId>> NamedRevision(const Work& work, const Route& route) {
  if (std::ranges::find(route.parameters, "rev_id") != route.parameters.end() &&
      work.target.Parameter("rev_id")) {
    const auto id = NumberParameter(work.target, "rev_id");
    if (!id.ok()) return id.status();
    return std::optional(RevisionId{*id});
  }
  if (route.revision_member.empty()) return std::optional<RevisionId>();
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  const auto id = body.Member(route.revision_member).OptionalId();
  if (!problems.empty()) return absl::InvalidArgumentError(problems.front());
  return id ? std::optional(RevisionId{*id}) : std::optional<RevisionId>();
}

// Fills in what the call is about. The answer when that is not there, or not for this user.
std::optional<HttpAnswer> FindSubject(const Route& route, Work& work) {
  std::optional<HttpAnswer> refused;
  const absl::Status read = work.Read([&](const store::RowReader& rows) {
    auto stage = GetStage(rows);
    if (!stage.ok()) return stage.status();
    work.stage = *stage;
    if (route.scope == Scope::kServer) return absl::OkStatus();
    if (!stage->show) {
      refused = Refuse(Refusal::kNoShow, "No show loaded");
      return absl::OkStatus();
    }
    work.show = *stage->show;
    if (route.need == Need::kWrite && !MayWrite(*work.user, work.show)) {
      refused = Refuse(Refusal::kForbidden, "Insufficient permissions");
      return absl::OkStatus();
    }
    const auto script = GetScript(rows, work.show);
    if (!script.ok()) return script.status();
    work.current = script->current;
    if (route.scope == Scope::kShow) return absl::OkStatus();
    const auto named = NamedRevision(work, route);
    if (!named.ok()) return named.status();
    if (!*named && Number(work.current) == 0) return absl::NotFoundError("No active revision");
    const auto revision = GetRevision(rows, work.show, named->value_or(work.current));
    if (!revision.ok()) return revision.status();
    work.revision = *revision;
    return absl::OkStatus();
  });
  if (!read.ok()) return RefusalFor(read);
  return refused;
}

// 409, if something stands against the call.
std::optional<HttpAnswer> FindBlockers(const Route& route, const Work& work) {
  const Guard& guard = route.guard;
  const RevisionRoom room = work.RoomOf(guard.of_current ? work.current : work.revision.id);
  lease::WriteState state;
  if (guard.frozen && work.stage.session) state.frozen = "a live session is in progress";
  if (guard.draft) {
    const auto draft = work.services.draft(room);
    if (!draft.ok()) return RefusalFor(draft.status());
    state.has_draft = draft->has_draft;
    state.publishing = draft->publishing;
  }
  if (guard.members) state.members = work.hub.MembersOf(room);
  const std::vector<lease::Blocker> blockers = lease::WriteBlockers(state);
  if (blockers.empty()) return std::nullopt;
  std::vector<std::string> why;
  if (state.frozen) why.push_back(*state.frozen);
  if (state.has_draft || state.publishing || state.members > 0) why.emplace_back(guard.why);
  return RefuseBlocked(
      absl::StrCat("Cannot ", std::string(guard.doing), ": ", absl::StrJoin(why, "; ")), blockers);
}

}  // namespace

bool ScriptHttp::Serves(std::string_view path) {
  return path == "/api/v1" || path.starts_with(kPrefix);
}

asio::awaitable<api::Answer> ScriptHttp::Handle(const api::Request& request) {
  api::Answer answer;
  const Match match = FindRoute(request.method, PathOf(request.target));
  const absl::StatusOr<api::Target> target = api::Target::Parse(request.target);
  if (match.allowed.empty()) {
    answer.http = Refuse(Refusal::kNoSuchPath, "GET /api/v1/openapi.json tells what there is");
  } else if (request.method == "OPTIONS") {
    answer.http = {.status = 204, .headers = absl::StrCat("Allow: ", match.allowed, "\r\n")};
  } else if (match.route == nullptr) {
    answer.http = Refuse(Refusal::kMethodNotAllowed, "here are served: " + match.allowed);
    answer.http.headers += absl::StrCat("Allow: ", match.allowed, "\r\n");
  } else if (!target.ok()) {
    answer.http = RefusalFor(target.status());
  } else {
    answer.http = co_await Answer(request, *target, *match.route);
  }
  answer.http.headers += kHeaders;
  co_return answer;
}

asio::awaitable<HttpAnswer> ScriptHttp::Answer(const api::Request& request,
                                               const api::Target& target, const Route& route) {
  std::optional<HttpAnswer> refused;
  std::optional<User> user;
  if (route.need != Need::kNothing) {
    std::move_only_function<absl::StatusOr<User>()> identify = [this, token = BearerOf(request)] {
      return services_.identify(token);
    };
    absl::StatusOr<User> found =
        co_await RunOn<absl::StatusOr<User>>(executor_, std::move(identify));
    if (!found.ok()) co_return RefusalFor(found.status());
    user = *std::move(found);
  }
  refused = CheckForm(request, target, route);
  if (refused) co_return *std::move(refused);
  crdt::Any body;
  if (route.takes_body) {
    const absl::StatusOr<std::string_view> text = co_await request.body->Read(kMaxBodyBytes);
    if (absl::IsResourceExhausted(text.status())) {
      co_return Refuse(Refusal::kTooLarge, std::string(text.status().message()));
    }
    if (!text.ok()) co_return RefusalFor(text.status());
    absl::StatusOr<crdt::Any> parsed = ParseBody(*text);
    if (!parsed.ok()) co_return RefusalFor(parsed.status());
    body = *std::move(parsed);
  }
  if (route.run == nullptr) co_return Describe(request);
  Work work{.services = services_,
            .request = request,
            .target = target,
            .body = body,
            .user = user ? &*user : nullptr,
            .now_ms = services_.now_ms()};
  std::move_only_function<std::optional<HttpAnswer>()> find = [&] {
    return FindSubject(route, work);
  };
  refused = co_await RunOn<std::optional<HttpAnswer>>(executor_, std::move(find));
  if (refused) co_return *std::move(refused);
  Outcome outcome = co_await Guarded(route, work);
  co_return co_await Finish(outcome);
}

asio::awaitable<Outcome> ScriptHttp::Guarded(const Route& route, Work& work) {
  const RevisionRoom room = work.RoomOf(work.revision.id);
  if (route.guard.looks) {
    std::move_only_function<void(Deliver<HubStatus>)> look =
        [&, holds = route.guard.holds](Deliver<HubStatus> deliver) {
          if (holds) {
            services_.hub.Hold(room, std::move(deliver));
          } else {
            services_.hub.Look(std::move(deliver));
          }
        };
    work.hub = co_await Await<HubStatus>(std::move(look));
  }
  std::move_only_function<Outcome()> run = [&] {
    std::optional<HttpAnswer> blocked = FindBlockers(route, work);
    return blocked ? Refused(*std::move(blocked)) : route.run(work);
  };
  Outcome outcome = co_await RunOn<Outcome>(executor_, std::move(run));
  // Nobody can be asked any more whether the server ends before this: then it matters no more, either.
  if (route.guard.holds) services_.hub.Release(room);
  co_return outcome;
}

asio::awaitable<HttpAnswer> ScriptHttp::Finish(Outcome& outcome) {
  HubCalls& hub = services_.hub;
  if (outcome.discard) {
    std::move_only_function<void(Deliver<absl::Status>)> discard =
        [&](Deliver<absl::Status> deliver) { hub.Discard(*outcome.discard, std::move(deliver)); };
    const absl::Status discarded = co_await Await<absl::Status>(std::move(discard));
    // Another publish or discard is under way.
    if (absl::IsAborted(discarded)) {
      const lease::Blocker blocker{"publishing", std::string(discarded.message())};
      co_return RefuseBlocked("Cannot discard the draft: it is being saved or discarded",
                              {&blocker, 1});
    }
    if (!discarded.ok()) co_return RefusalFor(discarded);
  }
  if (outcome.live) {
    std::move_only_function<void(Deliver<HubCalls::Done>)> set =
        [&](Deliver<HubCalls::Done> deliver) { hub.SetLive(*outcome.live, std::move(deliver)); };
    co_await Await<HubCalls::Done>(std::move(set));
  }
  if (outcome.current_changed) {
    std::move_only_function<void(Deliver<HubCalls::Done>)> tell =
        [&](Deliver<HubCalls::Done> deliver) { hub.CurrentChanged(std::move(deliver)); };
    co_await Await<HubCalls::Done>(std::move(tell));
  }
  for (const std::string& action : outcome.tell) hub.TellAll(action);
  if (outcome.compile) {
    asio::post(pool_, [this, room = *outcome.compile] {
      const absl::Status compiled = CompileStored(services_.rows, room.show, room.revision);
      if (compiled.ok() || absl::IsNotFound(compiled)) return;
      LogEvent(LogLevel::kWarning, "script-not-compiled",
               {{"revision", Number(room.revision)}, {"error", std::string(compiled.message())}},
               absl::StrCat("revision ", Number(room.revision),
                            " is not compiled: ", std::string(compiled.message())));
    });
  }
  co_return std::move(outcome.http);
}

}  // namespace weft::server::script
