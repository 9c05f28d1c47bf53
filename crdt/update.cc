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
  // Of the sections begun so far the last one begins with block `begin`, and those before it that
  // are new hold nothing.
  const auto begin_sections = [&](std::size_t begin) {
    while (update.sections.size() < stream->sections().size()) {
      if (!update.sections.empty()) update.sections.back().end = begin;
      const ClientId client = stream->sections()[update.sections.size()];
      update.sections.push_back({.client = client, .begin = begin, .end = begin});
    }
  };
  PlainBlock plain;
  while (true) {
    if (stream->NextPlain(plain)) {
      update.blocks.push_back(plain.ToBlock());
      continue;
    }
    if (!stream->Next(update.blocks.emplace_back(Block{}), update.values)) break;
    begin_sections(update.blocks.size() - 1);
  }
  update.blocks.pop_back();
  begin_sections(update.blocks.size());
  if (!update.sections.empty()) update.sections.back().end = update.blocks.size();
  update.deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  stream->TakeOwnedStrings(update.owned);
  return update;
}

}  // namespace weft::crdt
