#pragma once

// What requests put into a document: values, and shared types that are made with their content.
//
//   content := value
//            | {"$type": "map",         "init"?: {key: content}}
//            | {"$type": "array",       "init"?: [content]}
//            | {"$type": "text",        "init"?: string, "delta"?: [operation]}
//            | {"$type": "xmltext",     "init"?: string, "delta"?: [operation]}
//            | {"$type": "xmlfragment", "init"?: [node]}
//            | {"$type": "xml",         "node": node}
//            | {"$type": "doc",         "guid": string, "gc"?: bool, "autoLoad"?: bool, "meta"?: value}
//   node    := {"element": name, "attrs"?: {name: value}, "children"?: [node]}
//            | {"text": string, "delta"?: [operation]}
//            | {"hook": name, "init"?: {key: content}}
//   operation := {"insert": string or embed, "attributes"?: {name: value}}
//            | {"retain": count, "attributes"?: …} | {"delete": count}
//
// As in Yjs, a type's item comes first, then its content; of an element the children, then the
// attributes. Everything is decoded, and refused, before the document is touched.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/delta.h"
#include "crdt/driver/members.h"
#include "crdt/types.h"

namespace weft::crdt::driver {

struct Content {
  struct Entry;
  enum class Kind : std::uint8_t { kValue, kType, kSubdocument };

  Kind kind = Kind::kValue;
  Any value;                             // kValue
  TypeKind type = TypeKind::kUndefined;  // kType
  std::string name;                      // of an XML element or hook
  std::string text;                      // of a text
  Delta delta;                           // of a text, after `text`
  std::vector<Content> children;         // of a sequence
  std::vector<Entry> entries;            // of a map; attributes of an element
  Subdocument::Options subdocument;      // kSubdocument
};

struct Content::Entry {
  std::string key;
  Content value;
};

// These recurse as deep as `json` is nested, which its parser bounds.
// Fails: kInvalidArgument, naming what is wrong.
absl::StatusOr<Content> DecodeContent(const Any& json);
absl::StatusOr<Content> DecodeNode(const Any& json);
absl::StatusOr<std::vector<Content>> DecodeElements(const Any::Array& json);
absl::StatusOr<Delta> DecodeDelta(const Any::Array& json);
absl::StatusOr<Attributes> DecodeAttributes(const Any& json);
// An object, array, number or truth value (of a string Yjs would insert the characters), or a type
// without content: Yjs writes the end of its formatting behind the content.
absl::StatusOr<Content> DecodeEmbed(const Any& json);

// UTF-8 of a JSON string: half of a surrogate pair, which no update can hold, becomes U+FFFD.
std::string ToUtf8(std::string_view wtf8);

// Requires: index <= length.
void InsertInto(const SharedType& sequence, std::uint64_t index, std::span<const Content> contents);
void SetIn(Map map, std::string_view key, const Content& content);

}  // namespace weft::crdt::driver
