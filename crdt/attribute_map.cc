#include "crdt/attribute_map.h"

#include <cmath>

namespace weft::crdt::internal {

namespace {

bool IsObjectLike(const Any& value) {
  return value.AsArray() != nullptr || value.AsObject() != nullptr || value.AsBinary() != nullptr;
}

// `===` between values that are not the same object.
bool IsSamePrimitive(const Any& a, const Any& b) {
  if (IsObjectLike(a) || IsObjectLike(b)) return false;
  if (a.AsNumber() != nullptr && b.AsNumber() != nullptr) return *a.AsNumber() == *b.AsNumber();
  return a == b;
}

// The members of an object, of an array (by index) or of bytes.
std::vector<std::pair<std::string, Any>> MembersOf(const Any& value) {
  if (value.AsObject() != nullptr) return value.AsObject()->entries();
  std::vector<std::pair<std::string, Any>> members;
  if (const Any::Array* array = value.AsArray()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      members.emplace_back(std::to_string(i), (*array)[i]);
    }
  } else {
    const Bytes& bytes = *value.AsBinary();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      members.emplace_back(std::to_string(i), static_cast<int>(bytes[i]));
    }
  }
  return members;
}

}  // namespace

const FormatValue& NullFormat() {
  static const auto& null = *new FormatValue(std::make_shared<const Any>(Any::Null{}));
  return null;
}

bool IsIdentical(const FormatValue& a, const FormatValue& b) {
  if (a == b) return a->AsNumber() == nullptr || !std::isnan(*a->AsNumber());
  return IsSamePrimitive(*a, *b);
}

bool IsSameAttribute(const FormatValue& a, const FormatValue& b) {
  if (IsIdentical(a, b)) return true;
  if (!IsObjectLike(*a) || !IsObjectLike(*b)) return false;
  // Both lists are in the order of JavaScript, but two objects may have their keys in other orders.
  auto left = MembersOf(*a);
  auto right = MembersOf(*b);
  if (left.size() != right.size()) return false;
  const auto by_key = [](const auto& x, const auto& y) { return x.first < y.first; };
  std::ranges::sort(left, by_key);
  std::ranges::sort(right, by_key);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].first != right[i].first || !IsSamePrimitive(left[i].second, right[i].second)) {
      return false;
    }
  }
  return true;
}

}  // namespace weft::crdt::internal
