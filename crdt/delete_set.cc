#include "crdt/delete_set.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"

namespace weft::crdt {
namespace {

// Clients that may stand unsorted before they are sorted in, at least.
constexpr std::size_t kUnsortedClients = 16;

// Sorts ranges and joins what overlaps or touches.
void MergeRanges(std::vector<IdRange>& ranges) {
  const auto touches = [](const IdRange& left, const IdRange& right) {
    return left.end() >= right.clock;
  };
  if (std::ranges::adjacent_find(ranges, touches) == ranges.end()) return;
  if (!std::ranges::is_sorted(ranges)) std::ranges::sort(ranges);
  std::size_t last = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (touches(ranges[last], ranges[i])) {
      const Clock end = std::max(ranges[last].end(), ranges[i].end());
      ranges[last].length = end - ranges[last].clock;
    } else {
      ranges[++last] = ranges[i];
    }
  }
  ranges.resize(last + 1);
}

}  // namespace

void DeleteSet::Add(ClientId client, IdRange range) {
  DCHECK(range.clock <= kMaxSafeInteger && range.length <= kMaxSafeInteger - range.clock);
  if (range.length == 0) return;
  std::vector<IdRange>& ranges = RangesOf(client).ranges;
  if (!ranges.empty() && ranges.back().end() == range.clock) {
    ranges.back().length += range.length;
  } else if (!ranges.empty() && range.end() == ranges.back().clock) {
    ranges.back() = {.clock = range.clock, .length = range.length + ranges.back().length};
  } else {
    ranges.push_back(range);
  }
}

void DeleteSet::AddMerged(ClientId client, std::span<const IdRange> ranges) {
  if (ranges.empty()) return;
  std::vector<IdRange>& own = RangesOf(client).ranges;
  DCHECK(own.empty());
  own.assign(ranges.begin(), ranges.end());
}

DeleteSet::ClientRanges& DeleteSet::RangesOf(ClientId client) {
  if (latest_ < clients_.size() && clients_[latest_].client == client) return clients_[latest_];
  if (clients_.size() - sorted_ > kUnsortedClients + sorted_) SortClients();

  const std::span<const ClientRanges> sorted(clients_.data(), sorted_);
  const auto found = std::ranges::lower_bound(sorted, client, {}, &ClientRanges::client);
  if (found != sorted.end() && found->client == client) {
    latest_ = static_cast<std::size_t>(found - sorted.begin());
    return clients_[latest_];
  }
  latest_ = clients_.size();
  if (found == sorted.end() && sorted_ == clients_.size()) ++sorted_;
  return clients_.emplace_back(ClientRanges{.client = client, .ranges = {}});
}

void DeleteSet::SortClients() {
  if (sorted_ == clients_.size()) return;
  const auto unsorted = clients_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  std::ranges::stable_sort(unsorted, clients_.end(), {}, &ClientRanges::client);
  std::ranges::inplace_merge(clients_.begin(), unsorted, clients_.end(), {}, &ClientRanges::client);
  std::size_t last = 0;
  for (std::size_t i = 1; i < clients_.size(); ++i) {
    if (clients_[i].client == clients_[last].client) {
      std::ranges::copy(clients_[i].ranges, std::back_inserter(clients_[last].ranges));
    } else if (++last != i) {
      clients_[last] = std::move(clients_[i]);
    }
  }
  clients_.resize(last + 1);
  sorted_ = clients_.size();
}

void DeleteSet::SortAndMerge() {
  SortClients();
  for (ClientRanges& client : clients_) MergeRanges(client.ranges);
}

bool DeleteSet::Contains(Id id) const {
  const auto client = std::ranges::lower_bound(clients_, id.client, {}, &ClientRanges::client);
  if (client == clients_.end() || client->client != id.client) return false;
  const auto after = std::ranges::upper_bound(client->ranges, id.clock, {}, &IdRange::clock);
  return after != client->ranges.begin() && id.clock < std::prev(after)->end();
}

void DeleteSet::Clear() {
  clients_.clear();
  sorted_ = 0;
  latest_ = 0;
}

absl::Status DeleteSet::Validate() const {
  const ClientRanges* previous = nullptr;
  for (const ClientRanges& client : clients_) {
    const auto broken = [&client](const char* what) {
      return absl::InternalError(
          absl::StrCat("delete set, client ", ToNumber(client.client), ": ", what));
    };
    if (previous != nullptr && previous->client >= client.client) return broken("out of order");
    if (client.ranges.empty()) return broken("no ranges");
    for (std::size_t i = 0; i < client.ranges.size(); ++i) {
      const IdRange range = client.ranges[i];
      if (range.length == 0) return broken("an empty range");
      if (range.clock > kMaxSafeInteger || range.length > kMaxSafeInteger - range.clock) {
        return broken("a range past 2^53 - 1");
      }
      if (i > 0 && client.ranges[i - 1].end() >= range.clock) {
        return broken("ranges out of order, overlapping or touching");
      }
    }
    previous = &client;
  }
  return absl::OkStatus();
}

void WriteDeleteSet(ByteWriter& writer, const DeleteSet& set) {
  writer.WriteVarUint(set.clients().size());
  for (const DeleteSet::ClientRanges& client : set.clients() | std::views::reverse) {
    writer.WriteVarUint(ToNumber(client.client));
    writer.WriteVarUint(client.ranges.size());
    for (const IdRange range : client.ranges) {
      writer.WriteVarUint(range.clock);
      writer.WriteVarUint(range.length);
    }
  }
}

DeleteSet ReadDeleteSet(ByteReader& reader) {
  const DecodeLimits limits;
  DecodeBudget budget(limits, reader.remaining());
  return ReadDeleteSet(reader, limits, budget);
}

DeleteSet ReadDeleteSet(ByteReader& reader, const DecodeLimits& limits, DecodeBudget& budget) {
  DeleteSet set;
  std::size_t count = 0;
  const std::uint64_t clients = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < clients && reader.ok(); ++i) {
    const ClientId client{reader.ReadVarUint()};
    const std::uint64_t ranges = reader.ReadVarUint();
    for (std::uint64_t j = 0; j < ranges && reader.ok(); ++j) {
      const Clock clock = reader.ReadVarUint();
      const Clock length = reader.ReadVarUint();
      if (length > kMaxSafeInteger - clock) reader.Fail("deleted clocks past 2^53 - 1");
      if (++count > limits.delete_ranges) reader.Exceed("delete_ranges", limits.delete_ranges);
      if (!budget.Spend(kDeleteRangeMemory)) reader.Exceed("update_memory", budget.limit());
      if (reader.ok()) set.Add(client, {.clock = clock, .length = length});
    }
  }
  if (!reader.ok()) return {};
  set.SortAndMerge();
  return set;
}

}  // namespace weft::crdt
