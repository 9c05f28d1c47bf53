#include "server/script/revision_writer.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "crdt/base/bytes.h"

namespace weft::server::script {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;
using store::RowWriter;

using LinksById = absl::flat_hash_map<std::uint64_t, Link>;

LinksById ById(const std::vector<Placement>& order) {
  LinksById links;
  links.reserve(order.size());
  for (const Link& link : LinksOf(order)) links.emplace(Number(link.line), link);
  return links;
}

// The place of each line on its page, from 0.
std::vector<std::uint64_t> PlacesOf(const std::vector<Placement>& order) {
  std::vector<std::uint64_t> places;
  places.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool goes_on = i > 0 && order[i].page == order[i - 1].page;
    places.push_back(goes_on ? places.back() + 1 : 0);
  }
  return places;
}

class Writer {
 public:
  Writer(RowWriter& rows, ShowId show, RevisionId revision)
      : rows_(rows), show_(show), revision_(revision) {}

  absl::Status status() const { return status_; }

  void WriteContents(const std::vector<NewContent>& contents) {
    for (const NewContent& content : contents) {
      Keep(rows_.Put(table::kLine, KeyOf(show_, content.line, content.version),
                     EncodeContent(content.content)));
    }
  }

  // Only the places whose line is another one.
  void WriteOrder(const std::vector<Placement>& before, const std::vector<Placement>& after) {
    absl::flat_hash_map<std::pair<std::uint32_t, std::uint64_t>, LineId> stored;
    stored.reserve(before.size());
    const std::vector<std::uint64_t> old_places = PlacesOf(before);
    for (std::size_t i = 0; i < before.size(); ++i) {
      stored.emplace(std::pair(before[i].page, old_places[i]), before[i].line);
    }
    const std::vector<std::uint64_t> places = PlacesOf(after);
    for (std::size_t i = 0; i < after.size(); ++i) {
      const auto found = stored.find(std::pair(after[i].page, places[i]));
      const bool is_stored = found != stored.end() && found->second == after[i].line;
      if (!is_stored) {
        ByteWriter value;
        value.WriteVarUint(Number(after[i].line));
        Keep(rows_.Put(table::kOrder, KeyOf(show_, revision_, after[i].page, places[i]),
                       value.view()));
      }
      if (found != stored.end()) stored.erase(found);
    }
    for (const auto& [place, line] : stored) {
      Keep(rows_.Erase(table::kOrder, KeyOf(show_, revision_, place.first, place.second)));
    }
  }

  // The links that differ, and the uses of versions that came or went.
  void WriteLinks(const std::vector<Placement>& before, const std::vector<Placement>& after) {
    LinksById stored = ById(before);
    for (const Link& link : LinksOf(after)) {
      const auto found = stored.find(Number(link.line));
      const bool is_new = found == stored.end();
      if (is_new || found->second != link) PutLink(link);
      if (is_new || found->second.version != link.version) AddUse(link.line, link.version);
      if (!is_new) {
        if (found->second.version != link.version) RemoveUse(link.line, found->second.version);
        stored.erase(found);
      }
    }
    for (const auto& [line, link] : stored) RemoveLine(link);
  }

  void RemoveCuts(const std::vector<PartId>& parts) {
    for (const PartId part : parts) Keep(rows_.Erase(table::kCut, KeyOf(show_, revision_, part)));
  }

 private:
  void Keep(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  void PutLink(const Link& link) {
    ByteWriter value;
    value.WriteVarUint(link.prev ? Number(*link.prev) : 0);
    value.WriteVarUint(link.next ? Number(*link.next) : 0);
    value.WriteVarUint(link.page);
    value.WriteVarUint(Number(link.version));
    Keep(rows_.Put(table::kRevisionLine, KeyOf(show_, revision_, link.line), value.view()));
  }

  void AddUse(LineId line, Version version) {
    Keep(rows_.Put(table::kLineUse, KeyOf(show_, line, version, revision_), {}));
  }

  void RemoveUse(LineId line, Version version) {
    Keep(ReleaseVersion(rows_, show_, revision_, line, version));
  }

  void RemoveLine(const Link& link) {
    Keep(rows_.Erase(table::kRevisionLine, KeyOf(show_, revision_, link.line)));
    RemoveUse(link.line, link.version);
    Keep(ErasePrefix(rows_, table::kCueLink, KeyOf(show_, revision_, link.line)));
  }

  RowWriter& rows_;
  const ShowId show_;
  const RevisionId revision_;
  absl::Status status_;
};

}  // namespace

absl::Status ReleaseVersion(RowWriter& rows, ShowId show, RevisionId revision, LineId line,
                            Version version) {
  const absl::Status erased = rows.Erase(table::kLineUse, KeyOf(show, line, version, revision));
  if (!erased.ok()) return erased;
  bool is_used = false;
  const absl::Status visited =
      VisitPrefix(rows, table::kLineUse, KeyOf(show, line, version), [&](ByteView, ByteView) {
        is_used = true;
        return absl::OkStatus();
      });
  if (!visited.ok() || is_used) return visited;
  return rows.Erase(table::kLine, KeyOf(show, line, version));
}

absl::Status WriteRevision(RowWriter& rows, ShowId show, RevisionInfo revision,
                           const std::vector<Placement>& before,
                           const std::vector<Placement>& after,
                           const std::vector<NewContent>& contents,
                           const std::vector<PartId>& gone_parts) {
  Writer writer(rows, show, revision.id);
  writer.WriteContents(contents);
  writer.WriteOrder(before, after);
  writer.WriteLinks(before, after);
  writer.RemoveCuts(gone_parts);
  if (!writer.status().ok()) return writer.status();
  revision.head = after.empty() ? std::nullopt : std::optional(after.front().line);
  revision.tail = after.empty() ? std::nullopt : std::optional(after.back().line);
  revision.count = after.size();
  revision.hash = HashOrder(after);
  if (const absl::Status put = PutRevision(rows, show, revision); !put.ok()) return put;
  const auto proved = ProveOrder(rows, show, revision);
  if (!proved.ok()) return proved.status();
  if (*proved != after) {
    return absl::InternalError(absl::StrCat(
        "revision ", Number(revision.id), " would be stored in another order than was asked for"));
  }
  return absl::OkStatus();
}

}  // namespace weft::server::script
