#include "server/script/cues_cuts.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/base/bytes.h"

namespace weft::server::script {

using crdt::ByteView;
using store::RowReader;
using store::RowWriter;

namespace {

// The next id of a cue: behind all that revisions have, and all that were given here.
absl::StatusOr<CueId> TakeCueId(RowWriter& rows, ShowId show) {
  std::uint64_t next = 1;
  const auto stored = rows.Get(table::kNextCue, KeyOf(show));
  if (!stored.ok()) return stored.status();
  if (*stored) {
    crdt::ByteReader in(**stored);
    next = in.ReadVarUint();
    if (!in.ok() || !in.at_end()) {
      return absl::DataLossError("the counter of cues does not read as it was written");
    }
  }
  const absl::Status visited =
      VisitPrefix(rows, table::kCueLink, KeyOf(show), [&](ByteView key, ByteView) {
        const auto numbers = ReadKey(key, 4);
        if (numbers.ok()) next = std::max(next, (*numbers)[3] + 1);
        return numbers.status();
      });
  if (!visited.ok()) return visited;
  crdt::ByteWriter out;
  out.WriteVarUint(next + 1);
  const absl::Status put = rows.Put(table::kNextCue, KeyOf(show), out.view());
  if (!put.ok()) return put;
  return CueId{next};
}

}  // namespace

absl::StatusOr<std::vector<Cue>> ListCues(const RowReader& rows, ShowId show, RevisionId revision) {
  std::vector<Cue> cues;
  const absl::Status status =
      VisitPrefix(rows, table::kCueLink, KeyOf(show, revision), [&](ByteView key, ByteView value) {
        const auto numbers = ReadKey(key, 4);
        if (!numbers.ok()) return numbers.status();
        cues.push_back({.id = CueId{(*numbers)[3]},
                        .line = LineId{(*numbers)[2]},
                        .label = std::string(crdt::AsText(value))});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return cues;
}

absl::Status PutCue(RowWriter& rows, ShowId show, RevisionId revision, const Cue& cue) {
  return rows.Put(table::kCueLink, KeyOf(show, revision, cue.line, cue.id),
                  crdt::AsBytes(cue.label));
}

absl::StatusOr<Cue> AddCue(RowWriter& rows, ShowId show, RevisionId revision, LineId line,
                           std::string label) {
  const auto known = GetRevision(rows, show, revision);
  if (!known.ok()) return known.status();
  const auto row = rows.Get(table::kRevisionLine, KeyOf(show, revision, line));
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::NotFoundError(absl::StrCat("the revision has no line ", Number(line)));
  }
  const auto id = TakeCueId(rows, show);
  if (!id.ok()) return id.status();
  Cue cue{.id = *id, .line = line, .label = std::move(label)};
  const absl::Status status = PutCue(rows, show, revision, cue);
  if (!status.ok()) return status;
  return cue;
}

absl::Status EraseCue(RowWriter& rows, ShowId show, RevisionId revision, CueId id) {
  const auto cues = ListCues(rows, show, revision);
  if (!cues.ok()) return cues.status();
  const auto cue = std::ranges::find(*cues, id, &Cue::id);
  if (cue == cues->end()) {
    return absl::NotFoundError(absl::StrCat("the revision has no cue ", Number(id)));
  }
  return rows.Erase(table::kCueLink, KeyOf(show, revision, cue->line, id));
}

absl::StatusOr<std::vector<PartId>> ListCuts(const RowReader& rows, ShowId show,
                                             RevisionId revision) {
  std::vector<PartId> cuts;
  const absl::Status status =
      VisitPrefix(rows, table::kCut, KeyOf(show, revision), [&](ByteView key, ByteView) {
        const auto numbers = ReadKey(key, 3);
        if (numbers.ok()) cuts.push_back(PartId{(*numbers)[2]});
        return numbers.status();
      });
  if (!status.ok()) return status;
  return cuts;
}

absl::Status PutCut(RowWriter& rows, ShowId show, RevisionId revision, PartId part) {
  return rows.Put(table::kCut, KeyOf(show, revision, part), {});
}

absl::Status SetCuts(RowWriter& rows, ShowId show, RevisionId id,
                     const std::vector<PartId>& parts) {
  const auto revision = LoadRevision(rows, show, id);
  if (!revision.ok()) return revision.status();
  absl::flat_hash_set<std::uint64_t> present;
  for (const Line& line : revision->lines) {
    for (const Part& part : line.content.parts) present.insert(Number(part.id));
  }
  std::vector<std::uint64_t> missing;
  for (const PartId part : parts) {
    if (!present.contains(Number(part))) missing.push_back(Number(part));
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the revision has no part ", absl::StrJoin(missing, ", ")));
  }
  absl::Status status = ErasePrefix(rows, table::kCut, KeyOf(show, id));
  for (const PartId part : parts) {
    if (status.ok()) status = PutCut(rows, show, id, part);
  }
  return status;
}

}  // namespace weft::server::script
