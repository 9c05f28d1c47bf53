#pragma once

// Tables of an application, in the environment of the log: committed with it, backed up with it, proved by
// `weft log verify`, and opaque like everything here. A row can be written in one transaction with a
// record of a room, so that what an application derives from a document and the document itself never part.
//
//   rows    application 0x00 table 0x00 key := check:u64 value      names without 0x00
//           "version"                       := check:u64 1:u32
//   check   := XXH3-64 of all that follows it, seeded by XXH3-64 of the row's key; integers big-endian
//
// The table is made by the first Open: logs without an application have none. Salvage brings back the rows
// that it can prove, as the newest tree that still has them had them; they may be those of the commit before
// the last, so an application that derives them from rooms checks them afterwards.
// Bound: kMaxKeyBytes; values by what fits in memory twice.

#include <lmdb.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/update_log.h"

namespace weft::store {

// What one moment of the tables holds, or a write as far as it has come. Views live until the callback that
// was given the reader returns; in a write, until the next change. Threads: the callback's.
//
// Fails, all: kDataLoss when a row is not what was written; kInternal, when LMDB itself fails.
class RowReader {
 public:
  RowReader(MDB_txn* transaction, MDB_dbi table, std::string_view application)
      : transaction_(transaction), table_(table), application_(application) {}

  absl::StatusOr<std::optional<ByteView>> Get(std::string_view table, ByteView key) const;

  // The rows with keys in [from, to), in the order of their bytes; with `to` empty to the end of the
  // table. Stops early when `visit` says false, which must change nothing.
  using VisitRow = absl::FunctionRef<bool(ByteView key, ByteView value)>;
  absl::Status Visit(std::string_view table, ByteView from, ByteView to, VisitRow visit) const;

  // LMDB's code of the first call that failed for LMDB's sake, 0 when none did.
  int code() const { return code_; }

 protected:
  absl::Status Fail(int code, std::string_view doing) const;

  MDB_txn* const transaction_;
  const MDB_dbi table_;
  const std::string_view application_;
  mutable int code_ = 0;
};

class RowWriter : public RowReader {
 public:
  static constexpr std::size_t kMaxKeyBytes = 400;

  using RowReader::RowReader;

  // Fails: also kInvalidArgument for a key that is too long.
  absl::Status Put(std::string_view table, ByteView key, ByteView value);
  // A row that is not there is fine.
  absl::Status Erase(std::string_view table, ByteView key);
};

// Changes rows. May run more than once: all that it does beside is to set variables anew. With an error
// nothing of it happens, and whoever asked is told.
using RowEdit = std::function<absl::Status(RowWriter&)>;

// Threads: any, at the same time as any other; methods that answer a Status wait for a commit, as those of
// UpdateLog. Ownership: the log outlives it.
class Rows {
 public:
  static constexpr std::size_t kMaxNameBytes = 40;

  // Fails: kInvalidArgument for a newer format; as UpdateLog's edits.
  static absl::StatusOr<std::unique_ptr<Rows>> Open(UpdateLog& log, std::string application);
  // The same of a log that has rows already; null when it has none.
  static absl::StatusOr<std::unique_ptr<Rows>> OpenIfThere(UpdateLog& log, std::string application);
  // For tools, beside the process that owns the directory, of which the reader is. Write and the appends fail
  // with kFailedPrecondition. Fails: kNotFound when the log has no rows.
  static absl::StatusOr<std::unique_ptr<Rows>> OpenReadOnly(const LogReader& reader,
                                                            std::string application);

  // Shows one moment; waits for no writer. Answers what `read` does. The map cannot grow meanwhile: `read`
  // must not wait for the log.
  absl::Status Read(absl::FunctionRef<absl::Status(const RowReader&)> read) const;

  // All of the edit or nothing, on the medium (as UpdateLog::durability has it) when it returns.
  absl::Status Write(const RowEdit& edit);

  // Runs on the writer thread, knowing the place that the record gets.
  using AppendEdit = std::function<absl::Status(RowWriter&, const Appended& place)>;

  // Stores the update as its room's next record together with the rows: both or neither. As
  // UpdateLog::TryAppend, except that no bound of the queue refuses it; an error of the edit is what `done`
  // is told, and the room is as it was, made anew if it was unknown.
  absl::Status TryAppend(const Append& append, AppendEdit edit, AppendDone done);

  // Names the state after record `version.sequence` and keeps it, together with the change of the rows: both
  // or neither. The snapshot that `merge` makes of it follows; without it the name alone keeps the history.
  // Fails: as the edit; as UpdateLog::PutVersion without `replace`.
  absl::Status PutVersion(std::string_view room, const Version& version, const Merge& merge,
                          const RowEdit& edit);

  // The room and its history are gone together with the change of the rows, or neither is. `head`: only
  // when that is its last record. Fails: as the edit; as UpdateLog::DeleteRoom; kFailedPrecondition when the
  // room has another head.
  absl::Status DeleteRoom(std::string_view room, Generation generation, const RowEdit& edit,
                          std::optional<Sequence> head = std::nullopt);

  // The room has another name from now on, with its history and its quarantine, together with the change of the
  // rows, or nothing happens. Fails: as DeleteRoom; kAlreadyExists when a room has that name; kInvalidArgument
  // when it is too long.
  absl::Status RenameRoom(std::string_view room, Generation generation, Sequence head,
                          std::string_view new_name, const RowEdit& edit);

 private:
  Rows(UpdateLog* log, const LogReader& reader, std::string application)
      : log_(log), reader_(reader), application_(std::move(application)) {}
  int OpenTable(MDB_txn* transaction) const;
  // What has to hold of a room for a change of it.
  struct Precondition {
    std::string_view room;
    Generation generation{};
    std::optional<Sequence> head = {};
    std::optional<std::string_view> unused_name = {};  // no room has it
  };
  // Runs the edit, and then `change`, which cannot be refused.
  absl::Status ChangeRoom(const Precondition& precondition, const RowEdit& edit,
                          absl::FunctionRef<int(BatchWriter&, absl::Status& result)> change);
  // Runs the edit within the writer's transaction, undone when it fails. LMDB's code.
  int Run(BatchWriter& writer, absl::FunctionRef<absl::Status(RowWriter&)> edit,
          absl::Status& result) const;

  UpdateLog* const log_;  // null when it only reads
  const LogReader& reader_;
  const std::string application_;
  mutable std::atomic<MDB_dbi> table_ = 0;  // of the last transaction that opened it
};

inline constexpr const char* kRowsTable = "rows";

// Whether the row is what was written under this key.
bool IsIntactRow(ByteView key, ByteView stored);

// Proves each row of all applications. `visit` is told the key of one that is damaged; `rows` counts all.
// LMDB's code; a log without rows has none.
int VerifyRows(MDB_txn* transaction, std::uint64_t& rows,
               absl::FunctionRef<void(std::string_view key)> visit);

}  // namespace weft::store
