#include "server/script/document_builder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/script/schema.h"

namespace weft::server::script {
namespace {

crdt::Any ToNumber(Ref ref) { return static_cast<double>(ref.value_or(0)); }

void FillPart(crdt::Map map, const Part& part) {
  map.Set(kId, std::to_string(Number(part.id)));
  map.Set(kPartIndex, static_cast<double>(part.index));
  map.Set(kCharacterId, ToNumber(part.character));
  map.Set(kGroupId, ToNumber(part.group));
  crdt::Text text = map.SetText(kLineText);
  if (!part.text.empty()) text.Insert(0, part.text);
}

void FillLine(crdt::Map map, const Line& line) {
  map.Set(kId, std::to_string(Number(line.id)));
  map.Set(kActId, ToNumber(line.content.act));
  map.Set(kSceneId, ToNumber(line.content.scene));
  map.Set(kLineType, static_cast<double>(line.content.type));
  map.Set(kStyleId, ToNumber(line.content.style));
  crdt::Array parts = map.SetArray(kParts);
  std::vector<const Part*> ordered;
  for (const Part& part : line.content.parts) ordered.push_back(&part);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Part* a, const Part* b) { return a->index < b->index; });
  for (const Part* part : ordered) FillPart(parts.InsertMap(parts.length()), *part);
}

}  // namespace

std::unique_ptr<crdt::Doc> BuildDocument(const Revision& revision) {
  auto doc = std::make_unique<crdt::Doc>();
  DocumentRoots roots = RootsOf(*doc);
  doc->Transact("build", [&] {
    roots.meta.Set(kRevisionId, static_cast<double>(Number(revision.info.id)));
    roots.meta.Set(kLastSavedAt, "");
    std::optional<std::uint32_t> page;
    crdt::Array lines;
    for (const Line& line : revision.lines) {
      if (line.page != page) {
        page = line.page;
        lines = roots.pages.SetArray(ToPageKey(line.page));
      }
      FillLine(lines.InsertMap(lines.length()), line);
    }
  });
  return doc;
}

}  // namespace weft::server::script
