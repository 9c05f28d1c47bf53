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
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/codec/update_v1.h"
#include "crdt/codec/update_v2.h"
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
  Clock skipped = 0;

  ContentKind kind = ContentKind::kGc;
  Parent parent = Parent::kOfOrigin;
  TypeKind type = TypeKind::kUndefined;  // kType
  bool has_origin = false;
  bool has_right_origin = false;
  bool has_key = false;

  Id origin;
  Id right_origin;
  Id parent_item;  // Parent::kItem
  std::string_view
      root_name;  // Parent::kRoot; UTF-8, or WTF-8 where v2 has cut a pair, as all strings here
  std::string_view key;

  // kString: UTF-8; kBinary: the bytes; kFormat: the key; kType: the name of an XML element or
  // hook; kDoc: the guid.
  std::string_view text;
  // kJson and kAny: the elements; kEmbed, kFormat, kDoc: one value. Indices into Update::values.
  std::size_t values_begin = 0;
  std::size_t values_count = 0;

  Clock end() const { return id.clock + length; }
  // Cuts `count` elements off in front. Requires: count < length.
  void CutFront(Clock count);
};

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

// The fields of an item before its content, for writers of blocks and of documents.
struct ItemHead {
  ContentKind kind{};
  const Id* origin = nullptr;
  const Id* right_origin = nullptr;
  Block::Parent parent = Block::Parent::kOfOrigin;
  Id parent_item;
  std::string_view root_name;
  const std::string_view* key = nullptr;
};
template <typename Writer>
void WriteItemHead(Writer& writer, const ItemHead& head) {
  writer.WriteInfo(static_cast<std::uint8_t>(
      static_cast<unsigned>(head.kind) | (head.origin != nullptr ? 0x80u : 0u) |
      (head.right_origin != nullptr ? 0x40u : 0u) | (head.key != nullptr ? 0x20u : 0u)));
  if (head.origin != nullptr) writer.WriteLeftId(*head.origin);
  if (head.right_origin != nullptr) writer.WriteRightId(*head.right_origin);
  if (head.origin != nullptr || head.right_origin != nullptr) return;
  writer.WriteParentInfo(head.parent == Block::Parent::kRoot);
  if (head.parent == Block::Parent::kRoot) {
    writer.WriteName(head.root_name);
  } else {
    writer.WriteLeftId(head.parent_item);
  }
  if (head.key != nullptr) writer.WriteName(*head.key);
}

// Builds an update block by block; the counts are put in at the end.
class UpdateBuilder {
 public:
  explicit UpdateBuilder(UpdateFormat format = UpdateFormat::kV1);

  // Appends a block of `source`. Blocks of one client come together, by clock.
  void Add(const Update& source, const Block& block);
  // Requires: `deletes` is merged.
  Bytes Finish(const DeleteSet& deletes) &&;

 private:
  void EndSection();

  std::variant<UpdateWriterV1, UpdateWriterV2> writer_;
  ByteWriter sections_;  // what is finished of the writer's rest
  std::size_t section_count_ = 0;
  std::size_t block_count_ = 0;  // of the open section
  ClientId client_{};
};

}  // namespace weft::crdt
