#include "crdt/types.h"

#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt {

namespace {

using internal::DocCore;
using internal::kNoType;
using internal::TypeHandle;
using internal::TypeKind;
using internal::TypeRef;

// The type that a handle names; kNoType when it is gone.
TypeRef Resolve(const TypeHandle& handle) {
  return handle.doc == nullptr ? kNoType : handle.doc->Resolve(handle);
}

// Runs `edit(doc, type)` in a transaction, unless the type is gone.
template <typename Edit>
void EditType(const TypeHandle& handle, Edit edit) {
  const TypeRef type = Resolve(handle);
  if (type == kNoType) return;
  handle.doc->Transact("", /*local=*/true, [&] { edit(*handle.doc, type); });
}

// As EditType, for edits that make a type: a handle to it.
template <typename Edit>
TypeHandle MakeType(const TypeHandle& handle, Edit edit) {
  TypeHandle made;
  EditType(handle, [&](DocCore& doc, TypeRef type) { made = doc.HandleTo(edit(doc, type)); });
  return made;
}

std::uint64_t LengthOf(const TypeHandle& handle) {
  const TypeRef type = Resolve(handle);
  return type == kNoType ? 0 : handle.doc->LengthOf(type);
}

}  // namespace

std::uint64_t Text::length() const { return LengthOf(handle_); }

void Text::Insert(std::uint64_t index, std::string_view utf8) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.InsertText(type, index, utf8); });
}

void Text::Delete(std::uint64_t index, std::uint64_t count) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.DeleteRange(type, index, count); });
}

std::string Text::ToString() const {
  const TypeRef type = Resolve(handle_);
  return type == kNoType ? std::string() : handle_.doc->TextOf(type);
}

std::uint64_t Array::length() const { return LengthOf(handle_); }

void Array::Insert(std::uint64_t index, std::vector<Any> values) {
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { doc.InsertValues(type, index, std::move(values)); });
}

Text Array::InsertText(std::uint64_t index) {
  return Text(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.InsertType(type, index, TypeKind::kText);
  }));
}

Array Array::InsertArray(std::uint64_t index) {
  return Array(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.InsertType(type, index, TypeKind::kArray);
  }));
}

Map Array::InsertMap(std::uint64_t index) {
  return Map(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.InsertType(type, index, TypeKind::kMap);
  }));
}

void Array::Delete(std::uint64_t index, std::uint64_t count) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.DeleteRange(type, index, count); });
}

Element Array::Get(std::uint64_t index) const {
  const TypeRef type = Resolve(handle_);
  CHECK(type != kNoType && "an element is inside the type");
  return handle_.doc->ElementAt(type, index);
}

Any Array::ToJson() const {
  const TypeRef type = Resolve(handle_);
  return type == kNoType ? Any(Any::Array()) : handle_.doc->JsonOf(type);
}

std::size_t Map::size() const { return keys().size(); }

std::vector<std::string> Map::keys() const {
  const TypeRef type = Resolve(handle_);
  return type == kNoType ? std::vector<std::string>() : handle_.doc->KeysOf(type);
}

void Map::Set(std::string_view key, Any value) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.SetValue(type, key, std::move(value)); });
}

Text Map::SetText(std::string_view key) {
  return Text(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.SetType(type, key, TypeKind::kText);
  }));
}

Array Map::SetArray(std::string_view key) {
  return Array(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.SetType(type, key, TypeKind::kArray);
  }));
}

Map Map::SetMap(std::string_view key) {
  return Map(MakeType(
      handle_, [&](DocCore& doc, TypeRef type) { return doc.SetType(type, key, TypeKind::kMap); }));
}

void Map::Delete(std::string_view key) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.DeleteKey(type, key); });
}

std::optional<Element> Map::Find(std::string_view key) const {
  const TypeRef type = Resolve(handle_);
  if (type == kNoType) return std::nullopt;
  return handle_.doc->ElementOf(type, key);
}

Any Map::ToJson() const {
  const TypeRef type = Resolve(handle_);
  return type == kNoType ? Any(AnyObject()) : handle_.doc->JsonOf(type);
}

}  // namespace weft::crdt
