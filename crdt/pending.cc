// What could not be integrated yet waits, as the updates that it came in, and is joined into one when
// somebody asks for it or where the order of joining counts.

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "crdt/doc_core.h"
#include "crdt/update_merge.h"

namespace weft::crdt::internal {

std::size_t DocCore::PendingBytes() const {
  std::size_t bytes = pending_.bytes;
  for (const DeleteSet::ClientRanges& client : pending_deletes_.clients()) {
    bytes += sizeof(client) + client.ranges.size() * sizeof(IdRange);
  }
  return bytes;
}

bool PendingBlocks::AddIds(ClientId client, IdRange range) {
  absl::btree_map<Clock, Clock>& ranges = ids[ToNumber(client)];
  Clock begin = range.clock;
  Clock end = range.end();
  bool known = false;
  // From the last range that begins in front of it on: those that overlap or touch.
  auto next = ranges.upper_bound(begin);
  if (next != ranges.begin() && std::prev(next)->second >= begin) --next;
  while (next != ranges.end() && next->first <= end) {
    known |= next->first < range.end() && range.clock < next->second;
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = ranges.erase(next);
  }
  ranges.emplace_hint(next, begin, end);
  return known;
}

const Bytes& DocCore::PendingUpdate() const {
  CHECK(pending_.any);
  std::vector<Bytes>& parts = pending_.parts;
  if (parts.size() > 1) {
    const std::vector<ByteView> views(parts.begin(), parts.end());
    absl::StatusOr<Bytes> joined = MergeUpdates(views, LimitsOfOwnBytes());
    CHECK(joined.ok());
    parts.clear();
    pending_.bytes = 0;
    pending_.Add(*std::move(joined));
  }
  return parts.front();
}

void DocCore::AddPending(PendingBlocks rest) {
  bool known = false;
  for (const auto& [client, ranges] : rest.ids) {
    for (const auto& [begin, end] : ranges) {
      known |= pending_.AddIds(ClientId{client}, {begin, end - begin});
    }
  }
  for (const auto& [client, clock] : rest.missing) pending_.Need(ClientId{client}, clock);
  // What the order of joining decides is joined in the order of coming.
  const bool now = known || rest.collected;
  if (now) PendingUpdate();
  for (Bytes& part : rest.parts) pending_.Add(std::move(part));
  if (now) PendingUpdate();
}

bool DocCore::MayWait(const Update& update) const {
  // How far each client is known once the update is in, unless a part of it waits.
  absl::flat_hash_map<std::uint64_t, Clock> ends;
  for (const Update::Section& section : update.sections) {
    if (section.begin == section.end) continue;
    if (update.blocks[section.begin].id.clock > StateOf(section.client)) return true;
    Clock& end = ends[ToNumber(section.client)];
    end = std::max(end, update.blocks[section.end - 1].end());
  }
  const auto unknown = [&](Id id) {
    if (id.clock < StateOf(id.client)) return false;
    const auto found = ends.find(ToNumber(id.client));
    return found == ends.end() || id.clock >= found->second;
  };
  for (const Block& block : update.blocks) {
    if (block.kind == ContentKind::kSkip || (block.has_origin && unknown(block.origin)) ||
        (block.has_right_origin && unknown(block.right_origin)) ||
        (block.parent == Block::Parent::kItem && unknown(block.parent_item))) {
      return true;
    }
  }
  return std::ranges::any_of(update.deletes.clients(), [&](const DeleteSet::ClientRanges& client) {
    return unknown({client.client, client.ranges.back().end() - 1});
  });
}

bool DocCore::RetryPending() {
  const Bytes pending = PendingUpdate();
  pending_ = PendingBlocks();
  absl::StatusOr<Update> update = DecodeUpdate(pending, LimitsOfOwnBytes());
  CHECK(update.ok());
  if (hole_mode_ == HoleMode::kIntegrate) ExcludeKnown(*update);
  return ApplyDecoded(*update);
}

}  // namespace weft::crdt::internal
