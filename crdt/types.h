#pragma once

// Handles to the shared types of a Doc. Cheap to copy; dead when the Doc is. A handle to a nested
// type that was deleted is still safe to use: it is empty, and edits to it change nothing anyone
// sees.
//
// A handle made by default belongs to no document and behaves like one to a deleted type.
// Indices and lengths: of texts in UTF-16 code units unless a TextUnit says otherwise, of other
// sequences in elements. Each edit outside a transaction is a transaction of its own.
// Nested types are made empty, in their place, and filled through the handle that comes back.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/any.h"
#include "crdt/id.h"
#include "crdt/subscription.h"
#include "crdt/type_kind.h"

namespace weft::crdt {

class Doc;
class Event;
class Snapshot;
struct DeltaOp;
using Delta = std::vector<DeltaOp>;

namespace internal {
class DocCore;

// Names a type of a document, and notices when the type is gone.
struct TypeHandle {
  DocCore* doc = nullptr;
  std::uint32_t type = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const TypeHandle&, const TypeHandle&) = default;
};
}  // namespace internal

// Attributes of a text, by name. Null ends an attribute; undefined counts as not given.
using Attributes = AnyObject;

// In what a text is counted. An embed or a nested type counts as one in each of them.
enum class TextUnit : std::uint8_t {
  kUtf16,      // code units: what JavaScript, Java and the wire count
  kUtf8,       // bytes
  kCodePoint,  // characters of Unicode; half of a surrogate pair counts as one
};

// What all shared types have in common.
class SharedType {
 public:
  SharedType() = default;
  // For the library: handles come from a Doc or from other handles.
  explicit SharedType(internal::TypeHandle handle) : handle_(handle) {}

  // Whether the type is there: not deleted, nor collected, nor of no document.
  bool exists() const;
  // kUndefined of a type that is gone.
  TypeKind kind() const;
  // The name of a root type; empty for a nested one.
  std::string root_name() const;
  // The id of the item that holds a nested type; none for a root.
  std::optional<Id> item_id() const;
  // The type that a nested type stands in; none for a root.
  std::optional<SharedType> parent() const;

  // The handle of its kind; none when it is of another kind.
  template <typename Handle>
  std::optional<Handle> As() const {
    if (!Handle::IsOfKind(kind())) return std::nullopt;
    return Handle(handle_);
  }

  // Calls `observer` when a transaction has changed this type: once a transaction, after it, before
  // the update event. Throws never leave an observer: it is called plainly.
  Subscription Observe(std::function<void(const Event&)> observer);
  // The same for this type and all in it: the events of one transaction, outermost first.
  Subscription ObserveDeep(std::function<void(const std::vector<const Event*>&)> observer);

  // Handles to the same type are equal.
  friend bool operator==(const SharedType& a, const SharedType& b) {
    return a.handle_ == b.handle_;
  }

  // For the library.
  const internal::TypeHandle& handle() const { return handle_; }

 protected:
  internal::TypeHandle handle_;
};

// A document in a document: its name and options travel with the outer one, its content apart
// from it.
class Subdocument {
 public:
  struct Options {
    std::string guid;        // names the content everywhere; random when empty
    bool gc = true;          // as Doc::Options
    bool auto_load = false;  // whether every replica loads it unasked
    Any meta = Any::Null{};  // whatever the application wants to say about it
  };

  Subdocument() = default;
  // For the library.
  Subdocument(internal::DocCore* parent, Id item, std::string guid, Any options)
      : parent_(parent), item_(item), guid_(std::move(guid)), options_(std::move(options)) {}

  const std::string& guid() const { return guid_; }
  // All options as they travel, members that weft does not know included.
  const Any& options() const { return options_; }
  bool auto_load() const;
  // Whether somebody asked for its content: auto_load, or Load().
  bool should_load() const;
  // Asks for the content: the outer document's OnSubdocuments hears of it.
  void Load();
  // Its content: a document that the outer one owns, made when first asked for. Null once the
  // subdocument was deleted.
  Doc* doc() const;
  // The same, for who holds it longer than the outer document does.
  std::shared_ptr<Doc> shared_doc() const;

  friend bool operator==(const Subdocument& a, const Subdocument& b) {
    return a.parent_ == b.parent_ && a.item_ == b.item_;
  }

 private:
  internal::DocCore* parent_ = nullptr;
  Id item_;
  std::string guid_;
  Any options_;
};

class Text;
class Array;
class Map;
class XmlFragment;
class XmlElement;
class XmlText;
class XmlHook;

// What stands at a place of a type: a value, a nested type or a subdocument.
using Element = std::variant<std::monostate, Any, Text, Array, Map, XmlFragment, XmlElement,
                             XmlText, XmlHook, Subdocument>;

// Characters, embeds and nested types, with formatting.
//
// Formatting follows Yjs to the byte: an attribute holds for a range of characters, redundant
// marks are removed after deletions and after remote changes.
class Text : public SharedType {
 public:
  using SharedType::SharedType;
  static constexpr bool IsOfKind(TypeKind kind) { return IsText(kind); }

  // What is visible, in units.
  std::uint64_t length(TextUnit unit = TextUnit::kUtf16) const;
  // An offset in one unit as an offset in UTF-16 code units, and back. An offset inside of a
  // character means its beginning. O(n) unless `unit` is kUtf16. Requires: offset <= length(unit).
  std::uint64_t ToUtf16(std::uint64_t offset, TextUnit unit) const;
  std::uint64_t FromUtf16(std::uint64_t offset, TextUnit unit) const;

  // With the attributes in force before `index`. `utf8` must be valid UTF-8 (crdt/base/utf.h).
  // Requires: index <= length().
  void Insert(std::uint64_t index, std::string_view utf8);
  // With exactly these attributes.
  void Insert(std::uint64_t index, std::string_view utf8, const Attributes& attributes);
  // An object that takes one position, such as a picture.
  void InsertEmbed(std::uint64_t index, Any embed, const Attributes& attributes = {});
  // An empty nested type that takes one position. `name`: of an XML element or hook.
  SharedType InsertType(std::uint64_t index, TypeKind kind, std::string_view name = {},
                        const Attributes& attributes = {});
  // Sets attributes for a range. What reaches past the end is made up for with newlines, as Yjs
  // does, unless the range begins at the end: then nothing happens.
  void Format(std::uint64_t index, std::uint64_t count, const Attributes& attributes);
  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // The text without embeds and formatting. UTF-8; half of a surrogate pair becomes U+FFFD.
  std::string ToString() const;
  // As above; half of a surrogate pair stands as three bytes (WTF-8), as JavaScript keeps it.
  std::string ToWtf8() const;
  // Inserts only, with attributes.
  Delta ToDelta() const;
  // The text as it was at `snapshot`; empty fields where nothing is to be shown. With `previous`,
  // what was removed or added since then is shown too, with an attribute "ychange" {"type":
  // "removed" | "added"}. Requires: the Doc keeps deleted content (gc false).
  Delta ToDelta(const Snapshot& snapshot, const Snapshot* previous = nullptr);
  // Walks along the text. `sanitize` false drops a last newline that would end the text. Requires:
  // inserts are text, embeds or values, not nested types.
  void ApplyDelta(const Delta& delta, bool sanitize = true);

  // Attributes of the text as a whole: values by key, as in a Map.
  void SetAttribute(std::string_view key, Any value);
  void RemoveAttribute(std::string_view key);
  std::optional<Element> Attribute(std::string_view key) const;
  AnyObject AttributesAsJson() const;
};

// A sequence of values, nested types and subdocuments.
class Array : public SharedType {
 public:
  using SharedType::SharedType;
  static constexpr bool IsOfKind(TypeKind kind) { return kind == TypeKind::kArray; }

  std::uint64_t length() const;

  // Inserts `values` in order. Requires: index <= length(); no value is undefined or a BigInt,
  // which Yjs refuses here (inside objects and arrays it does not).
  void Insert(std::uint64_t index, std::vector<Any> values);
  // Inserts at the end, behind elements that were deleted there too. (Insert at length() goes right
  // behind the last element that is left: the two differ for those who insert concurrently.)
  void Push(std::vector<Any> values);
  // An empty nested type. `name`: of an XML element or hook.
  SharedType InsertType(std::uint64_t index, TypeKind kind, std::string_view name = {});
  Text InsertText(std::uint64_t index);
  Array InsertArray(std::uint64_t index);
  Map InsertMap(std::uint64_t index);
  Subdocument InsertSubdocument(std::uint64_t index, const Subdocument::Options& options = {});

  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // Requires: index < length().
  Element Get(std::uint64_t index) const;

  Any ToJson() const;
};

// Values, nested types and subdocuments by key; the last writer of a key wins, as Yjs decides it.
class Map : public SharedType {
 public:
  using SharedType::SharedType;
  static constexpr bool IsOfKind(TypeKind kind) {
    return kind == TypeKind::kMap || kind == TypeKind::kXmlHook;
  }

  // Keys with a value.
  std::size_t size() const;
  std::vector<std::string> keys() const;

  void Set(std::string_view key, Any value);
  // An empty nested type. `name`: of an XML element or hook.
  SharedType SetType(std::string_view key, TypeKind kind, std::string_view name = {});
  Text SetText(std::string_view key);
  Array SetArray(std::string_view key);
  Map SetMap(std::string_view key);
  Subdocument SetSubdocument(std::string_view key, const Subdocument::Options& options = {});

  // Nothing happens when the key has no value.
  void Delete(std::string_view key);
  void Clear();

  // Empty when the key has no value.
  std::optional<Element> Find(std::string_view key) const;

  Any ToJson() const;
};

// XML elements, XML texts and hooks, in order.
class XmlFragment : public SharedType {
 public:
  using SharedType::SharedType;
  static constexpr bool IsOfKind(TypeKind kind) {
    return kind == TypeKind::kXmlFragment || kind == TypeKind::kXmlElement;
  }

  std::uint64_t length() const;

  // Requires: index <= length().
  XmlElement InsertElement(std::uint64_t index, std::string_view name);
  XmlText InsertText(std::uint64_t index);
  XmlHook InsertHook(std::uint64_t index, std::string_view name);
  SharedType InsertType(std::uint64_t index, TypeKind kind, std::string_view name = {});
  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // Requires: index < length().
  Element Get(std::uint64_t index) const;

  // The XML text as Yjs writes it: attributes sorted by name, values not escaped.
  std::string ToXml() const;
};

// An XML element: a name, attributes, children.
class XmlElement : public XmlFragment {
 public:
  using XmlFragment::XmlFragment;
  static constexpr bool IsOfKind(TypeKind kind) { return kind == TypeKind::kXmlElement; }

  // Names start as they were given; ToXml writes them in lower case, as Yjs does.
  std::string name() const;

  void SetAttribute(std::string_view key, Any value);
  void RemoveAttribute(std::string_view key);
  std::optional<Element> Attribute(std::string_view key) const;
  AnyObject AttributesAsJson() const;
};

// A text in XML: formatting becomes elements around the text.
class XmlText : public Text {
 public:
  using Text::Text;
  static constexpr bool IsOfKind(TypeKind kind) { return kind == TypeKind::kXmlText; }

  std::string ToXml() const;
};

// A map in XML, for what an editor draws in its own way.
class XmlHook : public Map {
 public:
  using Map::Map;
  static constexpr bool IsOfKind(TypeKind kind) { return kind == TypeKind::kXmlHook; }

  std::string name() const;
};

}  // namespace weft::crdt
