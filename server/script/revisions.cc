#include "server/script/revisions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/script/cues_cuts.h"
#include "server/script/revision_writer.h"

namespace weft::server::script {

using store::RowWriter;

absl::StatusOr<RevisionInfo> BranchRevision(RowWriter& rows, const Branch& branch) {
  if (branch.description.empty()) {
    return absl::InvalidArgumentError("a revision needs a description");
  }
  auto script = GetScript(rows, branch.show);
  if (!script.ok()) return script.status();
  const auto parent = GetRevision(rows, branch.show, branch.parent);
  if (!parent.ok()) return parent.status();
  const auto order = ProveOrder(rows, branch.show, *parent);
  if (!order.ok()) return order.status();
  const auto cues = ListCues(rows, branch.show, branch.parent);
  if (!cues.ok()) return cues.status();
  const auto cuts = ListCuts(rows, branch.show, branch.parent);
  if (!cuts.ok()) return cuts.status();

  const RevisionInfo revision{.id = RevisionId{script->next_revision++},
                              .number = script->next_number++,
                              .parent = branch.parent,
                              .description = branch.description,
                              .created_ms = branch.now_ms,
                              .edited_ms = branch.now_ms};
  absl::Status status = WriteRevision(rows, branch.show, revision, {}, *order, {}, {});
  for (const Cue& cue : *cues) {
    if (status.ok()) status = PutCue(rows, branch.show, revision.id, cue);
  }
  for (const PartId part : *cuts) {
    if (status.ok()) status = PutCut(rows, branch.show, revision.id, part);
  }
  if (branch.set_current) script->current = revision.id;
  if (status.ok()) status = PutScript(rows, *script);
  if (!status.ok()) return status;
  return GetRevision(rows, branch.show, revision.id);
}

absl::Status SetCurrent(RowWriter& rows, ShowId show, RevisionId revision) {
  const auto found = GetRevision(rows, show, revision);
  if (!found.ok()) return found.status();
  auto script = GetScript(rows, show);
  if (!script.ok()) return script.status();
  script->current = revision;
  return PutScript(rows, *script);
}

absl::Status DeleteRevision(RowWriter& rows, ShowId show, RevisionId id) {
  const auto revision = GetRevision(rows, show, id);
  if (!revision.ok()) return revision.status();
  if (!revision->parent) {
    return absl::FailedPreconditionError(
        absl::StrCat("revision ", revision->number, " is the first one, which stays"));
  }
  auto script = GetScript(rows, show);
  if (!script.ok()) return script.status();
  const auto revisions = ListRevisions(rows, show);
  if (!revisions.ok()) return revisions.status();
  absl::Status status;
  for (RevisionInfo child : *revisions) {
    if (child.parent != id) continue;
    child.parent = revision->parent;
    if (status.ok()) status = PutRevision(rows, show, child);
  }
  // A broken one goes as well: what it has is told by its links, not by its order.
  const auto links = ReadLinks(rows, show, id);
  if (!links.ok()) return links.status();
  for (const Link& link : *links) {
    if (status.ok()) status = ReleaseVersion(rows, show, id, link.line, link.version);
  }
  for (const std::string_view table :
       {table::kOrder, table::kRevisionLine, table::kCueLink, table::kCut}) {
    if (status.ok()) status = ErasePrefix(rows, table, KeyOf(show, id));
  }
  for (const std::string_view table : {table::kCompiled, table::kRevision}) {
    if (status.ok()) status = rows.Erase(table, KeyOf(show, id));
  }
  if (!status.ok() || script->current != id) return status;
  script->current = *revision->parent;
  return PutScript(rows, *script);
}

}  // namespace weft::server::script
