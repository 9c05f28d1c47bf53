#pragma once

// The LMDB environment of a log: opening and checking its format, transactions, growth of its map.
//
// Inside this folder LMDB's own codes travel as `int`, 0 being success and positive ones being an
// errno, because the writer must tell a full map from a full disk; they become an absl::Status
// (store/system_error.h) where they leave.

#include <lmdb.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/format.h"
#include "store/map_gate.h"
#include "store/page_check.h"

namespace weft::store {

class JournalIndex;

// The tables of store/format.h.
struct Tables {
  MDB_dbi meta = 0;
  MDB_dbi names = 0;
  MDB_dbi rooms = 0;
  MDB_dbi records = 0;
  MDB_dbi snapshots = 0;
  MDB_dbi versions = 0;
  MDB_dbi quarantine = 0;
  std::array<MDB_dbi, 2> journal{};
};

// A transaction; ended without a commit unless Commit was called. Threads: one.
class Transaction {
 public:
  Transaction(MDB_txn* handle, const Tables& tables, MapGate* reader_of,
              JournalIndex* journal = nullptr)
      : handle_(handle), tables_(tables), reader_of_(reader_of), journal_(journal) {}
  Transaction(Transaction&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)),
        tables_(other.tables_),
        reader_of_(std::exchange(other.reader_of_, nullptr)),
        journal_(other.journal_),
        journal_range_(other.journal_range_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (handle_ != nullptr) mdb_txn_abort(handle_);
    if (reader_of_ != nullptr) reader_of_->LeaveReader();
  }

  MDB_txn* handle() const { return handle_; }
  const Tables& tables() const { return tables_; }

  std::uint64_t number() const { return mdb_txn_id(handle_); }

  // Finds a room's entries in the journal; null when nobody keeps that up (store/journal.h).
  JournalIndex* journal() const { return journal_; }
  void UseJournal(JournalIndex* journal) { journal_ = journal; }

  // Which entries the journal has from now on; without it they stay as they are.
  void SealJournal(const JournalRange& range) { journal_range_ = range; }

  // Seals the transaction (store/format.h) and commits it. LMDB's code. The transaction has ended
  // either way.
  int Commit();
  // Ends a read transaction, and keeps the handles of tables that it has opened. LMDB's code.
  int Keep() { return mdb_txn_commit(std::exchange(handle_, nullptr)); }
  void Abort() {
    if (handle_ != nullptr) mdb_txn_abort(std::exchange(handle_, nullptr));
  }

 private:
  MDB_txn* handle_;
  Tables tables_;
  MapGate* reader_of_;  // null in a write transaction
  JournalIndex* journal_;
  std::optional<JournalRange> journal_range_;
};

// What the last commit that the transaction sees was sealed with; zeros when there is no seal.
// LMDB's code.
int ReadSeal(const Transaction& transaction, Seal& seal);

// Threads: BeginRead, map_bytes and growths from any; the rest from one, the writer.
class Environment {
 public:
  struct Options {
    std::string directory;
    bool fsync = true;
    std::size_t map_bytes = 0;  // to begin with; raised to what the file needs
    bool check_pages = true;    // before LMDB reads them (store/page_check.h)
    // For tools, beside the process that owns the directory: BeginWrite fails. The directory must
    // hold a log of this format.
    bool read_only = false;
    Progress progress{};  // of that check
  };

  // Needs no disk space when the directory holds a log already. Fails: as UpdateLog::Open.
  static absl::StatusOr<std::unique_ptr<Environment>> Open(const Options& options);
  ~Environment();

  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Waits while the map is being replaced. Requires: this thread has no read transaction.
  // Fails: kInternal, kResourceExhausted when too many threads read at once.
  absl::StatusOr<Transaction> BeginRead() const;

  // At most one at a time. LMDB's code, and the transaction, empty when that is not 0.
  std::pair<int, Transaction> BeginWrite();

  // At least doubles the map, and makes it larger by `bytes`. Waits for running readers.
  // Requires: no write transaction. Fails: kResourceExhausted, without change, when the address
  // space is used up.
  absl::Status GrowMap(std::size_t bytes);

  // Whether the medium has no place for `bytes` more. LMDB reports a write that was cut short by a
  // full disk as EIO, and this tells it from a failing device. May lengthen the file.
  bool IsDiskFull(std::size_t bytes) const;

  // Opens anew when LMDB has shut the environment after a fault and readers would be refused: as it
  // was, or for reading only, after which BeginWrite fails. Requires: no write transaction.
  void Revive(bool writable);

  // Copies the log as of one moment into an existing empty directory, without the pages that are
  // free, and waits until it is on the medium. Any thread; reads and writes go on. `progress` is told
  // pages, on the caller's thread. Fails: as the system's write, worded; what was written is then no log.
  absl::Status CopyTo(const std::string& directory, const Progress& progress) const;

  // Checks the pages as of one moment; reads and writes go on. Any thread.
  // Fails: as CheckPages.
  absl::StatusOr<PageReport> CheckPagesNow(const Progress& progress) const;

  const std::string& directory() const { return options_.directory; }
  std::size_t map_bytes() const { return map_bytes_; }
  std::size_t growths() const { return growths_; }
  std::uint64_t last_transaction() const;

 private:
  explicit Environment(Options options);

  int OpenHandle(unsigned flags);
  int OpenTables(MDB_txn* transaction, unsigned flags);
  // The format version of what is there; 0 for nothing yet.
  absl::StatusOr<std::uint32_t> ReadFormat();
  // Makes the tables that are lacking, all of them in a new log.
  absl::Status InitializeTables(bool is_new);
  absl::Status Seal(int times);

  Options options_;
  mutable MapGate gate_;
  MDB_env* handle_ = nullptr;  // null when it could not be kept open
  Tables tables_;
  std::unique_ptr<JournalIndex> journal_;  // what readers know of it
  std::atomic<std::size_t> map_bytes_ = 0;
  std::atomic<std::size_t> growths_ = 0;
};

}  // namespace weft::store
