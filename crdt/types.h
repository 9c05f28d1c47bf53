#pragma once

// Handles to the shared types of a Doc. Cheap to copy; dead when the Doc is. A handle to a nested
// type that was deleted is still safe to use: it is empty, and edits to it change nothing anyone sees.
//
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
struct TypeNode;
}  // namespace internal

class Array;
class Map;

// Characters.
class Text {
 public:
  // UTF-16 code units that are visible.
  std::uint64_t length() const;

  // `utf8` must be valid UTF-8 (crdt/base/utf.h). Requires: index <= length().
  void Insert(std::uint64_t index, std::string_view utf8);
  // Requires: index + count <= length().
  void Delete(std::uint64_t index, std::uint64_t count);

  // UTF-8; half of a surrogate pair becomes U+FFFD.
  std::string ToString() const;

 private:
  friend struct HandleAccess;
  internal::DocCore* doc_ = nullptr;
  internal::TypeNode* node_ = nullptr;
};

// What stands at a place of an Array or a Map: a value, or a nested type. XML types, subdocuments and
// other types that have no handle yet appear as monostate.
using Element = std::variant<std::monostate, Any, Text, Array, Map>;

// A sequence of values and nested types.
class Array {
 public:
  std::uint64_t length() const;

  // Inserts `values` in order. Requires: index <= length().
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
  friend struct HandleAccess;
  internal::DocCore* doc_ = nullptr;
  internal::TypeNode* node_ = nullptr;
};

// Values and nested types by key; the last writer of a key wins, as Yjs decides it.
class Map {
 public:
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
  friend struct HandleAccess;
  internal::DocCore* doc_ = nullptr;
  internal::TypeNode* node_ = nullptr;
};

}  // namespace weft::crdt
