#include "crdt/update_intersect.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "crdt/block_stream.h"
#include "crdt/update_builder.h"

namespace weft::crdt {

namespace {

std::span<const IdRange> RangesOf(const DeleteSet& ids, ClientId client) {
  const auto& clients = ids.clients();
  const auto found =
      std::ranges::lower_bound(clients, client, {}, &DeleteSet::ClientRanges::client);
  if (found == clients.end() || found->client != client) return {};
  return found->ranges;
}

// Of `ranges`, which are sorted, those from the first on that ends behind `clock`.
std::span<const IdRange> From(std::span<const IdRange> ranges, Clock clock) {
  const auto first =
      std::ranges::upper_bound(ranges, clock, {}, [](const IdRange& range) { return range.end(); });
  return ranges.subspan(static_cast<std::size_t>(first - ranges.begin()));
}

// What two ranges share; its length is 0 when that is nothing.
IdRange Shared(IdRange a, IdRange b) {
  const Clock begin = std::max(a.clock, b.clock);
  const Clock end = std::min(a.end(), b.end());
  return {begin, end > begin ? end - begin : 0};
}

DeleteSet Intersection(const DeleteSet& deletes, const DeleteSet& ids) {
  DeleteSet shared;
  for (const DeleteSet::ClientRanges& client : deletes.clients()) {
    const std::span<const IdRange> allowed = RangesOf(ids, client.client);
    for (const IdRange& range : client.ranges) {
      for (const IdRange& part : From(allowed, range.clock)) {
        if (part.clock >= range.end()) break;
        shared.Add(client.client, Shared(range, part));
      }
    }
  }
  shared.SortAndMerge();
  return shared;
}

// Writes blocks, with Skips between those of a client that do not follow one another.
class PartWriter {
 public:
  explicit PartWriter(UpdateFormat format) : builder_(format) {}

  void Add(const Block& block, std::span<const Any> values) {
    const bool same_client = end_.has_value() && end_->client == block.id.client;
    if (same_client && block.id.clock < end_->clock) builder_.EndSection();
    if (same_client && block.id.clock > end_->clock) {
      builder_.Add(
          Block{.id = *end_, .length = block.id.clock - end_->clock, .kind = ContentKind::kSkip},
          {});
    }
    builder_.Add(block, values);
    end_ = Id{block.id.client, block.end()};
  }

  Bytes Finish(const DeleteSet& deletes) && { return std::move(builder_).Finish(deletes); }

 private:
  UpdateBuilder builder_;
  std::optional<Id> end_;  // behind the last block
};

}  // namespace

absl::StatusOr<Bytes> IntersectUpdate(ByteView update, const DeleteSet& ids, UpdateFormat format,
                                      const DecodeLimits& limits) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  PartWriter writer(format);
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    if (block.kind == ContentKind::kSkip) continue;
    const IdRange whole{block.id.clock, block.length};
    for (const IdRange& range : From(RangesOf(ids, block.id.client), whole.clock)) {
      const IdRange kept = Shared(whole, range);
      if (kept.length == 0) break;
      Block part = block;
      part.CutFront(kept.clock - whole.clock);
      part.CutBack(whole.end() - kept.end());
      writer.Add(part, values);
    }
  }
  const DeleteSet deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return std::move(writer).Finish(Intersection(deletes, ids));
}

}  // namespace weft::crdt
