#include <cstdint>
#include <string>
#include <utility>

#include "crdt/json.h"
#include "server/script/cues_cuts.h"
#include "server/script/import.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;

Any ToNumber(std::uint64_t number) { return static_cast<double>(number); }

Any ToJson(const Line& line) {
  Any::Array parts;
  for (const Part& part : line.content.parts) {
    parts.emplace_back(AnyObject{{"id", ToNumber(Number(part.id))},
                                 {"part_index", ToNumber(part.index)},
                                 {"character_id", RefToJson(part.character)},
                                 {"character_group_id", RefToJson(part.group)},
                                 {"text", part.text}});
  }
  return AnyObject{{"id", ToNumber(Number(line.id))},
                   {"page", RefToJson(line.page == 0 ? Ref() : Ref(line.page))},
                   {"act_id", RefToJson(line.content.act)},
                   {"scene_id", RefToJson(line.content.scene)},
                   {"line_type", ToNumber(static_cast<std::uint64_t>(line.content.type))},
                   {"stage_direction_style_id", RefToJson(line.content.style)},
                   {"parts", std::move(parts)}};
}

absl::StatusOr<AnyObject> RevisionToJson(const store::RowReader& rows, const ScriptInfo& script,
                                         RevisionId id) {
  const auto revision = LoadRevision(rows, script.show, id);
  if (!revision.ok()) return revision.status();
  const auto cues = ListCues(rows, script.show, id);
  if (!cues.ok()) return cues.status();
  const auto cuts = ListCuts(rows, script.show, id);
  if (!cuts.ok()) return cuts.status();
  const RevisionInfo& info = revision->info;
  Any::Array lines;
  for (const Line& line : revision->lines) lines.push_back(ToJson(line));
  Any::Array cue_list;
  for (const Cue& cue : *cues) {
    cue_list.emplace_back(AnyObject{{"id", ToNumber(Number(cue.id))},
                                    {"line_id", ToNumber(Number(cue.line))},
                                    {"label", cue.label}});
  }
  Any::Array cut_list;
  for (const PartId part : *cuts) cut_list.push_back(ToNumber(Number(part)));
  return AnyObject{{"id", ToNumber(Number(info.id))},
                   {"number", ToNumber(info.number)},
                   {"parent", RefToJson(info.parent ? Ref(Number(*info.parent)) : Ref())},
                   {"description", info.description},
                   {"current", script.current == info.id},
                   {"created_ms", static_cast<double>(info.created_ms)},
                   {"edited_ms", static_cast<double>(info.edited_ms)},
                   {"lines", std::move(lines)},
                   {"cues", std::move(cue_list)},
                   {"cuts", std::move(cut_list)}};
}

}  // namespace

absl::StatusOr<std::string> Export(const store::RowReader& rows) {
  const auto users = ListUsers(rows);
  if (!users.ok()) return users.status();
  const auto shows = ListShows(rows);
  if (!shows.ok()) return shows.status();
  Any::Array user_list;
  for (const User& user : *users) user_list.emplace_back(ToJson(user));
  Any::Array show_list;
  for (const Show& show : *shows) {
    const auto script = GetScript(rows, show.id);
    if (!script.ok()) return script.status();
    const auto revisions = ListRevisions(rows, show.id);
    if (!revisions.ok()) return revisions.status();
    Any::Array revision_list;
    for (const RevisionInfo& info : *revisions) {
      auto revision = RevisionToJson(rows, *script, info.id);
      if (!revision.ok()) return revision.status();
      revision_list.emplace_back(*std::move(revision));
    }
    AnyObject object = ToJson(show);
    object.Set("script",
               AnyObject{{"mode", script->mode == ScriptMode::kCompact ? "compact" : "full"},
                         {"revisions", std::move(revision_list)}});
    show_list.emplace_back(std::move(object));
  }
  return crdt::ToJsonText(
      AnyObject{{"users", std::move(user_list)}, {"shows", std::move(show_list)}});
}

}  // namespace weft::server::script
