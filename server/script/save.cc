#include "server/script/save.h"

#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "server/script/document_extractor.h"
#include "server/script/revision_writer.h"
#include "server/script/schema.h"

namespace weft::server::script {
namespace {

// What the transaction needs, without the document.
struct Edit {
  ScriptInfo prepared_for;
  RevisionInfo revision;
  std::vector<Placement> before;
  std::vector<Placement> after;
  std::vector<NewContent> contents;
  std::vector<PartId> gone_parts;
  ScriptInfo counters;
};

absl::Status Write(const Edit& edit, store::RowWriter& rows) {
  auto script = GetScript(rows, edit.prepared_for.show);
  if (!script.ok()) return script.status();
  const auto revision = GetRevision(rows, edit.prepared_for.show, edit.revision.id);
  if (!revision.ok()) return revision.status();
  const bool is_same_revision = revision->hash == edit.revision.hash;
  const bool are_same_counters = script->next_line == edit.prepared_for.next_line &&
                                 script->next_part == edit.prepared_for.next_part &&
                                 script->next_version == edit.prepared_for.next_version;
  if (!is_same_revision || !are_same_counters) {
    return absl::AbortedError("the script moved on while the save was prepared");
  }
  RevisionInfo edited = *revision;
  edited.edited_ms = edit.revision.edited_ms;
  const absl::Status written = WriteRevision(rows, script->show, std::move(edited), edit.before,
                                             edit.after, edit.contents, edit.gone_parts);
  if (!written.ok()) return written;
  script->next_line = edit.counters.next_line;
  script->next_part = edit.counters.next_part;
  script->next_version = edit.counters.next_version;
  return PutScript(rows, *script);
}

std::string Report(const PublishPlan& plan, const std::string& last_saved_at) {
  const auto number = [](std::uint64_t count) { return crdt::Any(static_cast<double>(count)); };
  return crdt::ToJsonText(crdt::AnyObject{{"last_saved_at", last_saved_at},
                                          {"lines", number(plan.after.size())},
                                          {"added", number(plan.added)},
                                          {"changed", number(plan.changed)},
                                          {"removed", number(plan.removed)}});
}

}  // namespace

absl::StatusOr<PreparedSave> PrepareSave(const SaveRequest& request, const store::RowReader& rows,
                                         const PageProgress& progress) {
  const auto script = GetScript(rows, request.show);
  if (!script.ok()) return script.status();
  const auto show = FindShow(rows, request.show);
  if (!show.ok()) return show.status();
  if (!*show) return absl::NotFoundError(absl::StrCat("there is no show ", Number(request.show)));
  const auto stored = LoadRevision(rows, request.show, request.revision);
  if (!stored.ok()) return stored.status();
  if (request.base_hash && *request.base_hash != stored->info.hash) {
    return absl::FailedPreconditionError(
        absl::StrCat("revision ", stored->info.number,
                     " was changed by others since this document was made from it"));
  }
  crdt::Doc doc;
  const absl::Status applied = doc.ApplyUpdate(request.state);
  if (!applied.ok()) return applied;
  const Extraction document = ExtractDocument(doc);
  auto planned = PlanPublish(*stored, *script, **show, document, progress);
  if (auto* problems = std::get_if<std::vector<Problem>>(&planned)) {
    return PreparedSave{.problems = std::move(*problems)};
  }
  auto& plan = std::get<PublishPlan>(planned);
  const std::string last_saved_at = IsoTime(request.now_ms);
  PreparedSave save{.patch = PublishPatch(doc, plan, last_saved_at),
                    .hash = HashOrder(plan.after),
                    .report_json = Report(plan, last_saved_at)};
  auto edit = std::make_shared<Edit>(Edit{.prepared_for = *script,
                                          .revision = stored->info,
                                          .after = std::move(plan.after),
                                          .contents = std::move(plan.contents),
                                          .gone_parts = std::move(plan.gone_parts),
                                          .counters = plan.script});
  edit->revision.edited_ms = request.now_ms;
  edit->before.reserve(stored->lines.size());
  for (const Line& line : stored->lines) {
    edit->before.push_back({.line = line.id, .page = line.page, .version = line.version});
  }
  save.rows = [edit = std::shared_ptr<const Edit>(std::move(edit))](store::RowWriter& writer) {
    return Write(*edit, writer);
  };
  return save;
}

}  // namespace weft::server::script
