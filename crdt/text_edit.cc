// Edits of texts: characters, embeds and formatting. Where marks are put, and which of them are
// left out, is decided as Yjs decides it, since every replica has to come to the same bytes.
//
// A mark sets one attribute for what follows it, up to the next mark of that attribute; null ends
// it. Who inserts with attributes, or sets them for a range, puts marks in front where the
// attributes in force differ, and behind it marks that bring back what was in force before.

#include <algorithm>
#include <utility>

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

DocCore::NamedAttributes DocCore::InternAttributes(const Attributes& attributes) {
  NamedAttributes named;
  named.reserve(attributes.size());
  for (const auto& [key, value] : attributes.entries()) {
    if (value.is_undefined()) continue;
    named.emplace_back(keys_.Intern(key), std::make_shared<const Any>(value));
  }
  return named;
}

const FormatValue* DocCore::FindAttribute(const NamedAttributes& attributes, KeyRef key) {
  const auto found = std::ranges::find(attributes, key, &AttributeMap::Entry::first);
  return found == attributes.end() ? nullptr : &found->second;
}

AnyObject DocCore::AttributesAsObject(const AttributeMap& attributes) const {
  std::vector<AnyObject::Entry> entries;
  entries.reserve(attributes.entries().size());
  for (const auto& [key, value] : attributes.entries()) {
    entries.emplace_back(std::string(keys_.Text(key)), *value);
  }
  return AnyObject::FromEntries(std::move(entries));
}

DocCore::TextPosition DocCore::TextPositionAt(TypeRef type, std::uint64_t index, bool by_marker) {
  TypeNode& node = types_.At(type);
  if (by_marker && node.markers != nullptr && node.start != kNoItem && index > 0) {
    const SearchMarkers::Marker marker = node.markers->Find(items_, node.start, node.length, index);
    TextPosition position{.at = {.left = At(marker.item).left, .right = marker.item},
                          .index = marker.index,
                          .attributes = {}};
    while (position.index < index && position.at.right != kNoItem) {
      const Item& item = At(position.at.right);
      const std::uint64_t rest = index - position.index;
      if (item.visible() && rest < item.length()) BlockStartingAt(item.id.Plus(rest));
      Forward(position);
    }
    return position;
  }
  TextPosition position{.at = PositionAt(type, index), .index = index, .attributes = {}};
  if (node.holds_formats && position.at.left != kNoItem) {
    position.attributes = IndexOf(type).AttributesBehind(position.at.left, contents_);
  }
  return position;
}

ItemRef DocCore::NextLive(ItemRef ref) {
  // A few steps are cheaper than the index, which may have to be made.
  for (int steps = 0; steps < 8; ++steps) {
    ref = At(ref).right;
    if (ref == kNoItem || !At(ref).deleted) return ref;
  }
  return IndexOf(At(ref).parent).NextLive(ref);
}

ItemRef DocCore::PreviousLive(ItemRef ref) {
  for (int steps = 0; steps < 8; ++steps) {
    ref = At(ref).left;
    if (ref == kNoItem || !At(ref).deleted) return ref;
  }
  return IndexOf(At(ref).parent).PreviousLive(ref);
}

bool DocCore::ForwardOverDeleted(TypeRef type, TextPosition& position) {
  if (position.at.right == kNoItem || !At(position.at.right).deleted) return false;
  const ItemRef live = NextLive(position.at.right);
  position.at.left = live == kNoItem ? IndexOf(type).last() : At(live).left;
  position.at.right = live;
  return true;
}

void DocCore::Forward(TextPosition& position) const {
  const Item& item = At(position.at.right);
  if (item.kind == ContentKind::kFormat && !item.deleted) {
    position.attributes.Apply(contents_.format(item.content));
  }
  position.index += item.visible_length();
  position.at = {.left = position.at.right, .right = item.right};
}

void DocCore::SkipMarksThatChangeNothing(TypeRef type, TextPosition& position,
                                         const NamedAttributes& attributes) {
  while (position.at.right != kNoItem) {
    if (ForwardOverDeleted(type, position)) continue;
    const Item& item = At(position.at.right);
    if (item.kind != ContentKind::kFormat) return;
    const Format& format = contents_.format(item.content);
    const FormatValue* value = FindAttribute(attributes, format.key);
    if (!IsSameAttribute(value == nullptr ? NullFormat() : *value, format.value)) return;
    Forward(position);
  }
}

void DocCore::InsertMark(TypeRef type, TextPosition& position, KeyRef key, FormatValue value) {
  position.at.right = InsertLocal(type, kNoKey, position.at, ContentKind::kFormat, 1,
                                  contents_.AddFormat({.key = key, .value = std::move(value)}));
  Forward(position);
}

AttributeMap DocCore::InsertMarks(TypeRef type, TextPosition& position,
                                  const NamedAttributes& attributes) {
  AttributeMap closing;
  for (const auto& [key, value] : attributes) {
    const FormatValue current = position.attributes.Get(key);
    if (IsSameAttribute(current, value)) continue;
    closing.Set(key, current);
    InsertMark(type, position, key, value);
  }
  return closing;
}

void DocCore::InsertClosingMarks(TypeRef type, TextPosition& position, AttributeMap closing) {
  while (position.at.right != kNoItem) {
    if (ForwardOverDeleted(type, position)) continue;
    const Item& item = At(position.at.right);
    if (item.kind != ContentKind::kFormat) break;
    const Format& format = contents_.format(item.content);
    const FormatValue* value = closing.Find(format.key);
    if (value == nullptr || !IsSameAttribute(*value, format.value)) break;
    closing.Erase(format.key);
    Forward(position);
  }
  for (const auto& [key, value] : closing.entries()) InsertMark(type, position, key, value);
}

ItemRef DocCore::InsertContent(TypeRef type, TextPosition& position, NamedAttributes attributes,
                               std::string_view text,
                               const std::function<ItemRef(Position)>& insert) {
  // What is in force and not asked for ends here.
  bool ends_some = false;
  for (const auto& [key, value] : position.attributes.entries()) {
    if (FindAttribute(attributes, key) != nullptr) continue;
    attributes.emplace_back(key, NullFormat());
    ends_some = true;
  }
  if (ends_some) {
    // In the order in which JavaScript would enumerate the object that they make.
    std::vector<AnyObject::Entry> entries;
    entries.reserve(attributes.size());
    for (const auto& [key, value] : attributes) {
      entries.emplace_back(std::string(keys_.Text(key)), Any());
    }
    const AnyObject object = AnyObject::FromEntries(std::move(entries));
    NamedAttributes ordered;
    ordered.reserve(attributes.size());
    for (const auto& [name, unused] : object.entries()) {
      const KeyRef key = keys_.Find(name);
      ordered.emplace_back(key, *FindAttribute(attributes, key));
    }
    attributes = std::move(ordered);
  }
  SkipMarksThatChangeNothing(type, position, attributes);
  AttributeMap closing = InsertMarks(type, position, attributes);
  if (const TypeNode& node = types_.At(type); node.markers != nullptr) {
    node.markers->Update(items_, position.index,
                         text.empty() ? 1 : static_cast<std::int64_t>(Utf16Length(text)));
  }
  const ItemRef made = insert(position.at);
  position.at.right = made;
  Forward(position);
  InsertClosingMarks(type, position, std::move(closing));
  return made;
}

ItemRef DocCore::InsertString(TypeRef type, Position position, std::string_view utf8) {
  const TextRun run = clients_[EnsureClient(client_id_)].text.Append(utf8);
  return InsertLocal(type, kNoKey, position, ContentKind::kString, run.units, run.offset, run.wide);
}

void DocCore::InsertText(TypeRef type, std::uint64_t index, std::string_view utf8) {
  if (utf8.empty()) return;
  CHECK(IsValidUtf8(utf8));
  if (!types_.At(type).holds_formats) {
    NoteInserted(type, InsertString(type, PositionBeforeVisible(type, index), utf8), index);
    return;
  }
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/true);
  NamedAttributes attributes(position.attributes.entries().begin(),
                             position.attributes.entries().end());
  InsertContent(type, position, std::move(attributes), utf8,
                [&](Position at) { return InsertString(type, at, utf8); });
}

void DocCore::InsertText(TypeRef type, std::uint64_t index, std::string_view utf8,
                         const Attributes& attributes) {
  if (utf8.empty()) return;
  CHECK(IsValidUtf8(utf8));
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/false);
  InsertContent(type, position, InternAttributes(attributes), utf8,
                [&](Position at) { return InsertString(type, at, utf8); });
}

void DocCore::InsertEmbed(TypeRef type, std::uint64_t index, Any embed,
                          const Attributes& attributes) {
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/attributes.empty());
  InsertContent(type, position, InternAttributes(attributes), {}, [&](Position at) {
    return InsertLocal(type, kNoKey, at, ContentKind::kEmbed, 1,
                       contents_.AddValue(std::move(embed)));
  });
}

TypeRef DocCore::InsertTypeIntoText(TypeRef type, std::uint64_t index, TypeKind kind,
                                    std::string_view name, const Attributes& attributes) {
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/attributes.empty());
  const TypeRef made = AllocateType(kind, name);
  InsertContent(type, position, InternAttributes(attributes), {}, [&](Position at) {
    return InsertLocal(type, kNoKey, at, ContentKind::kType, 1, made);
  });
  return made;
}

void DocCore::FormatText(TypeRef type, std::uint64_t index, std::uint64_t count,
                         const Attributes& attributes) {
  if (count == 0) return;
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/false);
  if (position.at.right == kNoItem) return;
  FormatFrom(type, position, count, InternAttributes(attributes));
}

void DocCore::FormatFrom(TypeRef type, TextPosition& position, std::uint64_t count,
                         const NamedAttributes& attributes) {
  SkipMarksThatChangeNothing(type, position, attributes);
  AttributeMap closing = InsertMarks(type, position, attributes);
  // Marks of these attributes inside of the range are superseded; what they said holds behind it.
  const auto has_more = [&] {
    if (position.at.right == kNoItem) return false;
    const Item& item = At(position.at.right);
    return count > 0 || (!closing.empty() && (item.deleted || item.kind == ContentKind::kFormat));
  };
  while (has_more()) {
    if (ForwardOverDeleted(type, position)) continue;
    const ItemRef ref = position.at.right;
    const Item& item = At(ref);
    if (item.kind == ContentKind::kFormat) {
      const Format& format = contents_.format(item.content);
      if (const FormatValue* value = FindAttribute(attributes, format.key)) {
        if (IsSameAttribute(*value, format.value)) {
          closing.Erase(format.key);
        } else {
          if (count == 0) break;
          closing.Set(format.key, format.value);
        }
        Delete(ref);
      } else {
        position.attributes.Set(format.key, format.value);
      }
    } else {
      if (count < item.length()) BlockStartingAt(item.id.Plus(count));
      count -= item.length();
    }
    Forward(position);
  }
  if (count > 0) {
    position.at.right = InsertString(type, position.at, std::string(count, '\n'));
    Forward(position);
  }
  InsertClosingMarks(type, position, std::move(closing));
}

void DocCore::DeleteText(TypeRef type, std::uint64_t index, std::uint64_t count) {
  CHECK(count <= LengthOf(type) && index <= LengthOf(type) - count && "a range is inside the type");
  if (count == 0) return;
  if (!types_.At(type).holds_formats) return DeletePlain(type, index, count);
  TextPosition position = TextPositionAt(type, index, /*by_marker=*/true);
  DeleteFrom(type, position, count);
}

void DocCore::DeletePlain(TypeRef type, std::uint64_t index, std::uint64_t count) {
  while (count > 0) {
    // Found anew each time: what was deleted in between is never walked over.
    const SequenceIndex::Place place = IndexOf(type).Find(index);
    if (place.item == kNoItem) return;
    ItemRef ref = place.item;
    if (place.offset > 0) ref = BlockStartingAt(At(ref).id.Plus(place.offset));
    const Item& item = At(ref);
    if (item.kind != ContentKind::kString && item.kind != ContentKind::kEmbed &&
        item.kind != ContentKind::kType) {
      index += item.length();  // nothing that a text knows how to delete
      continue;
    }
    if (count < item.length()) BlockStartingAt(item.id.Plus(count));
    count -= item.length();
    Delete(ref);
  }
}

void DocCore::DeleteFrom(TypeRef type, TextPosition& position, std::uint64_t count) {
  const AttributeMap start_attributes = position.attributes;
  const std::uint64_t index = position.index;
  const std::uint64_t asked = count;
  const ItemRef start = position.at.right;
  while (count > 0 && position.at.right != kNoItem) {
    if (ForwardOverDeleted(type, position)) continue;
    const ItemRef ref = position.at.right;
    const Item& item = At(ref);
    if (item.kind == ContentKind::kString || item.kind == ContentKind::kEmbed ||
        item.kind == ContentKind::kType) {
      if (count < item.length()) BlockStartingAt(item.id.Plus(count));
      count -= item.length();
      Delete(ref);
    }
    Forward(position);
  }
  TypeNode& node = types_.At(type);
  if (start != kNoItem && node.holds_formats) {
    CleanUpGap(start, position.at.right, start_attributes, position.attributes);
  }
  if (node.markers != nullptr) {
    node.markers->Update(items_, index, -static_cast<std::int64_t>(asked - count));
  }
}

void DocCore::ApplyDelta(TypeRef type, const Delta& delta, bool sanitize) {
  TextPosition position{.at = {.left = kNoItem, .right = types_.At(type).start}, .attributes = {}};
  for (const DeltaOp& op : delta) {
    switch (op.kind) {
      case DeltaOp::Kind::kRetain:
        FormatFrom(type, position, op.count, InternAttributes(op.attributes));
        break;
      case DeltaOp::Kind::kDelete:
        DeleteFrom(type, position, op.count);
        break;
      case DeltaOp::Kind::kInsert: {
        if (!op.elements.empty()) {
          const Any* embed = std::get_if<Any>(&op.elements.front());
          CHECK(op.elements.size() == 1 && embed != nullptr && "an insert is text or an embed");
          InsertContent(type, position, InternAttributes(op.attributes), {}, [&](Position at) {
            return InsertLocal(type, kNoKey, at, ContentKind::kEmbed, 1,
                               contents_.AddValue(*embed));
          });
          break;
        }
        CHECK(IsValidUtf8(op.text));
        std::string_view text = op.text;
        // An editor's text ends with a newline that nobody typed.
        if (!sanitize && &op == &delta.back() && position.at.right == kNoItem &&
            text.ends_with('\n')) {
          text.remove_suffix(1);
        }
        if (text.empty()) break;
        InsertContent(type, position, InternAttributes(op.attributes), text,
                      [&](Position at) { return InsertString(type, at, text); });
        break;
      }
    }
  }
}

}  // namespace weft::crdt::internal
