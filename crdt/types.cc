#include "crdt/types.h"

#include <utility>

#include "crdt/delta.h"
#include "crdt/doc_core.h"

namespace weft::crdt {

namespace {

using internal::DocCore;
using internal::kNoType;
using internal::TypeHandle;
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

// What `read(doc, type)` answers; `absent` of a type that is gone.
template <typename Read, typename Value>
Value ReadType(const TypeHandle& handle, Value absent, Read read) {
  const TypeRef type = Resolve(handle);
  return type == kNoType ? std::move(absent) : Value(read(*handle.doc, type));
}

std::uint64_t LengthOf(const TypeHandle& handle) {
  return ReadType(handle, std::uint64_t{0},
                  [](DocCore& doc, TypeRef type) { return doc.LengthOf(type); });
}

TypeHandle InsertInto(const TypeHandle& handle, std::uint64_t index, TypeKind kind,
                      std::string_view name) {
  return MakeType(
      handle, [&](DocCore& doc, TypeRef type) { return doc.InsertType(type, index, kind, name); });
}

Element ElementAt(const TypeHandle& handle, std::uint64_t index) {
  const TypeRef type = Resolve(handle);
  CHECK(type != kNoType && "an element is inside the type");
  return handle.doc->ElementAt(type, index);
}

void DeleteRange(const TypeHandle& handle, std::uint64_t index, std::uint64_t count) {
  EditType(handle, [&](DocCore& doc, TypeRef type) { doc.DeleteRange(type, index, count); });
}

void SetValue(const TypeHandle& handle, std::string_view key, Any value) {
  EditType(handle, [&](DocCore& doc, TypeRef type) { doc.SetValue(type, key, std::move(value)); });
}

void DeleteKey(const TypeHandle& handle, std::string_view key) {
  EditType(handle, [&](DocCore& doc, TypeRef type) { doc.DeleteKey(type, key); });
}

std::optional<Element> ElementOf(const TypeHandle& handle, std::string_view key) {
  return ReadType(handle, std::optional<Element>(),
                  [&](DocCore& doc, TypeRef type) { return doc.ElementOf(type, key); });
}

AnyObject EntriesOf(const TypeHandle& handle) {
  return ReadType(handle, AnyObject(),
                  [](DocCore& doc, TypeRef type) { return doc.EntriesAsJson(type); });
}

std::string NameOf(const TypeHandle& handle) {
  return ReadType(handle, std::string(), [](DocCore& doc, TypeRef type) {
    return doc.Type(type).item == internal::kNoItem ? "UNDEFINED"
                                                    : doc.KeyText(doc.Type(type).name);
  });
}

std::string XmlOf(const TypeHandle& handle) {
  return ReadType(handle, std::string(),
                  [](DocCore& doc, TypeRef type) { return doc.XmlOf(type); });
}

}  // namespace

// --- SharedType ---

bool SharedType::exists() const {
  return ReadType(handle_, false, [](DocCore& doc, TypeRef type) { return !doc.IsDeleted(type); });
}

TypeKind SharedType::kind() const {
  return ReadType(handle_, TypeKind::kUndefined,
                  [](DocCore& doc, TypeRef type) { return doc.Type(type).kind; });
}

std::string SharedType::root_name() const {
  return ReadType(handle_, std::string(), [](DocCore& doc, TypeRef type) {
    return doc.Type(type).item == internal::kNoItem ? doc.KeyText(doc.Type(type).name)
                                                    : std::string_view();
  });
}

std::optional<Id> SharedType::item_id() const {
  return ReadType(handle_, std::optional<Id>(),
                  [](DocCore& doc, TypeRef type) { return doc.ItemIdOf(type); });
}

std::optional<SharedType> SharedType::parent() const {
  return ReadType(handle_, std::optional<SharedType>(), [](DocCore& doc, TypeRef type) {
    const TypeRef parent = doc.ParentOf(type);
    return parent == kNoType ? std::optional<SharedType>() : SharedType(doc.HandleTo(parent));
  });
}

Subscription SharedType::Observe(std::function<void(const Event&)> observer) {
  const TypeRef type = Resolve(handle_);
  if (type == kNoType) return Subscription();
  return handle_.doc->Observe(type, std::move(observer));
}

Subscription SharedType::ObserveDeep(
    std::function<void(const std::vector<const Event*>&)> observer) {
  const TypeRef type = Resolve(handle_);
  if (type == kNoType) return Subscription();
  return handle_.doc->ObserveDeep(type, std::move(observer));
}

// --- Text ---

std::uint64_t Text::length(TextUnit unit) const {
  return ReadType(handle_, std::uint64_t{0},
                  [&](DocCore& doc, TypeRef type) { return doc.TextLengthOf(type, unit); });
}

std::uint64_t Text::ToUtf16(std::uint64_t offset, TextUnit unit) const {
  return ReadType(handle_, std::uint64_t{0}, [&](DocCore& doc, TypeRef type) {
    return doc.ConvertOffset(type, offset, unit, TextUnit::kUtf16);
  });
}

std::uint64_t Text::FromUtf16(std::uint64_t offset, TextUnit unit) const {
  return ReadType(handle_, std::uint64_t{0}, [&](DocCore& doc, TypeRef type) {
    return doc.ConvertOffset(type, offset, TextUnit::kUtf16, unit);
  });
}

void Text::Insert(std::uint64_t index, std::string_view utf8) {
  const TypeRef type = Resolve(handle_);
  if (type == kNoType || handle_.doc->TypeOn(type, index, utf8)) return;
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.InsertText(type, index, utf8); });
}

void Text::Insert(std::uint64_t index, std::string_view utf8, const Attributes& attributes) {
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { doc.InsertText(type, index, utf8, attributes); });
}

void Text::InsertEmbed(std::uint64_t index, Any embed, const Attributes& attributes) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) {
    doc.InsertEmbed(type, index, std::move(embed), attributes);
  });
}

SharedType Text::InsertType(std::uint64_t index, TypeKind kind, std::string_view name,
                            const Attributes& attributes) {
  return SharedType(MakeType(handle_, [&](DocCore& doc, TypeRef type) {
    return doc.InsertTypeIntoText(type, index, kind, name, attributes);
  }));
}

void Text::Format(std::uint64_t index, std::uint64_t count, const Attributes& attributes) {
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { doc.FormatText(type, index, count, attributes); });
}

void Text::Delete(std::uint64_t index, std::uint64_t count) {
  const TypeRef type = Resolve(handle_);
  if (type == kNoType || handle_.doc->DeleteShortly(type, index, count)) return;
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.DeleteText(type, index, count); });
}

std::string Text::ToString() const {
  return ReadType(handle_, std::string(),
                  [](DocCore& doc, TypeRef type) { return doc.TextOf(type); });
}

std::string Text::ToWtf8() const {
  return ReadType(handle_, std::string(),
                  [](DocCore& doc, TypeRef type) { return doc.TextOf(type, /*wtf8=*/true); });
}

Delta Text::ToDelta() const {
  return ReadType(handle_, Delta(), [](DocCore& doc, TypeRef type) { return doc.DeltaOf(type); });
}

Delta Text::ToDelta(const Snapshot& snapshot, const Snapshot* previous) {
  return ReadType(handle_, Delta(), [&](DocCore& doc, TypeRef type) {
    return doc.DeltaOf(type, snapshot, previous);
  });
}

void Text::ApplyDelta(const Delta& delta, bool sanitize) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.ApplyDelta(type, delta, sanitize); });
}

void Text::SetAttribute(std::string_view key, Any value) {
  SetValue(handle_, key, std::move(value));
}
void Text::RemoveAttribute(std::string_view key) { DeleteKey(handle_, key); }
std::optional<Element> Text::Attribute(std::string_view key) const {
  return ElementOf(handle_, key);
}
AnyObject Text::AttributesAsJson() const { return EntriesOf(handle_); }

// --- Array ---

std::uint64_t Array::length() const { return LengthOf(handle_); }

void Array::Insert(std::uint64_t index, std::vector<Any> values) {
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { doc.InsertValues(type, index, std::move(values)); });
}

void Array::Push(std::vector<Any> values) {
  EditType(handle_, [&](DocCore& doc, TypeRef type) { doc.PushValues(type, std::move(values)); });
}

SharedType Array::InsertType(std::uint64_t index, TypeKind kind, std::string_view name) {
  return SharedType(InsertInto(handle_, index, kind, name));
}
Text Array::InsertText(std::uint64_t index) {
  return Text(InsertInto(handle_, index, TypeKind::kText, {}));
}
Array Array::InsertArray(std::uint64_t index) {
  return Array(InsertInto(handle_, index, TypeKind::kArray, {}));
}
Map Array::InsertMap(std::uint64_t index) {
  return Map(InsertInto(handle_, index, TypeKind::kMap, {}));
}

Subdocument Array::InsertSubdocument(std::uint64_t index, const Subdocument::Options& options) {
  Subdocument made;
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { made = doc.InsertSubdocument(type, index, options); });
  return made;
}

void Array::Delete(std::uint64_t index, std::uint64_t count) { DeleteRange(handle_, index, count); }

Element Array::Get(std::uint64_t index) const { return ElementAt(handle_, index); }

Any Array::ToJson() const {
  return ReadType(handle_, Any(Any::Array()),
                  [](DocCore& doc, TypeRef type) { return doc.JsonOf(type); });
}

// --- Map ---

std::size_t Map::size() const { return keys().size(); }

std::vector<std::string> Map::keys() const {
  return ReadType(handle_, std::vector<std::string>(),
                  [](DocCore& doc, TypeRef type) { return doc.KeysOf(type); });
}

void Map::Set(std::string_view key, Any value) { SetValue(handle_, key, std::move(value)); }

SharedType Map::SetType(std::string_view key, TypeKind kind, std::string_view name) {
  return SharedType(MakeType(
      handle_, [&](DocCore& doc, TypeRef type) { return doc.SetType(type, key, kind, name); }));
}
Text Map::SetText(std::string_view key) { return Text(SetType(key, TypeKind::kText).handle()); }
Array Map::SetArray(std::string_view key) { return Array(SetType(key, TypeKind::kArray).handle()); }
Map Map::SetMap(std::string_view key) { return Map(SetType(key, TypeKind::kMap).handle()); }

Subdocument Map::SetSubdocument(std::string_view key, const Subdocument::Options& options) {
  Subdocument made;
  EditType(handle_,
           [&](DocCore& doc, TypeRef type) { made = doc.SetSubdocument(type, key, options); });
  return made;
}

void Map::Delete(std::string_view key) { DeleteKey(handle_, key); }

void Map::Clear() {
  EditType(handle_, [](DocCore& doc, TypeRef type) { doc.ClearKeys(type); });
}

std::optional<Element> Map::Find(std::string_view key) const { return ElementOf(handle_, key); }

Any Map::ToJson() const {
  return ReadType(handle_, Any(AnyObject()),
                  [](DocCore& doc, TypeRef type) { return doc.JsonOf(type); });
}

// --- XML ---

std::uint64_t XmlFragment::length() const { return LengthOf(handle_); }

SharedType XmlFragment::InsertType(std::uint64_t index, TypeKind kind, std::string_view name) {
  return SharedType(InsertInto(handle_, index, kind, name));
}
XmlElement XmlFragment::InsertElement(std::uint64_t index, std::string_view name) {
  return XmlElement(InsertInto(handle_, index, TypeKind::kXmlElement, name));
}
XmlText XmlFragment::InsertText(std::uint64_t index) {
  return XmlText(InsertInto(handle_, index, TypeKind::kXmlText, {}));
}
XmlHook XmlFragment::InsertHook(std::uint64_t index, std::string_view name) {
  return XmlHook(InsertInto(handle_, index, TypeKind::kXmlHook, name));
}

void XmlFragment::Delete(std::uint64_t index, std::uint64_t count) {
  DeleteRange(handle_, index, count);
}

Element XmlFragment::Get(std::uint64_t index) const { return ElementAt(handle_, index); }
std::string XmlFragment::ToXml() const { return XmlOf(handle_); }

std::string XmlElement::name() const { return NameOf(handle_); }
void XmlElement::SetAttribute(std::string_view key, Any value) {
  SetValue(handle_, key, std::move(value));
}
void XmlElement::RemoveAttribute(std::string_view key) { DeleteKey(handle_, key); }
std::optional<Element> XmlElement::Attribute(std::string_view key) const {
  return ElementOf(handle_, key);
}
AnyObject XmlElement::AttributesAsJson() const { return EntriesOf(handle_); }

std::string XmlText::ToXml() const { return XmlOf(handle_); }

std::string XmlHook::name() const { return NameOf(handle_); }

}  // namespace weft::crdt
