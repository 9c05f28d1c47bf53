// What random requests put into documents: actions on their types, and values.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/delta.h"
#include "crdt/value_language.h"
#include "tests/crdt/oracle/random_requests.h"

namespace weft::crdt::oracle {
namespace {

const std::vector<std::string> kWords = {
    "a",      "b",           "cd", "efg", "hello world", "é",     "中文",   "😀",
    "x👨🏽y", "👩‍👧", "\n", " ",   "12",          "\"\\/", "\t\x7f", "0123456789"};
const std::vector<std::string> kKeys = {"a", "b", "key", "1", "10", "2", "", "ключ", "🔑"};
const std::vector<double> kNumbers = {0,          1,          -1,    63,  64,    -64,  2147483647,
                                      2147483648, 4294967296, 1.5e9, 0.1, 1e300, -2.5, 1e21};
const std::vector<std::string> kNames = {"p", "div", "IMG", "a-b"};

Any Number(std::uint64_t number) { return static_cast<double>(number); }

std::optional<SharedType> AsType(const Element& element) {
  return std::visit(
      [](const auto& here) -> std::optional<SharedType> {
        if constexpr (std::is_convertible_v<decltype(here), const SharedType&>) {
          return here;
        } else {
          return std::nullopt;
        }
      },
      element);
}

// Types in `type`, with the step that leads to each.
std::vector<std::pair<Any, SharedType>> ChildrenOf(const SharedType& type) {
  std::vector<std::pair<Any, SharedType>> children;
  const auto add = [&](Any step, const Element& element) {
    if (const auto child = AsType(element)) children.emplace_back(std::move(step), *child);
  };
  if (const auto array = type.As<Array>()) {
    for (std::uint64_t i = 0; i < array->length(); ++i) add(Number(i), array->Get(i));
  } else if (const auto fragment = type.As<XmlFragment>()) {
    for (std::uint64_t i = 0; i < fragment->length(); ++i) add(Number(i), fragment->Get(i));
  } else if (const auto map = type.As<Map>()) {
    std::vector<std::string> keys = map->keys();
    std::ranges::sort(keys);
    for (const std::string& key : keys) add(key, map->Find(key).value_or(Element()));
  } else if (const auto text = type.As<Text>()) {
    std::uint64_t offset = 0;
    for (const DeltaOp& op : text->ToDelta()) {
      if (!op.elements.empty()) add(Number(offset), op.elements.front());
      offset += op.elements.empty() ? Utf16Length(op.text) : 1;
    }
  }
  return children;
}

}  // namespace

// -- Actions ------------------------------------------------------------------------------------------------

std::vector<RandomRequests::Place> RandomRequests::PlacesOf(std::uint64_t doc) {
  Doc& document = *find_(doc);
  std::vector<Place> places;
  for (const auto& [name, kind] : profile_.roots) {
    Place place{name, kind, {}, SharedType()};
    for (const auto& [root, root_kind] : document.Roots()) {
      if (root == name && root_kind != TypeKind::kUndefined) {
        place.type = document.GetType(root, root_kind);
      }
    }
    places.push_back(std::move(place));
  }
  // Those found are looked into in their turn.
  for (std::size_t i = 0; i < places.size() && places.size() < 100; ++i) {
    for (auto& [step, child] : ChildrenOf(places[i].type)) {
      Place place{places[i].root, places[i].root_kind, places[i].path, child};
      place.path.push_back(std::move(step));
      places.push_back(std::move(place));
    }
  }
  return places;
}

AnyObject RandomRequests::PlaceMembers(const Place& place) {
  AnyObject members{{"name", place.root}};
  if (place.path.empty()) {
    members.Set("kind", place.root_kind);
  } else {
    members.Set("path", place.path);
  }
  return members;
}

Any RandomRequests::MakeAction(std::uint64_t doc) {
  const std::vector<Place> places = PlacesOf(doc);
  // The more types there are, the more often a nested one.
  const Place& place = Chance(40) ? places[Below(profile_.roots.size())] : Pick(places);
  AnyObject action = PlaceMembers(place);
  TypeKind kind = place.type.kind();
  if (kind == TypeKind::kUndefined) {
    // A root that nobody has named: the action names its kind.
    if (place.root_kind == "xmltext" || place.root_kind == "xmlelement") {
      ask_({{"op", "json"},
            {"doc", Number(doc)},
            {"types", AnyObject{{place.root, place.root_kind}}}});
    }
    if (place.root_kind == "text" || place.root_kind == "xmltext") kind = TypeKind::kText;
    if (place.root_kind == "array") kind = TypeKind::kArray;
    if (place.root_kind == "map") kind = TypeKind::kMap;
    if (place.root_kind.starts_with("xml") && kind == TypeKind::kUndefined) {
      kind = TypeKind::kXmlFragment;
    }
  }
  const internal::TypeHandle& handle = place.type.handle();
  switch (kind) {
    case TypeKind::kText:
    case TypeKind::kXmlText:
      EditText(Text(handle), action);
      break;
    case TypeKind::kArray:
      EditArray(Array(handle), action);
      break;
    case TypeKind::kMap:
    case TypeKind::kXmlHook:
      EditMap(Map(handle), action);
      break;
    case TypeKind::kXmlFragment:
    case TypeKind::kXmlElement:
      EditXml(XmlFragment(handle), action);
      break;
    case TypeKind::kUndefined:
      break;
  }
  if (profile_.subdocuments && Chance(5)) {
    for (const Place& holder : places) {
      const auto map = holder.type.As<Map>();
      if (!map) continue;
      for (const std::string& key : map->keys()) {
        if (!std::holds_alternative<Subdocument>(map->Find(key).value_or(Element()))) continue;
        AnyObject load = PlaceMembers(holder);
        Any::Array path = holder.path;
        path.push_back(key);
        load.Set("path", std::move(path));
        load.Set("op", "subdocument.load");
        return load;
      }
    }
  }
  return action;
}

// Mostly places spread over everything, often the start, sometimes where typing goes on.
std::uint64_t RandomRequests::MakeIndex(std::uint64_t length) {
  const std::uint64_t index = Chance(20) ? 0 : Chance(30) ? last_index_ : Below(length + 1);
  last_index_ = std::min(index, length) + 1;
  return std::min(index, length);
}

std::uint64_t RandomRequests::MakeWholeIndex(const Text& text, std::uint64_t from) {
  const std::uint64_t index = std::max(from, MakeIndex(text.length()));
  return text.ToUtf16(text.FromUtf16(index, TextUnit::kCodePoint), TextUnit::kCodePoint);
}

void RandomRequests::RemoveRange(std::uint64_t length, AnyObject& action) {
  const std::uint64_t index = MakeIndex(length);
  const std::uint64_t most = length - index;
  const std::uint64_t count = Chance(60) ? 1 : Chance(80) ? Below(6) : Below(1000);
  action.Set("index", Number(index));
  action.Set("len", Number(std::min(most, count)));
}

void RandomRequests::EditText(const Text& text, AnyObject& action) {
  const std::uint64_t length = text.length();
  const std::uint64_t kind = Below(100);
  if (Chance(profile_.remove_percent)) {
    action.Set("op", "text.delete");
    return RemoveRange(length, action);
  }
  if (profile_.formats && kind < 25) {
    action.Set("op", "text.format");
    // Yjs corrupts its own text when a format that changes nothing begins or ends inside a surrogate
    // pair, and tells nobody (trap 39).
    const std::uint64_t index = MakeWholeIndex(text);
    const std::uint64_t end = MakeWholeIndex(text, index);
    action.Set("index", Number(index));
    action.Set("len", Number(end - index + (Chance(5) && end == length ? 2 : 0)));
    action.Set("attrs", MakeAttributes());
    return;
  }
  if (profile_.embeds && kind < 35) {
    action.Set("op", "text.embed");
    action.Set("index", Number(MakeIndex(length)));
    action.Set("embed", Chance(60) ? Any(AnyObject{{"image", MakeWords()}})
                                   : Any(AnyObject{{"$type", Chance(50) ? "map" : "text"}}));
    if (profile_.formats && Chance(40)) action.Set("attrs", MakeAttributes());
    return;
  }
  if (profile_.formats && kind < 42) {
    action.Set("op", "text.delta");
    action.Set("delta", MakeDelta(length));
    if (Chance(20)) action.Set("sanitize", false);
    return;
  }
  if (profile_.formats && kind < 45) {
    action.Set("op", Chance(70) ? "text.setAttribute" : "text.removeAttribute");
    action.Set("key", Pick(kKeys));
    action.Set("value", MakeValue(1));
    return;
  }
  action.Set("op", "text.insert");
  action.Set("index", Number(MakeIndex(length)));
  action.Set("text", MakeWords());
  if (profile_.formats && Chance(30)) action.Set("attrs", MakeAttributes());
}

void RandomRequests::EditArray(const Array& array, AnyObject& action) {
  if (Chance(profile_.remove_percent)) {
    action.Set("op", "array.delete");
    return RemoveRange(array.length(), action);
  }
  Any::Array values;
  for (std::uint64_t i = Chance(60) ? 1 : Below(4); i > 0; --i) values.push_back(MakeContent(0));
  action.Set("op", "array.insert");
  action.Set("index", Number(MakeIndex(array.length())));
  action.Set("values", std::move(values));
}

void RandomRequests::EditMap(const Map&, AnyObject& action) {
  action.Set("key", Pick(kKeys));
  if (Chance(profile_.remove_percent)) {
    action.Set("op", Chance(10) ? "map.clear" : "map.delete");
    return;
  }
  action.Set("op", "map.set");
  action.Set("value", Chance(5)   ? Any(AnyObject{{"$undefined", true}})
                      : Chance(5) ? Any(AnyObject{{"$bigint", "9007199254740993"}})
                                  : MakeContent(0));
}

void RandomRequests::EditXml(const XmlFragment& fragment, AnyObject& action) {
  if (fragment.kind() == TypeKind::kXmlElement && Chance(30)) {
    action.Set("op", Chance(70) ? "xml.setAttribute" : "xml.removeAttribute");
    action.Set("key", Pick(kKeys));
    action.Set("value", Chance(70) ? Any(MakeWords()) : MakeValue(1));
    return;
  }
  if (Chance(profile_.remove_percent)) {
    action.Set("op", "xml.delete");
    return RemoveRange(fragment.length(), action);
  }
  action.Set("op", "xml.insert");
  action.Set("index", Number(MakeIndex(fragment.length())));
  action.Set("node", MakeNode(0));
}

// -- Values -------------------------------------------------------------------------------------------------

std::string RandomRequests::MakeWords() {
  std::string words = Pick(kWords);
  if (Chance(30)) words += Pick(kWords);
  return words;
}

// No undefined and no BigInt at the top: Yjs takes neither into an array.
Any RandomRequests::MakeValue(int depth) {
  switch (Below(depth < 2 ? 10 : 6)) {
    case 0:
      return Any::Null{};
    case 1:
      return Chance(50);
    case 2:
      return Pick(kNumbers);
    case 3:
      return static_cast<int>(Below(1000));
    case 4:
    case 5:
      return MakeWords();
    case 6:
      return Any(AnyObject{{"$binary", ToBase64(Bytes(Below(4), 0xfe))}});
    case 7: {
      Any::Array array;
      for (std::uint64_t i = Below(4); i > 0; --i) array.push_back(MakeValue(depth + 1));
      return array;
    }
    case 8: {
      Any::Array array;
      array.push_back(AnyObject{{"$undefined", true}});
      array.push_back(AnyObject{{"$bigint", "-4611686018427387905"}});
      array.push_back(AnyObject{{"$number", "NaN"}});
      array.push_back(AnyObject{{"$number", "-0"}});
      array.push_back(AnyObject{{"$number", "-Infinity"}});
      return array;
    }
    default: {
      AnyObject object;
      for (std::uint64_t i = Below(4); i > 0; --i) object.Set(Pick(kKeys), MakeValue(depth + 1));
      return object;
    }
  }
}

Any RandomRequests::MakeContent(std::uint64_t depth) {
  if (depth >= profile_.depth || !Chance(40)) return MakeValue(0);
  switch (Below(profile_.subdocuments ? 7 : 6)) {
    case 0:
      if (profile_.formats && Chance(30)) {
        return AnyObject{{"$type", "text"}, {"delta", MakeDelta(0)}};
      }
      return AnyObject{{"$type", Chance(80) ? "text" : "xmltext"},
                       {"init", Chance(50) ? MakeWords() : ""}};
    case 1:
    case 2: {
      Any::Array init;
      for (std::uint64_t i = Below(3); i > 0; --i) init.push_back(MakeContent(depth + 1));
      return AnyObject{{"$type", "array"}, {"init", std::move(init)}};
    }
    case 3: {
      Any::Array init;
      for (std::uint64_t i = Below(3); i > 0; --i) init.push_back(MakeNode(depth + 1));
      if (Chance(50)) return AnyObject{{"$type", "xmlfragment"}, {"init", std::move(init)}};
      return AnyObject{{"$type", "xml"}, {"node", MakeNode(depth + 1)}};
    }
    case 6: {
      AnyObject subdocument{{"$type", "doc"},
                            {"guid", "guid-" + std::to_string(subdocuments_made_++)}};
      if (Chance(30)) subdocument.Set("autoLoad", true);
      if (Chance(20)) subdocument.Set("gc", false);
      if (Chance(30)) subdocument.Set("meta", MakeValue(0));
      return subdocument;
    }
    default: {
      AnyObject init;
      for (std::uint64_t i = Below(3); i > 0; --i) init.Set(Pick(kKeys), MakeContent(depth + 1));
      return AnyObject{{"$type", "map"}, {"init", std::move(init)}};
    }
  }
}

Any RandomRequests::MakeNode(std::uint64_t depth) {
  if (Chance(40)) return AnyObject{{"text", Chance(80) ? MakeWords() : ""}};
  if (Chance(8)) {
    return AnyObject{{"hook", Pick(kNames)}, {"init", AnyObject{{Pick(kKeys), MakeValue(1)}}}};
  }
  AnyObject node{{"element", Pick(kNames)}};
  AnyObject attributes;
  for (std::uint64_t i = Below(3); i > 0; --i) attributes.Set(Pick(kKeys), MakeWords());
  if (!attributes.empty()) node.Set("attrs", std::move(attributes));
  Any::Array children;
  if (depth < 3) {
    for (std::uint64_t i = Below(3); i > 0; --i) children.push_back(MakeNode(depth + 1));
  }
  if (!children.empty()) node.Set("children", std::move(children));
  return node;
}

Any RandomRequests::MakeAttributes() {
  static const std::vector<Any> kSets = {
      AnyObject{{"bold", true}},
      AnyObject{{"bold", Any::Null()}},
      AnyObject{{"italic", true}},
      AnyObject{{"color", "red"}},
      AnyObject{{"color", "blue"}, {"bold", true}},
      AnyObject{{"link", AnyObject{{"href", "https://example.org"}, {"n", 1.5}}}},
      AnyObject{{"italic", Any::Null()}, {"color", Any::Null()}},
      AnyObject{{"color", Any::Null()}, {"bold", true}, {"italic", false}},
      AnyObject{}};
  return Pick(kSets);
}

Any RandomRequests::MakeDelta(std::uint64_t length) {
  Any::Array delta;
  for (std::uint64_t i = 1 + Below(4); i > 0; --i) {
    AnyObject op;
    const std::uint64_t kind = Below(100);
    if (length > 0 && kind < 35) {
      op.Set("retain", Number(Below(length + 1) / 2 + Below(2)));
    } else if (length > 0 && is_first_action_ && kind < 50) {
      // Of a text that nothing was ever in, Yjs fails to delete nothing.
      op.Set("delete", Number(Below(3)));
    } else if (profile_.embeds && kind < 60) {
      op.Set("insert", AnyObject{{"image", MakeWords()}});
    } else {
      op.Set("insert", MakeWords());
    }
    if (op.Find("delete") == nullptr && Chance(50)) op.Set("attributes", MakeAttributes());
    delta.push_back(std::move(op));
  }
  return delta;
}

}  // namespace weft::crdt::oracle
