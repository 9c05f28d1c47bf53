#pragma once

// Saving what can be saved of a log whose pages are damaged.
//
// A record proves itself wherever it lies (format.h), so nothing but its own bytes is needed: all
// pages are gone through, those first that LMDB's trees still reach, then every page that looks like
// one, and what is sound is put into a new log under its old number and sequence. Stale pages of
// earlier transactions fill holes; nothing that was deleted comes back, since deleted rooms keep
// their rows. What changes and goes without a trace, as versions, the rows of applications and the
// outbox do, is taken from LMDB's trees alone: where the newest tree is damaged, from the one before,
// so that a message that was taken with the last commit may be there once more.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/page_check.h"
#include "store/record.h"

namespace weft::store {

struct SalvageReport {
  std::uint64_t pages = 0;
  std::uint64_t rooms = 0;
  std::uint64_t records = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t versions = 0;
  std::uint64_t rows = 0;              // of applications (store/rows.h)
  std::uint64_t messages = 0;          // of the outbox (store/outbox.h), and
  std::uint64_t messages_missing = 0;  // those known to be lost
  bool messages_end_missing = false;   // and others that were put last
  std::uint64_t from_stale_pages = 0;  // records that no tree reached
  std::uint64_t nameless_rooms = 0;  // named "salvaged-room-N", since neither row nor name is left
  // What is missing now, by room.
  struct Loss {
    std::string room;
    Damage damage;
  };
  std::vector<Loss> losses;
};

// Reads the log in `directory` and makes a new one in `destination`, which appears whole or not at all.
// Changes nothing in `directory`; no server may use it meanwhile. Memory: some 60 bytes a record.
// Fails: kAlreadyExists; kDataLoss when nothing was found; as the system's read and write.
absl::StatusOr<SalvageReport> SalvageLog(const std::string& directory,
                                         const std::string& destination, const Progress& progress);

}  // namespace weft::store
