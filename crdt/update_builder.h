#pragma once

// Writes updates, block by block, in either format.
// Threads: one.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/codec/update_v1.h"
#include "crdt/codec/update_v2.h"
#include "crdt/delete_set.h"
#include "crdt/id.h"
#include "crdt/update.h"
#include "crdt/update_format.h"

namespace weft::crdt {

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

  // Appends a block, whose values are `values`. Blocks of one client come together, by clock; one that
  // does not begin where the last one ended begins a section of its own.
  void Add(const Block& block, std::span<const Any> values);
  void Add(const Update& source, const Block& block) { Add(block, source.ValuesOf(block)); }
  // The next block begins a section of its own.
  void EndSection();
  // Requires: `deletes` is merged.
  Bytes Finish(const DeleteSet& deletes) &&;

 private:
  std::variant<UpdateWriterV1, UpdateWriterV2> writer_;
  ByteWriter sections_;  // what is finished of the writer's rest
  std::size_t section_count_ = 0;
  std::size_t block_count_ = 0;  // of the open section
  Id next_;                      // of the block that would go on in the open section
};

}  // namespace weft::crdt
