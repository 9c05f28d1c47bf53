#include "server/script/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/script/cues_cuts.h"
#include "server/script/revision_writer.h"

namespace weft::server::script {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using store::RowReader;
using store::RowWriter;

using Numbers = absl::flat_hash_set<std::uint64_t>;

// Mends one script, or only looks when there is no writer.
class Checker {
 public:
  Checker(const RowReader& rows, RowWriter* writer, ShowId show, CheckReport& report)
      : rows_(rows), writer_(writer), show_(show), report_(report) {}

  absl::Status Run() {
    using Step = absl::Status (Checker::*)();
    for (const Step step : {&Checker::ReadScript, &Checker::ReadContents, &Checker::CheckTree,
                            &Checker::CheckRevisions, &Checker::CheckLeftovers, &Checker::CheckUses,
                            &Checker::CheckCounters}) {
      if (const absl::Status status = (this->*step)(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  using LineVersion = std::pair<std::uint64_t, std::uint64_t>;

  void Tell(std::optional<RevisionId> revision, std::string what, std::string repair) {
    report_.findings.push_back({.show = show_,
                                .revision = revision,
                                .what = std::move(what),
                                .repair = std::move(repair)});
  }

  absl::Status ReadScript() {
    auto script = GetScript(rows_, show_);
    if (absl::IsNotFound(script.status())) {
      Tell({}, "the show has no row of its script", "makes one");
      script_ = {.show = show_};
      is_script_new_ = true;
    } else if (!script.ok()) {
      return script.status();
    } else {
      script_ = *script;
    }
    auto revisions = ListRevisions(rows_, show_);
    if (!revisions.ok()) return revisions.status();
    revisions_ = *std::move(revisions);
    report_.revisions += revisions_.size();
    return absl::OkStatus();
  }

  absl::Status ReadContents() {
    return VisitPrefix(rows_, table::kLine, KeyOf(show_), [&](ByteView key, ByteView value) {
      const auto numbers = ReadKey(key, 3);
      if (!numbers.ok()) return numbers.status();
      const auto content = DecodeContent(value);
      if (!content.ok()) return content.status();
      std::vector<std::uint64_t>& parts = contents_[{(*numbers)[1], (*numbers)[2]}];
      for (const Part& part : content->parts) {
        parts.push_back(Number(part.id));
        last_part_ = std::max(last_part_, Number(part.id));
      }
      last_line_ = std::max(last_line_, (*numbers)[1]);
      last_version_ = std::max(last_version_, (*numbers)[2]);
      return absl::OkStatus();
    });
  }

  // One root, parents that are there and lead to it, a current revision that is there.
  absl::Status CheckTree() {
    if (revisions_.empty()) {
      if (!is_script_new_)
        Tell({}, "the script has no revisions", "nothing: there is none to be had");
      return absl::OkStatus();
    }
    const auto root = std::find_if(revisions_.begin(), revisions_.end(),
                                   [](const RevisionInfo& info) { return !info.parent; });
    const RevisionId root_id = root == revisions_.end() ? revisions_.front().id : root->id;
    std::map<RevisionId, std::optional<RevisionId>> parents;
    for (const RevisionInfo& info : revisions_) parents[info.id] = info.parent;
    const auto leads_to_root = [&](RevisionId id) {
      for (std::size_t steps = 0; steps <= parents.size(); ++steps) {
        if (id == root_id) return true;
        const auto found = parents.find(id);
        if (found == parents.end() || !found->second) return false;
        id = *found->second;
      }
      return false;
    };
    for (RevisionInfo& info : revisions_) {
      const bool is_root = info.id == root_id;
      if (is_root ? !info.parent : leads_to_root(info.id)) continue;
      Tell(info.id, "its parents do not lead to the first revision",
           is_root ? "makes it the first one"
                   : absl::StrCat("makes it a child of revision ", Number(root_id)));
      info.parent = is_root ? std::nullopt : std::optional(root_id);
      parents[info.id] = info.parent;
      if (writer_ == nullptr) continue;
      if (const absl::Status put = PutRevision(*writer_, show_, info); !put.ok()) return put;
    }
    if (parents.contains(script_.current)) return absl::OkStatus();
    Tell({}, absl::StrCat("the current revision ", Number(script_.current), " is not there"),
         absl::StrCat("makes revision ", Number(root_id), " the current one"));
    script_.current = root_id;
    return absl::OkStatus();
  }

  absl::Status CheckRevisions() {
    for (const RevisionInfo& info : revisions_) {
      if (const absl::Status status = CheckRevision(info); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status CheckRevision(const RevisionInfo& info) {
    const auto order = ReadOrder(rows_, show_, info.id);
    if (!order.ok()) return order.status();
    const auto links = ReadLinks(rows_, show_, info.id);
    if (!links.ok()) return links.status();
    const std::size_t findings_before = report_.findings.size();
    const auto proved = ProveOrder(rows_, show_, info);
    if (!proved.ok()) {
      if (!absl::IsDataLoss(proved.status())) return proved.status();
      Tell(info.id, std::string(proved.status().message()), "writes the links anew from the order");
    }
    const std::vector<Placement> wanted = Settle(info.id, *order, *links);
    report_.lines += wanted.size();
    const bool is_broken = report_.findings.size() != findings_before;
    if (is_broken && writer_ != nullptr) {
      absl::Status status = ErasePrefix(*writer_, table::kOrder, KeyOf(show_, info.id));
      if (status.ok()) {
        status = ErasePrefix(*writer_, table::kRevisionLine, KeyOf(show_, info.id));
      }
      if (status.ok()) status = WriteRevision(*writer_, show_, info, {}, wanted, {}, {});
      if (!status.ok()) return status;
    }
    Numbers lines;
    Numbers parts;
    for (const Placement& place : wanted) {
      const LineVersion key{Number(place.line), Number(place.version)};
      uses_.insert({key, Number(info.id)});
      lines.insert(key.first);
      const auto& of_line = contents_.at(key);
      parts.insert(of_line.begin(), of_line.end());
    }
    return CheckPointers(info.id, lines, parts);
  }

  // The order as it should be: that of the order's rows, with versions that are there.
  std::vector<Placement> Settle(RevisionId revision, const std::vector<OrderRow>& order,
                                const std::vector<Link>& links) {
    std::map<std::uint64_t, Link> by_line;
    for (const Link& link : links) by_line.emplace(Number(link.line), link);
    std::vector<Placement> wanted;
    Numbers seen;
    const auto add = [&](LineId line, std::uint32_t page) {
      if (!seen.insert(Number(line)).second) {
        Tell(revision, absl::StrCat("line ", Number(line), " stands in two places of the order"),
             "keeps the first");
        return;
      }
      const auto link = by_line.find(Number(line));
      const std::optional<Version> version =
          VersionOf(revision, line, link == by_line.end() ? nullptr : &link->second);
      if (version) wanted.push_back({.line = line, .page = page, .version = *version});
    };
    for (const OrderRow& row : order) add(row.line, row.page);
    for (const Link& link : links) {
      if (seen.contains(Number(link.line))) continue;
      Tell(revision,
           absl::StrCat("line ", Number(link.line), " is in the chain, but not in the order"),
           absl::StrCat("puts it at the end of page ", link.page));
      add(link.line, link.page);
    }
    std::stable_sort(wanted.begin(), wanted.end(),
                     [](const Placement& a, const Placement& b) { return a.page < b.page; });
    return wanted;
  }

  // The version of the link, or the newest that there is.
  std::optional<Version> VersionOf(RevisionId revision, LineId line, const Link* link) {
    if (link != nullptr && contents_.contains({Number(line), Number(link->version)})) {
      return link->version;
    }
    const auto behind = contents_.upper_bound({Number(line), UINT64_MAX});
    const bool has_any =
        behind != contents_.begin() && std::prev(behind)->first.first == Number(line);
    const std::string what =
        link == nullptr
            ? absl::StrCat("line ", Number(line), " is in the order, but not in the chain")
            : absl::StrCat("version ", Number(link->version), " of line ", Number(line),
                           " is gone");
    if (!has_any) {
      Tell(revision, what, "gives the line up: no content of it is left");
      return std::nullopt;
    }
    const std::uint64_t version = std::prev(behind)->first.second;
    Tell(revision, what, absl::StrCat("takes version ", version, " of the line"));
    return Version{version};
  }

  absl::Status CheckPointers(RevisionId revision, const Numbers& lines, const Numbers& parts) {
    const auto cues = ListCues(rows_, show_, revision);
    if (!cues.ok()) return cues.status();
    for (const Cue& cue : *cues) {
      if (lines.contains(Number(cue.line))) continue;
      Tell(revision,
           absl::StrCat("cue ", Number(cue.id), " (", cue.label, ") stands at line ",
                        Number(cue.line), ", which is not there"),
           "drops the cue");
      if (writer_ == nullptr) continue;
      const absl::Status erased =
          writer_->Erase(table::kCueLink, KeyOf(show_, revision, cue.line, cue.id));
      if (!erased.ok()) return erased;
    }
    const auto cuts = ListCuts(rows_, show_, revision);
    if (!cuts.ok()) return cuts.status();
    for (const PartId part : *cuts) {
      if (parts.contains(Number(part))) continue;
      Tell(revision, absl::StrCat("part ", Number(part), " is cut, but not there"),
           "drops the cut");
      if (writer_ == nullptr) continue;
      const absl::Status erased = writer_->Erase(table::kCut, KeyOf(show_, revision, part));
      if (!erased.ok()) return erased;
    }
    return absl::OkStatus();
  }

  // Lines of revisions that are not there.
  absl::Status CheckLeftovers() {
    Numbers present;
    for (const RevisionInfo& info : revisions_) present.insert(Number(info.id));
    std::set<std::uint64_t> absent;
    const auto note = [&](ByteView key, ByteView) {
      if (key.size() < 16) return absl::DataLossError("a key does not read as it was written");
      const std::uint64_t revision = (*ReadKey(key.first(16), 2))[1];
      if (!present.contains(revision)) absent.insert(revision);
      return absl::OkStatus();
    };
    const auto tables = {table::kOrder, table::kRevisionLine, table::kCueLink, table::kCut};
    for (const std::string_view table : tables) {
      const absl::Status visited = VisitPrefix(rows_, table, KeyOf(show_), note);
      if (!visited.ok()) return visited;
    }
    for (const std::uint64_t revision : absent) {
      Tell(RevisionId{revision}, "there are lines, cues or cuts of it, but it is not there",
           "drops them");
      for (const std::string_view table : tables) {
        if (writer_ == nullptr) break;
        const absl::Status erased = ErasePrefix(*writer_, table, KeyOf(show_, revision));
        if (!erased.ok()) return erased;
      }
    }
    return absl::OkStatus();
  }

  // The set of uses is what the revisions say, and no content is there without one.
  absl::Status CheckUses() {
    std::set<std::pair<LineVersion, std::uint64_t>> stored;
    const absl::Status visited =
        VisitPrefix(rows_, table::kLineUse, KeyOf(show_), [&](ByteView key, ByteView) {
          const auto numbers = ReadKey(key, 4);
          if (!numbers.ok()) return numbers.status();
          stored.insert({{(*numbers)[1], (*numbers)[2]}, (*numbers)[3]});
          return absl::OkStatus();
        });
    if (!visited.ok()) return visited;
    std::uint64_t wrong = 0;
    for (const auto& [key, revision] : stored) {
      if (uses_.contains({key, revision})) continue;
      ++wrong;
      if (writer_ == nullptr) continue;
      const absl::Status erased =
          writer_->Erase(table::kLineUse, KeyOf(show_, key.first, key.second, revision));
      if (!erased.ok()) return erased;
    }
    std::set<LineVersion> used;
    for (const auto& [key, revision] : uses_) {
      used.insert(key);
      if (stored.contains({key, revision})) continue;
      ++wrong;
      if (writer_ == nullptr) continue;
      const absl::Status put =
          writer_->Put(table::kLineUse, KeyOf(show_, key.first, key.second, revision), {});
      if (!put.ok()) return put;
    }
    if (wrong > 0) {
      Tell({}, absl::StrCat(wrong, " uses of contents are not those of the revisions"),
           "writes them anew");
    }
    std::uint64_t unused = 0;
    for (const auto& [key, parts] : contents_) {
      if (used.contains(key)) continue;
      ++unused;
      if (writer_ == nullptr) continue;
      const absl::Status erased = writer_->Erase(table::kLine, KeyOf(show_, key.first, key.second));
      if (!erased.ok()) return erased;
    }
    if (unused > 0) Tell({}, absl::StrCat(unused, " contents are of no revision"), "frees them");
    return absl::OkStatus();
  }

  absl::Status CheckCounters() {
    const auto raise = [&](const char* what, auto& next, std::uint64_t last) {
      if (next > last) return;
      Tell({}, absl::StrCat("the next ", what, " would be ", next, ", and ", last, " is there"),
           "raises the counter");
      next = static_cast<std::remove_reference_t<decltype(next)>>(last + 1);
    };
    std::uint64_t last_revision = 0;
    std::uint64_t last_number = 0;
    for (const RevisionInfo& info : revisions_) {
      last_revision = std::max(last_revision, Number(info.id));
      last_number = std::max<std::uint64_t>(last_number, info.number);
    }
    raise("line", script_.next_line, last_line_);
    raise("part", script_.next_part, last_part_);
    raise("version", script_.next_version, last_version_);
    raise("revision", script_.next_revision, last_revision);
    raise("number of a revision", script_.next_number, last_number);
    if (writer_ == nullptr) return absl::OkStatus();
    const auto stored = GetScript(rows_, show_);
    if (stored.ok() && *stored == script_) return absl::OkStatus();
    return PutScript(*writer_, script_);
  }

  const RowReader& rows_;
  RowWriter* const writer_;
  const ShowId show_;
  CheckReport& report_;
  ScriptInfo script_;
  bool is_script_new_ = false;
  std::vector<RevisionInfo> revisions_;
  std::map<LineVersion, std::vector<std::uint64_t>> contents_;  // the parts of each
  std::set<std::pair<LineVersion, std::uint64_t>> uses_;        // as the revisions say
  std::uint64_t last_line_ = 0;
  std::uint64_t last_part_ = 0;
  std::uint64_t last_version_ = 0;
};

absl::StatusOr<CheckReport> Run(const RowReader& rows, RowWriter* writer) {
  const auto shows = ListShows(rows);
  if (!shows.ok()) return shows.status();
  CheckReport report{.shows = shows->size()};
  for (const Show& show : *shows) {
    const absl::Status status = Checker(rows, writer, show.id, report).Run();
    if (!status.ok()) return status;
  }
  return report;
}

}  // namespace

absl::StatusOr<CheckReport> CheckScripts(const RowReader& rows) { return Run(rows, nullptr); }

absl::StatusOr<CheckReport> RepairScripts(RowWriter& rows) { return Run(rows, &rows); }

}  // namespace weft::server::script
