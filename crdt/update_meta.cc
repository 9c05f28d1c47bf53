#include "crdt/update_meta.h"

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "crdt/block_stream.h"

namespace weft::crdt {

absl::StatusOr<UpdateMeta> ParseUpdateMeta(ByteView update, UpdateFormat format,
                                           const DecodeLimits& limits) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  UpdateMeta meta;
  absl::flat_hash_map<std::uint64_t, std::size_t> places;
  UpdateMeta::ClientClocks* current = nullptr;
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    const ClientId client = block.id.client;
    if (current == nullptr || current->client != client) {
      const auto [place, added] = places.try_emplace(ToNumber(client), meta.clients.size());
      if (added) meta.clients.push_back({.client = client});
      current = &meta.clients[place->second];
      current->from = block.id.clock;
    }
    current->to = block.end();
  }
  stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return meta;
}

}  // namespace weft::crdt
