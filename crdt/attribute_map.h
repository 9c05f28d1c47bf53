#pragma once

// Attributes of text by key, in the order in which JavaScript's Map would keep them, and the
// comparisons that Yjs makes between their values.
// Source: Yjs 13.6, YText.js (equalAttrs); ECMAScript (===).

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/content_store.h"
#include "crdt/item.h"

namespace weft::crdt::internal {

const FormatValue& NullFormat();

// `a === b`: primitives by value, everything else by identity.
bool IsIdentical(const FormatValue& a, const FormatValue& b);

// As IsIdentical, and objects and arrays whose members are identical primitives.
bool IsSameAttribute(const FormatValue& a, const FormatValue& b);

class AttributeMap {
 public:
  using Entry = std::pair<KeyRef, FormatValue>;

  // Null when there is no such key.
  const FormatValue* Find(KeyRef key) const {
    const auto found = std::ranges::find(entries_, key, &Entry::first);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // NullFormat() when there is no such key.
  const FormatValue& Get(KeyRef key) const {
    const FormatValue* value = Find(key);
    return value == nullptr ? NullFormat() : *value;
  }
  void Set(KeyRef key, FormatValue value) {
    const auto found = std::ranges::find(entries_, key, &Entry::first);
    if (found == entries_.end()) {
      entries_.emplace_back(key, std::move(value));
    } else {
      found->second = std::move(value);
    }
  }
  void Erase(KeyRef key) {
    const auto found = std::ranges::find(entries_, key, &Entry::first);
    if (found != entries_.end()) entries_.erase(found);
  }
  // `ends` is asked with each key.
  template <typename Predicate>
  void EraseIf(Predicate ends) {
    std::erase_if(entries_, [&](const Entry& entry) { return ends(entry.first); });
  }
  // What a mark does to the attributes in force.
  void Apply(const Format& format) {
    if (format.value->is_null()) {
      Erase(format.key);
    } else {
      Set(format.key, format.value);
    }
  }

  bool empty() const { return entries_.empty(); }
  void Clear() { entries_.clear(); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;  // few: a scan beats a hash
};

}  // namespace weft::crdt::internal
