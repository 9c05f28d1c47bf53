#pragma once

// An update in decoded form: sections of blocks, and a delete set. What a document integrates, what
// merging and diffing work on, what a person inspects.
//
//   Gc    := info=0  length
//   Skip  := info=10 length                  a hole: the blocks are elsewhere
//   Item  := info [origin:id] [right origin:id] [parent] content
//   parent  := only without origins: root?(0|1) (name | id)  [key]
//   content := by kind: kDeleted length | kJson count string* | kBinary buffer | kString string
//            | kEmbed json | kFormat key json | kType type [name] | kAny count any* | kDoc guid any
// Source: Yjs, encoding.js and Item.js. The layout of the fields is the codec's
// (codec/update_v1.h).
//
// Strings and binary are views into the bytes that were decoded: those must outlive the Update.
// Threads: a value type.

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/delete_set.h"
#include "crdt/id.h"
#include "crdt/item.h"
#include "crdt/limits.h"
#include "crdt/type_kind.h"
#include "crdt/update_format.h"

namespace weft::crdt {

using internal::ContentKind;

struct Block {
  enum class Parent : std::uint8_t { kOfOrigin, kRoot, kItem };

  Id id;
  Clock length = 0;
  // Elements of the content that were cut off in front; `id` and `length` tell what is left.
  std::uint32_t skipped = 0;
  // kJson and kAny: the elements; kEmbed, kFormat, kDoc: one value. Indices into Update::values.
  std::uint32_t values_begin = 0;
  std::uint32_t values_count = 0;

  ContentKind kind = ContentKind::kGc;
  Parent parent = Parent::kOfOrigin;     // of an item without origins
  TypeKind type = TypeKind::kUndefined;  // kType
  bool has_origin : 1 = false;
  bool has_right_origin : 1 = false;
  bool has_key : 1 = false;
  bool is_cut : 1 = false;  // in front or behind: the content holds more than the block

  // Only an item without origins names its parent and its key. A block that CutFront gave an origin
  // has no parent to tell of any more; `has_key` stays, as the format wants it.
  union {
    Id origin = {};              // has_origin
    Id parent_item;              // Parent::kItem
    std::string_view root_name;  // Parent::kRoot; UTF-8, or WTF-8 where v2 has cut a pair, as all
                                 // strings here
  };
  union {
    Id right_origin = {};  // has_right_origin
    std::string_view key;  // has_key, and no origins
  };

  // kString: UTF-8; kBinary: the bytes; kFormat: the key; kType: the name of an XML element or
  // hook; kDoc: the guid.
  std::string_view text;

  Clock end() const { return id.clock + length; }
  // Cuts `count` elements off in front, or behind. Requires: count < length.
  void CutFront(Clock count);
  void CutBack(Clock count);
};
// Of these, hostile input makes millions (crdt/limits.h).
static_assert(sizeof(Block) == 88);

struct Update {
  // The blocks of one client, by clock, without overlaps.
  struct Section {
    ClientId client{};
    std::size_t begin = 0;  // into `blocks`
    std::size_t end = 0;
  };

  std::vector<Section> sections;
  std::vector<Block> blocks;
  std::vector<Any> values;
  DeleteSet deletes;
  std::deque<std::string> owned;  // strings that are no plain part of the decoded bytes

  std::span<const Any> ValuesOf(const Block& block) const {
    return std::span(values).subspan(block.values_begin, block.values_count);
  }
};

// Decodes an update completely.
// Fails: kInvalidArgument with the offset, kResourceExhausted past `limits`.
absl::StatusOr<Update> DecodeUpdate(ByteView bytes, const DecodeLimits& limits = {},
                                    UpdateFormat format = UpdateFormat::kV1);

}  // namespace weft::crdt
