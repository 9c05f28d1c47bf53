#include "server/script/script_publisher.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log_event.h"
#include "server/script/compile.h"
#include "server/script/revision_room.h"
#include "server/script/save.h"

namespace weft::server::script {
namespace {

absl::StatusOr<RevisionRoom> Parse(std::string_view room) {
  if (const auto parsed = ParseRevisionRoom(room)) return *parsed;
  return absl::NotFoundError("the room is that of no revision");
}

// What a client shows in a line, before it lists them all.
std::string Summary(const std::vector<Problem>& problems) {
  const Problem& first = problems.front();
  std::string text = first.page ? absl::StrCat("Line validation failed on page ", *first.page, ": ")
                                : std::string("The document is not valid: ");
  absl::StrAppend(&text, Describe(first));
  if (problems.size() > 1) absl::StrAppend(&text, " (and ", problems.size() - 1, " more)");
  return text;
}

}  // namespace

bool ScriptPublisher::Serves(std::string_view room) const {
  return ParseRevisionRoom(room).has_value();
}

absl::StatusOr<std::uint64_t> ScriptPublisher::CurrentBase(std::string_view room,
                                                           const store::RowReader& rows) {
  const auto parsed = Parse(room);
  if (!parsed.ok()) return parsed.status();
  const auto revision = GetRevision(rows, parsed->show, parsed->revision);
  if (!revision.ok()) return revision.status();
  return revision->hash;
}

absl::StatusOr<publish::Beginning> ScriptPublisher::Begin(std::string_view room,
                                                          const store::RowReader& rows) {
  const auto parsed = Parse(room);
  if (!parsed.ok()) return parsed.status();
  auto beginning = BeginRoom(rows, *parsed);
  if (!beginning.ok()) return beginning.status();
  return publish::Beginning{.update = std::move(beginning->update), .base = beginning->hash};
}

absl::StatusOr<publish::Prepared> ScriptPublisher::Prepare(const publish::PrepareRequest& request,
                                                           const store::RowReader& rows,
                                                           const publish::Progress& progress) {
  const auto parsed = Parse(request.room);
  if (!parsed.ok()) return parsed.status();
  auto save = PrepareSave({.show = parsed->show,
                           .revision = parsed->revision,
                           .state = request.state,
                           .base_hash = request.base,
                           .now_ms = request.now_ms},
                          rows, progress);
  if (!save.ok()) return save.status();
  publish::Prepared prepared;
  if (!save->problems.empty()) {
    prepared.problems_json = ToJson(save->problems);
    prepared.error = Summary(save->problems);
    return prepared;
  }
  prepared.rows = std::move(save->rows);
  prepared.patch = std::move(save->patch);
  prepared.base = save->hash;
  prepared.report_json = std::move(save->report_json);
  return prepared;
}

void ScriptPublisher::OnPublished(std::string_view room) {
  const auto parsed = ParseRevisionRoom(room);
  if (!parsed) return;
  const absl::Status compiled = CompileStored(rows_, parsed->show, parsed->revision);
  if (compiled.ok() || absl::IsNotFound(compiled)) return;
  LogEvent(LogLevel::kWarning, "script-not-compiled",
           {{"room", room}, {"error", std::string(compiled.message())}},
           absl::StrCat(std::string(room), " is not compiled: ", std::string(compiled.message())));
}

}  // namespace weft::server::script
