#include "server/script/revision_room.h"

#include "absl/strings/str_cat.h"
#include "server/script/document_builder.h"
#include "server/script/schema.h"

namespace weft::server::script {
namespace {

constexpr std::string_view kBegin = "script/";
constexpr std::string_view kMiddle = "/revision/";

}  // namespace

std::string NameOf(const RevisionRoom& room) {
  return absl::StrCat("script/", Number(room.show), "/revision/", Number(room.revision));
}

std::optional<RevisionRoom> ParseRevisionRoom(std::string_view name) {
  if (!name.starts_with(kBegin)) return std::nullopt;
  const std::size_t middle = name.find(kMiddle, kBegin.size());
  if (middle == std::string_view::npos) return std::nullopt;
  const auto show = ParseIdText(name.substr(kBegin.size(), middle - kBegin.size()));
  const auto revision = ParseIdText(name.substr(middle + kMiddle.size()));
  if (!show || !revision) return std::nullopt;
  const RevisionRoom room{.show = ShowId{*show}, .revision = RevisionId{*revision}};
  return NameOf(room) == name ? std::optional(room) : std::nullopt;
}

absl::StatusOr<RevisionRoom> CurrentRoom(const store::RowReader& rows, ShowId show) {
  const auto script = GetScript(rows, show);
  if (!script.ok()) return script.status();
  return RevisionRoom{.show = show, .revision = script->current};
}

absl::StatusOr<RoomBeginning> BeginRoom(const store::RowReader& rows, const RevisionRoom& room) {
  const auto revision = LoadRevision(rows, room.show, room.revision);
  if (!revision.ok()) return revision.status();
  return RoomBeginning{.update = BuildDocument(*revision)->EncodeStateAsUpdate(),
                       .hash = revision->info.hash};
}

}  // namespace weft::server::script
