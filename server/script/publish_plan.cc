#include "server/script/publish_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/script/schema.h"
#include "server/script/validation.h"

namespace weft::server::script {
namespace {

std::string NameOfPlace(std::uint32_t page, std::uint64_t line) {
  return absl::StrCat("page ", page, ", line ", line);
}

class Planner {
 public:
  Planner(const Revision& stored, const ScriptInfo& script, const Show& show,
          const Extraction& document)
      : stored_(stored),
        document_(document),
        mode_(script.mode),
        line_limit_(script.next_line),
        part_limit_(script.next_part),
        references_(show),
        problems_(document.problems) {
    plan_.script = script;
    stored_lines_.reserve(stored.lines.size());
    for (const Line& line : stored.lines) stored_lines_.emplace(Number(line.id), &line);
  }

  std::variant<PublishPlan, std::vector<Problem>> Run(const PageProgress& progress) {
    if (document_.revision && *document_.revision != stored_.info.id) {
      problems_.push_back(
          {.kind = Problem::Kind::kNotThisRevision,
           .field = "meta.revision_id",
           .what = absl::StrCat("names revision ", Number(*document_.revision),
                                " in a document of revision ", Number(stored_.info.id))});
    }
    const std::uint64_t pages = document_.pages.size();
    if (progress && pages > 0) progress(0, pages);
    auto line = document_.lines.begin();
    for (std::uint64_t done = 0; done < pages; ++done) {
      for (; line != document_.lines.end() && line->page == document_.pages[done]; ++line) {
        PlanLine(*line);
      }
      if (progress) progress(done + 1, pages);
    }
    FindWhatIsGone();
    if (problems_.empty()) return std::move(plan_);
    return SortedProblems();
  }

 private:
  // A field that cannot be read is not also told to break a rule.
  std::vector<Problem> SortedProblems() {
    const auto place = [](const Problem& problem) {
      return std::tie(problem.page, problem.line, problem.part, problem.field);
    };
    std::stable_sort(problems_.begin(), problems_.end(),
                     [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
    const auto repeats = [&](const Problem& a, const Problem& b) {
      return b.kind == Problem::Kind::kRule && place(a) == place(b);
    };
    problems_.erase(std::unique(problems_.begin(), problems_.end(), repeats), problems_.end());
    return std::move(problems_);
  }

  void PlanLine(const ExtractedLine& line) {
    const LineId id = IdOf(line);
    Content content{.type = line.type, .act = line.act, .scene = line.scene, .style = line.style};
    for (std::size_t i = 0; i < line.parts.size(); ++i) {
      const ExtractedPart& part = line.parts[i];
      content.parts.push_back({.id = IdOf(part, line, i + 1),
                               .index = part.index,
                               .character = part.character,
                               .group = part.group,
                               .text = part.text});
    }
    ValidateLine(content, mode_, references_, line.page, line.number, problems_);
    if (!problems_.empty()) return;  // there will be no plan
    const auto found = stored_lines_.find(Number(id));
    Placement place{.line = id, .page = line.page};
    if (found != stored_lines_.end() && found->second->content == content) {
      place.version = found->second->version;
    } else {
      ++(found == stored_lines_.end() ? plan_.added : plan_.changed);
      place.version = Version{plan_.script.next_version++};
      plan_.contents.push_back(
          {.line = id, .version = place.version, .content = std::move(content)});
    }
    plan_.after.push_back(place);
  }

  LineId IdOf(const ExtractedLine& line) {
    if (!line.id) {
      const LineId given{plan_.script.next_line++};
      plan_.given_ids.push_back({.map = line.map, .id = Number(given)});
      return given;
    }
    const std::uint64_t id = Number(*line.id);
    const auto tell = [&](Problem::Kind kind, std::string what) {
      problems_.push_back({.kind = kind,
                           .page = line.page,
                           .line = line.number,
                           .field = std::string(kId),
                           .what = std::move(what)});
    };
    if (id >= line_limit_) {
      tell(Problem::Kind::kUnknownId,
           absl::StrCat(id, " was never given to a line of this script"));
    }
    const auto [first, is_first] = lines_.emplace(id, NameOfPlace(line.page, line.number));
    if (!is_first) {
      tell(Problem::Kind::kDuplicateId, absl::StrCat("this is line ", id, ", which stands on ",
                                                     first->second, " too; one of them has to go"));
    }
    if (!line.has_plain_id) plan_.given_ids.push_back({.map = line.map, .id = id});
    return *line.id;
  }

  PartId IdOf(const ExtractedPart& part, const ExtractedLine& line, std::uint64_t number) {
    if (!part.id) {
      const PartId given{plan_.script.next_part++};
      plan_.given_ids.push_back({.map = part.map, .id = Number(given)});
      return given;
    }
    const std::uint64_t id = Number(*part.id);
    const auto tell = [&](Problem::Kind kind, std::string what) {
      problems_.push_back({.kind = kind,
                           .page = line.page,
                           .line = line.number,
                           .part = number,
                           .field = std::string(kId),
                           .what = std::move(what)});
    };
    if (id >= part_limit_) {
      tell(Problem::Kind::kUnknownId,
           absl::StrCat(id, " was never given to a part of this script"));
    }
    const auto [first, is_first] = parts_.emplace(id, NameOfPlace(line.page, line.number));
    if (!is_first) {
      tell(Problem::Kind::kDuplicateId, absl::StrCat("this is part ", id, ", which stands on ",
                                                     first->second, " too; one of them has to go"));
    }
    if (!part.has_plain_id) plan_.given_ids.push_back({.map = part.map, .id = id});
    return *part.id;
  }

  void FindWhatIsGone() {
    for (const Line& line : stored_.lines) {
      plan_.removed += !lines_.contains(Number(line.id));
      for (const Part& part : line.content.parts) {
        if (!parts_.contains(Number(part.id))) plan_.gone_parts.push_back(part.id);
      }
    }
  }

  const Revision& stored_;
  const Extraction& document_;
  const ScriptMode mode_;
  const std::uint64_t line_limit_;  // the first id that was not given yet
  const std::uint64_t part_limit_;
  const References references_;
  absl::flat_hash_map<std::uint64_t, const Line*> stored_lines_;
  // Where the document has them.
  absl::flat_hash_map<std::uint64_t, std::string> lines_;
  absl::flat_hash_map<std::uint64_t, std::string> parts_;
  std::vector<Problem> problems_;
  PublishPlan plan_;
};

}  // namespace

std::variant<PublishPlan, std::vector<Problem>> PlanPublish(const Revision& stored,
                                                            const ScriptInfo& script,
                                                            const Show& show,
                                                            const Extraction& document,
                                                            const PageProgress& progress) {
  return Planner(stored, script, show, document).Run(progress);
}

crdt::Bytes PublishPatch(crdt::Doc& doc, const PublishPlan& plan,
                         const std::string& last_saved_at) {
  crdt::Bytes patch;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    patch.assign(event.update.begin(), event.update.end());
  });
  DocumentRoots roots = RootsOf(doc);
  doc.Transact("publish", [&] {
    for (PublishPlan::GivenId given : plan.given_ids) {
      given.map.Set(kId, std::to_string(given.id));
    }
    roots.meta.Set(kLastSavedAt, last_saved_at);
    const std::uint64_t deleted = roots.deleted_line_ids.length();
    if (deleted > 0) roots.deleted_line_ids.Delete(0, deleted);
  });
  return patch;
}

}  // namespace weft::server::script
