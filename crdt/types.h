#pragma once

// Handles to the shared types of a Doc. Cheap to copy; dead when the Doc is. A handle to a nested
// type that was deleted is still safe to use: it is empty, and edits to it change nothing anyone
// sees.
//
// A handle made by default belongs to no document and behaves like one to a deleted type.
// Indices and lengths: of Text in UTF-16 code units, of Array in elements. Each edit outside a
// transaction is a transaction of its own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/any.h"

namespace weft::crdt {

namespace internal {
class DocCore;

// Names a type of a document, and notices when the type is gone.
struct TypeHandle {
  DocCore* doc = nullptr;
  std::uint32_t type = 0;
  std::uint32_t generation = 0;
};
}  // namespace internal

// Characters.
class Text {
 public:
  Text() = default;
  // For the library: handles come from a Doc or from other handles.
  explicit Text(internal::TypeHandle handle) : handle_(handle) {}

  // UTF-16 code units that are visible.
  std::uint64_t length() const;

  // `utf8` must be valid UTF-8 (crdt/base/utf.h). Requires: index <= length().
  void Insert(std::uint64_t index, std::string_view utf8);
  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // UTF-8; half of a surrogate pair becomes U+FFFD.
  std::string ToString() const;

 private:
  internal::TypeHandle handle_;
};

// What stands at a place of an Array or a Map: a value, or a nested type. XML types, subdocuments
// and other types that have no handle yet appear as monostate.
class Array;
class Map;
using Element = std::variant<std::monostate, Any, Text, Array, Map>;

// A sequence of values and nested types.
class Array {
 public:
  Array() = default;
  // For the library: handles come from a Doc or from other handles.
  explicit Array(internal::TypeHandle handle) : handle_(handle) {}

  std::uint64_t length() const;

  // Inserts `values` in order. Requires: index <= length(); no value is undefined or a BigInt,
  // which Yjs refuses here (inside objects and arrays it does not).
  void Insert(std::uint64_t index, std::vector<Any> values);
  Text InsertText(std::uint64_t index);
  Array InsertArray(std::uint64_t index);
  Map InsertMap(std::uint64_t index);

  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // Requires: index < length().
  Element Get(std::uint64_t index) const;

  Any ToJson() const;

 private:
  internal::TypeHandle handle_;
};

// Values and nested types by key; the last writer of a key wins, as Yjs decides it.
class Map {
 public:
  Map() = default;
  // For the library: handles come from a Doc or from other handles.
  explicit Map(internal::TypeHandle handle) : handle_(handle) {}

  // Keys with a value.
  std::size_t size() const;
  std::vector<std::string> keys() const;

  void Set(std::string_view key, Any value);
  Text SetText(std::string_view key);
  Array SetArray(std::string_view key);
  Map SetMap(std::string_view key);

  // Nothing happens when the key has no value.
  void Delete(std::string_view key);

  // Empty when the key has no value.
  std::optional<Element> Find(std::string_view key) const;

  Any ToJson() const;

 private:
  internal::TypeHandle handle_;
};

}  // namespace weft::crdt
