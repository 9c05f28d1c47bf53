#pragma once

// What one transaction has changed so far. Its end is in transaction.cc: collecting garbage,
// merging neighbours, emitting the update.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "crdt/delete_set.h"
#include "crdt/event.h"
#include "crdt/item.h"
#include "crdt/state_vector.h"
#include "crdt/types.h"

namespace weft::crdt::internal {

// The clients that a transaction added blocks of, each with its clock before.
class TouchedClients {
 public:
  // The clock of `client` before the transaction; `now` when it was not touched.
  Clock Before(ClientIndex client, Clock now) const {
    const Clock* clock = Find(client);
    return clock == nullptr ? now : *clock;
  }

  // Remembers the clock at the first call for a client.
  void Touch(ClientIndex client, Clock before) {
    if (entries_.empty() || entries_.back().first != client) TouchAnother(client, before);
  }

  // A range of a known client's hole was filled (HoleMode::kIntegrate); `now` is where its blocks
  // end. From then on Before and entries() tell the lowest clock that is new.
  void Fill(ClientIndex client, IdRange range, Clock now) {
    fills_.try_emplace(client, Fills{.before = Before(client, now), .ranges = {}});
    fills_[client].ranges.push_back(range);
    Touch(client, now);
    for (auto& [known, clock] : entries_) {
      if (known == client) clock = std::min(clock, range.clock);
    }
    if (const auto found = clocks_.find(client); found != clocks_.end()) {
      found->second = std::min(found->second, range.clock);
    }
  }
  bool has_fills() const { return !fills_.empty(); }

  // Whether the element came in the transaction. `now` is where its client's blocks end.
  bool IsNew(ClientIndex client, Clock clock, Clock now) const {
    if (fills_.empty()) [[likely]]
      return clock >= Before(client, now);
    const auto found = fills_.find(client);
    if (found == fills_.end()) return clock >= Before(client, now);
    if (clock >= found->second.before) return true;
    return std::ranges::any_of(found->second.ranges, [clock](const IdRange& range) {
      return range.clock <= clock && clock < range.end();
    });
  }

  // Calls `add` with each range of the client that is new.
  template <typename Add>
  void ForNewRanges(ClientIndex client, Clock now, const Add& add) const {
    const auto found = fills_.find(client);
    const Clock before = found == fills_.end() ? Before(client, now) : found->second.before;
    if (found != fills_.end()) {
      for (const IdRange& range : found->second.ranges) add(range);
    }
    if (before < now) add(IdRange{before, now - before});
  }

  const auto& entries() const { return entries_; }

  void Clear() {
    entries_.clear();
    clocks_.clear();
    fills_.clear();
  }

 private:
  static constexpr std::size_t kLinearSize = 8;
  struct Fills {
    Clock before = 0;  // what is behind it is new as well
    std::vector<IdRange> ranges;
  };

  [[gnu::noinline]] void TouchAnother(ClientIndex client, Clock before) {
    if (Find(client) != nullptr) return;
    entries_.emplace_back(client, before);
    if (entries_.size() == kLinearSize) {
      for (const auto& [known, clock] : entries_) clocks_.emplace(known, clock);
    } else if (entries_.size() > kLinearSize) {
      clocks_.emplace(client, before);
    }
  }

  const Clock* Find(ClientIndex client) const {
    if (!clocks_.empty()) {
      const auto found = clocks_.find(client);
      return found == clocks_.end() ? nullptr : &found->second;
    }
    for (const auto& entry : entries_) {
      if (entry.first == client) return &entry.second;
    }
    return nullptr;
  }

  absl::InlinedVector<std::pair<ClientIndex, Clock>, 4> entries_;
  absl::flat_hash_map<ClientIndex, Clock> clocks_;  // filled from kLinearSize on
  absl::flat_hash_map<ClientIndex, Fills> fills_;
};

// Clients in the order in which they came first.
class ClientOrder {
 public:
  // O(1).
  void Add(ClientId client) {
    if (!clients_.empty() && clients_.back() == client) return;
    if (known_.insert(ToNumber(client)).second) clients_.push_back(client);
  }
  const std::vector<ClientId>& clients() const { return clients_; }
  void Clear() {
    clients_.clear();
    known_.clear();
  }

 private:
  std::vector<ClientId> clients_;
  absl::flat_hash_set<std::uint64_t> known_;
};

// A type that changed, or that holds one, and the events of the changed ones, as they were called.
struct ChangedParent {
  TypeRef type = kNoType;
  std::vector<Event*> events;
};

struct Transaction {
  std::string origin;
  bool local = true;
  TouchedClients touched;
  DeleteSet deletes;
  // What was deleted on the short way (deleting.cc): collected and merged already.
  DeleteSet settled_deletes;
  // Blocks that may merge with their neighbours although nothing else says so: second halves of
  // splits, and children of deleted types that were deleted before.
  std::vector<PackedId> merge_candidates;

  // Types that changed and what of them, a key or kNoKey for the sequence, as it came; repetitions
  // are not all left out. Only kept where somebody wants to know (DocCore::WantsChanges).
  std::vector<std::pair<TypeRef, KeyRef>> changed;
  bool needs_format_cleanup = false;
  // Of the blocks that came no two may be one, so far as nothing else is done to them.
  bool nothing_new_merges = false;

  std::vector<Subdocument> subdocuments_added;
  std::vector<Subdocument> subdocuments_removed;
  std::vector<Subdocument> subdocuments_loaded;

  // Clients in the order in which it first deleted something of theirs. Only kept for observers and
  // the clean-up after remote changes.
  ClientOrder deleted_clients;

  // Filled when it has ended, for observers of it.
  StateVector before;
  StateVector after;
  DeleteSet insertions;                    // ids that it added
  std::vector<ClientId> inserted_clients;  // of them, in the order in which the document met them
  std::vector<std::unique_ptr<Event>> events;
  std::vector<ChangedParent> changed_parents;  // in the order of Yjs

  // Makes `deletes` all that was deleted.
  void AddSettledDeletes() {
    if (settled_deletes.empty()) return;
    for (const DeleteSet::ClientRanges& client : settled_deletes.clients()) {
      for (const IdRange& range : client.ranges) deletes.Add(client.client, range);
    }
    deletes.SortAndMerge();
    settled_deletes.Clear();
  }

  // Whether it may be kept for another transaction: it holds little memory.
  bool is_small() const {
    constexpr std::size_t kFew = 64;
    return merge_candidates.capacity() <= kFew && changed.capacity() <= kFew &&
           touched.entries().capacity() <= kFew && events.capacity() <= kFew &&
           changed_parents.capacity() <= kFew && origin.capacity() <= 1024;
  }
  // For another transaction; memory is kept.
  void Clear() {
    origin.clear();
    touched.Clear();
    deletes.Clear();
    settled_deletes.Clear();
    merge_candidates.clear();
    changed.clear();
    needs_format_cleanup = false;
    nothing_new_merges = false;
    subdocuments_added.clear();
    subdocuments_removed.clear();
    subdocuments_loaded.clear();
    deleted_clients.Clear();
    before = StateVector();
    after = StateVector();
    insertions.Clear();
    inserted_clients.clear();
    events.clear();
    changed_parents.clear();
  }
};

}  // namespace weft::crdt::internal
