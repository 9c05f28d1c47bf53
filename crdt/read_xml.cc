// XML as Yjs writes it: names of elements in lower case, attributes sorted by name, nothing
// escaped. Formatting of a text becomes elements around it.

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/case.h"
#include "crdt/base/utf.h"
#include "crdt/doc_core.h"
#include "crdt/js_string.h"

namespace weft::crdt::internal {

namespace {

// What is still to be written: text, or a type.
using Piece = std::variant<std::string, TypeRef>;

class Pieces {
 public:
  void Add(std::string text) {
    if (!pieces_.empty() && std::holds_alternative<std::string>(pieces_.back())) {
      AppendWtf8(std::get<std::string>(pieces_.back()), text);
    } else {
      pieces_.emplace_back(std::move(text));
    }
  }
  void Add(TypeRef type) { pieces_.emplace_back(type); }
  // Puts them on a stack, the first one on top.
  void MoveTo(std::vector<Piece>& stack) {
    std::ranges::reverse(pieces_);
    std::ranges::move(pieces_, std::back_inserter(stack));
  }

 private:
  std::vector<Piece> pieces_;
};

// The elements that the attributes of a text become: for each attribute one, by name; the members
// of its value are its attributes.
struct Tags {
  std::string open;
  std::string close;
};

Tags TagsOf(const AnyObject& attributes) {
  std::vector<const AnyObject::Entry*> sorted;
  for (const AnyObject::Entry& entry : attributes.entries()) sorted.push_back(&entry);
  std::ranges::sort(sorted,
                    [](const auto* a, const auto* b) { return IsBeforeInJs(a->first, b->first); });
  Tags tags;
  for (const auto* entry : sorted) {
    const Any& value = entry->second;
    std::vector<std::pair<std::string, std::string>> members;
    const auto add = [&](std::string key, const Any& member) {
      std::string text;
      AppendAsJsString(member, text);
      members.emplace_back(std::move(key), std::move(text));
    };
    if (const AnyObject* object = value.AsObject()) {
      for (const auto& [key, member] : object->entries()) add(key, member);
    } else if (const Any::Array* array = value.AsArray()) {
      for (std::size_t i = 0; i < array->size(); ++i) add(std::to_string(i), (*array)[i]);
    } else if (const Bytes* bytes = value.AsBinary()) {
      for (std::size_t i = 0; i < bytes->size(); ++i) {
        add(std::to_string(i), static_cast<int>((*bytes)[i]));
      }
    } else if (const std::string* text = value.AsString()) {
      // A string has its code units as members.
      const std::u16string units = Utf8ToUtf16(*text);
      for (std::size_t i = 0; i < units.size(); ++i) {
        std::string unit;
        AppendUtf16AsWtf8(unit, std::u16string_view(units).substr(i, 1));
        members.emplace_back(std::to_string(i), std::move(unit));
      }
    }
    std::ranges::sort(members,
                      [](const auto& a, const auto& b) { return IsBeforeInJs(a.first, b.first); });
    tags.open += "<" + entry->first;
    for (const auto& [key, text] : members) tags.open += " " + key + "=\"" + text + "\"";
    tags.open += ">";
    tags.close.insert(0, "</" + entry->first + ">");
  }
  return tags;
}

}  // namespace

std::string DocCore::XmlOf(TypeRef root) const {
  std::string xml;
  std::vector<Piece> stack{root};
  // What stands in an item: a type becomes a piece, the rest text.
  const auto add_content = [&](Pieces& pieces, const Item& item, Clock offset) {
    switch (item.kind) {
      case ContentKind::kType:
        return pieces.Add(item.content);
      case ContentKind::kDoc:
        return pieces.Add(std::string("[object Object]"));
      default: {
        std::string text;
        AppendAsJsString(PlainValue(item, offset), text);
        return pieces.Add(std::move(text));
      }
    }
  };
  const auto add_children = [&](Pieces& pieces, const TypeNode& node) {
    for (ItemRef ref = node.start; ref != kNoItem; ref = At(ref).right) {
      const Item& item = At(ref);
      if (!item.visible()) continue;
      for (Clock i = 0; i < item.length(); ++i) add_content(pieces, item, i);
    }
  };
  const auto add_element = [&](Pieces& pieces, const TypeNode& node) {
    const std::string name = ToLowerCase(
        node.name == kNoKey || node.item == kNoItem ? "UNDEFINED" : keys_.Text(node.name));
    std::vector<std::pair<std::string_view, ItemRef>> attributes;
    for (const auto& [key, ref] : node.entries.entries()) {
      if (!At(ref).deleted) attributes.emplace_back(keys_.Text(key), ref);
    }
    std::ranges::sort(attributes,
                      [](const auto& a, const auto& b) { return IsBeforeInJs(a.first, b.first); });
    pieces.Add("<" + name);
    for (const auto& [key, ref] : attributes) {
      pieces.Add(" " + std::string(key) + "=\"");
      add_content(pieces, At(ref), At(ref).length() - 1);
      pieces.Add(std::string("\""));
    }
    pieces.Add(std::string(">"));
    add_children(pieces, node);
    pieces.Add("</" + name + ">");
  };
  const auto add_text = [&](Pieces& pieces, const TypeNode& node) {
    AttributeMap attributes;
    std::string text;
    const auto close = [&] {
      if (text.empty()) return;
      const Tags tags = TagsOf(AttributesAsObject(attributes));
      pieces.Add(tags.open + std::exchange(text, {}) + tags.close);
    };
    for (ItemRef ref = node.start; ref != kNoItem; ref = At(ref).right) {
      const Item& item = At(ref);
      if (item.deleted) continue;
      if (item.kind == ContentKind::kString) {
        AppendText(item, text);
      } else if (item.kind == ContentKind::kFormat) {
        close();
        attributes.Apply(contents_.format(item.content));
      } else if (item.kind == ContentKind::kType || item.kind == ContentKind::kEmbed) {
        close();
        const Tags tags = TagsOf(AttributesAsObject(attributes));
        pieces.Add(tags.open);
        add_content(pieces, item, 0);
        pieces.Add(tags.close);
      }
    }
    close();
  };

  while (!stack.empty()) {
    Piece piece = std::move(stack.back());
    stack.pop_back();
    if (const std::string* text = std::get_if<std::string>(&piece)) {
      AppendWtf8(xml, *text);
      continue;
    }
    const TypeRef type = std::get<TypeRef>(piece);
    const TypeNode& node = types_.At(type);
    Pieces pieces;
    switch (node.kind) {
      case TypeKind::kXmlElement:
        add_element(pieces, node);
        break;
      case TypeKind::kXmlFragment:
        add_children(pieces, node);
        break;
      case TypeKind::kXmlText:
        add_text(pieces, node);
        break;
      case TypeKind::kText:
        pieces.Add(TextOf(type, /*wtf8=*/true));
        break;
      case TypeKind::kArray:
      case TypeKind::kMap:
      case TypeKind::kXmlHook:
      case TypeKind::kUndefined:
        pieces.Add(std::string("[object Object]"));
        break;
    }
    pieces.MoveTo(stack);
  }
  return xml;
}

}  // namespace weft::crdt::internal
