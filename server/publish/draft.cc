#include "server/publish/draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"

namespace weft::server::publish {
namespace {

constexpr std::string_view kTable = "draft";
constexpr std::string_view kSetAsideTable = "set aside";
constexpr std::size_t kNumberBytes = 8;

void PutNumber(crdt::Bytes& out, std::uint64_t number) {
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(number >> (8 * (kNumberBytes - 1 - i))));
  }
}

std::uint64_t NumberAt(crdt::ByteView bytes, std::size_t index) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes.subspan(index * kNumberBytes, kNumberBytes)) {
    number = number << 8 | byte;
  }
  return number;
}

absl::Status CheckName(std::string_view room) {
  if (room.size() <= kMaxDraftRoomBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a room that is published has a name of at most ",
                                                 kMaxDraftRoomBytes, " bytes"));
}

}  // namespace

std::optional<std::uint64_t> DraftRow::FirstUnsaved(std::uint64_t head) const {
  std::uint64_t sequence = saved + 1;
  for (const std::uint64_t known : neutral) {
    if (known != sequence) break;
    ++sequence;
  }
  if (sequence > head) return std::nullopt;
  return sequence;
}

void DraftRow::Publish(std::uint64_t snapshot, std::uint64_t patch, std::uint64_t new_base,
                       const std::vector<LostUpdates>& lost) {
  CHECK(saved <= snapshot && (patch == 0 || snapshot < patch));
  for (LostUpdates range : LostEdits(lost)) {
    range.end = std::min(range.end, snapshot + 1);
    if (range.begin < range.end) given_up.push_back(range);
  }
  saved = snapshot;
  base = new_base;
  std::erase_if(neutral, [snapshot](std::uint64_t sequence) { return sequence <= snapshot; });
  if (patch != 0) neutral.push_back(patch);
}

bool DraftRow::LosesBase(const std::vector<LostUpdates>& lost) const {
  return std::ranges::any_of(lost, [this](const LostUpdates& range) {
    // What of it is up to `saved` has to be given up already.
    std::uint64_t sequence = range.begin;
    for (const LostUpdates& known : given_up) {
      if (known.begin <= sequence) sequence = std::max(sequence, known.end);
    }
    if (sequence < range.end && sequence <= saved) return true;
    return std::ranges::any_of(
        neutral, [&range](std::uint64_t told) { return range.begin <= told && told < range.end; });
  });
}

std::vector<LostUpdates> DraftRow::LostEdits(const std::vector<LostUpdates>& lost) const {
  std::vector<LostUpdates> edits;
  for (LostUpdates range : lost) {
    range.begin = std::max(range.begin, saved + 1);
    if (range.begin < range.end) edits.push_back(range);
  }
  return edits;
}

absl::Status DraftRow::Validate() const {
  std::uint64_t behind = 1;  // the first that the next range may have
  for (const LostUpdates& range : given_up) {
    if (range.begin < behind || range.end <= range.begin || range.end > saved + 1) {
      return absl::InternalError(absl::StrCat("the lost updates from ", range.begin, " before ",
                                              range.end, " of ", saved));
    }
    behind = range.end;
  }
  std::uint64_t last = saved;
  for (const std::uint64_t sequence : neutral) {
    if (sequence <= last) {
      return absl::InternalError(absl::StrCat("the neutral update ", sequence, " after ", last));
    }
    last = sequence;
  }
  return absl::OkStatus();
}

crdt::Bytes Encode(const DraftRow& row) {
  crdt::Bytes out;
  out.reserve((3 + 2 * row.given_up.size() + row.neutral.size()) * kNumberBytes);
  PutNumber(out, row.generation);
  PutNumber(out, row.saved);
  PutNumber(out, row.base);
  for (const LostUpdates& range : row.given_up) {
    PutNumber(out, range.begin);
    PutNumber(out, range.end - 1);
  }
  for (const std::uint64_t sequence : row.neutral) PutNumber(out, sequence);
  return out;
}

absl::StatusOr<DraftRow> DecodeDraftRow(crdt::ByteView bytes) {
  const std::size_t count = bytes.size() / kNumberBytes;
  if (bytes.size() % kNumberBytes != 0 || count < 3) {
    return absl::DataLossError(absl::StrCat("a draft's row has ", bytes.size(), " bytes"));
  }
  DraftRow row{.generation = NumberAt(bytes, 0),
               .saved = NumberAt(bytes, 1),
               .base = NumberAt(bytes, 2),
               .neutral = {}};
  std::size_t i = 3;
  for (; i + 1 < count && NumberAt(bytes, i) <= row.saved; i += 2) {
    row.given_up.push_back({NumberAt(bytes, i), NumberAt(bytes, i + 1) + 1});
  }
  for (; i < count; ++i) row.neutral.push_back(NumberAt(bytes, i));
  const absl::Status valid = row.Validate();
  if (!valid.ok()) return absl::DataLossError(std::string(valid.message()));
  return row;
}

absl::StatusOr<std::optional<DraftRow>> FindDraftRow(const store::RowReader& rows,
                                                     std::string_view room) {
  if (!CheckName(room).ok()) return std::nullopt;
  const auto bytes = rows.Get(kTable, crdt::AsBytes(room));
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::nullopt;
  absl::StatusOr<DraftRow> row = DecodeDraftRow(**bytes);
  if (!row.ok()) return row.status();
  return std::optional(*std::move(row));
}

absl::Status PutDraftRow(store::RowWriter& rows, std::string_view room, const DraftRow& row) {
  const absl::Status name = CheckName(room);
  if (!name.ok()) return name;
  return rows.Put(kTable, crdt::AsBytes(room), Encode(row));
}

absl::Status EraseDraftRow(store::RowWriter& rows, std::string_view room) {
  if (!CheckName(room).ok()) return absl::OkStatus();
  return rows.Erase(kTable, crdt::AsBytes(room));
}

std::string SetAsideRoom(std::string_view room, const SetAside& draft) {
  return absl::StrCat(std::string(room), "/set-aside/", draft.generation);
}

absl::StatusOr<std::optional<SetAside>> FindSetAside(const store::RowReader& rows,
                                                     std::string_view room) {
  if (!CheckName(room).ok()) return std::nullopt;
  const auto bytes = rows.Get(kSetAsideTable, crdt::AsBytes(room));
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::nullopt;
  if ((*bytes)->size() != 2 * kNumberBytes) {
    return absl::DataLossError("the row of a draft that was set aside has another length");
  }
  return std::optional(SetAside{.generation = NumberAt(**bytes, 0), .edits = NumberAt(**bytes, 1)});
}

absl::Status PutSetAside(store::RowWriter& rows, std::string_view room, const SetAside& draft) {
  const absl::Status name = CheckName(room);
  if (!name.ok()) return name;
  crdt::Bytes value;
  PutNumber(value, draft.generation);
  PutNumber(value, draft.edits);
  return rows.Put(kSetAsideTable, crdt::AsBytes(room), value);
}

absl::Status EraseSetAside(store::RowWriter& rows, std::string_view room) {
  if (!CheckName(room).ok()) return absl::OkStatus();
  return rows.Erase(kSetAsideTable, crdt::AsBytes(room));
}

absl::StatusOr<std::optional<DraftRow>> ReadDraftRow(const store::Rows& rows,
                                                     std::string_view room) {
  std::optional<DraftRow> row;
  const absl::Status read = rows.Read([&](const store::RowReader& reader) {
    auto found = FindDraftRow(reader, room);
    if (!found.ok()) return found.status();
    row = *std::move(found);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return row;
}

absl::StatusOr<std::optional<DraftStatus>> ReadDraft(const store::Rows& rows,
                                                     const store::UpdateLog& log,
                                                     std::string_view room) {
  const auto row = ReadDraftRow(rows, room);
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  const auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (!*info || static_cast<std::uint64_t>((*info)->generation) != (*row)->generation) {
    return std::nullopt;
  }
  DraftStatus status{.has_draft = false,
                     .saved = (*row)->saved,
                     .head = (*info)->head,
                     .generation = (*row)->generation,
                     .base = (*row)->base,
                     .since_ms = 0};
  const std::optional<std::uint64_t> first = (*row)->FirstUnsaved(status.head);
  status.has_draft = first.has_value();
  if (!first) return std::optional(status);
  if ((*info)->first > *first) return std::optional(status);
  // One record, unless it is damaged: then further ones, more at a time.
  for (std::uint64_t begin = *first, count = 1; begin <= status.head && status.since_ms == 0;
       begin += count, count *= 2) {
    const auto report = log.reader().ReadRecords(room, {.begin = begin, .end = begin + count},
                                                 [&status](const store::Record& record) {
                                                   if (status.since_ms == 0)
                                                     status.since_ms = record.time_ms;
                                                 });
    if (!report.ok()) return report.status();
  }
  return std::optional(status);
}

}  // namespace weft::server::publish
