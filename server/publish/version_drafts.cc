#include "server/publish/version_drafts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "server/room_name.h"

namespace weft::server::publish {
namespace {

constexpr const char* kApplication = "weft";

absl::StatusOr<store::RoomInfo> GetRoom(const store::UpdateLog& log, std::string_view room) {
  const auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (*info) return **info;
  return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
}

std::uint64_t NumberOf(store::Generation generation) {
  return static_cast<std::uint64_t>(generation);
}

}  // namespace

absl::StatusOr<std::unique_ptr<VersionDrafts>> VersionDrafts::Open(store::UpdateLog& log) {
  std::unique_ptr<VersionDrafts> drafts(new VersionDrafts(log));
  auto rows = store::Rows::OpenIfThere(log, kApplication);
  if (!rows.ok()) return rows.status();
  drafts->owned_ = *std::move(rows);
  drafts->rows_ = drafts->owned_.get();
  return drafts;
}

absl::StatusOr<store::Rows*> VersionDrafts::MakeRows() {
  const std::lock_guard lock(making_);
  if (owned_ == nullptr) {
    auto rows = store::Rows::Open(log_, kApplication);
    if (!rows.ok()) return rows.status();
    owned_ = *std::move(rows);
    rows_ = owned_.get();
  }
  return owned_.get();
}

absl::StatusOr<std::optional<DraftStatus>> VersionDrafts::Find(std::string_view room) const {
  const store::Rows* const rows = rows_;
  if (rows == nullptr) return std::nullopt;
  return ReadDraft(*rows, log_, room);
}

absl::StatusOr<std::optional<DraftRow>> VersionDrafts::FindRow(std::string_view room) const {
  const store::Rows* const rows = rows_;
  if (rows == nullptr) return std::nullopt;
  return ReadDraftRow(*rows, room);
}

// Nothing was edited since the last one.
absl::StatusOr<bool> VersionDrafts::IsPublished(std::string_view room,
                                                const store::RoomInfo& info) const {
  const auto row = FindRow(room);
  if (!row.ok()) return row.status();
  return *row && (*row)->generation == NumberOf(info.generation) &&
         !(*row)->FirstUnsaved(info.head);
}

absl::StatusOr<VersionDrafts::Published> VersionDrafts::Publish(std::string_view room,
                                                                const Wish& wish,
                                                                const Progress& progress) {
  if (room.size() > kMaxDraftRoomBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a room that is published has a name of at most ", kMaxDraftRoomBytes,
                     " bytes, and this one has ", room.size()));
  }
  const auto step = [&progress](std::uint64_t done) {
    if (progress) progress(done, 2);
  };
  step(0);
  const auto info = GetRoom(log_, room);
  if (!info.ok()) return info.status();
  const absl::StatusOr<bool> is_published = IsPublished(room, *info);
  if (!is_published.ok()) return is_published.status();
  Published published;
  if (!wish.name.empty() || !*is_published) {
    // What is published has to be there, whole.
    store::LoadReport report;
    const auto state = StateAt(log_.reader(), room, info->head, report);
    if (!state.ok()) return state.status();
    if (!report.status().ok()) return report.status();
    step(1);
    published.version = store::Version{
        .name = wish.name.empty() ? absl::StrCat("published-", info->head) : wish.name,
        .sequence = info->head,
        .made_ms = wish.now_ms,
        .note = wish.note};
    const absl::Status stored = Store(room, info->generation, *published.version);
    if (!stored.ok()) return stored;
  }
  const auto draft = Find(room);
  if (!draft.ok()) return draft.status();
  published.draft = draft->value_or(DraftStatus{});
  step(2);
  return published;
}

absl::Status VersionDrafts::Store(std::string_view room, store::Generation generation,
                                  const store::Version& version) {
  const auto rows = MakeRows();
  if (!rows.ok()) return rows.status();
  const std::uint64_t number = NumberOf(generation);
  return (*rows)->PutVersion(room, version, MergePayloads, [&](store::RowWriter& writer) {
    const auto known = FindDraftRow(writer, room);
    if (!known.ok()) return known.status();
    DraftRow row{.generation = number, .saved = 0, .base = 0, .neutral = {}};
    if (*known && (*known)->generation == number) row = **known;
    if (row.saved > version.sequence) return absl::OkStatus();  // a later state was published
    row.Publish(version.sequence, 0, 0);
    return PutDraftRow(writer, room, row);
  });
}

absl::StatusOr<VersionDrafts::Return> VersionDrafts::PrepareDiscard(std::string_view room) const {
  const auto info = GetRoom(log_, room);
  if (!info.ok()) return info.status();
  store::Rows* const rows = rows_;
  std::optional<DraftRow> row;
  if (rows != nullptr) {
    auto found = ReadDraftRow(*rows, room);
    if (!found.ok()) return found.status();
    row = *std::move(found);
  }
  const std::uint64_t generation = NumberOf(info->generation);
  if (!row || row->generation != generation) {
    return absl::FailedPreconditionError(
        "the room was never published: there is nothing to go back to");
  }
  store::LoadReport report;
  auto published = StateAt(log_.reader(), room, row->saved, report);
  if (absl::IsNotFound(published.status())) {
    return absl::OutOfRangeError(std::string(published.status().message()));
  }
  if (!published.ok()) return published.status();
  const auto newest = StateAt(log_.reader(), room, store::kNoBound, report);
  if (!newest.ok()) return newest.status();
  auto update = RestoringUpdate(*published, *newest);
  if (!update.ok()) return update.status();
  const LogPlace place{.sequence = report.head, .generation = NumberOf(report.generation)};
  auto edit = [room = std::string(room), row = *row, place](store::RowWriter& writer,
                                                            const LogPlace& patch) -> absl::Status {
    const auto now = FindDraftRow(writer, room);
    if (!now.ok()) return now.status();
    if (*now != row || place.generation != row.generation) {
      return absl::AbortedError("the room was published meanwhile");
    }
    DraftRow next = row;
    next.Publish(place.sequence, patch.sequence, 0);
    return PutDraftRow(writer, room, next);
  };
  return Return{.update = *std::move(update),
                .change = {.rows = rows, .edit = std::move(edit)},
                .newest = place};
}

absl::Status VersionDrafts::Apply(const Return& without_update) const {
  return without_update.change.rows->Write(
      [&](store::RowWriter& writer) { return without_update.change.edit(writer, LogPlace{}); });
}

absl::Status VersionDrafts::DeleteRoom(std::string_view room, store::Generation generation) const {
  store::Rows* const rows = rows_;
  if (rows == nullptr) return log_.DeleteRoom(room, generation);
  return rows->DeleteRoom(room, generation,
                          [room](store::RowWriter& writer) { return EraseDraftRow(writer, room); });
}

}  // namespace weft::server::publish
