// Saving under everything that happens: three people edit at once, saves, discards, branches and restarts
// come at any time. After each save the rows are the document that was saved.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/script/check.h"
#include "server/script/document_extractor.h"
#include "server/script/revisions.h"
#include "server/script/schema.h"
#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

using crdt::Doc;

struct Step {
  int kind = 0;
  std::size_t who = 0;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << "{" << step.kind << "," << step.who << "," << step.a << "," << step.b << "}";
}

rc::Gen<Step> AnyStep() {
  return rc::gen::apply([](int kind, std::size_t who, std::uint64_t a,
                           std::uint64_t b) { return Step{kind, who, a, b}; },
                        rc::gen::inRange(0, 30), rc::gen::inRange<std::size_t>(0, 3),
                        rc::gen::inRange<std::uint64_t>(0, 1000),
                        rc::gen::inRange<std::uint64_t>(0, 1000));
}

// The lines of a document as rows have them. Requires: all of it was saved.
std::vector<Line> LinesIn(Doc& doc) {
  std::vector<Line> lines;
  for (const ExtractedLine& extracted : ExtractDocument(doc).lines) {
    Line line{.id = *extracted.id,
              .page = extracted.page,
              .content = {.type = extracted.type,
                          .act = extracted.act,
                          .scene = extracted.scene,
                          .style = extracted.style}};
    for (const ExtractedPart& part : extracted.parts) {
      line.content.parts.push_back({.id = *part.id,
                                    .index = part.index,
                                    .character = part.character,
                                    .group = part.group,
                                    .text = part.text});
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

class Evening {
 public:
  Evening() : store_(Lines({1, 1, 2, 2, 3})) {
    store_.Write([](store::RowWriter& rows) {
      absl::Status status = SetCuts(rows, kShow, kFirstRevision, {PartId{101}, PartId{104}});
      for (const std::uint64_t line : {2, 4}) {
        if (!status.ok()) break;
        status = PutCue(rows, kShow, kFirstRevision, {CueId{line}, LineId{line}, "LX"});
      }
      return status;
    });
    Rebuild();
  }

  void Do(const Step& step) {
    Doc& doc = *people_[step.who];
    const std::vector<ExtractedLine> lines = ExtractDocument(doc).lines;
    const auto any_line = [&]() -> const ExtractedLine& { return lines[step.a % lines.size()]; };
    if (step.kind < 6) {
      const auto page = static_cast<std::uint32_t>(1 + step.a % 4);
      const std::string name = std::to_string(++made_);
      InsertDialogue(doc, page, step.b % (PageOf(doc, page).length() + 1), "new-" + name,
                     "line " + name);
    } else if (step.kind < 10) {
      if (!lines.empty()) DeleteLine(doc, any_line().page, any_line().number - 1);
    } else if (step.kind < 14) {
      if (!lines.empty()) {
        SetText(doc, any_line().page, any_line().number - 1, std::to_string(step.b));
      }
    } else if (step.kind < 16) {
      if (!lines.empty()) ReplaceInPlace(doc, any_line(), step.b);
    } else if (step.kind < 18) {
      if (!lines.empty()) Move(doc, any_line(), step.b);
    } else if (step.kind < 24) {
      Meet(step.who);
    } else if (step.kind < 27) {
      Save();
    } else if (step.kind == 27) {
      Rebuild();  // a discard
    } else if (step.kind == 28) {
      Branch();
    } else {
      store_.Reopen();
      Check();
    }
  }

  void End() {
    for (std::size_t who = 0; who < people_.size(); ++who) Meet(who);
    Save();
    Check();
  }

 private:
  // Nobody's edits are left: the document is what the rows say.
  void Rebuild() {
    room_ = store_.Document(revision_);
    for (auto& person : people_) {
      person = std::make_unique<Doc>();
      RC_ASSERT(person->ApplyUpdate(room_->EncodeStateAsUpdate()).ok());
    }
    RC_ASSERT(LinesIn(*room_).size() == store_.Load(revision_).lines.size());
  }

  // A person and the room tell each other what they have.
  void Meet(std::size_t who) {
    Doc& person = *people_[who];
    RC_ASSERT(room_->ApplyUpdate(person.EncodeStateAsUpdate(room_->GetStateVector())).ok());
    RC_ASSERT(person.ApplyUpdate(room_->EncodeStateAsUpdate(person.GetStateVector())).ok());
  }

  void ReplaceInPlace(Doc& doc, const ExtractedLine& line, std::uint64_t text) {
    DeleteLine(doc, line.page, line.number - 1);
    InsertDialogue(doc, line.page, line.number - 1, "new-" + std::to_string(++made_),
                   "instead " + std::to_string(text));
  }

  // Out, and in again under its own name, as editors move lines; on the delete list all the same.
  void Move(Doc& doc, const ExtractedLine& line, std::uint64_t to) {
    if (!line.id || line.parts.size() != 1 || !line.parts[0].id) return;
    DeleteLine(doc, line.page, line.number - 1);
    const auto page = static_cast<std::uint32_t>(1 + to % 4);
    const std::uint64_t at = to % (PageOf(doc, page).length() + 1);
    InsertDialogue(doc, page, at, std::to_string(Number(*line.id)), line.parts[0].text);
    PartAt(doc, page, at).Set(kId, std::to_string(Number(*line.parts[0].id)));
  }

  void Save() {
    auto save = store_.Prepare(*room_, revision_);
    RC_ASSERT(save.ok());
    while (!save->problems.empty()) {
      // Two people moved one line at once: it stands in two places, until somebody takes one away.
      const Problem& problem = save->problems.back();
      RC_ASSERT(problem.kind == Problem::Kind::kDuplicateId);
      PageOf(*room_, *problem.page).Delete(*problem.line - 1, 1);
      save = store_.Prepare(*room_, revision_);
      RC_ASSERT(save.ok());
    }
    const std::vector<Cue> cues = store_.Cues(revision_);
    const std::vector<PartId> cuts = store_.Cuts(revision_);
    const std::uint64_t next_line = store_.Script().next_line;
    std::set<LineId> before;
    for (const Line& line : store_.Load(revision_).lines) before.insert(line.id);
    const std::size_t lines = ExtractDocument(*room_).lines.size();

    store_.Write(save->rows);
    RC_ASSERT(room_->ApplyUpdate(save->patch).ok());

    const std::vector<Line> saved = LinesIn(*room_);
    Revision stored = store_.Load(revision_);  // which walks the chain both ways
    for (Line& line : stored.lines) line.version = {};
    RC_ASSERT(stored.lines == saved);
    RC_ASSERT(saved.size() == lines);
    const auto rebuilt = store_.Document(revision_);
    RC_ASSERT(LinesIn(*rebuilt) == saved);
    RC_ASSERT(RootsOf(*room_).deleted_line_ids.length() == 0u);

    std::set<LineId> ids;
    std::set<PartId> parts;
    for (const Line& line : saved) {
      RC_ASSERT(ids.insert(line.id).second);
      for (const Part& part : line.content.parts) RC_ASSERT(parts.insert(part.id).second);
      // A line that was not there is one that was never given before, or one that came back.
      RC_ASSERT(before.contains(line.id) || Number(line.id) >= next_line ||
                known_.contains(line.id));
    }
    known_.insert(ids.begin(), ids.end());

    std::vector<Cue> expected_cues;
    std::copy_if(cues.begin(), cues.end(), std::back_inserter(expected_cues),
                 [&](const Cue& cue) { return ids.contains(cue.line); });
    RC_ASSERT(store_.Cues(revision_) == expected_cues);
    std::vector<PartId> expected_cuts;
    std::copy_if(cuts.begin(), cuts.end(), std::back_inserter(expected_cuts),
                 [&](PartId part) { return parts.contains(part); });
    RC_ASSERT(store_.Cuts(revision_) == expected_cuts);
  }

  // Everybody goes on in a branch of what is saved.
  void Branch() {
    store_.Write([&](store::RowWriter& rows) {
      const auto made =
          BranchRevision(rows, {.show = kShow, .parent = revision_, .description = "a branch"});
      if (made.ok()) revision_ = made->id;
      return made.status();
    });
    Rebuild();
  }

  void Check() {
    const auto report = store_.Get([](const store::RowReader& rows) { return CheckScripts(rows); });
    RC_ASSERT(report.ok());
    RC_ASSERT(report->findings.empty());
  }

  ScriptStore store_;
  RevisionId revision_ = kFirstRevision;
  std::unique_ptr<Doc> room_;
  std::array<std::unique_ptr<Doc>, 3> people_;
  std::uint64_t made_ = 0;
  std::set<LineId> known_ = {LineId{1}, LineId{2}, LineId{3}, LineId{4}, LineId{5}};
};

RC_GTEST_PROP(ScriptSavingProperty, AfterEverySaveTheRowsAreTheDocumentThatWasSaved, ()) {
  const auto steps = *rc::gen::container<std::vector<Step>>(AnyStep());
  Evening evening;
  for (const Step& step : steps) evening.Do(step);
  evening.End();
}

}  // namespace
}  // namespace weft::server::script
