#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "crdt/any.h"
#include "crdt/base/allocated.h"

namespace weft::crdt {
namespace {

// From this size on a search by hash beats a look at each key.
constexpr std::size_t kIndexedSize = 16;

// The number that `key` spells when it is integer-like (an "array index" of JavaScript: the
// shortest decimal form of 0 to 2^32 - 2).
std::optional<std::uint32_t> IntegerKey(std::string_view key) {
  if (key.empty() || key.size() > 10 || (key[0] == '0' && key.size() > 1)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : key) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (number > 0xfffffffe) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

}  // namespace

// Positions of keys in an object's entries: a hash table with linear probing, at most half full. It
// refers to entries by position, since strings and their characters move when the entries do.
// Abseil's hash differs from process to process, so that nobody can send keys that all collide.
class AnyObject::KeyIndex {
 public:
  explicit KeyIndex(const std::vector<Entry>& entries)
      : slots_(std::bit_ceil(4 * entries.size()), kFree) {
    for (std::size_t i = 0; i < entries.size(); ++i) Place(entries, static_cast<std::uint32_t>(i));
  }

  std::size_t Find(const std::vector<Entry>& entries, std::string_view key) const {
    for (std::size_t slot = First(key);; slot = Next(slot)) {
      if (slots_[slot] == kFree) return entries.size();
      if (entries[slots_[slot]].first == key) return slots_[slot];
    }
  }

  std::size_t bytes() const { return Allocated(slots_); }

  // Takes in the last of `entries`. Requires: no other entry has its key.
  void AddLast(const std::vector<Entry>& entries) {
    if (2 * entries.size() > slots_.size()) {
      *this = KeyIndex(entries);
    } else {
      Place(entries, static_cast<std::uint32_t>(entries.size() - 1));
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;

  std::size_t First(std::string_view key) const {
    const absl::string_view hashed(key.data(), key.size());
    return absl::Hash<absl::string_view>()(hashed) & (slots_.size() - 1);
  }
  std::size_t Next(std::size_t slot) const { return (slot + 1) & (slots_.size() - 1); }

  void Place(const std::vector<Entry>& entries, std::uint32_t position) {
    std::size_t slot = First(entries[position].first);
    while (slots_[slot] != kFree) slot = Next(slot);
    slots_[slot] = position;
  }

  std::vector<std::uint32_t> slots_;
};

AnyObject::AnyObject() = default;
AnyObject::AnyObject(std::initializer_list<Entry> entries)
    : AnyObject(FromEntries(std::vector<Entry>(entries))) {}
AnyObject::AnyObject(const AnyObject& other)
    : entries_(other.entries_),
      index_(other.index_ == nullptr ? nullptr : std::make_unique<KeyIndex>(*other.index_)) {}
AnyObject::AnyObject(AnyObject&&) noexcept = default;
AnyObject& AnyObject::operator=(const AnyObject& other) { return *this = AnyObject(other); }
AnyObject& AnyObject::operator=(AnyObject&&) noexcept = default;
AnyObject::~AnyObject() = default;

std::size_t AnyObject::size() const { return entries_.size(); }

std::size_t AnyObject::table_bytes() const {
  const std::size_t index = index_ == nullptr ? 0 : Allocated(sizeof(KeyIndex)) + index_->bytes();
  return Allocated(entries_) + index;
}

AnyObject AnyObject::FromEntries(std::vector<Entry> entries) {
  struct NumberedEntry {
    std::uint32_t number;
    std::size_t position;
  };
  std::vector<NumberedEntry> numbered;
  AnyObject named;
  named.entries_.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (const std::optional<std::uint32_t> number = IntegerKey(entries[i].first)) {
      numbered.push_back({*number, i});
    } else if (const std::size_t at = named.Position(entries[i].first); at < named.size()) {
      named.entries_[at].second = std::move(entries[i].second);
    } else {
      named.Append(std::move(entries[i].first), std::move(entries[i].second));
    }
  }
  if (numbered.empty()) return named;

  std::ranges::stable_sort(numbered, {}, &NumberedEntry::number);
  AnyObject object;
  object.entries_.reserve(numbered.size() + named.size());
  for (std::size_t i = 0; i < numbered.size(); ++i) {
    const bool last_value =
        i + 1 == numbered.size() || numbered[i + 1].number != numbered[i].number;
    if (last_value) object.entries_.push_back(std::move(entries[numbered[i].position]));
  }
  std::ranges::move(named.entries_, std::back_inserter(object.entries_));
  object.Reindex();
  return object;
}

void AnyObject::Set(std::string key, Any value) {
  if (const std::size_t at = Position(key); at < entries_.size()) {
    entries_[at].second = std::move(value);
    return;
  }
  const std::optional<std::uint32_t> number = IntegerKey(key);
  if (!number.has_value()) {
    Append(std::move(key), std::move(value));
    return;
  }
  const auto place = std::ranges::partition_point(entries_, [&](const Entry& entry) {
    const std::optional<std::uint32_t> other = IntegerKey(entry.first);
    return other.has_value() && *other < *number;
  });
  if (place == entries_.end()) {
    Append(std::move(key), std::move(value));
    return;
  }
  entries_.emplace(place, std::move(key), std::move(value));
  Reindex();
}

const Any* AnyObject::Find(std::string_view key) const {
  const std::size_t at = Position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

bool operator==(const AnyObject& a, const AnyObject& b) { return a.entries_ == b.entries_; }

std::size_t AnyObject::Position(std::string_view key) const {
  if (index_ != nullptr) return index_->Find(entries_, key);
  const auto found = std::ranges::find(entries_, key, &Entry::first);
  return static_cast<std::size_t>(found - entries_.begin());
}

void AnyObject::Append(std::string key, Any value) {
  entries_.emplace_back(std::move(key), std::move(value));
  if (index_ != nullptr) {
    index_->AddLast(entries_);
  } else if (entries_.size() >= kIndexedSize) {
    Reindex();
  }
}

void AnyObject::Reindex() {
  index_ = entries_.size() >= kIndexedSize ? std::make_unique<KeyIndex>(entries_) : nullptr;
}

}  // namespace weft::crdt
