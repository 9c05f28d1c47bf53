#include "crdt/pending_report.h"

#include <algorithm>
#include <span>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

// The ids of `all` that `some` does not have.
DeleteSet Without(const DeleteSet& all, const DeleteSet& some) {
  DeleteSet rest;
  for (const DeleteSet::ClientRanges& client : all.clients()) {
    const auto found = std::ranges::lower_bound(some.clients(), client.client, {},
                                                &DeleteSet::ClientRanges::client);
    std::span<const IdRange> taken;
    if (found != some.clients().end() && found->client == client.client) taken = found->ranges;
    for (const IdRange& range : client.ranges) {
      Clock clock = range.clock;
      while (!taken.empty() && taken.front().end() <= clock) taken = taken.subspan(1);
      for (std::size_t i = 0; i < taken.size() && taken[i].clock < range.end(); ++i) {
        if (taken[i].clock > clock) rest.Add(client.client, {clock, taken[i].clock - clock});
        clock = taken[i].end();
      }
      if (clock < range.end()) rest.Add(client.client, {clock, range.end() - clock});
    }
  }
  rest.SortAndMerge();
  return rest;
}

}  // namespace

PendingReport DocCore::GetPendingReport() const {
  PendingReport report;
  report.bytes = PendingBytes();
  DeleteSet here;    // what waits
  DeleteSet needed;  // what it waits for
  if (pending_.any) {
    const absl::StatusOr<Update> update = DecodeUpdate(PendingUpdate(), LimitsOfOwnBytes());
    CHECK(update.ok());
    const auto need = [&](Id id) {
      if (!IsKnown(id)) needed.Add(id.client, {id.clock, 1});
    };
    for (const Block& block : update->blocks) {
      if (block.kind == ContentKind::kSkip) continue;
      ++report.blocks;
      report.elements += block.length;
      here.Add(block.id.client, {block.id.clock, block.length});
      // A client's blocks follow one another.
      const Clock state = StateOf(block.id.client);
      if (hole_mode_ == HoleMode::kWait && block.id.clock > state)
        needed.Add(block.id.client, {state, block.id.clock - state});
      if (block.has_origin) need(block.origin);
      if (block.has_right_origin) need(block.right_origin);
      if (block.parent == Block::Parent::kItem) need(block.parent_item);
    }
    report.beyond_limits = std::ranges::any_of(
        pending_.missing, [](const auto& entry) { return entry.second == kMaxSafeInteger; });
  }
  here.SortAndMerge();
  needed.SortAndMerge();
  report.missing = Without(needed, here);
  for (const DeleteSet::ClientRanges& client : pending_deletes_.clients()) {
    report.delete_ranges += client.ranges.size();
    for (const IdRange& range : client.ranges) report.deletes += range.length;
  }
  report.missing_of_deletes = Without(pending_deletes_, here);
  return report;
}

}  // namespace weft::crdt::internal
