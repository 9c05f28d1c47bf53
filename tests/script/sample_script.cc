#include "tests/script/sample_script.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "crdt/base/check.h"
#include "server/script/chain.h"
#include "server/script/document_extractor.h"
#include "server/script/schema.h"

namespace weft::server::script {

using crdt::Array;
using crdt::Doc;
using crdt::Map;

Show SampleShow() {
  return {.id = kShow,
          .name = "The Tempest",
          .acts = {{1, "Act I"}, {2, "Act II"}},
          .scenes = {{11, 1, "On a ship"}, {12, 1, "The island"}, {13, 2, "Another part"}},
          .characters = {{21, "Miranda"}, {22, "Prospero"}, {23, "Ariel"}},
          .groups = {{31, "Mariners", {21, 22}}},
          .styles = {{41, "Italic"}, {42, "Bold"}}};
}

Line Dialogue(std::uint64_t id, std::uint32_t page, std::string text) {
  return {
      .id = LineId{id},
      .page = page,
      .content = {.type = LineType::kDialogue,
                  .act = 1,
                  .scene = 11,
                  .parts = {{.id = PartId{100 + id}, .character = 21, .text = std::move(text)}}}};
}

std::vector<Line> Lines(const std::vector<std::uint32_t>& pages) {
  const std::vector<std::string> texts = {"one", "two", "three", "four", "five", "six"};
  std::vector<Line> lines;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    lines.push_back(Dialogue(i + 1, pages[i], texts.at(i)));
  }
  return lines;
}

Revision RevisionOf(std::vector<Line> lines) {
  Revision revision{.info = {.id = kFirstRevision, .number = 1, .description = "first"}};
  std::vector<Placement> order;
  std::uint64_t version = 0;
  for (Line& line : lines) {
    line.version = Version{++version};
    order.push_back({.line = line.id, .page = line.page, .version = line.version});
  }
  revision.info.count = lines.size();
  if (!lines.empty()) {
    revision.info.head = lines.front().id;
    revision.info.tail = lines.back().id;
  }
  revision.info.hash = HashOrder(order);
  revision.lines = std::move(lines);
  return revision;
}

ScriptInfo ScriptWith(const std::vector<Line>& lines) {
  ScriptInfo script{.show = kShow, .current = kFirstRevision, .next_revision = 2, .next_number = 2};
  for (const Line& line : lines) {
    script.next_line = std::max(script.next_line, Number(line.id) + 1);
    for (const Part& part : line.content.parts) {
      script.next_part = std::max(script.next_part, Number(part.id) + 1);
    }
  }
  script.next_version = lines.size() + 1;
  return script;
}

std::vector<Line> LargeScript(std::uint32_t pages) {
  constexpr std::uint32_t kLinesOnPage = 40;
  std::vector<Line> lines;
  std::uint64_t part_id = 1'000'000;
  for (std::uint32_t page = 1; page <= pages; ++page) {
    for (std::uint32_t i = 0; i < kLinesOnPage; ++i) {
      const std::uint64_t id = lines.size() + 1;
      Line line{.id = LineId{id}, .page = page, .content = {.act = 1 + page % 2, .scene = 11}};
      const auto add = [&](Ref character, Ref group, std::string text) {
        line.content.parts.push_back(
            {.id = PartId{part_id++},
             .index = static_cast<std::uint32_t>(line.content.parts.size()),
             .character = character,
             .group = group,
             .text = std::move(text)});
      };
      switch (i % 10) {
        case 3:
          line.content.type = LineType::kStageDirection;
          line.content.style = 41;
          add({}, {}, "Thunder and lightning. Enter several persons, line " + std::to_string(id));
          break;
        case 6:
          line.content.type = LineType::kCueLine;
          break;
        case 9:
          line.content.type = LineType::kSpacing;
          break;
        case 5:
          line.content.type = LineType::kDialogue;
          add(21, {},
              "If by your art, my dearest father, you have put the wild waters in this roar");
          add({}, 31, "we split, we split, we split! Line " + std::to_string(id));
          break;
        default:
          line.content.type = LineType::kDialogue;
          add(22, {},
              "Be collected: no more amazement: tell your piteous heart there's no harm done. " +
                  std::to_string(id));
          break;
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

Array PageOf(Doc& doc, std::uint32_t page) {
  const DocumentRoots roots = RootsOf(doc);
  auto found = roots.pages.Find(ToPageKey(page));
  if (!found) {
    CHECK(doc.ApplyUpdate(NewPageUpdate(page)).ok());
    found = roots.pages.Find(ToPageKey(page));
  }
  return std::get<Array>(*found);
}

Map LineAt(Doc& doc, std::uint32_t page, std::uint64_t index) {
  return std::get<Map>(PageOf(doc, page).Get(index));
}

Map PartAt(Doc& doc, std::uint32_t page, std::uint64_t index, std::uint64_t part) {
  return std::get<Map>(std::get<Array>(*LineAt(doc, page, index).Find(kParts)).Get(part));
}

Map InsertDialogue(Doc& doc, std::uint32_t page, std::uint64_t index, std::string_view temporary_id,
                   std::string_view text) {
  Array lines = PageOf(doc, page);
  Map line;
  doc.Transact("local-bridge", [&] {
    line = lines.InsertMap(index);
    line.Set(kId, temporary_id);
    line.Set(kActId, 1);
    line.Set(kSceneId, 11);
    line.Set(kLineType, 1);
    line.Set(kStyleId, 0);
    Map part = line.SetArray(kParts).InsertMap(0);
    part.Set(kId, std::string(temporary_id) + "-part");
    part.Set(kPartIndex, 0);
    part.Set(kCharacterId, 21);
    part.Set(kGroupId, 0);
    part.SetText(kLineText).Insert(0, text);
  });
  return line;
}

void DeleteLine(Doc& doc, std::uint32_t page, std::uint64_t index) {
  Array lines = PageOf(doc, page);
  doc.Transact("local-bridge", [&] {
    const auto id = std::get<crdt::Any>(*LineAt(doc, page, index).Find(kId));
    lines.Delete(index, 1);
    if (const auto number = ParseId(id)) {
      RootsOf(doc).deleted_line_ids.Push({static_cast<double>(*number)});
    }
  });
}

void SetText(Doc& doc, std::uint32_t page, std::uint64_t index, std::string_view text) {
  auto handle = std::get<crdt::Text>(*PartAt(doc, page, index).Find(kLineText));
  doc.Transact("local-edit", [&] {
    handle.Delete(0, handle.length());
    handle.Insert(0, text);
  });
}

std::vector<std::string> TextsOf(Doc& doc) {
  std::vector<std::string> texts;
  for (const ExtractedLine& line : ExtractDocument(doc).lines) {
    std::string text = std::to_string(line.page) + ": ";
    if (line.parts.empty()) text += "<" + std::to_string(static_cast<int>(line.type)) + ">";
    for (std::size_t i = 0; i < line.parts.size(); ++i) {
      text += (i > 0 ? " / " : "") + line.parts[i].text;
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace weft::server::script
