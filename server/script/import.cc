#include "server/script/import.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"
#include "crdt/json_error.h"
#include "server/script/cues_cuts.h"
#include "server/script/json_place.h"
#include "server/script/problem.h"
#include "server/script/revision_writer.h"
#include "server/script/show_json.h"
#include "server/script/validation.h"

namespace weft::server::script {
namespace {

constexpr std::size_t kJsonDepth = 32;

using Ids = absl::flat_hash_set<std::uint64_t>;

// One script: its revisions share lines and their contents.
class ScriptReader {
 public:
  ScriptReader(const Show& show, std::int64_t now_ms) : references_(show), now_ms_(now_ms) {
    script_.show = show.id;
  }

  void Read(const JsonPlace& place, ImportedShow& out) {
    if (!place.ExpectObject({"mode", "revisions"})) return;
    const std::string mode = place.Member("mode").TextOr("full");
    if (mode == "compact") {
      script_.mode = ScriptMode::kCompact;
    } else if (mode != "full") {
      place.Member("mode").Tell("is no mode; there are full and compact");
    }
    const std::vector<JsonPlace> revisions = place.Member("revisions").Elements(/*required=*/true);
    // Ids that are given here come behind all that the file has.
    for (const JsonPlace& revision : revisions) NoteIds(revision);
    for (const JsonPlace& revision : revisions) ReadRevision(revision, out);
    CheckTree(place.Member("revisions"), out);
    std::stable_sort(out.revisions.begin(), out.revisions.end(),
                     [](const ImportedRevision& a, const ImportedRevision& b) {
                       return a.revision.info.number < b.revision.info.number;
                     });
    out.script = script_;
  }

 private:
  void NoteIds(const JsonPlace& revision) {
    std::vector<std::string> told_later;
    const auto note = [](const std::optional<std::uint64_t>& id, std::uint64_t& next) {
      if (id) next = std::max(next, *id + 1);
    };
    const auto id_of = [&](const JsonPlace& place) -> std::optional<std::uint64_t> {
      const crdt::AnyObject* object = place.AsObject();
      const crdt::Any* id = object == nullptr ? nullptr : object->Find("id");
      return id == nullptr ? std::nullopt : JsonPlace(*id, told_later).OptionalId();
    };
    const auto elements = [&](const JsonPlace& place, const char* name) {
      const crdt::AnyObject* object = place.AsObject();
      const crdt::Any* list = object == nullptr ? nullptr : object->Find(name);
      return list == nullptr ? std::vector<JsonPlace>() : JsonPlace(*list, told_later).Elements();
    };
    note(id_of(revision), script_.next_revision);
    for (const JsonPlace& line : elements(revision, "lines")) {
      note(id_of(line), script_.next_line);
      for (const JsonPlace& part : elements(line, "parts")) note(id_of(part), script_.next_part);
    }
  }

  void ReadRevision(const JsonPlace& place, ImportedShow& out) {
    if (!place.ExpectObject({"id", "number", "parent", "description", "current", "created_ms",
                             "edited_ms", "lines", "cues", "cuts"})) {
      return;
    }
    ImportedRevision imported;
    RevisionInfo& info = imported.revision.info;
    info.id = RevisionId{place.Member("id").Id()};
    if (!revisions_.insert(Number(info.id)).second && Number(info.id) != 0) {
      place.Member("id").Tell(absl::StrCat("comes twice: ", Number(info.id)));
    }
    const auto number = place.Member("number").OptionalInteger(1'000'000'000);
    info.number = static_cast<std::uint32_t>(number.value_or(out.revisions.size() + 1));
    if (info.number == 0) place.Member("number").Tell("is 0; revisions count from 1");
    if (!numbers_.insert(info.number).second) {
      place.Member("number").Tell(absl::StrCat("comes twice: ", info.number));
    }
    script_.next_number = std::max(script_.next_number, info.number + 1);
    if (const auto parent = place.Member("parent").OptionalId()) info.parent = RevisionId{*parent};
    info.description = place.Member("description").TextOr("");
    info.created_ms = ReadTime(place.Member("created_ms"));
    info.edited_ms = ReadTime(place.Member("edited_ms"));
    if (place.Member("current").BoolOr(false)) {
      ++current_count_;
      script_.current = info.id;
    }
    Ids lines;
    Ids parts;
    ReadLines(place.Member("lines"), imported.revision.lines, lines, parts);
    ReadCues(place.Member("cues"), lines, imported.cues);
    ReadCuts(place.Member("cuts"), parts, imported.cuts);
    out.revisions.push_back(std::move(imported));
  }

  std::int64_t ReadTime(const JsonPlace& place) const {
    const auto time = place.OptionalInteger(crdt::kMaxSafeInteger);
    return time ? static_cast<std::int64_t>(*time) : now_ms_;
  }

  void ReadLines(const JsonPlace& place, std::vector<Line>& out, Ids& lines, Ids& parts) {
    std::uint32_t page = 0;
    std::uint64_t number = 0;
    for (const JsonPlace& element : place.Elements()) {
      if (!element.ExpectObject({"id", "page", "act_id", "scene_id", "line_type",
                                 "stage_direction_style_id", "parts"})) {
        continue;
      }
      Line line;
      line.page = static_cast<std::uint32_t>(
          element.Member("page").OptionalInteger(UINT32_MAX).value_or(0));
      if (line.page < page) {
        element.Member("page").Tell(
            absl::StrCat("is ", line.page, " after page ", page, ": lines stand in their order"));
      }
      number = line.page == page ? number + 1 : 1;
      page = line.page;
      ReadContent(element, line.content, parts);
      const auto id = element.Member("id").OptionalId();
      line.id = LineId{id ? *id : script_.next_line++};
      if (!lines.insert(Number(line.id)).second) {
        element.Member("id").Tell(absl::StrCat("comes twice in the revision: ", Number(line.id)));
      }
      std::vector<Problem> rules;
      ValidateLine(line.content, script_.mode, references_, line.page, number, rules);
      for (const Problem& problem : rules) TellRule(element, problem);
      Settle(line, parts);
      out.push_back(std::move(line));
    }
  }

  static void TellRule(const JsonPlace& line, const Problem& problem) {
    std::vector<std::string> place;
    if (problem.part) place.push_back(absl::StrCat("part ", *problem.part));
    if (!problem.field.empty()) place.push_back(problem.field);
    if (!place.empty()) place.back() += ":";
    place.push_back(problem.what);
    line.Tell(absl::StrCat("(page ", *problem.page, ", line ", *problem.line, ") ",
                           absl::StrJoin(place, " ")));
  }

  void ReadContent(const JsonPlace& line, Content& content, Ids& parts) {
    content.act = line.Member("act_id").OptionalId();
    content.scene = line.Member("scene_id").OptionalId();
    content.style = line.Member("stage_direction_style_id").OptionalId();
    content.type =
        static_cast<LineType>(line.Member("line_type")
                                  .OptionalInteger(static_cast<std::uint64_t>(LineType::kSpacing))
                                  .value_or(0));
    for (const JsonPlace& element : line.Member("parts").Elements()) {
      if (!element.ExpectObject(
              {"id", "part_index", "character_id", "character_group_id", "text"})) {
        continue;
      }
      Part part;
      part.id = PartId{element.Member("id").OptionalId().value_or(0)};
      if (Number(part.id) != 0 && !parts.insert(Number(part.id)).second) {
        element.Member("id").Tell(absl::StrCat("comes twice in the revision: ", Number(part.id)));
      }
      part.index = static_cast<std::uint32_t>(
          element.Member("part_index").OptionalInteger(UINT32_MAX).value_or(content.parts.size()));
      part.character = element.Member("character_id").OptionalId();
      part.group = element.Member("character_group_id").OptionalId();
      part.text = element.Member("text").TextOr("");
      content.parts.push_back(std::move(part));
    }
    std::stable_sort(content.parts.begin(), content.parts.end(),
                     [](const Part& a, const Part& b) { return a.index < b.index; });
  }

  // Parts without ids get those that they have elsewhere, or new ones; the line gets the version of
  // its content.
  void Settle(Line& line, Ids& parts) {
    std::vector<std::pair<Version, Content>>& versions = versions_[Number(line.id)];
    for (std::size_t i = 0; i < line.content.parts.size(); ++i) {
      PartId& id = line.content.parts[i].id;
      if (Number(id) != 0) continue;
      for (const auto& [version, content] : versions) {
        if (Number(id) == 0 && i < content.parts.size() &&
            !parts.contains(Number(content.parts[i].id))) {
          id = content.parts[i].id;
        }
      }
      if (Number(id) == 0) id = PartId{script_.next_part++};
      parts.insert(Number(id));
    }
    const auto same = std::find_if(versions.begin(), versions.end(),
                                   [&](const auto& known) { return known.second == line.content; });
    if (same != versions.end()) {
      line.version = same->first;
      return;
    }
    line.version = Version{script_.next_version++};
    versions.emplace_back(line.version, line.content);
  }

  static void ReadCues(const JsonPlace& place, const Ids& lines, std::vector<Cue>& cues) {
    Ids seen;
    for (const JsonPlace& element : place.Elements()) {
      if (!element.ExpectObject({"id", "line_id", "label"})) continue;
      const Cue cue{.id = CueId{element.Member("id").Id()},
                    .line = LineId{element.Member("line_id").Id()},
                    .label = element.Member("label").TextOr("")};
      if (Number(cue.id) != 0 && !seen.insert(Number(cue.id)).second) {
        element.Member("id").Tell(absl::StrCat("comes twice: ", Number(cue.id)));
      }
      if (Number(cue.line) != 0 && !lines.contains(Number(cue.line))) {
        element.Member("line_id").Tell(
            absl::StrCat("names line ", Number(cue.line), ", which the revision lacks"));
      }
      cues.push_back(cue);
    }
  }

  static void ReadCuts(const JsonPlace& place, const Ids& parts, std::vector<PartId>& cuts) {
    for (const JsonPlace& element : place.Elements()) {
      const std::uint64_t id = element.Id();
      if (id == 0) continue;
      if (!parts.contains(id)) {
        element.Tell(absl::StrCat("names part ", id, ", which the revision lacks"));
      }
      cuts.push_back(PartId{id});
    }
  }

  // One root, parents that are there, no circle, one that is current.
  void CheckTree(const JsonPlace& place, const ImportedShow& show) const {
    if (show.revisions.empty()) {
      if (!place.is_absent()) place.Tell("holds no revision that can be read");
      return;
    }
    absl::flat_hash_map<std::uint64_t, std::uint64_t> parents;
    std::size_t roots = 0;
    for (const ImportedRevision& imported : show.revisions) {
      const RevisionInfo& info = imported.revision.info;
      parents[Number(info.id)] = info.parent ? Number(*info.parent) : 0;
      roots += !info.parent;
    }
    if (roots != 1) place.Tell(absl::StrCat("has ", roots, " revisions without a parent, not one"));
    if (current_count_ != 1) {
      place.Tell(absl::StrCat("has ", current_count_, " revisions that are current, not one"));
    }
    Ids looked_at;
    for (const ImportedRevision& imported : show.revisions) {
      const std::uint64_t id = Number(imported.revision.info.id);
      if (!looked_at.insert(id).second) continue;
      std::uint64_t at = id;
      std::size_t steps = 0;
      while (at != 0 && steps <= parents.size()) {
        const auto parent = parents.find(at);
        if (parent == parents.end()) break;
        at = parent->second;
        ++steps;
      }
      if (steps > parents.size()) {
        place.Tell(absl::StrCat("has revision ", id, " among its own ancestors"));
      } else if (at != 0 && steps == 1) {
        place.Tell(absl::StrCat("has revision ", id, " with parent ", at, ", which is not there"));
      }
    }
  }

  const References references_;
  const std::int64_t now_ms_;
  ScriptInfo script_;
  Ids revisions_;
  Ids numbers_;
  std::size_t current_count_ = 0;
  absl::flat_hash_map<std::uint64_t, std::vector<std::pair<Version, Content>>> versions_;
};

absl::Status WriteShow(store::RowWriter& rows, const ImportedShow& imported) {
  const ShowId show = imported.show.id;
  absl::Status status = PutShow(rows, imported.show);
  if (status.ok()) status = PutScript(rows, imported.script);
  absl::flat_hash_set<std::uint64_t> stored;  // versions
  for (const ImportedRevision& one : imported.revisions) {
    std::vector<Placement> order;
    std::vector<NewContent> contents;
    for (const Line& line : one.revision.lines) {
      order.push_back({.line = line.id, .page = line.page, .version = line.version});
      if (stored.insert(Number(line.version)).second) {
        contents.push_back({.line = line.id, .version = line.version, .content = line.content});
      }
    }
    if (status.ok()) {
      status = WriteRevision(rows, show, one.revision.info, {}, order, contents, {});
    }
    for (const Cue& cue : one.cues) {
      if (status.ok()) status = PutCue(rows, show, one.revision.info.id, cue);
    }
    for (const PartId part : one.cuts) {
      if (status.ok()) status = PutCut(rows, show, one.revision.info.id, part);
    }
  }
  return status;
}

}  // namespace

Imported ReadImport(std::string_view json, std::int64_t now_ms,
                    std::vector<std::string>& problems) {
  Imported imported;
  if (!crdt::IsValidUtf8(json)) {
    problems.emplace_back("the file is no UTF-8");
    return imported;
  }
  const std::optional<crdt::Any> value = crdt::ParseJson(json, kJsonDepth);
  if (!value) {
    problems.push_back(
        absl::StrCat("the file is no JSON: ", crdt::ExplainJsonError(json, kJsonDepth)));
    return imported;
  }
  const JsonPlace file(*value, problems);
  if (!file.ExpectObject({"users", "shows"})) return imported;
  Ids users;
  absl::flat_hash_set<std::string> names;
  for (const JsonPlace& element : file.Member("users").Elements()) {
    User user = ReadUser(element);
    if (Number(user.id) != 0 && !users.insert(Number(user.id)).second) {
      element.Member("id").Tell(absl::StrCat("comes twice: ", Number(user.id)));
    }
    if (!user.username.empty() && !names.insert(user.username).second) {
      element.Member("username").Tell(absl::StrCat("comes twice: ", user.username));
    }
    imported.users.push_back(std::move(user));
  }
  Ids shows;
  for (const JsonPlace& element : file.Member("shows").Elements()) {
    ImportedShow show{.show = ReadShow(element)};
    if (element.AsObject() == nullptr) continue;
    if (Number(show.show.id) != 0 && !shows.insert(Number(show.show.id)).second) {
      element.Member("id").Tell(absl::StrCat("comes twice: ", Number(show.show.id)));
    }
    ScriptReader(show.show, now_ms).Read(element.Member("script"), show);
    imported.shows.push_back(std::move(show));
  }
  return imported;
}

absl::Status WriteImport(store::RowWriter& rows, const Imported& imported) {
  std::vector<std::string> there;
  const auto users = ListUsers(rows);
  if (!users.ok()) return users.status();
  for (const User& user : imported.users) {
    for (const User& known : *users) {
      if (known.id == user.id) {
        there.push_back(absl::StrCat("user ", Number(user.id)));
      } else if (known.username == user.username) {
        there.push_back(absl::StrCat("a user named ", user.username));
      }
    }
  }
  for (const ImportedShow& show : imported.shows) {
    const auto found = FindShow(rows, show.show.id);
    if (!found.ok()) return found.status();
    if (*found) there.push_back(absl::StrCat("show ", Number(show.show.id)));
  }
  if (!there.empty()) {
    return absl::AlreadyExistsError(
        absl::StrCat("these are there already: ", absl::StrJoin(there, ", ")));
  }
  absl::Status status;
  for (const User& user : imported.users) {
    if (status.ok()) status = PutUser(rows, user);
  }
  for (const ImportedShow& show : imported.shows) {
    if (status.ok()) status = WriteShow(rows, show);
  }
  return status;
}

}  // namespace weft::server::script
