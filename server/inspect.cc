#include "server/inspect.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/any.h"
#include "crdt/json.h"
#include "crdt/update.h"

namespace weft::server {
namespace {

using crdt::Block;
using crdt::ContentKind;

// What of a content is shown in one line.
constexpr std::size_t kShownBytes = 48;

std::string_view KindName(ContentKind kind) {
  constexpr std::array<std::string_view, 11> kNames = {"collected", "deleted", "json",   "binary",
                                                       "text",      "embed",   "format", "type",
                                                       "any",       "doc",     "hole"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view TypeName(crdt::TypeKind type) {
  switch (type) {
    case crdt::TypeKind::kArray:
      return "Array";
    case crdt::TypeKind::kMap:
      return "Map";
    case crdt::TypeKind::kText:
      return "Text";
    case crdt::TypeKind::kXmlElement:
      return "XmlElement";
    case crdt::TypeKind::kXmlFragment:
      return "XmlFragment";
    case crdt::TypeKind::kXmlHook:
      return "XmlHook";
    case crdt::TypeKind::kXmlText:
      return "XmlText";
    case crdt::TypeKind::kUndefined:
      break;
  }
  return "unknown type";
}

std::string ToText(std::string_view text) { return std::string(text); }

std::string ToText(crdt::Id id) { return absl::StrCat(crdt::ToNumber(id.client), ":", id.clock); }

// As a JSON string of limited length.
std::string Quote(std::string_view text) {
  std::size_t size = std::min(text.size(), kShownBytes);
  while (size < text.size() && size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) {
    --size;
  }
  std::string quoted = crdt::ToJsonText(crdt::Any(text.substr(0, size)));
  if (size < text.size()) absl::StrAppend(&quoted, " and ", text.size() - size, " bytes more");
  return quoted;
}

std::string Shorten(std::string text) {
  if (text.size() <= kShownBytes) return text;
  std::size_t size = kShownBytes;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return absl::StrCat(text.substr(0, size), " …");
}

std::string ValuesText(const crdt::Update& update, const Block& block) {
  std::string text;
  for (const crdt::Any& value : update.ValuesOf(block)) {
    if (!text.empty()) text += ", ";
    crdt::AppendJsonText(text, value);
    if (text.size() > kShownBytes) break;
  }
  return Shorten(std::move(text));
}

std::string ContentText(const crdt::Update& update, const Block& block) {
  switch (block.kind) {
    case ContentKind::kString:
      return Quote(block.text);
    case ContentKind::kBinary:
      return absl::StrCat(block.text.size(), " bytes");
    case ContentKind::kFormat:
      return absl::StrCat(Quote(block.text), " = ", ValuesText(update, block));
    case ContentKind::kDoc:
      return absl::StrCat(Quote(block.text), " ", ValuesText(update, block));
    case ContentKind::kType:
      return absl::StrCat(ToText(TypeName(block.type)),
                          block.text.empty() ? "" : absl::StrCat(" ", Quote(block.text)));
    case ContentKind::kJson:
    case ContentKind::kEmbed:
    case ContentKind::kAny:
      return ValuesText(update, block);
    case ContentKind::kGc:
    case ContentKind::kDeleted:
    case ContentKind::kSkip:
      break;
  }
  return {};
}

// Where the block belongs.
std::string PlaceText(const Block& block) {
  std::string place;
  if (block.has_origin) absl::StrAppend(&place, "  after ", ToText(block.origin));
  if (block.has_right_origin) absl::StrAppend(&place, "  before ", ToText(block.right_origin));
  if (block.parent == Block::Parent::kRoot) {
    absl::StrAppend(&place, "  in root ", Quote(block.root_name));
  } else if (block.parent == Block::Parent::kItem) {
    absl::StrAppend(&place, "  in type ", ToText(block.parent_item));
  }
  if (block.has_key) absl::StrAppend(&place, "  at key ", Quote(block.key));
  return place;
}

std::string BlockLine(const crdt::Update& update, const Block& block) {
  const std::string range = block.length == 1 ? absl::StrCat(block.id.clock)
                                              : absl::StrCat(block.id.clock, "-", block.end() - 1);
  const bool has_place = block.kind != ContentKind::kGc && block.kind != ContentKind::kSkip;
  std::string line = absl::StrFormat("  %-15s %-9s %s%s", range, ToText(KindName(block.kind)),
                                     ContentText(update, block), has_place ? PlaceText(block) : "");
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// "1 block", "2 blocks".
std::string Count(std::uint64_t count, std::string_view noun) {
  return absl::StrCat(count, " ", std::string(noun), count == 1 ? "" : "s");
}

std::string Summary(const crdt::Update& update, std::size_t bytes) {
  std::size_t ranges = 0;
  crdt::Clock deleted = 0;
  for (const auto& client : update.deletes.clients()) {
    ranges += client.ranges.size();
    for (const crdt::IdRange& range : client.ranges) deleted += range.length;
  }
  std::map<ContentKind, std::pair<std::size_t, crdt::Clock>> kinds;
  for (const Block& block : update.blocks) {
    auto& [blocks, elements] = kinds[block.kind];
    ++blocks;
    elements += block.length;
  }
  std::string text =
      absl::StrCat(Count(bytes, "byte"), ", ", Count(update.sections.size(), "client"), ", ",
                   Count(update.blocks.size(), "block"), ", ", Count(deleted, "element"),
                   " deleted in ", Count(ranges, "range"), "\n");
  for (const auto& [kind, count] : kinds) {
    absl::StrAppendFormat(&text, "  %-9s %s, %s\n", ToText(KindName(kind)),
                          Count(count.first, "block"), Count(count.second, "element"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> InspectUpdate(crdt::ByteView bytes, crdt::UpdateFormat format) {
  const absl::StatusOr<crdt::Update> update = crdt::DecodeUpdate(bytes, {}, format);
  if (!update.ok()) return update.status();
  std::string text = Summary(*update, bytes.size());
  for (const crdt::Update::Section& section : update->sections) {
    absl::StrAppend(&text, "\nclient ", crdt::ToNumber(section.client), "\n");
    for (std::size_t i = section.begin; i < section.end; ++i) {
      text += BlockLine(*update, update->blocks[i]);
    }
  }
  if (!update->deletes.empty()) text += "\ndeletes\n";
  for (const auto& client : update->deletes.clients()) {
    absl::StrAppend(&text, "  client ", crdt::ToNumber(client.client), ":");
    for (const crdt::IdRange& range : client.ranges) {
      absl::StrAppend(&text, " ", range.clock);
      if (range.length > 1) absl::StrAppend(&text, "-", range.end() - 1);
    }
    text += "\n";
  }
  return text;
}

}  // namespace weft::server
