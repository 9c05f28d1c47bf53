#include "crdt/state_vector.h"

#include <algorithm>
#include <ranges>

#include "absl/strings/str_cat.h"

namespace weft::crdt {

Clock StateVector::Get(ClientId client) const {
  const auto found = std::ranges::lower_bound(entries_, client, {}, &Entry::client);
  return found != entries_.end() && found->client == client ? found->clock : 0;
}

void StateVector::Set(ClientId client, Clock clock) {
  auto found = entries_.end();
  if (!entries_.empty() && entries_.back().client >= client) {
    found = std::ranges::lower_bound(entries_, client, {}, &Entry::client);
  }
  const bool known = found != entries_.end() && found->client == client;
  if (clock == 0) {
    if (known) entries_.erase(found);
  } else if (known) {
    found->clock = clock;
  } else {
    entries_.insert(found, {.client = client, .clock = clock});
  }
}

void StateVector::SetKnown(ClientId client, Clock clock) {
  Set(client, 1);
  std::ranges::lower_bound(entries_, client, {}, &Entry::client)->clock = clock;
}

void StateVector::MergeMax(const StateVector& other) {
  std::vector<Entry> merged;
  merged.reserve(entries_.size() + other.entries_.size());
  std::ranges::merge(entries_, other.entries_, std::back_inserter(merged), {}, &Entry::client,
                     &Entry::client);
  std::size_t size = 0;
  for (const Entry& entry : merged) {
    if (size > 0 && merged[size - 1].client == entry.client) {
      merged[size - 1].clock = std::max(merged[size - 1].clock, entry.clock);
    } else {
      merged[size++] = entry;
    }
  }
  merged.resize(size);
  entries_ = std::move(merged);
}

bool StateVector::Covers(const StateVector& other) const {
  auto mine = entries_.begin();
  for (const Entry& theirs : other.entries_) {
    if (theirs.clock == 0) continue;
    while (mine != entries_.end() && mine->client < theirs.client) ++mine;
    if (mine == entries_.end() || mine->client != theirs.client) return false;
    if (mine->clock < theirs.clock) return false;
  }
  return true;
}

absl::Status StateVector::Validate() const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto broken = [client = entries_[i].client](const char* what) {
      return absl::InternalError(
          absl::StrCat("state vector, client ", ToNumber(client), ": ", what));
    };
    if (i > 0 && entries_[i - 1].client >= entries_[i].client) return broken("out of order");
  }
  return absl::OkStatus();
}

Bytes EncodeStateVector(const StateVector& vector) {
  ByteWriter writer;
  writer.WriteVarUint(vector.size());
  for (const StateVector::Entry& entry : vector.entries() | std::views::reverse) {
    writer.WriteVarUint(ToNumber(entry.client));
    writer.WriteVarUint(entry.clock);
  }
  return writer.Take();
}

absl::StatusOr<StateVector> DecodeStateVector(ByteView input, std::size_t max_entries) {
  ByteReader reader(input);
  const std::uint64_t count = reader.ReadVarUint();
  if (count > reader.remaining() / 2) reader.Fail("a count of clients past the end of the input");
  if (count > max_entries) reader.Exceed("state_vector_entries", max_entries);

  std::vector<StateVector::Entry> entries;
  if (reader.ok()) entries.reserve(count);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const ClientId client{reader.ReadVarUint()};
    const Clock clock = reader.ReadVarUint();
    entries.push_back({.client = client, .clock = clock});
  }
  if (!reader.ok()) return reader.status();

  // Clients come descending. Reversed before the sort, the last entry of a client is its first one.
  std::ranges::reverse(entries);
  if (!std::ranges::is_sorted(entries, {}, &StateVector::Entry::client)) {
    std::ranges::stable_sort(entries, {}, &StateVector::Entry::client);
  }
  const auto repeated = std::ranges::unique(entries, {}, &StateVector::Entry::client);
  entries.erase(repeated.begin(), repeated.end());
  std::erase_if(entries, [](const StateVector::Entry& entry) { return entry.clock == 0; });

  StateVector vector;
  vector.entries_ = std::move(entries);
  return vector;
}

}  // namespace weft::crdt
