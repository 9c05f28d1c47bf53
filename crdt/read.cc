// Reading: text, values, JSON. Nothing here recurses, however deep types are nested.

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

std::string DocCore::TextOf(TypeRef type, bool wtf8) const {
  std::string text;
  ItemRef ref = types_.At(type).start;
  // As long as everybody wrote ASCII, it takes as many bytes as the sequence has elements at most.
  text.resize_and_overwrite(types_.At(type).length, [&](char* begin, std::size_t room) {
    char* next = begin;
    for (; ref != kNoItem; ref = At(ref).right) {
      const Item& item = At(ref);
      if (item.deleted || item.kind != ContentKind::kString) continue;
      const TextBuffer& buffer = clients_[item.id.client()].text;
      if (!buffer.is_ascii() || item.run_units() > room) break;
      const std::string_view run = buffer.NarrowText(RunOf(item));
      std::memcpy(next, run.data(), run.size());
      next += run.size();
      room -= run.size();
    }
    return static_cast<std::size_t>(next - begin);
  });
  for (; ref != kNoItem; ref = At(ref).right) {
    const Item& item = At(ref);
    if (item.deleted || item.kind != ContentKind::kString) continue;
    if (wtf8) {
      AppendText(item, text);
    } else {
      clients_[item.id.client()].text.AppendUtf8(RunOf(item), 0, item.run_units(), text);
    }
  }
  return text;
}

std::vector<std::string> DocCore::KeysOf(TypeRef type) const {
  std::vector<std::string> keys;
  for (const auto& [key, item] : types_.At(type).entries.entries()) {
    if (!At(item).deleted) keys.emplace_back(keys_.Text(key));
  }
  return keys;
}

Any DocCore::PlainValue(const Item& item, std::uint64_t offset) const {
  switch (item.kind) {
    case ContentKind::kAny:
    case ContentKind::kJson:
    case ContentKind::kBinary:
    case ContentKind::kEmbed:
      return contents_.values(item.content)[offset];
    case ContentKind::kString: {
      // Half of a surrogate pair stays one: a string in JavaScript has units, not characters.
      std::string unit;
      clients_[item.id.client()].text.AppendWtf8(RunOf(item), static_cast<std::uint32_t>(offset), 1,
                                                 unit);
      return unit;
    }
    case ContentKind::kDoc:
      return AnyObject{{"$doc", contents_.subdocument(item.content).guid}};
    default:
      return Any::Null{};
  }
}

Element DocCore::ElementIn(const Item& item, std::uint64_t offset) {
  if (item.kind == ContentKind::kDoc) return SubdocumentIn(item);
  if (item.kind != ContentKind::kType) return PlainValue(item, offset);
  return HandleAsElement(item.content);
}

Element DocCore::HandleAsElement(TypeRef type) {
  const TypeHandle handle = HandleTo(type);
  switch (types_.At(type).kind) {
    case TypeKind::kArray:
      return Array(handle);
    case TypeKind::kMap:
      return Map(handle);
    case TypeKind::kText:
      return Text(handle);
    case TypeKind::kXmlElement:
      return XmlElement(handle);
    case TypeKind::kXmlFragment:
      return XmlFragment(handle);
    case TypeKind::kXmlHook:
      return XmlHook(handle);
    case TypeKind::kXmlText:
      return XmlText(handle);
    case TypeKind::kUndefined:
      break;
  }
  return std::monostate{};
}

Element DocCore::ElementAt(TypeRef type, std::uint64_t index) {
  CHECK(index < LengthOf(type) && "an element is inside the type");
  const SequenceIndex::Place place = IndexOf(type).Find(index);
  return ElementIn(At(place.item), place.offset);
}

std::optional<Element> DocCore::ElementOf(TypeRef type, std::string_view key) {
  const KeyRef ref = keys_.Find(key);
  const ItemRef item = ref == kNoKey ? kNoItem : types_.At(type).entries.Find(ref);
  if (item == kNoItem || At(item).deleted) return std::nullopt;
  return ElementIn(At(item), At(item).length() - 1);
}

Any DocCore::JsonOf(TypeRef root) const {
  // One type being written: what has been made of it, and where it goes on.
  struct Frame {
    bool is_map = false;
    Any::Array array;
    AnyObject object;
    ItemRef next = kNoItem;                                            // of a sequence
    const std::vector<std::pair<KeyRef, ItemRef>>* entries = nullptr;  // of a map
    std::size_t entry = 0;
    std::string_view key;  // under which the result goes into the frame below
  };
  std::vector<Frame> frames;
  Any result;
  const auto put = [&](std::string_view key, Any value) {
    if (frames.empty()) {
      result = std::move(value);
    } else if (frames.back().is_map) {
      frames.back().object.Set(std::string(key), std::move(value));
    } else {
      frames.back().array.push_back(std::move(value));
    }
  };
  const auto open = [&](TypeRef type, std::string_view key) {
    const TypeNode& node = types_.At(type);
    switch (node.kind) {
      case TypeKind::kArray:
        frames.push_back({.next = node.start, .key = key});
        return;
      case TypeKind::kMap:
      case TypeKind::kXmlHook:
        frames.push_back({.is_map = true, .entries = &node.entries.entries(), .key = key});
        return;
      case TypeKind::kText:
        return put(key, TextOf(type));
      case TypeKind::kXmlElement:
      case TypeKind::kXmlFragment:
      case TypeKind::kXmlText:
        return put(key, XmlOf(type));
      case TypeKind::kUndefined:
        return put(key, Any::Null{});
    }
  };
  open(root, {});
  while (!frames.empty()) {
    Frame& frame = frames.back();
    if (frame.is_map ? frame.entry == frame.entries->size() : frame.next == kNoItem) {
      const std::string_view key = frame.key;
      Any value = frame.is_map ? Any(std::move(frame.object)) : Any(std::move(frame.array));
      frames.pop_back();
      put(key, std::move(value));
      continue;
    }
    std::string_view key;
    ItemRef ref;
    if (frame.is_map) {
      const auto& [key_ref, newest] = (*frame.entries)[frame.entry++];
      key = keys_.Text(key_ref);
      ref = newest;
    } else {
      ref = frame.next;
      frame.next = At(ref).right;
    }
    const Item& item = At(ref);
    if (!item.visible()) continue;
    if (item.kind == ContentKind::kType) {
      open(item.content, key);
    } else if (frame.is_map) {
      put(key, PlainValue(item, item.length() - 1));
    } else {
      for (Clock i = 0; i < item.length(); ++i) put({}, PlainValue(item, i));
    }
  }
  return result;
}

AnyObject DocCore::EntriesAsJson(TypeRef type) const {
  AnyObject object;
  for (const auto& [key, ref] : types_.At(type).entries.entries()) {
    const Item& item = At(ref);
    if (item.deleted) continue;
    object.Set(std::string(keys_.Text(key)), item.kind == ContentKind::kType
                                                 ? JsonOf(item.content)
                                                 : PlainValue(item, item.length() - 1));
  }
  return object;
}

Any DocCore::RootsAsJson() const {
  AnyObject object;
  for (const TypeRef root : root_order_) {
    const TypeNode& node = types_.At(root);
    if (node.kind != TypeKind::kUndefined) {
      object.Set(std::string(keys_.Text(node.name)), JsonOf(root));
    }
  }
  return object;
}

}  // namespace weft::crdt::internal
