// The document of a revision: sections A and E of the behaviours that are asked of the system, each
// test named by its number, and what becomes of documents that are wrong.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/value_language.h"
#include "server/script/chain.h"
#include "server/script/document_builder.h"
#include "server/script/document_extractor.h"
#include "server/script/schema.h"
#include "tests/crdt/oracle/yjs_process.h"
#include "tests/script/sample_script.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::Array;
using crdt::Doc;
using crdt::Map;
using crdt::Text;

std::string JsonOf(Doc& doc) {
  RootsOf(doc);
  return crdt::ToJsonText(doc.ToJson());
}

Any Field(const Map& map, std::string_view field) { return std::get<Any>(*map.Find(field)); }

std::vector<std::string> IdsOnPage(Doc& doc, std::uint32_t page) {
  std::vector<std::string> ids;
  const Array lines = PageOf(doc, page);
  for (std::uint64_t i = 0; i < lines.length(); ++i) {
    ids.push_back(*Field(std::get<Map>(lines.Get(i)), kId).AsString());
  }
  return ids;
}

// --- A. Building

TEST(ScriptAcceptance, A01_WithoutLinesPagesAreEmptyAndMetaIsSet) {
  const auto doc = BuildDocument(RevisionOf({}));
  EXPECT_EQ(JsonOf(*doc),
            R"({"meta":{"revision_id":1,"last_saved_at":""},"pages":{},"deleted_line_ids":[]})");
}

TEST(ScriptAcceptance, A02_TheEmptyDocumentHasAnEmptyDeleteList) {
  const auto doc = BuildDocument(RevisionOf({}));
  EXPECT_EQ(doc->Roots().back(),
            (std::pair<std::string, crdt::TypeKind>("deleted_line_ids", crdt::TypeKind::kArray)));
  EXPECT_EQ(RootsOf(*doc).deleted_line_ids.length(), 0u);
}

TEST(ScriptAcceptance, A03_OneLineIsOnePageWithOneEntry) {
  const auto doc = BuildDocument(RevisionOf(Lines({1})));
  EXPECT_EQ(RootsOf(*doc).pages.keys(), std::vector<std::string>{"1"});
  EXPECT_EQ(PageOf(*doc, 1).length(), 1u);
}

TEST(ScriptAcceptance, A04_ALineHasTheValuesOfItsRow) {
  Line line = Dialogue(7, 1, "My dearest father");
  line.content.style = 41;
  line.content.parts[0].index = 3;
  const auto doc = BuildDocument(RevisionOf({line}));
  EXPECT_EQ(crdt::ToJsonText(PageOf(*doc, 1).ToJson()),
            R"([{"_id":"7","act_id":1,"scene_id":11,"line_type":1,"stage_direction_style_id":41,)"
            R"("parts":[{"_id":"107","part_index":3,"character_id":21,"character_group_id":0,)"
            R"("line_text":"My dearest father"}]}])");
}

TEST(ScriptAcceptance, A05_LinkedLinesComeInTheirOrder) {
  std::vector<Line> lines = {Dialogue(5, 1, "a"), Dialogue(2, 1, "b"), Dialogue(9, 1, "c")};
  const auto doc = BuildDocument(RevisionOf(lines));
  EXPECT_EQ(IdsOnPage(*doc, 1), (std::vector<std::string>{"5", "2", "9"}));
}

TEST(ScriptAcceptance, A06_LinesOnTwoPagesAreUnderTwoKeysInTheirOrder) {
  const auto doc = BuildDocument(RevisionOf(Lines({1, 1, 2, 2})));
  EXPECT_EQ(IdsOnPage(*doc, 1), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(IdsOnPage(*doc, 2), (std::vector<std::string>{"3", "4"}));
  EXPECT_EQ(RootsOf(*doc).pages.size(), 2u);
}

TEST(ScriptAcceptance, A07_LinksDecideNotTheOrderInWhichRowsCome) {
  const std::vector<Placement> order = {{LineId{5}, 1, {}}, {LineId{2}, 1, {}}, {LineId{9}, 2, {}}};
  std::vector<Link> links = LinksOf(order);
  std::sort(links.begin(), links.end(),
            [](const Link& a, const Link& b) { return a.line < b.line; });
  do {
    const auto walked = WalkChain(links);
    ASSERT_TRUE(walked.ok()) << walked.status();
    EXPECT_EQ(*walked, order);
  } while (std::next_permutation(links.begin(), links.end(),
                                 [](const Link& a, const Link& b) { return a.line < b.line; }));
}

TEST(ScriptAcceptance, A08_PartsComeByTheirIndexWithTheirFields) {
  Line line = Dialogue(1, 1, "second");
  line.content.parts[0].index = 1;
  line.content.parts.push_back({.id = PartId{200}, .index = 0, .group = 31, .text = "first"});
  const auto doc = BuildDocument(RevisionOf({line}));
  EXPECT_EQ(crdt::ToJsonText(std::get<Array>(*LineAt(*doc, 1, 0).Find(kParts)).ToJson()),
            R"([{"_id":"200","part_index":0,"character_id":0,"character_group_id":31,)"
            R"("line_text":"first"},{"_id":"101","part_index":1,"character_id":21,)"
            R"("character_group_id":0,"line_text":"second"}])");
}

TEST(ScriptAcceptance, A09_TheTextOfALineIsAYText) {
  const auto doc = BuildDocument(RevisionOf(Lines({1})));
  EXPECT_TRUE(std::holds_alternative<Text>(*PartAt(*doc, 1, 0).Find(kLineText)));
}

TEST(ScriptAcceptance, A10_NoPageIsTheKeyZero) {
  const auto doc = BuildDocument(RevisionOf(Lines({0, 1})));
  EXPECT_EQ(IdsOnPage(*doc, 0), std::vector<std::string>{"1"});
}

TEST(ScriptAcceptance, A11_EveryReferenceToNothingIsZero) {
  Line line{.id = LineId{1}, .page = 1, .content = {.type = LineType::kNone, .parts = {{}}}};
  const auto doc = BuildDocument(RevisionOf({line}));
  for (const std::string_view field : {kActId, kSceneId, kStyleId, kLineType}) {
    EXPECT_EQ(Field(LineAt(*doc, 1, 0), field), Any(0)) << field;
  }
  for (const std::string_view field : {kCharacterId, kGroupId}) {
    EXPECT_EQ(Field(PartAt(*doc, 1, 0), field), Any(0)) << field;
  }
}

// 12 and 13 say of the original that what is behind a broken pointer is left out; here it is told.
TEST(ScriptAcceptance, A12_APointerToAMissingLineIsRefusedLoudly) {
  std::vector<Link> links = LinksOf(std::vector<Placement>{{LineId{1}, 1, {}}, {LineId{2}, 1, {}}});
  links[0].next = LineId{99};
  const auto walked = WalkChain(links);
  ASSERT_TRUE(absl::IsDataLoss(walked.status()));
  EXPECT_NE(walked.status().message().find("line 1 comes before line 99, which is not in the"),
            std::string::npos)
      << walked.status();
}

TEST(ScriptAcceptance, A13_ABrokenPointerOverAPageBorderIsRefusedLoudly) {
  std::vector<Link> links = LinksOf(std::vector<Placement>{{LineId{1}, 1, {}}, {LineId{2}, 2, {}}});
  links[0].next.reset();
  const std::vector<std::string> wrong = DiagnoseChain(links);
  EXPECT_EQ(wrong,
            (std::vector<std::string>{"line 2 comes after line 1, which does not point to it",
                                      "the walk from the first line reaches 1 of 2 lines"}));
}

TEST(ScriptAcceptance, A14_AnIntactChainReachesEveryLineOnEveryPage) {
  std::vector<Placement> order;
  for (std::uint64_t i = 0; i < 300; ++i) {
    order.push_back({LineId{1 + (i * 7919) % 300}, static_cast<std::uint32_t>(1 + i / 10), {}});
  }
  const auto walked = WalkChain(LinksOf(order));
  ASSERT_TRUE(walked.ok()) << walked.status();
  EXPECT_EQ(*walked, order);
}

// --- E. Reading ids and extracting

TEST(ScriptAcceptance, A47_FiveIsFive) { EXPECT_EQ(ParseId(Any("5")), 5u); }
TEST(ScriptAcceptance, A48_AUuidIsNoId) {
  EXPECT_EQ(ParseId(Any("c0ffee00-1111-4222-8333-444455556666")), std::nullopt);
}
TEST(ScriptAcceptance, A49_TheTextZeroIsNoId) { EXPECT_EQ(ParseId(Any("0")), std::nullopt); }
TEST(ScriptAcceptance, A50_TheNumberZeroIsNoId) { EXPECT_EQ(ParseId(Any(0)), std::nullopt); }
TEST(ScriptAcceptance, A51_ThreePointZeroIsThree) {
  EXPECT_EQ(ParseId(Any("3.0")), 3u);
  EXPECT_EQ(ParseId(Any(3.0)), 3u);
  EXPECT_EQ(ParseId(Any("3.5")), std::nullopt);
}
TEST(ScriptAcceptance, A52_AUuidThatBeginsWithDigitsIsNoId) {
  EXPECT_EQ(ParseId(Any("12345678-1111-4222-8333-444455556666")), std::nullopt);
  EXPECT_TRUE(IsTemporaryId("12345678-1111-4222-8333-444455556666"));
}
TEST(ScriptAcceptance, A53_NullIsNoId) { EXPECT_EQ(ParseId(Any(Any::Null{})), std::nullopt); }
TEST(ScriptAcceptance, A54_MinusOneIsNoId) { EXPECT_EQ(ParseId(Any("-1")), std::nullopt); }

TEST(ScriptAcceptance, A55_AnEmptyDocumentHasNoPagesAndNoDeletions) {
  const auto doc = BuildDocument(RevisionOf({}));
  const Extraction extraction = ExtractDocument(*doc);
  EXPECT_TRUE(extraction.pages.empty());
  EXPECT_TRUE(extraction.lines.empty());
  EXPECT_TRUE(extraction.deleted.empty());
  EXPECT_TRUE(extraction.problems.empty());
}

TEST(ScriptAcceptance, A56_TwoLinesOfAPageAreExtractedInOrder) {
  const auto doc = BuildDocument(RevisionOf(Lines({1, 1})));
  EXPECT_EQ(TextsOf(*doc), (std::vector<std::string>{"1: one", "1: two"}));
}

TEST(ScriptAcceptance, A57_AllFieldsOfALineAreExtractedAndZeroIsNone) {
  Line line = Dialogue(7, 1, "text");
  line.content.scene.reset();
  line.content.style = 41;
  const auto doc = BuildDocument(RevisionOf({line}));
  const Extraction extraction = ExtractDocument(*doc);
  ASSERT_EQ(extraction.lines.size(), 1u);
  const ExtractedLine& extracted = extraction.lines[0];
  EXPECT_EQ(extracted.id, LineId{7});
  EXPECT_EQ(extracted.act, Ref(1));
  EXPECT_EQ(extracted.scene, Ref());
  EXPECT_EQ(extracted.style, Ref(41));
  EXPECT_EQ(extracted.type, LineType::kDialogue);
  EXPECT_EQ(extracted.parts[0].character, Ref(21));
  EXPECT_EQ(extracted.parts[0].group, Ref());
  EXPECT_EQ(extracted.parts[0].text, "text");
}

TEST(ScriptAcceptance, A58_PartsAreExtractedInOrder) {
  Line line = Dialogue(1, 1, "first");
  line.content.parts.push_back({.id = PartId{90}, .index = 1, .group = 31, .text = "second"});
  const auto doc = BuildDocument(RevisionOf({line}));
  EXPECT_EQ(TextsOf(*doc), std::vector<std::string>{"1: first / second"});
}

TEST(ScriptAcceptance, A59_DeletionsOfNumbersAreExtracted) {
  const auto doc = BuildDocument(RevisionOf(Lines({1, 1})));
  DeleteLine(*doc, 1, 0);
  EXPECT_EQ(ExtractDocument(*doc).deleted, std::vector<std::uint64_t>{1});
}

TEST(ScriptAcceptance, A60_DeletionsOfUuidsAreSkipped) {
  const auto doc = BuildDocument(RevisionOf({}));
  RootsOf(*doc).deleted_line_ids.Push({"c0ffee00-1111-4222-8333-444455556666", 4});
  EXPECT_EQ(ExtractDocument(*doc).deleted, std::vector<std::uint64_t>{4});
}

TEST(ScriptAcceptance, A61_ActZeroIsNoAct) {
  const auto doc = BuildDocument(RevisionOf(Lines({1})));
  LineAt(*doc, 1, 0).Set(kActId, 0);
  EXPECT_EQ(ExtractDocument(*doc).lines[0].act, std::nullopt);
}

TEST(ScriptAcceptance, A62_PagesComeByNumber) {
  const auto doc = BuildDocument(RevisionOf({}));
  for (const std::uint32_t page : {10, 2, 1}) {
    InsertDialogue(*doc, page, 0, "new", "on " + std::to_string(page));
  }
  EXPECT_EQ(TextsOf(*doc), (std::vector<std::string>{"1: on 1", "2: on 2", "10: on 10"}));
}

// --- Numbers and types as the real Yjs reads and writes them

// What real Yjs makes of the update that `doc` is.
std::string AsYjsReadsIt(const Doc& doc) {
  auto yjs = crdt::oracle::YjsProcess::Start();
  EXPECT_TRUE(yjs.ok()) << yjs.status();
  if (!yjs.ok()) return {};
  const auto call = [&](crdt::AnyObject request) {
    const auto reply = (*yjs)->Call(Any(std::move(request)));
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? crdt::ToJsonText(*reply) : std::string();
  };
  call({{"op", "new"}, {"doc", 0}, {"clientID", 1}});
  call({{"op", "apply"}, {"doc", 0}, {"update", crdt::ToBase64(doc.EncodeStateAsUpdate())}});
  return call(
      {{"op", "json"}, {"doc", 0}, {"types", crdt::AnyObject{{"meta", "map"}, {"pages", "map"}}}});
}

// Clients compare with === 0, which a BigInt never is: the oracle would show one as {"$bigint":…}.
TEST(ScriptDocument, YjsReadsItsNumbersAsNumbers) {
  Line line = Dialogue(1, 1, "text");
  line.content.act = 2'147'483'648;            // beyond lib0's integers, a float32
  line.content.scene = 9'007'199'254'740'991;  // the largest of JavaScript, a float64
  const auto doc = BuildDocument(RevisionOf({line}));
  const std::string json = AsYjsReadsIt(*doc);
  EXPECT_NE(json.find(R"("meta":{"revision_id":1,"last_saved_at":""})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("act_id":2147483648,"scene_id":9007199254740991,"line_type":1,)"
                      R"("stage_direction_style_id":0)"),
            std::string::npos)
      << json;
  EXPECT_EQ(json.find("$bigint"), std::string::npos) << json;
}

TEST(ScriptDocument, YjsMakesOnePageOfTwoThatWereBegunAtOnce) {
  Doc ours;
  EXPECT_TRUE(ours.ApplyUpdate(NewPageUpdate(5)).ok());
  InsertDialogue(ours, 5, 0, "a", "from one");
  Doc theirs;
  InsertDialogue(theirs, 5, 0, "b", "from another");
  ASSERT_TRUE(ours.ApplyUpdate(theirs.EncodeStateAsUpdate()).ok());
  const std::string json = AsYjsReadsIt(ours);
  EXPECT_NE(json.find("from one"), std::string::npos) << json;
  EXPECT_NE(json.find("from another"), std::string::npos) << json;
}

// --- Hazard 14: two people begin the same page

// With an array set by each of them, as the original's clients do, one line would be gone.
TEST(ScriptHazard, H14_TwoPeopleBeginAPageAtOnceAndNoLineIsLost) {
  const auto first = BuildDocument(RevisionOf(Lines({1})));
  Doc second;
  ASSERT_TRUE(second.ApplyUpdate(first->EncodeStateAsUpdate()).ok());
  InsertDialogue(*first, 2, 0, "a", "from one");
  InsertDialogue(second, 2, 0, "b", "from another");
  ASSERT_TRUE(first->ApplyUpdate(second.EncodeStateAsUpdate()).ok());
  ASSERT_TRUE(second.ApplyUpdate(first->EncodeStateAsUpdate()).ok());
  EXPECT_EQ(TextsOf(*first).size(), 3u);
  EXPECT_EQ(TextsOf(*first), TextsOf(second));
}

// --- Hazard 22: documents that are wrong

std::vector<std::string> ProblemsOf(Doc& doc) {
  std::vector<std::string> described;
  for (const Problem& problem : ExtractDocument(doc).problems) {
    described.push_back(std::string(NameOf(problem.kind)) + " " + Describe(problem));
  }
  return described;
}

TEST(ScriptHazard, H22_APoisonedDocumentTellsEverythingThatIsWrongAndWhere) {
  const auto doc = BuildDocument(RevisionOf(Lines({1, 1, 1, 2, 2})));
  const DocumentRoots roots = RootsOf(*doc);
  Map pages = roots.pages;
  LineAt(*doc, 1, 0).Set(kId, "inf");
  LineAt(*doc, 1, 1).Delete(kActId);
  LineAt(*doc, 1, 1).Set(kSceneId, Any::BigInt{3});
  LineAt(*doc, 1, 2).Set(kLineType, 9);
  PartAt(*doc, 2, 0).Set(kLineText, "no Text");
  PartAt(*doc, 2, 0).Set(kPartIndex, -1);
  LineAt(*doc, 2, 1).Delete(kParts);
  PageOf(*doc, 2).Insert(1, {Any(5)});
  pages.SetArray("first");
  pages.Set("03", 1);
  pages.Set("7", "text");
  EXPECT_EQ(
      ProblemsOf(*doc),
      (std::vector<std::string>{
          R"(page-key pages: the key "03" is no page number)",
          R"(page-key pages: the key "first" is no page number)",
          R"(bad-id page 1, line 1, _id: "inf" is neither a number that was given nor a name )"
          "for something new",
          "missing page 1, line 2, act_id: is missing",
          "wrong-type page 1, line 2, scene_id: is the BigInt 3 instead of a number, 0 for none",
          "rule page 1, line 3, line_type: 9 is no type of line; 1 is dialogue, 2 a stage "
          "direction, 3 a cue line, 4 spacing",
          "wrong-type page 2, line 1, part 1, part_index: is -1 instead of a number, 0 for none",
          R"(wrong-type page 2, line 1, part 1, line_text: is "no Text" instead of a text)",
          "wrong-type page 2, line 2: is 5 instead of a line",
          "missing page 2, line 3, parts: is missing",
          R"(wrong-type page 7: is "text" instead of a list of lines)",
      }));
}

TEST(ScriptHazard, H22_WhatIsNotWrongInAPoisonedDocumentIsRead) {
  const auto doc = BuildDocument(RevisionOf(Lines({1, 1, 2})));
  RootsOf(*doc).pages.Set("zero", 0);
  LineAt(*doc, 1, 0).Set(kActId, "one");
  EXPECT_EQ(TextsOf(*doc), (std::vector<std::string>{"1: one", "1: two", "2: three"}));
}

TEST(ScriptDocument, ATextWithAnEmbedIsToldInsteadOfCutShort) {
  const auto doc = BuildDocument(RevisionOf(Lines({1})));
  std::get<Text>(*PartAt(*doc, 1, 0).Find(kLineText))
      .InsertEmbed(1, crdt::AnyObject{{"image", "x"}});
  EXPECT_EQ(ProblemsOf(*doc),
            std::vector<std::string>{
                "wrong-type page 1, line 1, part 1, line_text: holds something that is no text"});
}

TEST(ScriptDocument, WhatWasNeverSavedMayHaveAnyNameThatIsNoNumber) {
  for (const char* name : {"c0ffee00-1111-4222-8333-444455556666", "temp-1", "new"}) {
    EXPECT_TRUE(IsTemporaryId(name)) << name;
  }
  for (const char* name : {"", " ", "0", "-1", "inf", "nan", "1e400", "0x10", "1.5"}) {
    EXPECT_FALSE(IsTemporaryId(name)) << name;
  }
}

TEST(ScriptDocument, TimesReadAsIsoTimes) {
  EXPECT_EQ(IsoTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(IsoTime(1'795'362'301'250), "2026-11-22T15:45:01.250Z");
}

}  // namespace
}  // namespace weft::server::script
