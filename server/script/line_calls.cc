#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/script/cues_cuts.h"
#include "server/script/http_refusal.h"
#include "server/script/json_place.h"
#include "server/script/line_json.h"
#include "server/script/page_edit.h"
#include "server/script/script_calls.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using store::RowReader;
using store::RowWriter;

constexpr std::size_t kMaxLabelBytes = 1'024;

// The same for as long as no line of the revision changes or moves.
std::string TagOf(std::uint64_t hash) {
  return absl::StrCat("\"", absl::Hex(hash, absl::kZeroPad16), "\"");
}

// What a page shows, as GET answers it.
HttpAnswer PageAnswer(const Revision& revision, std::uint64_t page, int status = 200) {
  Any::Array lines;
  for (const Line& line : revision.lines) {
    if (line.page == page) lines.push_back(script::ToJson(line));
  }
  const std::uint32_t max_page = revision.lines.empty() ? 0 : revision.lines.back().page;
  HttpAnswer answer = JsonAnswer({{"revision_id", ToNumber(Number(revision.info.id))},
                                  {"page", ToNumber(page)},
                                  {"max_page", ToNumber(max_page)},
                                  {"lines", std::move(lines)}},
                                 status);
  answer.headers += "ETag: " + TagOf(revision.info.hash) + "\r\n";
  return answer;
}

// Both of POST and PATCH: `is_new` wants a page without lines.
Outcome WritePage(const Work& work, bool is_new) {
  const auto page = NumberParameter(work.target, "page", UINT32_MAX);
  if (!page.ok()) return Refused(page.status());
  if (*page == 0) return Refused(Refuse(Refusal::kBadRequest, "pages count from 1"));
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"lines"});
  PageEdit edit{.show = work.show,
                .revision = work.revision.id,
                .page = static_cast<std::uint32_t>(*page),
                .now_ms = work.now_ms};
  edit.lines = ReadLines(body.Member("lines"), edit.page);
  if (const auto refused = RefuseBody(problems)) return *refused;
  const std::string_view expected = work.request.header("If-Match");
  PageEdited edited;
  Revision after;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    const auto before = LoadRevision(rows, work.show, edit.revision);
    if (!before.ok()) return before.status();
    if (!expected.empty() && expected != "*" && expected != TagOf(before->info.hash)) {
      return absl::AbortedError("the script has changed since it was read");
    }
    const bool is_there =
        std::ranges::find(before->lines, edit.page, &Line::page) != before->lines.end();
    if (is_new && is_there) {
      return absl::AlreadyExistsError(
          absl::StrCat("page ", edit.page, " has lines; PATCH changes them"));
    }
    if (!is_new && !is_there) {
      return absl::NotFoundError(absl::StrCat("there is no page ", edit.page, "; POST adds it"));
    }
    const absl::Status done = Keep(ReplacePage(rows, edit), edited);
    if (!done.ok()) return done;
    if (!edited.problems.empty()) return absl::CancelledError("it has problems");
    return Keep(LoadRevision(rows, work.show, edit.revision), after);
  });
  if (absl::IsCancelled(written)) return Refused(RefuseInvalid(edited.problems));
  if (!written.ok()) return Refused(written);
  return {.http = PageAnswer(after, *page, is_new ? 201 : 200),
          .tell = {"GET_SCRIPT_METADATA", "GET_SCRIPT_REVISIONS"},
          .compile = work.RoomOf(edit.revision)};
}

AnyObject ToJson(const Cue& cue) {
  return {{"id", ToNumber(Number(cue.id))},
          {"line_id", ToNumber(Number(cue.line))},
          {"label", cue.label}};
}

}  // namespace

Outcome ReadPage(const Work& work) {
  const auto page = NumberParameter(work.target, "page", UINT32_MAX);
  if (!page.ok()) return Refused(page.status());
  HttpAnswer answer;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const auto revision = LoadRevision(rows, work.show, work.revision.id);
    if (!revision.ok()) return revision.status();
    answer = PageAnswer(*revision, *page);
    const std::string tag = TagOf(revision->info.hash);
    if (IsKnown(work.request, tag)) answer = {.status = 304, .headers = "ETag: " + tag + "\r\n"};
    return absl::OkStatus();
  });
  if (!read.ok()) return Refused(read);
  return {.http = std::move(answer)};
}

Outcome CreatePage(const Work& work) { return WritePage(work, /*is_new=*/true); }
Outcome ReplacePageOf(const Work& work) { return WritePage(work, /*is_new=*/false); }

Outcome ReadCuts(const Work& work) {
  Any::Array list;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const auto cuts = ListCuts(rows, work.show, work.revision.id);
    if (!cuts.ok()) return cuts.status();
    for (const PartId part : *cuts) list.push_back(ToNumber(Number(part)));
    return absl::OkStatus();
  });
  if (!read.ok()) return Refused(read);
  return {.http = JsonAnswer({{"cuts", std::move(list)}})};
}

Outcome WriteCuts(const Work& work) {
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"cuts"});
  std::vector<PartId> parts;
  for (const JsonPlace& element : body.Member("cuts").Elements(/*required=*/true)) {
    parts.push_back(PartId{element.Id()});
  }
  if (const auto refused = RefuseBody(problems)) return *refused;
  // In the mode "cuts" one person cuts; the lease is that person's, whichever way the cuts come.
  std::vector<lease::Blocker> blockers;
  for (const HubStatus::Person& cutter : work.hub.cutters) {
    if (cutter.user != work.user->id) blockers.push_back({"held", "cuts: " + cutter.username});
  }
  if (!blockers.empty()) {
    return Refused(
        RefuseBlocked("Cannot store the cuts: another user is already cutting", blockers));
  }
  const absl::Status written = work.Write(
      [&](RowWriter& rows) { return SetCuts(rows, work.show, work.revision.id, parts); });
  if (!written.ok()) return Refused(written);
  Outcome outcome = ReadCuts(work);
  outcome.tell = {"GET_CUTS"};
  return outcome;
}

Outcome ReadCues(const Work& work) {
  Any::Array list;
  const absl::Status read = work.Read([&](const RowReader& rows) {
    const auto cues = ListCues(rows, work.show, work.revision.id);
    if (!cues.ok()) return cues.status();
    for (const Cue& cue : *cues) list.emplace_back(ToJson(cue));
    return absl::OkStatus();
  });
  if (!read.ok()) return Refused(read);
  return {.http = JsonAnswer({{"cues", std::move(list)}})};
}

Outcome CreateCue(const Work& work) {
  std::vector<std::string> problems;
  const JsonPlace body(work.body, problems);
  body.ExpectObject({"line_id", "label"});
  const LineId line{body.Member("line_id").Id()};
  const std::string label = body.Member("label").Text();
  if (label.size() > kMaxLabelBytes) {
    body.Member("label").Tell(absl::StrCat("has more than ", kMaxLabelBytes, " bytes"));
  }
  if (const auto refused = RefuseBody(problems)) return *refused;
  Cue made;
  const absl::Status written = work.Write([&](RowWriter& rows) {
    return Keep(AddCue(rows, work.show, work.revision.id, line, label), made);
  });
  if (!written.ok()) return Refused(written);
  return {.http = JsonAnswer(ToJson(made), 201), .tell = {"GET_CUES"}};
}

Outcome DropCue(const Work& work) {
  const auto id = NumberParameter(work.target, "id");
  if (!id.ok()) return Refused(id.status());
  const absl::Status written = work.Write(
      [&](RowWriter& rows) { return EraseCue(rows, work.show, work.revision.id, CueId{*id}); });
  if (!written.ok()) return Refused(written);
  return {.http = JsonAnswer({{"message", "The cue is deleted"}}), .tell = {"GET_CUES"}};
}

}  // namespace weft::server::script
