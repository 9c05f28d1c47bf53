#pragma once

// What a sequence holds, or how it changed, as a list of operations from its beginning on: the
// format of Quill, as Yjs uses it.
//
// Threads: a value type; handles in it live as long as their Doc.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "crdt/types.h"

namespace weft::crdt {

struct DeltaOp {
  enum class Kind : std::uint8_t { kInsert, kRetain, kDelete };

  Kind kind = Kind::kInsert;
  // kRetain, kDelete: UTF-16 code units or elements.
  std::uint64_t count = 0;
  // kInsert into a text: its characters, valid UTF-8 when given, WTF-8 when read.
  std::string text;
  // kInsert of anything else: one embed or type of a text, all elements of another sequence.
  std::vector<Element> elements;
  // Of what is inserted, or set on what is retained.
  Attributes attributes;

  static DeltaOp Insert(std::string text, Attributes attributes = {}) {
    return {.text = std::move(text), .attributes = std::move(attributes)};
  }
  static DeltaOp Embed(Any embed, Attributes attributes = {}) {
    return {.elements = {std::move(embed)}, .attributes = std::move(attributes)};
  }
  static DeltaOp Retain(std::uint64_t count, Attributes attributes = {}) {
    return {.kind = Kind::kRetain, .count = count, .attributes = std::move(attributes)};
  }
  static DeltaOp Delete(std::uint64_t count) { return {.kind = Kind::kDelete, .count = count}; }
};

}  // namespace weft::crdt
