#pragma once

// The kinds of shared types, with the numbers of the format.

#include <cstdint>

namespace weft::crdt {

enum class TypeKind : std::uint8_t {
  kArray = 0,
  kMap = 1,
  kText = 2,
  kXmlElement = 3,
  kXmlFragment = 4,
  kXmlHook = 5,
  kXmlText = 6,
  kUndefined = 255,  // a root that nobody has asked for by kind
};

// Whether a type of that kind has a name of its own, as XML elements and hooks have.
constexpr bool IsNamed(TypeKind kind) {
  return kind == TypeKind::kXmlElement || kind == TypeKind::kXmlHook;
}

// Whether it is a sequence of characters that may be formatted.
constexpr bool IsText(TypeKind kind) {
  return kind == TypeKind::kText || kind == TypeKind::kXmlText;
}

}  // namespace weft::crdt
