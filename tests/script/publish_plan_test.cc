// What saving means: section F of the behaviours that are asked of the system, each test named by its
// number, and the rules of lines.

#include "server/script/publish_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "server/script/document_builder.h"
#include "server/script/schema.h"
#include "server/script/validation.h"
#include "tests/script/sample_script.h"

namespace weft::server::script {
namespace {

using Planned = std::variant<PublishPlan, std::vector<Problem>>;

// Builds the document of these lines, edits it, and plans its save.
Planned PlanOf(const std::vector<Line>& lines, const std::function<void(crdt::Doc&)>& edit,
               ScriptMode mode = ScriptMode::kFull) {
  const Revision stored = RevisionOf(lines);
  ScriptInfo script = ScriptWith(lines);
  script.mode = mode;
  const auto doc = BuildDocument(stored);
  edit(*doc);
  return PlanPublish(stored, script, SampleShow(), ExtractDocument(*doc));
}

std::vector<std::string> ProblemsOf(const Planned& planned) {
  std::vector<std::string> described;
  const auto* problems = std::get_if<std::vector<Problem>>(&planned);
  if (problems == nullptr) return described;
  for (const Problem& problem : *problems) {
    described.push_back(std::string(NameOf(problem.kind)) + " " + Describe(problem));
  }
  return described;
}

// How many lines get a new content when the only line is edited.
std::size_t ChangesOf(const std::function<void(crdt::Doc&)>& edit) {
  Line line = Dialogue(1, 1, "one");
  const Planned planned = PlanOf({line}, edit);
  EXPECT_EQ(ProblemsOf(planned), std::vector<std::string>{});
  const auto* plan = std::get_if<PublishPlan>(&planned);
  if (plan == nullptr) return 0;
  EXPECT_EQ(plan->after.size(), 1u);
  EXPECT_EQ(plan->after.front().line, LineId{1}) << "a line keeps its id whatever changes";
  return plan->contents.size();
}

TEST(ScriptAcceptance, A63_TheSameContentIsUnchanged) {
  EXPECT_EQ(ChangesOf([](crdt::Doc&) {}), 0u);
}
TEST(ScriptAcceptance, A64_AnotherTextIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) { SetText(doc, 1, 0, "two"); }), 1u);
}
TEST(ScriptAcceptance, A65_AnotherActIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) { LineAt(doc, 1, 0).Set(kActId, 2); }), 1u);
}
TEST(ScriptAcceptance, A66_AnotherSceneIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) { LineAt(doc, 1, 0).Set(kSceneId, 12); }), 1u);
}
TEST(ScriptAcceptance, A67_AnotherTypeIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) {
              LineAt(doc, 1, 0).Set(kLineType, 2);
              PartAt(doc, 1, 0).Set(kCharacterId, 0);
            }),
            1u);
}
TEST(ScriptAcceptance, A68_AnotherStyleIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) { LineAt(doc, 1, 0).Set(kStyleId, 42); }), 1u);
}
TEST(ScriptAcceptance, A69_AnotherNumberOfPartsIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) {
              auto parts = std::get<crdt::Array>(*LineAt(doc, 1, 0).Find(kParts));
              crdt::Map part = parts.InsertMap(1);
              part.Set(kId, "new");
              part.Set(kPartIndex, 1);
              part.Set(kCharacterId, 22);
              part.Set(kGroupId, 0);
              part.SetText(kLineText);
            }),
            1u);
}
TEST(ScriptAcceptance, A70_AnotherCharacterIsAChange) {
  EXPECT_EQ(ChangesOf([](crdt::Doc& doc) { PartAt(doc, 1, 0).Set(kCharacterId, 22); }), 1u);
}

TEST(ScriptAcceptance, A71_AnIdThatWasNeverGivenIsAnError) {
  EXPECT_EQ(ProblemsOf(PlanOf(Lines({1, 1}),
                              [](crdt::Doc& doc) {
                                LineAt(doc, 1, 1).Set(kId, "500");
                                PartAt(doc, 1, 1).Set(kId, "600");
                              })),
            (std::vector<std::string>{
                "unknown-id page 1, line 2, _id: 500 was never given to a line of this script",
                "unknown-id page 1, line 2, part 1, _id: 600 was never given to a part of this "
                "script"}));
}

TEST(ScriptAcceptance, A89_DialogueWithoutCharacterAndGroupIsAnError) {
  EXPECT_EQ(ProblemsOf(
                PlanOf(Lines({1}), [](crdt::Doc& doc) { PartAt(doc, 1, 0).Set(kCharacterId, 0); })),
            std::vector<std::string>{"rule page 1, line 1, part 1: needs a character or a group"});
}

// The original stops at the first bad line and tells only that one.
TEST(ScriptHazard, H30_EverythingThatIsWrongIsToldAtOnce) {
  EXPECT_EQ(
      ProblemsOf(PlanOf(Lines({1, 1, 2, 3}),
                        [](crdt::Doc& doc) {
                          PartAt(doc, 3, 0).Set(kCharacterId, 99);
                          LineAt(doc, 1, 0).Set(kLineType, 0);
                          PartAt(doc, 2, 0).Set(kGroupId, 31);
                          LineAt(doc, 1, 1).Set(kLineType, 4);
                        })),
      (std::vector<std::string>{
          "rule page 1, line 1, line_type: a line needs a type",
          "rule page 1, line 2, parts: spacing has no parts",
          "rule page 2, line 1, part 1: has both a character and a group",
          "unknown-reference page 3, line 1, part 1, character_id: the show has no character 99"}));
}

TEST(ScriptRules, ALineThatStandsInTwoPlacesIsTold) {
  EXPECT_EQ(
      ProblemsOf(PlanOf(Lines({1, 2}),
                        [](crdt::Doc& doc) {
                          LineAt(doc, 2, 0).Set(kId, "1");
                          PartAt(doc, 2, 0).Set(kId, "101");
                        })),
      (std::vector<std::string>{
          "duplicate-id page 2, line 1, _id: this is line 1, which stands on page 1, line 1 "
          "too; one of them has to go",
          "duplicate-id page 2, line 1, part 1, _id: this is part 101, which stands on page 1, "
          "line 1 too; one of them has to go"}));
}

TEST(ScriptRules, ADocumentOfAnotherRevisionIsTold) {
  EXPECT_EQ(ProblemsOf(PlanOf({}, [](crdt::Doc& doc) { RootsOf(doc).meta.Set(kRevisionId, 8); })),
            std::vector<std::string>{"not-this-revision meta.revision_id: names revision 8 in a "
                                     "document of revision 1"});
}

TEST(ScriptRules, AFieldThatCannotBeReadIsToldOnce) {
  EXPECT_EQ(
      ProblemsOf(PlanOf(Lines({1}), [](crdt::Doc& doc) { LineAt(doc, 1, 0).Delete(kLineType); })),
      std::vector<std::string>{"missing page 1, line 1, line_type: is missing"});
}

// What is wrong with a line of this type and these parts.
std::vector<std::string> Broken(LineType type, std::vector<Part> parts,
                                ScriptMode mode = ScriptMode::kFull) {
  std::vector<Problem> problems;
  const Content line{.type = type, .parts = std::move(parts)};
  const bool is_good = ValidateLine(line, mode, References(SampleShow()), 1, 1, problems);
  EXPECT_EQ(is_good, problems.empty());
  std::vector<std::string> what;
  for (const Problem& problem : problems) what.push_back(problem.what);
  return what;
}
const std::vector<std::string> kGood;

TEST(ScriptRules, DialogueIsOfACharacterOrAGroupAndMayBeEmpty) {
  EXPECT_EQ(Broken(LineType::kDialogue, {{.character = 21}}), kGood);
  EXPECT_EQ(Broken(LineType::kDialogue, {{.group = 31}, {.character = 22, .text = " "}}), kGood);
  EXPECT_EQ(Broken(LineType::kDialogue, {}), std::vector<std::string>{"dialogue needs a part"});
  EXPECT_EQ(Broken(LineType::kDialogue, {{.character = 21, .group = 31}}),
            std::vector<std::string>{"has both a character and a group"});
}

TEST(ScriptRules, InACompactScriptDialogueHasASinglePart) {
  EXPECT_EQ(Broken(LineType::kDialogue, {{.character = 21}}, ScriptMode::kCompact), kGood);
  EXPECT_EQ(
      Broken(LineType::kDialogue, {{.character = 21}, {.character = 22}}, ScriptMode::kCompact),
      std::vector<std::string>{"in a compact script a line of dialogue has a single part"});
}

TEST(ScriptRules, AStageDirectionIsOneTextOfNobody) {
  EXPECT_EQ(Broken(LineType::kStageDirection, {{.text = "Exeunt"}}), kGood);
  EXPECT_EQ(Broken(LineType::kStageDirection, {{.text = " \n"}}),
            std::vector<std::string>{"a stage direction needs a text"});
  EXPECT_EQ(Broken(LineType::kStageDirection, {{.character = 21, .text = "Exit"}}),
            std::vector<std::string>{"a stage direction is of nobody"});
  EXPECT_EQ(Broken(LineType::kStageDirection, {}),
            std::vector<std::string>{"a stage direction has one part, not 0"});
}

TEST(ScriptRules, CueLinesAndSpacingHaveNoParts) {
  EXPECT_EQ(Broken(LineType::kCueLine, {}), kGood);
  EXPECT_EQ(Broken(LineType::kSpacing, {}), kGood);
  EXPECT_EQ(Broken(LineType::kCueLine, {{}}), std::vector<std::string>{"a cue line has no parts"});
  EXPECT_EQ(Broken(LineType::kSpacing, {{}}), std::vector<std::string>{"spacing has no parts"});
}

}  // namespace
}  // namespace weft::server::script
