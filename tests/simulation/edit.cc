#include "tests/simulation/edit.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "crdt/delta.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "crdt/types.h"

namespace weft::simulation {
namespace {

using crdt::Any;
using crdt::AnyObject;
using Kind = Edit::Kind;

constexpr std::array<std::string_view, 15> kNames = {
    "type",     "erase",      "typeOn",     "backspace", "richType",
    "format",   "richErase",  "listInsert", "listErase", "mapSet",
    "mapErase", "treeInsert", "treeErase",  "undo",      "redo"};

// An edit of which it is known where it happens.
struct Place {
  std::string_view op;  // as crdt/driver/actions.h names it; empty for nothing to do
  std::string_view root;
  std::string_view kind;
  std::vector<std::uint64_t> path;
  std::uint64_t index = 0;
  std::uint64_t length = 0;
};

std::uint64_t At(double place, std::uint64_t length) {
  return std::min(length, static_cast<std::uint64_t>(place * static_cast<double>(length + 1)));
}

// [index, index + length) within `all`; nothing when there is nothing.
void ChooseRange(Place& place, const Edit& edit, std::uint64_t all, std::string_view op) {
  if (all == 0) return;
  place.op = op;
  place.index = std::min(At(edit.place, all), all - 1);
  place.length = std::clamp<std::uint64_t>(edit.count, 1, all - place.index);
}

// A node of the tree: from the root down into arrays, as `choice` says, at most so deep.
crdt::Array FindNode(crdt::Array node, std::uint64_t choice, std::vector<std::uint64_t>& path) {
  constexpr std::size_t kDepth = 12;
  while (path.size() < kDepth && node.length() > 0 && choice % 4 != 0) {
    const std::uint64_t index = (choice / 4) % node.length();
    const crdt::Element element = node.Get(index);
    const auto* child = std::get_if<crdt::Array>(&element);
    if (child == nullptr) break;
    path.push_back(index);
    node = *child;
    choice /= 7;
  }
  return node;
}

// Where the cursor is; where `place` says when it never was anywhere, or its text is gone.
std::uint64_t CursorIndex(crdt::Doc& doc, const Cursor& cursor, const Edit& edit) {
  const std::uint64_t length = doc.GetText("text").length();
  if (cursor) {
    const auto position = crdt::RelativePosition::Decode(*cursor);
    if (position.ok()) {
      if (const auto found = position->Resolve(doc)) return std::min(found->index, length);
    }
  }
  return At(edit.place, length);
}

Place Resolve(crdt::Doc& doc, const Cursor& cursor, const Edit& edit) {
  Place place;
  switch (edit.kind) {
    case Kind::kType:
      place = {.op = "text.insert", .root = "text", .kind = "text"};
      place.index = At(edit.place, doc.GetText("text").length());
      break;
    case Kind::kTypeOn:
      place = {.op = "text.insert", .root = "text", .kind = "text"};
      place.index = CursorIndex(doc, cursor, edit);
      break;
    case Kind::kErase:
      place = {.root = "text", .kind = "text"};
      ChooseRange(place, edit, doc.GetText("text").length(), "text.delete");
      break;
    case Kind::kBackspace: {
      place = {.root = "text", .kind = "text"};
      const std::uint64_t index = CursorIndex(doc, cursor, edit);
      place.length = std::min(std::max<std::uint64_t>(edit.count, 1), index);
      place.index = index - place.length;
      if (place.length > 0) place.op = "text.delete";
      break;
    }
    case Kind::kRichType:
      place = {.op = "text.insert", .root = "rich", .kind = "text"};
      place.index = At(edit.place, doc.GetText("rich").length());
      break;
    case Kind::kFormat:
      place = {.root = "rich", .kind = "text"};
      ChooseRange(place, edit, doc.GetText("rich").length(), "text.format");
      break;
    case Kind::kRichErase:
      place = {.root = "rich", .kind = "text"};
      ChooseRange(place, edit, doc.GetText("rich").length(), "text.delete");
      break;
    case Kind::kListInsert:
      place = {.op = "array.insert", .root = "list", .kind = "array"};
      place.index = At(edit.place, doc.GetArray("list").length());
      break;
    case Kind::kListErase:
      place = {.root = "list", .kind = "array"};
      ChooseRange(place, edit, doc.GetArray("list").length(), "array.delete");
      break;
    case Kind::kMapSet:
      place = {.op = "map.set", .root = "map", .kind = "map"};
      break;
    case Kind::kMapErase:
      place = {.root = "map", .kind = "map"};
      if (doc.GetMap("map").Find(edit.key)) place.op = "map.delete";
      break;
    case Kind::kTreeInsert: {
      place = {.op = "array.insert", .root = "tree", .kind = "array"};
      const crdt::Array node = FindNode(doc.GetArray("tree"), edit.value, place.path);
      place.index = At(edit.place, node.length());
      break;
    }
    case Kind::kTreeErase: {
      place = {.root = "tree", .kind = "array"};
      const crdt::Array node = FindNode(doc.GetArray("tree"), edit.value, place.path);
      ChooseRange(place, edit, node.length(), "array.delete");
      place.length = std::min<std::uint64_t>(place.length, 1);
      break;
    }
    case Kind::kUndo:
    case Kind::kRedo:
      break;
  }
  return place;
}

bool MakesArray(const Edit& edit) { return edit.kind == Kind::kTreeInsert && edit.value % 3 != 0; }
Any ValueOf(const Edit& edit) { return static_cast<double>(edit.value % 100'000); }
// Every fourth formatting takes the format away.
AnyObject FormatOf(const Edit& edit) {
  return AnyObject{{edit.key, edit.value % 4 == 0 ? Any(Any::Null{}) : ValueOf(edit)}};
}

void Perform(crdt::Doc& doc, const Place& place, const Edit& edit) {
  if (place.kind == "text") {
    crdt::Text text = doc.GetText(place.root);
    if (place.op == "text.insert") text.Insert(place.index, edit.text);
    if (place.op == "text.delete") text.Delete(place.index, place.length);
    if (place.op == "text.format") text.Format(place.index, place.length, FormatOf(edit));
  } else if (place.kind == "map") {
    crdt::Map map = doc.GetMap(place.root);
    if (place.op == "map.set") map.Set(edit.key, ValueOf(edit));
    if (place.op == "map.delete") map.Delete(edit.key);
  } else {
    crdt::Array array = doc.GetArray(place.root);
    for (const std::uint64_t step : place.path) array = std::get<crdt::Array>(array.Get(step));
    if (place.op == "array.delete") {
      array.Delete(place.index, place.length);
    } else if (MakesArray(edit)) {
      array.InsertArray(place.index);
    } else {
      array.Insert(place.index, {ValueOf(edit)});
    }
  }
}

// After the edit: behind what was typed, or where something was erased.
void MoveCursor(crdt::Doc& doc, Cursor& cursor, const Place& place, const Edit& edit) {
  if (place.root != "text") return;
  std::uint64_t index = place.index;
  if (place.op == "text.insert") index += edit.text.size();  // typed text is ASCII
  cursor = crdt::RelativePosition::At(doc.GetText("text"), index, -1).Encode();
}

double NumberOf(const AnyObject& json, std::string_view name) {
  const Any* member = json.Find(name);
  const double* number = member == nullptr ? nullptr : member->AsNumber();
  return number == nullptr ? 0 : *number;
}

std::string TextOf(const AnyObject& json, std::string_view name) {
  const Any* member = json.Find(name);
  const std::string* text = member == nullptr ? nullptr : member->AsString();
  return text == nullptr ? "" : *text;
}

}  // namespace

Any ToJson(const Edit& edit) {
  AnyObject json{{"edit", std::string(kNames[static_cast<std::size_t>(edit.kind)])}};
  if (edit.place != 0) json.Set("place", edit.place);
  if (edit.count != 0) json.Set("count", static_cast<double>(edit.count));
  if (!edit.text.empty()) json.Set("text", edit.text);
  if (!edit.key.empty()) json.Set("key", edit.key);
  if (edit.value != 0) json.Set("value", static_cast<double>(edit.value));
  return json;
}

absl::StatusOr<Edit> EditFromJson(const Any& json) {
  const AnyObject* object = json.AsObject();
  if (object == nullptr) return absl::InvalidArgumentError("an edit is no object");
  const std::string name = TextOf(*object, "edit");
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    return absl::InvalidArgumentError(absl::StrCat("there is no edit \"", name, "\""));
  }
  return Edit{.kind = static_cast<Kind>(found - kNames.begin()),
              .place = std::clamp(NumberOf(*object, "place"), 0.0, 1.0),
              .count = static_cast<std::uint64_t>(std::max(0.0, NumberOf(*object, "count"))),
              .text = TextOf(*object, "text"),
              .key = TextOf(*object, "key"),
              .value = static_cast<std::uint64_t>(std::max(0.0, NumberOf(*object, "value")))};
}

void DoEdit(crdt::Doc& doc, Cursor& cursor, const Edit& edit) {
  const Place place = Resolve(doc, cursor, edit);
  if (place.op.empty()) return;
  doc.Transact("", [&] { Perform(doc, place, edit); });
  MoveCursor(doc, cursor, place, edit);
}

std::optional<Any> ActionFor(crdt::Doc& doc, const Cursor& cursor, const Edit& edit) {
  const Place place = Resolve(doc, cursor, edit);
  if (place.op.empty()) return std::nullopt;
  AnyObject action{{"op", std::string(place.op)}, {"name", std::string(place.root)}};
  if (place.path.empty()) {
    action.Set("kind", std::string(place.kind));
  } else {
    Any::Array path;
    for (const std::uint64_t step : place.path) path.emplace_back(static_cast<double>(step));
    action.Set("path", std::move(path));
  }
  if (place.kind == "map") {
    action.Set("key", edit.key);
  } else {
    action.Set("index", static_cast<double>(place.index));
  }
  if (place.length > 0) action.Set("len", static_cast<double>(place.length));
  if (place.op == "text.insert") action.Set("text", edit.text);
  if (place.op == "text.format") action.Set("attrs", FormatOf(edit));
  if (place.op == "map.set") action.Set("value", ValueOf(edit));
  if (place.op == "array.insert") {
    action.Set("values",
               Any::Array{MakesArray(edit) ? Any(AnyObject{{"$type", "array"}}) : ValueOf(edit)});
  }
  return action;
}

std::string ShowContent(crdt::Doc& doc) {
  std::string all = absl::StrCat("text: ", doc.GetText("text").ToString(), "\nrich: ");
  for (const crdt::DeltaOp& op : doc.GetText("rich").ToDelta()) {
    absl::StrAppend(&all, op.text, crdt::ToJsonText(op.attributes));
  }
  absl::StrAppend(&all, "\nlist: ", crdt::ToJsonText(doc.GetArray("list").ToJson()), "\nmap: ");
  // The order of a map's keys is that of their arrival.
  std::vector<std::string> keys = doc.GetMap("map").keys();
  std::ranges::sort(keys);
  const Any map = doc.GetMap("map").ToJson();
  for (const std::string& key : keys) {
    absl::StrAppend(&all, key, "=", crdt::ToJsonText(*map.AsObject()->Find(key)), " ");
  }
  absl::StrAppend(&all, "\ntree: ", crdt::ToJsonText(doc.GetArray("tree").ToJson()));
  return all;
}

}  // namespace weft::simulation
