#include "server/script/page_edit.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/script/publish_plan.h"
#include "server/script/revision_writer.h"

namespace weft::server::script {
namespace {

ExtractedLine ToExtracted(const Line& line, std::uint64_t number) {
  ExtractedLine extracted{.id = line.id,
                          .has_plain_id = true,
                          .type = line.content.type,
                          .act = line.content.act,
                          .scene = line.content.scene,
                          .style = line.content.style,
                          .page = line.page,
                          .number = number};
  for (const Part& part : line.content.parts) {
    extracted.parts.push_back({.id = part.id,
                               .has_plain_id = true,
                               .index = part.index,
                               .character = part.character,
                               .group = part.group,
                               .text = part.text});
  }
  return extracted;
}

// What a document would be read as that has the stored lines, and on the edit's page the edit's.
Extraction WithPage(const Revision& stored, const PageEdit& edit) {
  Extraction document{.revision = stored.info.id};
  bool is_placed = false;
  const auto place = [&] {
    is_placed = true;
    document.pages.push_back(edit.page);
    document.lines.insert(document.lines.end(), edit.lines.begin(), edit.lines.end());
  };
  std::uint64_t number = 0;
  for (const Line& line : stored.lines) {
    if (!is_placed && line.page >= edit.page) place();
    if (line.page == edit.page) continue;
    const bool is_new_page = document.pages.empty() || document.pages.back() != line.page;
    if (is_new_page) document.pages.push_back(line.page);
    number = is_new_page ? 1 : number + 1;
    document.lines.push_back(ToExtracted(line, number));
  }
  if (!is_placed) place();
  return document;
}

}  // namespace

absl::StatusOr<PageEdited> ReplacePage(store::RowWriter& rows, const PageEdit& edit) {
  auto script = GetScript(rows, edit.show);
  if (!script.ok()) return script.status();
  const auto show = FindShow(rows, edit.show);
  if (!show.ok()) return show.status();
  if (!*show) return absl::NotFoundError(absl::StrCat("there is no show ", Number(edit.show)));
  const auto stored = LoadRevision(rows, edit.show, edit.revision);
  if (!stored.ok()) return stored.status();
  auto planned = PlanPublish(*stored, *script, **show, WithPage(*stored, edit));
  if (auto* problems = std::get_if<std::vector<Problem>>(&planned)) {
    return PageEdited{.problems = std::move(*problems)};
  }
  const auto& plan = std::get<PublishPlan>(planned);
  std::vector<Placement> before;
  before.reserve(stored->lines.size());
  for (const Line& line : stored->lines) {
    before.push_back({.line = line.id, .page = line.page, .version = line.version});
  }
  RevisionInfo revision = stored->info;
  revision.edited_ms = edit.now_ms;
  absl::Status status = WriteRevision(rows, edit.show, std::move(revision), before, plan.after,
                                      plan.contents, plan.gone_parts);
  if (status.ok()) status = PutScript(rows, plan.script);
  if (!status.ok()) return status;
  return PageEdited{.added = plan.added, .changed = plan.changed, .removed = plan.removed};
}

}  // namespace weft::server::script
