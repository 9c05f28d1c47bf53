#include <utility>

#include "absl/strings/str_cat.h"
#include "server/script/http_refusal.h"
#include "server/script/json_place.h"
#include "server/script/schema.h"
#include "server/script/script_calls.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using store::RowReader;
using store::RowWriter;

Any OrNull(std::optional<ShowId> show) { return RefToJson(show ? Ref(Number(*show)) : Ref()); }

// What the current show's revisions have that is not saved.
absl::StatusOr<std::vector<lease::Blocker>> DraftsOf(const Work& work, ShowId show) {
  absl::StatusOr<std::vector<RevisionInfo>> revisions = std::vector<RevisionInfo>();
  const absl::Status read = work.Read([&](const RowReader& rows) {
    revisions = ListRevisions(rows, show);
    return revisions.status();
  });
  if (!read.ok()) return read;
  std::vector<lease::Blocker> blockers;
  for (const RevisionInfo& revision : *revisions) {
    const auto draft = work.services.draft({.show = show, .revision = revision.id});
    if (!draft.ok()) return draft.status();
    for (lease::Blocker& blocker :
         lease::WriteBlockers({.publishing = draft->publishing, .has_draft = draft->has_draft})) {
      blocker.detail = absl::StrCat("revision ", revision.number, ": ", blocker.detail);
      blockers.push_back(std::move(blocker));
    }
  }
  return blockers;
}

AnyObject ToJson(const LiveSession& session, const std::optional<User>& starter) {
  return {{"id", ToNumber(session.id)},
          {"show_id", ToNumber(Number(session.show))},
          {"started_at", IsoTime(session.started_ms)},
          {"started_by", AnyObject{{"user_id", ToNumber(Number(session.started_by))},
                                   {"username", starter ? starter->username : "Unknown"}}}};
}

// Who may write in it, if there is such a show.
absl::Status MayLoad(const RowReader& rows, const User& user, ShowId show) {
  const auto found = FindShow(rows, show);
  if (!found.ok()) return found.status();
  if (!*found) return absl::NotFoundError(absl::StrCat("there is no show ", Number(show)));
  if (MayWrite(user, show)) return absl::OkStatus();
  return absl::FailedPreconditionError("Insufficient permissions");
}

}  // namespace

Outcome ListShows(const Work& work) {
  Any::Array list;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const auto shows = script::ListShows(rows);
    if (!shows.ok()) return shows.status();
    for (const Show& show : *shows) {
      list.emplace_back(AnyObject{{"id", ToNumber(Number(show.id))}, {"name", show.name}});
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return Refused(read);
  return {.http =
              JsonAnswer({{"current_show", OrNull(work.stage.show)}, {"shows", std::move(list)}})};
}

Outcome ReadShow(const Work& work) {
  AnyObject json;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const auto show = FindShow(rows, work.show);
    if (!show.ok()) return show.status();
    if (!*show) return absl::NotFoundError("the show is gone");
    const auto script = GetScript(rows, work.show);
    if (!script.ok()) return script.status();
    json = script::ToJson(**show);
    json.Set("current_revision", CurrentOrNull(script->current));
    json.Set("mode", script->mode == ScriptMode::kCompact ? "compact" : "full");
    return absl::OkStatus();
  });
  if (!read.ok()) return Refused(read);
  return {.http = JsonAnswer(json)};
}

Outcome LoadShow(const Work& work) {
  if (work.target.Parameter("load") != "true") {
    return Refused(Refuse(Refusal::kBadRequest,
                          "shows come by import; load=true chooses the one that is worked on"));
  }
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"id"});
  const ShowId show{body.Member("id").Id()};
  if (const auto refused = RefuseBody(problems)) return *refused;
  const std::optional<ShowId> before = work.stage.show;
  if (before && before != show) {
    const auto drafts = DraftsOf(work, *before);
    if (!drafts.ok()) return Refused(drafts.status());
    if (!drafts->empty()) {
      return Refused(
          RefuseBlocked("Cannot load another show: this one has an unsaved draft, which is to be "
                        "saved or discarded",
                        *drafts));
    }
  }
  bool has_changed = false;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    absl::Status may = MayLoad(rows, *work.user, show);
    if (may.ok() && before) may = MayLoad(rows, *work.user, *before);
    if (!may.ok()) return may;
    auto stage = GetStage(rows);
    if (!stage.ok()) return stage.status();
    has_changed = stage->show != show;
    stage->show = show;
    return PutStage(rows, *stage);
  });
  if (absl::IsFailedPrecondition(written)) {
    return Refused(Refuse(Refusal::kForbidden, std::string(written.message())));
  }
  if (!written.ok()) return Refused(written);
  Outcome outcome{.http = JsonAnswer({{"current_show", ToNumber(Number(show))}})};
  outcome.current_changed = has_changed;
  if (has_changed) outcome.tell = {"SHOW_CHANGED"};
  return outcome;
}

Outcome ReadUser(const Work& work) {
  const User& user = *work.user;
  AnyObject json = script::ToJson(user);
  json.Set("may_write", work.stage.show && MayWrite(user, *work.stage.show));
  return {.http = JsonAnswer(json)};
}

Outcome ReadSession(const Work& work) {
  Any session = Any::Null{};
  if (work.stage.session) {
    const LiveSession& live = *work.stage.session;
    std::optional<User> starter;
    const absl::Status read = work.Read([&](const RowReader& rows) {
      const auto found = FindUser(rows, live.started_by);
      if (found.ok()) starter = *found;
      return found.status();
    });
    if (!read.ok()) return Refused(read);
    session = ToJson(live, starter);
  }
  return {.http = JsonAnswer(
              {{"live", work.stage.session.has_value()}, {"session", std::move(session)}})};
}

Outcome StartSession(const Work& work) {
  LiveSession session;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    auto stage = GetStage(rows);
    if (!stage.ok()) return stage.status();
    session = {.id = stage->next_session++,
               .show = work.show,
               .started_by = work.user->id,
               .started_ms = work.now_ms};
    stage->session = session;
    return PutStage(rows, *stage);
  });
  if (!written.ok()) return Refused(written);
  return {.http = JsonAnswer({{"live", true}, {"session", ToJson(session, *work.user)}}, 201),
          .live = true,
          .tell = {"GET_SHOW_SESSION_DATA"}};
}

Outcome StopSession(const Work& work) {
  bool was_live = false;
  const absl::Status written = work.services.rows.Write([&](RowWriter& rows) {
    auto stage = GetStage(rows);
    if (!stage.ok()) return stage.status();
    was_live = stage->session.has_value();
    stage->session.reset();
    return was_live ? PutStage(rows, *stage) : absl::OkStatus();
  });
  if (!written.ok()) return Refused(written);
  if (!was_live) return Refused(Refuse(Refusal::kNotLive, "no live session is running"));
  return {.http = JsonAnswer({{"live", false}, {"session", Any::Null{}}}),
          .live = false,
          .tell = {"GET_SHOW_SESSION_DATA"}};
}

}  // namespace weft::server::script
