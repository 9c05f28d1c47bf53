#include "server/script/script_calls.h"

#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/json.h"
#include "server/api/media_type.h"
#include "server/script/http_refusal.h"
#include "server/script/schema.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

constexpr std::string_view kRevId[] = {"rev_id"};
constexpr std::string_view kPage[] = {"page"};
constexpr std::string_view kPageOfRevision[] = {"page", "rev_id"};
constexpr std::string_view kLoad[] = {"load"};
constexpr std::string_view kId[] = {"id"};
constexpr std::string_view kFromTo[] = {"from", "to"};

constexpr std::string_view kEditing =
    "collaborative edit in progress, or a draft of one is unsaved";

constexpr Guard kLooks = {.looks = true};
// Of what changes lines, and what stands at them.
constexpr Guard Editing(std::string_view doing) {
  return {.looks = true,
          .holds = true,
          .draft = true,
          .members = true,
          .frozen = true,
          .doing = doing,
          .why = kEditing};
}

constexpr Route kRoutes[] = {
    {.method = "GET", .path = "openapi.json"},
    {.method = "GET", .path = "shows", .run = &ListShows},
    {.method = "GET", .path = "show", .scope = Scope::kShow, .run = &ReadShow},
    {.method = "POST",
     .path = "show",
     .need = Need::kUser,
     .parameters = kLoad,
     .takes_body = true,
     .guard = {.frozen = true, .doing = "load another show"},
     .run = &LoadShow},
    {.method = "GET", .path = "auth", .need = Need::kUser, .run = &ReadUser},
    {.method = "GET", .path = "show/sessions/current", .run = &ReadSession},
    {.method = "POST",
     .path = "show/sessions/start",
     .need = Need::kWrite,
     .scope = Scope::kShow,
     .guard = {.frozen = true, .doing = "start a session"},
     .run = &StartSession},
    {.method = "POST",
     .path = "show/sessions/stop",
     .need = Need::kWrite,
     .scope = Scope::kShow,
     .run = &StopSession},
    {.method = "GET",
     .path = "show/script/config",
     .scope = Scope::kShow,
     .guard = kLooks,
     .run = &ReadConfig},
    {.method = "DELETE",
     .path = "show/script/draft",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .guard = {.frozen = true, .doing = "discard the draft"},
     .run = &DiscardDraft},
    {.method = "GET",
     .path = "show/script/revisions",
     .scope = Scope::kShow,
     .guard = kLooks,
     .run = &ReadRevisions},
    {.method = "POST",
     .path = "show/script/revisions",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .takes_body = true,
     .guard = {.looks = true,
               .draft = true,
               .members = true,
               .frozen = true,
               .doing = "create a revision from this one",
               .why = "it has an active room or unsaved draft"},
     .run = &CreateRevision,
     .revision_member = "parent_revision_id"},
    {.method = "DELETE",
     .path = "show/script/revisions",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .guard = {.looks = true,
               .holds = true,
               .draft = true,
               .members = true,
               .frozen = true,
               .doing = "delete this revision",
               .why = "it has an active room or unsaved draft"},
     .run = &DropRevision},
    {.method = "POST",
     .path = "show/script/revisions/current",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .takes_body = true,
     .guard = {.looks = true,
               .members = true,
               .frozen = true,
               .of_current = true,
               .doing = "load a revision",
               .why = "a collaborative edit session is under way in the current one"},
     .run = &LoadCurrent,
     .revision_member = "new_rev_id"},
    {.method = "GET",
     .path = "show/script/revisions/diff",
     .scope = Scope::kShow,
     .parameters = kFromTo,
     .run = &ReadDiff},
    {.method = "GET",
     .path = "show/script/compiled",
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .run = &ReadCompiled},
    {.method = "POST",
     .path = "show/script/validate",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .run = &Validate},
    {.method = "GET",
     .path = "show/script",
     .scope = Scope::kRevision,
     .parameters = kPageOfRevision,
     .run = &ReadPage},
    {.method = "POST",
     .path = "show/script",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kPage,
     .takes_body = true,
     .guard = Editing("add a page to the script"),
     .run = &CreatePage},
    {.method = "PATCH",
     .path = "show/script",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kPage,
     .takes_body = true,
     .guard = Editing("change a page of the script"),
     .run = &ReplacePageOf},
    {.method = "GET",
     .path = "show/script/cuts",
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .run = &ReadCuts},
    {.method = "PUT",
     .path = "show/script/cuts",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .takes_body = true,
     .guard = Editing("store the cuts"),
     .run = &WriteCuts},
    {.method = "GET",
     .path = "show/cues",
     .scope = Scope::kRevision,
     .parameters = kRevId,
     .run = &ReadCues},
    {.method = "POST",
     .path = "show/cues",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .takes_body = true,
     .guard = Editing("add a cue"),
     .run = &CreateCue},
    {.method = "DELETE",
     .path = "show/cues",
     .need = Need::kWrite,
     .scope = Scope::kRevision,
     .parameters = kId,
     .guard = Editing("delete a cue"),
     .run = &DropCue},
};

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

absl::Status Work::Write(const store::RowEdit& edit) const {
  return services.rows.Write([&edit](store::RowWriter& rows) {
    const auto now = GetStage(rows);
    if (!now.ok()) return now.status();
    if (now->session) return absl::PermissionDeniedError("a live session is in progress");
    return edit(rows);
  });
}

absl::StatusOr<std::uint64_t> NumberParameter(const api::Target& target, std::string_view name,
                                              std::uint64_t most) {
  const auto text = target.Parameter(name);
  std::uint64_t number = 0;
  if (text) {
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number <= most) return number;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the parameter ", std::string(name), "= is needed, a number of at most ", most));
}

Outcome Refused(HttpAnswer answer) { return {.http = std::move(answer)}; }
Outcome Refused(const absl::Status& status) { return Refused(RefusalFor(status)); }

std::optional<Outcome> RefuseBody(const std::vector<std::string>& problems) {
  if (problems.empty()) return std::nullopt;
  return Refused(Refuse(Refusal::kBadRequest, absl::StrJoin(problems, "; ")));
}

HttpAnswer JsonAnswer(const crdt::AnyObject& object, int status) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = api::kJson;
  answer.text = crdt::ToJsonText(object) + "\n";
  return answer;
}

bool IsKnown(const api::Request& request, std::string_view tag) {
  const std::string_view known = request.header("If-None-Match");
  return known == "*" || known.find(tag) != std::string_view::npos;
}

crdt::Any ToNumber(std::uint64_t number) { return static_cast<double>(number); }

crdt::Any CurrentOrNull(RevisionId current) {
  return RefToJson(Number(current) == 0 ? Ref() : Ref(Number(current)));
}

crdt::AnyObject ToJson(const RevisionInfo& revision) {
  return {
      {"id", ToNumber(Number(revision.id))},
      {"revision", ToNumber(revision.number)},
      {"previous_revision_id", RefToJson(revision.parent ? Ref(Number(*revision.parent)) : Ref())},
      {"description", revision.description},
      {"created_at", IsoTime(revision.created_ms)},
      {"edited_at", IsoTime(revision.edited_ms)},
      {"lines", ToNumber(revision.count)}};
}

}  // namespace weft::server::script
