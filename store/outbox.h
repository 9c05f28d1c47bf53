#pragma once

// Messages to somebody outside, in the order in which they were put, until they are taken: kept in the
// environment of the log, committed and backed up with it, and opaque like everything here.
//
// Beside them stand marks, small values by key: whoever puts a message about something can note in the
// same transaction up to where it has told of it, and find out after a crash what it has not told.
//
//   outbox  'm' number:u64    := check:u64 payload:bytes      1, 2, 3, … in the order of Put
//           'k' key:bytes     := check:u64 value:bytes
//           "next"            := check:u64 number:u64         never given twice
//   check   := XXH3-64 of all that follows it, seeded by XXH3-64 of the key
//
// The table is made by the first Open: logs without anybody to tell have none. Salvage saves it: what is
// not taken yet is told, and the marks show that rooms have another generation now.
// Threads: one at a time, not the log's writer. Ownership: the log outlives it. Bound: the caller's, by
// Stats::messages.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lmdb.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/update_log.h"

namespace weft::store {

class Outbox {
 public:
  // Bytes of a mark's key.
  static constexpr std::size_t kMaxKeyBytes = 500;

  // A message, a mark, or both at once. A mark without a value is taken away.
  struct Entry {
    std::optional<std::string> payload;
    std::string key;  // of the mark; empty for none
    std::optional<std::string> value;
  };
  struct Message {
    std::uint64_t number = 0;
    std::string payload;
    bool intact = true;  // else its bytes are not those that were put, and the payload is empty
  };

  // Fails, like all of these: as UpdateLog::Submit; kDataLoss, kInternal.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(UpdateLog& log);

  // All of it or nothing, on the medium when it returns. Requires: keys of at most kMaxKeyBytes.
  absl::Status Put(std::span<const Entry> entries);

  // Up to `limit` messages behind number `after`.
  absl::StatusOr<std::vector<Message>> Read(std::uint64_t after, std::size_t limit);

  // Takes all messages up to this number.
  absl::Status DropThrough(std::uint64_t number);

  // Nothing when there is no such mark, or it is damaged.
  absl::StatusOr<std::optional<std::string>> FindMark(std::string_view key);
  // Calls `visit` with each mark that is intact. It must not call the log.
  absl::Status VisitMarks(
      const std::function<void(std::string_view key, std::string_view value)>& visit);

  // Messages that are there, as of the last call.
  std::uint64_t messages() const { return messages_; }

 private:
  explicit Outbox(UpdateLog& log) : log_(log) {}
  // Runs `edit` in the next transaction, with the table open. LMDB's code.
  absl::Status Submit(const std::function<int(MDB_txn*)>& edit);
  // Runs `read` in a read transaction. LMDB's code.
  absl::Status Look(const std::function<int(MDB_txn*)>& read);

  UpdateLog& log_;
  MDB_dbi table_ = 0;  // of the last transaction that opened it
  std::uint64_t messages_ = 0;
};

// --- What salvage knows of it

inline constexpr const char* kOutboxTable = "outbox";

// Whether the entry is what was put under this key.
bool IsIntactOutboxEntry(ByteView key, ByteView stored);

struct OutboxTally {
  std::uint64_t messages = 0;
  // Numbers that were given and are not there, behind the first that is. Those before it are taken for
  // delivered; and where no message is left, nobody knows whether one was.
  std::uint64_t missing = 0;
  bool end_missing = false;  // and more behind the last one, nobody knows how many
};

// Of intact entries, by key.
OutboxTally CountOutbox(const std::map<std::string, ByteView>& entries);

}  // namespace weft::store
