#include "crdt/update_inspect.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/block_stream.h"
#include "crdt/json.h"

namespace weft::crdt {

namespace {

constexpr const char* kMore = " …";

// The longest beginning of at most `size` bytes that cuts no character.
std::string_view Beginning(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

std::string Quote(std::string_view text, std::size_t shown_bytes) {
  const std::string_view shown = Beginning(text, shown_bytes);
  std::string quoted = ToJsonText(Any(shown));
  if (shown.size() < text.size()) {
    absl::StrAppend(&quoted, " and ", text.size() - shown.size(), " bytes more");
  }
  return quoted;
}

std::string ToText(Id id) { return absl::StrCat(ToNumber(id.client), ":", id.clock); }

std::string RangeText(Clock begin, Clock end) {
  return end - begin == 1 ? absl::StrCat(begin) : absl::StrCat(begin, "-", end - 1);
}

// "1 block", "2 blocks".
std::string CountText(std::uint64_t count, const char* noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string DescribeValues(std::span<const Any> values, std::size_t shown_bytes) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    if (text.size() >= shown_bytes) {
      absl::StrAppend(&text, "and ", CountText(values.size() - i, "value"), " more");
      break;
    }
    text += DescribeValue(values[i], shown_bytes - text.size());
  }
  return text;
}

std::string BlockLine(const Block& block, std::span<const Any> values, std::size_t shown_bytes) {
  std::string line = absl::StrFormat("  %-15s %-9s %s%s\n", RangeText(block.id.clock, block.end()),
                                     std::string(KindName(block.kind)),
                                     DescribeContent(block, values, shown_bytes),
                                     DescribePlace(block, shown_bytes));
  line.erase(line.find_last_not_of(" \n") + 1);
  return line + "\n";
}

std::string DeletesText(const DeleteSet& deletes, std::size_t shown) {
  if (deletes.empty()) return "";
  std::string text = "deletes\n";
  std::uint64_t hidden = 0;
  for (const DeleteSet::ClientRanges& client : deletes.clients()) {
    if (shown == 0) {
      hidden += client.ranges.size();
      continue;
    }
    absl::StrAppend(&text, "  client ", ToNumber(client.client), ":");
    for (const IdRange& range : client.ranges) {
      if (shown == 0) {
        ++hidden;
        continue;
      }
      absl::StrAppend(&text, " ", RangeText(range.clock, range.end()));
      --shown;
    }
    text += "\n";
  }
  if (hidden > 0) absl::StrAppend(&text, "  and ", CountText(hidden, "range"), " more\n");
  return text;
}

std::string SummaryText(const UpdateSummary& summary) {
  std::string text = absl::StrCat(
      CountText(summary.bytes, "byte"), ", ", CountText(summary.clients, "client"), ", ",
      CountText(summary.all.blocks, "block"), ", ", CountText(summary.deleted, "element"),
      " deleted in ", CountText(summary.delete_ranges, "range"), "\n");
  for (std::size_t kind = 0; kind < summary.by_kind.size(); ++kind) {
    const UpdateSummary::Count& count = summary.by_kind[kind];
    if (count.blocks == 0) continue;
    absl::StrAppendFormat(&text, "  %-9s %s, %s\n",
                          std::string(KindName(static_cast<ContentKind>(kind))),
                          CountText(count.blocks, "block"), CountText(count.elements, "element"));
  }
  return text;
}

// Reads an update to its end; `visit` gets every block with its values.
template <typename Visit>
absl::Status ReadAll(ByteView update, UpdateFormat format, const DecodeLimits& limits,
                     UpdateSummary& summary, DeleteSet& deletes, const Visit& visit) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    UpdateSummary::Count& count = summary.by_kind[static_cast<std::size_t>(block.kind)];
    ++count.blocks;
    count.elements += block.length;
    if (block.kind != ContentKind::kSkip) {
      ++summary.all.blocks;
      summary.all.elements += block.length;
    }
    visit(block, std::span<const Any>(values));
  }
  summary.bytes = update.size();
  summary.clients = stream->sections().size();
  deletes = stream->ReadDeletes();
  for (const DeleteSet::ClientRanges& client : deletes.clients()) {
    summary.delete_ranges += client.ranges.size();
    for (const IdRange& range : client.ranges) summary.deleted += range.length;
  }
  return stream->status();
}

// An array or object of which the elements before `next` are described.
struct OpenContainer {
  const Any* container;
  std::size_t next = 0;
};

}  // namespace

std::string_view KindName(ContentKind kind) {
  constexpr std::array<std::string_view, 11> kNames = {"collected", "deleted", "json",   "binary",
                                                       "text",      "embed",   "format", "type",
                                                       "any",       "doc",     "hole"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view TypeName(TypeKind type) {
  switch (type) {
    case TypeKind::kArray:
      return "Array";
    case TypeKind::kMap:
      return "Map";
    case TypeKind::kText:
      return "Text";
    case TypeKind::kXmlElement:
      return "XmlElement";
    case TypeKind::kXmlFragment:
      return "XmlFragment";
    case TypeKind::kXmlHook:
      return "XmlHook";
    case TypeKind::kXmlText:
      return "XmlText";
    case TypeKind::kUndefined:
      break;
  }
  return "unknown type";
}

std::string DescribeValue(const Any& value, std::size_t shown_bytes) {
  std::string text;
  std::vector<OpenContainer> open;
  const auto begin = [&](const Any& next) {
    if (next.AsArray() != nullptr || next.AsObject() != nullptr) {
      text += next.AsArray() != nullptr ? "[" : "{";
      open.push_back({&next});
    } else if (const std::string* string = next.AsString()) {
      text += Quote(*string, shown_bytes);
    } else if (const Bytes* bytes = next.AsBinary()) {
      text += CountText(bytes->size(), "byte");
    } else {
      AppendJsonText(text, next);
    }
  };
  begin(value);
  while (!open.empty()) {
    if (text.size() > shown_bytes) return text + kMore;
    OpenContainer& top = open.back();
    const Any::Array* elements = top.container->AsArray();
    const std::size_t size =
        elements != nullptr ? elements->size() : top.container->AsObject()->size();
    const std::size_t i = top.next++;
    if (i == size) {
      text += elements != nullptr ? "]" : "}";
      open.pop_back();
      continue;
    }
    if (i > 0) text += ",";
    if (elements != nullptr) {
      begin((*elements)[i]);
    } else {
      const AnyObject::Entry& entry = top.container->AsObject()->entries()[i];
      absl::StrAppend(&text, Quote(entry.first, shown_bytes), ":");
      begin(entry.second);
    }
  }
  return text;
}

std::string DescribeContent(const Block& block, std::span<const Any> values,
                            std::size_t shown_bytes) {
  switch (block.kind) {
    case ContentKind::kString:
      return Quote(block.text, shown_bytes);
    case ContentKind::kBinary:
      return CountText(block.text.size(), "byte");
    case ContentKind::kFormat:
      return absl::StrCat(Quote(block.text, shown_bytes), " = ",
                          DescribeValues(values, shown_bytes));
    case ContentKind::kDoc:
      return absl::StrCat(Quote(block.text, shown_bytes), " ", DescribeValues(values, shown_bytes));
    case ContentKind::kType: {
      std::string text(TypeName(block.type));
      if (!block.text.empty()) absl::StrAppend(&text, " ", Quote(block.text, shown_bytes));
      return text;
    }
    case ContentKind::kJson:
    case ContentKind::kEmbed:
    case ContentKind::kAny:
      return DescribeValues(values, shown_bytes);
    case ContentKind::kGc:
    case ContentKind::kDeleted:
    case ContentKind::kSkip:
      break;
  }
  return "";
}

std::string DescribePlace(const Block& block, std::size_t shown_bytes) {
  if (block.kind == ContentKind::kGc || block.kind == ContentKind::kSkip) return "";
  std::string place;
  if (block.has_origin) absl::StrAppend(&place, "  after ", ToText(block.origin));
  if (block.has_right_origin) absl::StrAppend(&place, "  before ", ToText(block.right_origin));
  if (block.has_origin || block.has_right_origin) return place;
  if (block.parent == Block::Parent::kRoot) {
    absl::StrAppend(&place, "  in root ", Quote(block.root_name, shown_bytes));
  } else {
    absl::StrAppend(&place, "  in type ", ToText(block.parent_item));
  }
  if (block.has_key) absl::StrAppend(&place, "  at key ", Quote(block.key, shown_bytes));
  return place;
}

absl::StatusOr<UpdateSummary> SummarizeUpdate(ByteView update, UpdateFormat format,
                                              const DecodeLimits& limits) {
  UpdateSummary summary;
  DeleteSet deletes;
  const absl::Status status =
      ReadAll(update, format, limits, summary, deletes, [](const Block&, std::span<const Any>) {});
  if (!status.ok()) return status;
  return summary;
}

absl::StatusOr<std::string> InspectUpdate(ByteView update, UpdateFormat format,
                                          const InspectOptions& options,
                                          const DecodeLimits& limits) {
  UpdateSummary summary;
  DeleteSet deletes;
  std::string lines;
  std::size_t told = 0;
  std::uint64_t hidden = 0;
  ClientId client{};
  const absl::Status status =
      ReadAll(update, format, limits, summary, deletes,
              [&](const Block& block, std::span<const Any> values) {
                if (told == options.blocks) {
                  ++hidden;
                  return;
                }
                if (told++ == 0 || block.id.client != client) {
                  absl::StrAppend(&lines, "client ", ToNumber(block.id.client), "\n");
                }
                client = block.id.client;
                lines += BlockLine(block, values, options.shown_bytes);
              });
  if (!status.ok()) return status;
  if (hidden > 0) absl::StrAppend(&lines, "  and ", CountText(hidden, "block"), " more\n");
  return SummaryText(summary) + lines + DeletesText(deletes, options.ranges);
}

}  // namespace weft::crdt
