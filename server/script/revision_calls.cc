#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/api/media_type.h"
#include "server/script/compile.h"
#include "server/script/http_refusal.h"
#include "server/script/json_place.h"
#include "server/script/line_json.h"
#include "server/script/revision_diff.h"
#include "server/script/revisions.h"
#include "server/script/save.h"
#include "server/script/schema.h"
#include "server/script/script_calls.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using crdt::Bytes;
using store::RowReader;
using store::RowWriter;

constexpr std::size_t kMaxDescriptionBytes = 4'096;
constexpr std::size_t kJsonDepth = 16;

Any::Array ToJson(const std::vector<HubStatus::Person>& people) {
  Any::Array list;
  for (const HubStatus::Person& person : people) {
    list.emplace_back(
        AnyObject{{"internal_id", person.internal_id},
                  {"username", person.username},
                  {"user_id", RefToJson(person.user ? Ref(Number(*person.user)) : Ref())}});
  }
  return list;
}

Any::Array ToJson(const std::vector<const Line*>& lines) {
  Any::Array list;
  for (const Line* line : lines) list.push_back(script::ToJson(*line));
  return list;
}

Any::Array ToJson(const std::vector<RevisionDiff::Changed>& lines) {
  Any::Array list;
  for (const RevisionDiff::Changed& line : lines) {
    list.emplace_back(
        AnyObject{{"from", script::ToJson(*line.from)}, {"to", script::ToJson(*line.to)}});
  }
  return list;
}

AnyObject Message(std::string_view text) { return {{"message", text}}; }

// What a client that decodes no gzip is sent in its place.
bool TakesGzip(const api::Request& request) {
  const std::string_view accepted = request.header("Accept-Encoding");
  return accepted.find("gzip") != std::string_view::npos &&
         accepted.find("gzip;q=0") == std::string_view::npos;
}

}  // namespace

Outcome ReadConfig(const Work& work) {
  const RevisionRoom room = work.RoomOf(work.current);
  const auto draft = work.services.draft(room);
  if (!draft.ok()) return Refused(draft.status());
  const std::size_t members = work.hub.MembersOf(room);
  return {.http = JsonAnswer(
              {{"editors", ToJson(work.hub.editors)},
               {"cutters", ToJson(work.hub.cutters)},
               {"hasDraft", draft->has_draft},
               {"draft_since", draft->since_ms > 0 ? Any(IsoTime(draft->since_ms)) : Any::Null{}},
               {"saving", draft->publishing},
               {"live", work.stage.session.has_value()},
               {"room", members > 0 ? Any(NameOf(room)) : Any::Null{}},
               {"members", ToNumber(members)}})};
}

Outcome DiscardDraft(const Work& work) {
  return {.http = JsonAnswer(Message("The draft is discarded")),
          .discard = work.RoomOf(work.revision.id)};
}

Outcome ReadRevisions(const Work& work) {
  std::vector<RevisionInfo> revisions;
  const absl::Status read = work.Read(
      [&](const RowReader& rows) { return Keep(ListRevisions(rows, work.show), revisions); });
  if (!read.ok()) return Refused(read);
  Any::Array list;
  for (const RevisionInfo& revision : revisions) {
    const auto draft = work.services.draft(work.RoomOf(revision.id));
    if (!draft.ok()) return Refused(draft.status());
    AnyObject json = script::ToJson(revision);
    // People in the room lock a revision as a draft does; clients look at this one member.
    json.Set("has_draft", draft->has_draft || work.hub.MembersOf(work.RoomOf(revision.id)) > 0);
    list.emplace_back(std::move(json));
  }
  return {.http = JsonAnswer(
              {{"current_revision", CurrentOrNull(work.current)}, {"revisions", std::move(list)}})};
}

Outcome CreateRevision(const Work& work) {
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"parent_revision_id", "description", "set_as_current"});
  Branch branch{.show = work.show,
                .parent = work.revision.id,
                .description = body.Member("description").Text(),
                .set_current = body.Member("set_as_current").BoolOr(true),
                .now_ms = work.now_ms};
  if (problems.empty() && branch.description.empty()) {
    body.Member("description").Tell("is empty");
  }
  if (branch.description.size() > kMaxDescriptionBytes) {
    body.Member("description").Tell(absl::StrCat("has more than ", kMaxDescriptionBytes, " bytes"));
  }
  if (const auto refused = RefuseBody(problems)) return *refused;
  RevisionInfo made;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    const auto branched = BranchRevision(rows, branch);
    if (branched.ok()) made = *branched;
    return branched.status();
  });
  if (!written.ok()) return Refused(written);
  AnyObject json = script::ToJson(made);
  json.Set("current", branch.set_current);
  Outcome outcome{.http = JsonAnswer(json, 201), .compile = work.RoomOf(made.id)};
  outcome.current_changed = branch.set_current;
  if (!branch.set_current) outcome.tell = {"GET_SCRIPT_REVISIONS"};
  return outcome;
}

Outcome DropRevision(const Work& work) {
  if (!work.target.Parameter("rev_id")) {
    return Refused(Refuse(Refusal::kBadRequest, "the parameter rev_id= is needed, a number"));
  }
  if (!work.revision.parent) {
    return Refused(Refuse(Refusal::kFirstRevision, absl::StrCat("revision ", work.revision.number,
                                                                " is the first one, which stays")));
  }
  bool was_current = false;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    const auto script = GetScript(rows, work.show);
    if (!script.ok()) return script.status();
    was_current = script->current == work.revision.id;
    return DeleteRevision(rows, work.show, work.revision.id);
  });
  if (!written.ok()) return Refused(written);
  Outcome outcome{.http = JsonAnswer(Message("The revision is deleted"))};
  outcome.current_changed = was_current;
  if (!was_current) outcome.tell = {"GET_SCRIPT_REVISIONS"};
  return outcome;
}

Outcome LoadCurrent(const Work& work) {
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"new_rev_id"});
  body.Member("new_rev_id").Id();
  if (const auto refused = RefuseBody(problems)) return *refused;
  const absl::Status written =
      work.Write([&](RowWriter& rows) { return SetCurrent(rows, work.show, work.revision.id); });
  if (!written.ok()) return Refused(written);
  return {.http = JsonAnswer({{"current_revision", ToNumber(Number(work.revision.id))}}),
          .current_changed = work.revision.id != work.current,
          .compile = work.RoomOf(work.revision.id)};
}

Outcome ReadDiff(const Work& work) {
  const auto from = NumberParameter(work.target, "from");
  if (!from.ok()) return Refused(from.status());
  const auto to = NumberParameter(work.target, "to");
  if (!to.ok()) return Refused(to.status());
  Revision old_one;
  Revision new_one;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const absl::Status status = Keep(LoadRevision(rows, work.show, RevisionId{*from}), old_one);
    if (!status.ok()) return status;
    return Keep(LoadRevision(rows, work.show, RevisionId{*to}), new_one);
  });
  if (!read.ok()) return Refused(read);
  const RevisionDiff diff = Compare(old_one, new_one);
  return {.http = JsonAnswer({{"from", ToNumber(*from)},
                              {"to", ToNumber(*to)},
                              {"added", ToJson(diff.added)},
                              {"removed", ToJson(diff.removed)},
                              {"changed", ToJson(diff.changed)},
                              {"moved", ToJson(diff.moved)}})};
}

Outcome ReadCompiled(const Work& work) {
  const RevisionId id = work.revision.id;
  HttpAnswer answer;
  answer.content_type = api::kJson;
  const std::string tag = absl::StrCat("\"", absl::Hex(work.revision.hash, absl::kZeroPad16), "\"");
  answer.headers = absl::StrCat("ETag: ", tag, "\r\nVary: Accept-Encoding\r\n");
  if (IsKnown(work.request, tag)) {
    answer.status = 304;
    return {.http = std::move(answer)};
  }
  if (!TakesGzip(work.request)) {
    const absl::Status read = work.Read([&](const RowReader& rows) {
      const auto revision = LoadRevision(rows, work.show, id);
      if (revision.ok()) answer.text = CompiledJson(*revision);
      return revision.status();
    });
    if (!read.ok()) return Refused(read);
    return {.http = std::move(answer)};
  }
  std::optional<Bytes> compiled;
  const auto find = [&](const RowReader& rows) {
    return Keep(FindCompiled(rows, work.show, id), compiled);
  };
  absl::Status status = work.Read(find);
  if (status.ok() && !compiled) {
    status = CompileStored(work.services.rows, work.show, id);
    if (status.ok()) status = work.Read(find);
  }
  if (!status.ok()) return Refused(status);
  if (!compiled) {
    return Refused(
        Refuse(Refusal::kUnavailable, "the revision changes faster than it is compiled"));
  }
  answer.headers += "Content-Encoding: gzip\r\n";
  answer.text = crdt::AsText(*compiled);
  return {.http = std::move(answer)};
}

// What saving would say, without saving.
Outcome Validate(const Work& work) {
  const auto stored = work.services.document(work.RoomOf(work.revision.id));
  if (!stored.ok()) return Refused(stored.status());
  const auto draft = work.services.draft(work.RoomOf(work.revision.id));
  if (!draft.ok()) return Refused(draft.status());
  PreparedSave save;
  absl::Status status = work.Read([&](const RowReader& rows) {
    SaveRequest request{.show = work.show,
                        .revision = work.revision.id,
                        .base_hash = draft->base,
                        .now_ms = work.now_ms};
    RoomBeginning built;
    if (*stored) {
      request.state = **stored;
    } else {
      const absl::Status begun = Keep(BeginRoom(rows, work.RoomOf(work.revision.id)), built);
      if (!begun.ok()) return begun;
      request.state = built.update;
      request.base_hash = built.hash;
    }
    return Keep(PrepareSave(request, rows), save);
  });
  if (absl::IsFailedPrecondition(status)) {
    save.problems = {{.kind = Problem::Kind::kNotThisRevision,
                      .field = "meta.revision_id",
                      .what = std::string(status.message())}};
  } else if (absl::IsInvalidArgument(status)) {
    return Refused(absl::DataLossError("the stored document is none"));
  } else if (!status.ok()) {
    return Refused(status);
  }
  const auto problems = crdt::ParseJson(script::ToJson(save.problems), kJsonDepth);
  const auto report = crdt::ParseJson(save.report_json, kJsonDepth);
  const AnyObject* const counts = report ? report->AsObject() : nullptr;
  AnyObject json{{"valid", save.problems.empty()}, {"problems", problems.value_or(Any::Array())}};
  for (const char* name : {"lines", "added", "changed", "removed"}) {
    const Any* const count = counts == nullptr ? nullptr : counts->Find(name);
    json.Set(name, count == nullptr ? Any(Any::Null{}) : *count);
  }
  return {.http = JsonAnswer(json)};
}

}  // namespace weft::server::script
