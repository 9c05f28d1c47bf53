#pragma once

// A JavaScript value as Yjs carries it: what Array elements, Map values, attributes and awareness
// states are made of.
//
// Numbers are doubles, as in JavaScript; the encoding picks the short form (any_codec.h). Strings
// are UTF-8 in which a lone surrogate may stand as its three generalized bytes (WTF-8); other bytes
// are a bug of the caller. Objects keep the order in which JavaScript would enumerate their keys:
// integer-like keys first, ascending, then the others in order of insertion.
// Threads: a value type.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::crdt {

class Any;

// Keys and values of an object, in JavaScript's enumeration order; keys are unique.
class AnyObject {
 public:
  using Entry = std::pair<std::string, Any>;

  AnyObject();
  // As FromEntries.
  AnyObject(std::initializer_list<Entry> entries);
  // What JavaScript makes of these assignments, done in this order: a key that comes twice keeps
  // its first place and its last value. O(n log n) whatever the keys are.
  static AnyObject FromEntries(std::vector<Entry> entries);
  AnyObject(const AnyObject&);
  AnyObject(AnyObject&&) noexcept;
  AnyObject& operator=(const AnyObject&);
  AnyObject& operator=(AnyObject&&) noexcept;
  ~AnyObject();

  // Replaces the value of `key` in its place, or adds the key where JavaScript would enumerate it.
  // O(1) amortized, but O(n) for a new integer-like key that does not come after all others of its
  // kind or comes after other keys: make objects of many such keys with FromEntries.
  void Set(std::string key, Any value);
  // Null when there is no such key. O(1).
  const Any* Find(std::string_view key) const;

  bool empty() const;
  std::size_t size() const;
  const std::vector<Entry>& entries() const { return entries_; }
  // What it holds beside itself, without what its keys and values hold.
  std::size_t table_bytes() const;

  friend bool operator==(const AnyObject& a, const AnyObject& b);

 private:
  friend class Any;
  class KeyIndex;

  std::size_t Position(std::string_view key) const;  // entries_.size() when there is no such key
  void Append(std::string key, Any value);
  void Reindex();

  std::vector<Entry> entries_;
  // Positions by hash of key; null while the object is small.
  std::unique_ptr<KeyIndex> index_;
};

class Any {
 public:
  struct Undefined {
    friend bool operator==(const Undefined&, const Undefined&) = default;
  };
  struct Null {
    friend bool operator==(const Null&, const Null&) = default;
  };
  // A BigInt of 64 bits, signed.
  struct BigInt {
    std::int64_t value = 0;
    friend bool operator==(const BigInt&, const BigInt&) = default;
  };
  using Array = std::vector<Any>;
  using Value =
      std::variant<Undefined, Null, bool, double, BigInt, std::string, Bytes, Array, AnyObject>;

  Any() = default;  // undefined
  Any(Undefined) {}
  Any(Null) : value_(Null{}) {}
  // No other type converts to bool here, pointers above all.
  Any(std::same_as<bool> auto value) : value_(value) {}
  Any(int value) : value_(static_cast<double>(value)) {}
  Any(double value) : value_(value) {}
  Any(BigInt value) : value_(value) {}
  Any(const char* text) : value_(std::string(text)) {}
  Any(std::string_view text) : value_(std::string(text)) {}
  Any(std::string text) : value_(std::move(text)) {}
  Any(Bytes bytes) : value_(std::move(bytes)) {}
  Any(Array array) : value_(std::move(array)) {}
  Any(AnyObject object) : value_(std::move(object)) {}

  // Values may be nested to any depth: copying, comparing and destroying do not recurse.
  Any(const Any& other);
  Any(Any&&) noexcept = default;
  Any& operator=(const Any& other);
  Any& operator=(Any&&) noexcept = default;
  ~Any() {
    if (is_container()) DestroyNested();
  }

  const Value& value() const { return value_; }

  bool is_undefined() const { return std::holds_alternative<Undefined>(value_); }
  bool is_null() const { return std::holds_alternative<Null>(value_); }
  // Null unless the value is of that kind.
  const bool* AsBool() const { return std::get_if<bool>(&value_); }
  const double* AsNumber() const { return std::get_if<double>(&value_); }
  const std::string* AsString() const { return std::get_if<std::string>(&value_); }
  const Bytes* AsBinary() const { return std::get_if<Bytes>(&value_); }
  const Array* AsArray() const { return std::get_if<Array>(&value_); }
  const AnyObject* AsObject() const { return std::get_if<AnyObject>(&value_); }

  // Structural; numbers by value with NaN equal to NaN and -0 different from 0, since they encode
  // differently; objects with the order of their keys.
  friend bool operator==(const Any& a, const Any& b);

 private:
  bool is_container() const {
    return std::holds_alternative<Array>(value_) || std::holds_alternative<AnyObject>(value_);
  }
  // Takes the arrays and objects that stand directly in this one out of it, to the end of `taken`.
  void TakeContainers(std::vector<Value>& taken);
  void DestroyNested() noexcept;

  Value value_;
};

// Down here, where Entry is a complete type.
inline bool AnyObject::empty() const { return entries_.empty(); }

}  // namespace weft::crdt
