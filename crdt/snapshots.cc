// What was visible then.

#include "absl/strings/str_cat.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

Snapshot DocCore::TakeSnapshot() const { return Snapshot(AllDeletes(), GetStateVector()); }

void DocCore::SplitAt(const Snapshot& snapshot) {
  for (const StateVector::Entry& entry : snapshot.state().entries()) {
    const std::optional<ClientIndex> client = FindClient(entry.client);
    if (!client.has_value() || entry.clock >= clients_[*client].blocks.end()) continue;
    BlockStartingAt(PackedId::Make(*client, entry.clock));
  }
  ForEachItem(snapshot.deletes(), {}, [](ItemRef) {});
}

absl::StatusOr<Bytes> DocCore::EncodeStateAt(const Snapshot& snapshot) {
  if (gc_) {
    return absl::FailedPreconditionError(
        "this document drops the content of what is deleted (gc); to show snapshots it must have "
        "been made with gc false");
  }
  Bytes update;
  absl::Status status;
  // Also where it fails: Yjs looks at the snapshot in a transaction.
  Transact("", /*local=*/true, [&] {
    for (const StateVector::Entry& entry : snapshot.state().entries()) {
      if (entry.clock > StateOf(entry.client)) {
        status = absl::InvalidArgumentError(
            absl::StrCat("the snapshot has ", entry.clock, " elements of client ",
                         ToNumber(entry.client), ", the document has ", StateOf(entry.client)));
        return;
      }
    }
    std::vector<std::pair<ClientIndex, Clock>> ends;
    // Higher clients first, as in every update.
    const auto& entries = snapshot.state().entries();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      const ClientIndex client = *FindClient(entry->client);
      if (entry->clock < clients_[client].blocks.end()) {
        BlockStartingAt(PackedId::Make(client, entry->clock));
      }
      ends.emplace_back(client, entry->clock);
    }
    update = EncodeBlocksUpTo(ends, snapshot.deletes());
  });
  if (!status.ok()) return status;
  return update;
}

}  // namespace weft::crdt::internal
