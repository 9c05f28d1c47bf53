#pragma once

// Awareness that is to be told to the peers of a document, gathered until it leaves: of each client
// the newest entry alone.
//
// A hundred people who move their cursors ten times a second are a thousand updates a second for
// each of a hundred receivers. Gathered, each receiver is told once a tick what changed.
//
// Memory: what was added since the last Take; the owner takes at the latest when bytes() passes its
// bound. Threads: one.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "crdt/base/bytes.h"
#include "sync/message.h"

namespace weft::sync {

class AwarenessNews {
 public:
  // Adds the entries of an AwarenessUpdate that was accepted. Each replaces what there was of its
  // client. Fails: kInvalidArgument when it is malformed; entries before that are added.
  absl::Status Add(crdt::ByteView update);

  bool empty() const { return entries_.empty(); }
  std::size_t bytes() const { return bytes_; }

  // All of it as one message; nothing is left. Requires: not empty.
  Frame Take();
  void Clear();

 private:
  std::vector<crdt::Bytes> entries_;                       // encoded: client clock state
  absl::flat_hash_map<std::uint64_t, std::size_t> place_;  // of each client in entries_
  std::size_t bytes_ = 0;
};

}  // namespace weft::sync
