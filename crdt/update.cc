#include "crdt/update.h"

#include <memory>

#include "crdt/base/check.h"
#include "crdt/block_stream.h"

namespace weft::crdt {

void Block::CutFront(Clock count) {
  CHECK(count < length);
  if (count == 0) return;
  id.clock += count;
  length -= count;
  if (kind == ContentKind::kGc || kind == ContentKind::kSkip) return;
  // Of deleted content there is nothing but the length, which may be above 32 bits.
  if (kind != ContentKind::kDeleted) skipped += static_cast<std::uint32_t>(count);
  is_cut = true;
  has_origin = true;
  parent = Parent::kOfOrigin;
  origin = {id.client, id.clock - 1};
}

void Block::CutBack(Clock count) {
  CHECK(count < length);
  if (count == 0) return;
  length -= count;
  is_cut = true;
}

absl::StatusOr<Update> DecodeUpdate(ByteView bytes, const DecodeLimits& limits,
                                    UpdateFormat format) {
  DecodeBudget budget(limits, bytes.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(bytes, format, limits, budget);
  Update update;
  const auto begin_sections = [&] {
    while (update.sections.size() < stream->sections().size()) {
      const ClientId client = stream->sections()[update.sections.size()];
      const std::size_t begin = update.blocks.size();
      update.sections.push_back({.client = client, .begin = begin, .end = begin});
    }
  };
  Block block{};
  while (stream->Next(block, update.values)) {
    begin_sections();
    update.blocks.push_back(block);
    update.sections.back().end = update.blocks.size();
  }
  begin_sections();
  update.deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  stream->TakeOwnedStrings(update.owned);
  return update;
}

}  // namespace weft::crdt
