#include "tests/crdt/oracle/script_edits.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/check.h"
#include "tests/crdt/oracle/driver_values.h"

namespace weft::crdt::oracle {
namespace {

using Target = std::variant<Text, Array, Map>;

// A nested type and the last step of its path.
struct Child {
  Any step;
  Target target;
};

std::optional<Target> AsTarget(const Element& element) {
  if (const Text* text = std::get_if<Text>(&element)) return *text;
  if (const Array* array = std::get_if<Array>(&element)) return *array;
  if (const Map* map = std::get_if<Map>(&element)) return *map;
  return std::nullopt;
}

std::vector<Child> ChildrenOf(const Target& target) {
  std::vector<Child> children;
  if (const Array* array = std::get_if<Array>(&target)) {
    for (std::uint64_t i = 0; i < array->length(); ++i) {
      if (const std::optional<Target> child = AsTarget(array->Get(i))) {
        children.push_back({static_cast<double>(i), *child});
      }
    }
  } else if (const Map* map = std::get_if<Map>(&target)) {
    std::vector<std::string> keys = map->keys();
    std::ranges::sort(keys);
    for (const std::string& key : keys) {
      const std::optional<Element> element = map->Find(key);
      CHECK(element.has_value());
      if (const std::optional<Target> child = AsTarget(*element)) children.push_back({key, *child});
    }
  }
  return children;
}

// The kind of a nested type to make, or empty for a plain value.
std::string KindOf(const Any& content) {
  if (content.AsObject() == nullptr) return "";
  const Any* kind = content.AsObject()->Find("$type");
  return kind == nullptr ? "" : *kind->AsString();
}

void InsertInto(Array array, std::uint64_t index, const std::vector<Any>& contents);
void SetIn(Map map, const std::string& key, const Any& content);

void FillArray(Array array, const Any& init) { InsertInto(array, 0, *init.AsArray()); }
void FillMap(Map map, const Any& init) {
  for (const auto& [key, content] : init.AsObject()->entries()) SetIn(map, key, content);
}
void FillText(Text text, const Any& init) {
  if (!init.AsString()->empty()) text.Insert(0, *init.AsString());
}

void InsertInto(Array array, std::uint64_t index, const std::vector<Any>& contents) {
  std::vector<Any> plain;
  const auto insert_plain = [&] {
    if (plain.empty()) return;
    const std::size_t count = plain.size();
    array.Insert(index, std::exchange(plain, {}));
    index += count;
  };
  for (const Any& content : contents) {
    const std::string kind = KindOf(content);
    if (kind.empty()) {
      plain.push_back(FromDriverValue(content));
      continue;
    }
    insert_plain();
    const Any& init = Member(content, "init");
    if (kind == "text") FillText(array.InsertText(index), init);
    if (kind == "array") FillArray(array.InsertArray(index), init);
    if (kind == "map") FillMap(array.InsertMap(index), init);
    ++index;
  }
  insert_plain();
}

void SetIn(Map map, const std::string& key, const Any& content) {
  const std::string kind = KindOf(content);
  if (kind.empty()) map.Set(key, FromDriverValue(content));
  if (kind == "text") FillText(map.SetText(key), Member(content, "init"));
  if (kind == "array") FillArray(map.SetArray(key), Member(content, "init"));
  if (kind == "map") FillMap(map.SetMap(key), Member(content, "init"));
}

Any Number(std::uint64_t number) { return static_cast<double>(number); }

// Where an edit of a sequence of `length` elements takes place.
struct Place {
  std::uint64_t index;
  std::uint64_t count;
};
Place PlaceOf(const Edit& edit, std::uint64_t length) {
  const std::uint64_t index = edit.at % (length + 1);
  return {index, edit.count % (length - index + 1)};
}

void EditText(Text text, const Edit& edit, AnyObject& action) {
  const auto [index, count] = PlaceOf(edit, text.length());
  action.Set("op", edit.remove ? "text.delete" : "text.insert");
  action.Set("index", Number(index));
  if (edit.remove) {
    action.Set("len", Number(count));
    text.Delete(index, count);
  } else {
    action.Set("text", edit.text);
    text.Insert(index, edit.text);
  }
}

void EditArray(Array array, const Edit& edit, AnyObject& action) {
  const auto [index, count] = PlaceOf(edit, array.length());
  action.Set("op", edit.remove ? "array.delete" : "array.insert");
  action.Set("index", Number(index));
  if (edit.remove) {
    action.Set("len", Number(count));
    array.Delete(index, count);
  } else {
    action.Set("values", edit.values);
    InsertInto(array, index, edit.values);
  }
}

void EditMap(Map map, const Edit& edit, AnyObject& action) {
  const bool remove = edit.remove || edit.values.empty();
  action.Set("op", remove ? "map.delete" : "map.set");
  action.Set("key", edit.key);
  if (remove) {
    map.Delete(edit.key);
  } else {
    action.Set("value", edit.values.front());
    SetIn(map, edit.key, edit.values.front());
  }
}

}  // namespace

Any Perform(const Edit& edit, Doc& doc) {
  Target target = edit.root == "text"    ? Target(doc.GetText("text"))
                  : edit.root == "array" ? Target(doc.GetArray("array"))
                                         : Target(doc.GetMap("map"));
  Any::Array path;
  for (const std::uint32_t number : edit.path) {
    std::vector<Child> children = ChildrenOf(target);
    if (children.empty()) break;
    Child& child = children[number % children.size()];
    path.push_back(std::move(child.step));
    target = child.target;
  }
  AnyObject action;
  action.Set("name", edit.root);
  if (!path.empty()) action.Set("path", std::move(path));
  if (const Text* text = std::get_if<Text>(&target)) EditText(*text, edit, action);
  if (const Array* array = std::get_if<Array>(&target)) EditArray(*array, edit, action);
  if (const Map* map = std::get_if<Map>(&target)) EditMap(*map, edit, action);
  return action;
}

}  // namespace weft::crdt::oracle
