// What handles do to a document: find the place, split there, insert or delete. The places, and the
// items made, are those that Yjs makes for the same calls.

#include <algorithm>
#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

SequenceIndex& DocCore::IndexOf(TypeRef type) {
  FlushTyping();
  TypeNode& node = types_.At(type);
  if (node.index == nullptr) node.index = std::make_unique<SequenceIndex>(items_, node.start);
  return *node.index;
}

DocCore::Position DocCore::PositionAt(TypeRef type, std::uint64_t index) {
  CHECK(index <= LengthOf(type) && "a position is inside the type");
  if (index == 0) return {.left = kNoItem, .right = types_.At(type).start};
  const SequenceIndex::Place place = IndexOf(type).FindBefore(index);
  const Item& item = At(place.item);
  if (place.offset < item.length()) BlockStartingAt(item.id.Plus(place.offset));
  return {.left = place.item, .right = item.right};
}

DocCore::Position DocCore::PositionBeforeVisible(TypeRef type, std::uint64_t index) {
  CHECK(index <= LengthOf(type) && "a position is inside the type");
  if (types_.At(type).start == kNoItem) return {};
  SequenceIndex& places = IndexOf(type);
  const SequenceIndex::Place place = places.Find(index);
  if (place.item == kNoItem) return {.left = places.last(), .right = kNoItem};
  if (place.offset == 0) return {.left = At(place.item).left, .right = place.item};
  const ItemRef right = BlockStartingAt(At(place.item).id.Plus(place.offset));
  return {.left = place.item, .right = right};
}

ItemRef DocCore::InsertLocal(TypeRef parent, KeyRef key, Position position, ContentKind kind,
                             Clock length, std::uint32_t content, bool wide, bool keep) {
  const ClientIndex client = EnsureClient(client_id_);
  NewItem item;
  item.id = PackedId::Make(client, clients_[client].blocks.end());
  item.left = position.left;
  item.right = position.right;
  if (position.left != kNoItem) item.origin = At(position.left).last_id();
  if (position.right != kNoItem) item.right_origin = At(position.right).id;
  item.parent = parent;
  item.key = key;
  item.kind = kind;
  item.length = length;
  item.content = content;
  item.wide = wide;
  item.keep = keep;
  return Integrate(item);
}

ItemRef DocCore::InsertValue(TypeRef parent, KeyRef key, Position position, Any value) {
  const ContentKind kind = value.AsBinary() != nullptr ? ContentKind::kBinary : ContentKind::kAny;
  return InsertLocal(parent, key, position, kind, 1, contents_.AddValue(std::move(value)));
}

void DocCore::InsertValues(TypeRef type, std::uint64_t index, std::vector<Any> values) {
  InsertValuesAt(type, PositionAt(type, index), std::move(values));
}

void DocCore::PushValues(TypeRef type, std::vector<Any> values) {
  Position position = PositionAt(type, LengthOf(type));
  while (position.right != kNoItem) {
    position = {.left = position.right, .right = At(position.right).right};
  }
  InsertValuesAt(type, position, std::move(values));
}

void DocCore::InsertValuesAt(TypeRef type, Position position, std::vector<Any> values) {
  Values run;  // plain values that follow one another share an item
  const auto flush = [&] {
    if (run.empty()) return;
    const Clock length = run.size();
    position.left = InsertLocal(type, kNoKey, position, ContentKind::kAny, length,
                                contents_.AddValues(std::exchange(run, {})));
  };
  const auto is_plain = [](const Any& value) { return value.AsBinary() == nullptr; };
  for (const Any& value : values) {
    CHECK(!value.is_undefined() && !std::holds_alternative<Any::BigInt>(value.value()));
  }
  if (std::ranges::all_of(values, is_plain)) {
    run = std::move(values);
    return flush();
  }
  for (Any& value : values) {
    if (is_plain(value)) {
      run.push_back(std::move(value));
    } else {
      flush();
      position.left = InsertValue(type, kNoKey, position, std::move(value));
    }
  }
  flush();
}

TypeRef DocCore::AllocateType(TypeKind kind, std::string_view name) {
  CHECK(kind != TypeKind::kUndefined);
  return types_.Allocate(kind, IsNamed(kind) ? keys_.Intern(name) : kNoKey);
}

TypeRef DocCore::InsertType(TypeRef type, std::uint64_t index, TypeKind kind,
                            std::string_view name) {
  const Position position = PositionAt(type, index);
  const TypeRef made = AllocateType(kind, name);
  InsertLocal(type, kNoKey, position, ContentKind::kType, 1, made);
  return made;
}

void DocCore::DeleteRange(TypeRef type, std::uint64_t index, std::uint64_t count) {
  CHECK(count <= LengthOf(type) && index <= LengthOf(type) - count && "a range is inside the type");
  if (count == 0) return;
  ItemRef ref = PositionAt(type, index).right;
  while (count > 0) {
    const Item& item = At(ref);
    if (item.visible()) {
      if (count < item.length()) BlockStartingAt(item.id.Plus(count));
      count -= item.length();
      Delete(ref);
    }
    ref = item.right;
  }
}

void DocCore::SetValue(TypeRef type, std::string_view key, Any value) {
  const KeyRef ref = keys_.Intern(key);
  InsertValue(type, ref, {.left = types_.At(type).entries.Find(ref)}, std::move(value));
}

TypeRef DocCore::SetType(TypeRef type, std::string_view key, TypeKind kind, std::string_view name) {
  const KeyRef ref = keys_.Intern(key);
  const TypeRef made = AllocateType(kind, name);
  InsertLocal(type, ref, {.left = types_.At(type).entries.Find(ref)}, ContentKind::kType, 1, made);
  return made;
}

void DocCore::DeleteKey(TypeRef type, std::string_view key) {
  const KeyRef ref = keys_.Find(key);
  if (ref == kNoKey) return;
  const ItemRef item = types_.At(type).entries.Find(ref);
  if (item != kNoItem) Delete(item);
}

void DocCore::ClearKeys(TypeRef type) {
  const auto entries = types_.At(type).entries.entries();
  for (const auto& [key, item] : entries) Delete(item);
}

}  // namespace weft::crdt::internal
