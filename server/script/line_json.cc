#include "server/script/line_json.h"

#include <algorithm>
#include <utility>

#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;

Any ToNumber(std::uint64_t number) { return static_cast<double>(number); }

ExtractedPart ReadPart(const JsonPlace& place, std::size_t index) {
  ExtractedPart part;
  if (!place.ExpectObject(
          {"id", "line_id", "part_index", "character_id", "character_group_id", "line_text"})) {
    return part;
  }
  if (const auto id = place.Member("id").OptionalId()) part.id = PartId{*id};
  part.has_plain_id = true;
  part.index = static_cast<std::uint32_t>(
      place.Member("part_index").OptionalInteger(UINT32_MAX).value_or(index));
  part.character = place.Member("character_id").OptionalId();
  part.group = place.Member("character_group_id").OptionalId();
  part.text = place.Member("line_text").TextOr("");
  return part;
}

ExtractedLine ReadLine(const JsonPlace& place) {
  ExtractedLine line;
  if (!place.ExpectObject({"id", "page", "act_id", "scene_id", "line_type",
                           "stage_direction_style_id", "line_parts"})) {
    return line;
  }
  if (const auto id = place.Member("id").OptionalId()) line.id = LineId{*id};
  line.has_plain_id = true;
  line.type = static_cast<LineType>(
      place.Member("line_type")
          .OptionalInteger(std::uint64_t{std::to_underlying(LineType::kSpacing)})
          .value_or(0));
  line.act = place.Member("act_id").OptionalId();
  line.scene = place.Member("scene_id").OptionalId();
  line.style = place.Member("stage_direction_style_id").OptionalId();
  for (const JsonPlace& part : place.Member("line_parts").Elements()) {
    line.parts.push_back(ReadPart(part, line.parts.size()));
  }
  std::ranges::stable_sort(line.parts, {}, &ExtractedPart::index);
  return line;
}

}  // namespace

Any ToJson(const Line& line) {
  Any::Array parts;
  for (const Part& part : line.content.parts) {
    parts.emplace_back(AnyObject{{"id", ToNumber(Number(part.id))},
                                 {"line_id", ToNumber(Number(line.id))},
                                 {"part_index", ToNumber(part.index)},
                                 {"character_id", RefToJson(part.character)},
                                 {"character_group_id", RefToJson(part.group)},
                                 {"line_text", part.text}});
  }
  return AnyObject{{"id", ToNumber(Number(line.id))},
                   {"page", RefToJson(line.page == 0 ? Ref() : Ref(line.page))},
                   {"act_id", RefToJson(line.content.act)},
                   {"scene_id", RefToJson(line.content.scene)},
                   {"line_type", ToNumber(static_cast<std::uint64_t>(line.content.type))},
                   {"stage_direction_style_id", RefToJson(line.content.style)},
                   {"line_parts", std::move(parts)}};
}

std::vector<ExtractedLine> ReadLines(const JsonPlace& list, std::uint32_t page) {
  std::vector<ExtractedLine> lines;
  for (const JsonPlace& element : list.Elements(/*required=*/true)) {
    ExtractedLine line = ReadLine(element);
    line.page = page;
    line.number = lines.size() + 1;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace weft::server::script
