#include "store/rows.h"

#include <xxhash.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/room_edit.h"
#include "store/system_error.h"

namespace weft::store {
namespace {

constexpr std::string_view kVersionKey = "version";
constexpr std::string_view kVersion("\0\0\0\1", 4);
constexpr std::size_t kCheckBytes = 8;

using Check = std::array<std::uint8_t, kCheckBytes>;

Check CheckOf(ByteView key, ByteView value) {
  const std::uint64_t hash =
      XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
  Check check{};
  for (std::size_t i = 0; i < kCheckBytes; ++i) {
    check[i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
  }
  return check;
}

// What stands behind the check; nothing when that is wrong.
std::optional<ByteView> Unwrap(ByteView key, ByteView stored) {
  if (stored.size() < kCheckBytes) return std::nullopt;
  const ByteView value = stored.subspan(kCheckBytes);
  const Check check = CheckOf(key, value);
  if (!std::equal(check.begin(), check.end(), stored.begin())) return std::nullopt;
  return value;
}

std::string Prefix(std::string_view application, std::string_view table) {
  std::string prefix;
  prefix.reserve(application.size() + table.size() + 2);
  prefix.append(application).push_back('\0');
  prefix.append(table).push_back('\0');
  return prefix;
}

std::string RowKey(std::string_view application, std::string_view table, ByteView key) {
  std::string row = Prefix(application, table);
  row.append(crdt::AsText(key));
  return row;
}

absl::Status Damaged(std::string_view table, ByteView key) {
  std::string name;
  for (const std::uint8_t byte : key.first(std::min<std::size_t>(key.size(), 32))) {
    absl::StrAppend(&name, absl::Hex(byte, absl::kZeroPad2));
  }
  return absl::DataLossError(
      absl::StrCat("the row ", name, " of table ", std::string(table), " is not what was written"));
}

int PutRow(MDB_txn* transaction, MDB_dbi table, ByteView key, ByteView value) {
  MDB_val row_key = ToVal(key);
  MDB_val place{.mv_size = kCheckBytes + value.size(), .mv_data = nullptr};
  const int code = mdb_put(transaction, table, &row_key, &place, MDB_RESERVE);
  if (code != 0) return code;
  auto* const bytes = static_cast<std::uint8_t*>(place.mv_data);
  const Check check = CheckOf(key, value);
  std::copy(check.begin(), check.end(), bytes);
  std::copy(value.begin(), value.end(), bytes + kCheckBytes);
  return 0;
}

absl::Status CheckVersion(ByteView key, ByteView stored) {
  const std::optional<ByteView> version = Unwrap(key, stored);
  if (!version) return Damaged("", key);
  if (crdt::AsText(*version) == kVersion) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the rows beside the log have a newer format than this weft reads");
}

}  // namespace

// --- Reading and writing
// ------------------------------------------------------------------------------

absl::Status RowReader::Fail(int code, std::string_view doing) const {
  if (code_ == 0) code_ = code;
  return StatusFromCode(code, doing);
}

absl::StatusOr<std::optional<ByteView>> RowReader::Get(std::string_view table, ByteView key) const {
  const std::string row = RowKey(application_, table, key);
  MDB_val row_key = ToVal(row);
  MDB_val stored{};
  const int code = mdb_get(transaction_, table_, &row_key, &stored);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return Fail(code, "cannot read a row");
  const std::optional<ByteView> value = Unwrap(crdt::AsBytes(row), ToView(stored));
  if (!value) return Damaged(table, key);
  return value;
}

absl::Status RowReader::Visit(std::string_view table, ByteView from, ByteView to,
                              VisitRow visit) const {
  const std::string prefix = Prefix(application_, table);
  const std::string begin = RowKey(application_, table, from);
  Cursor cursor;
  int code = cursor.Open(transaction_, table_);
  if (code != 0) return Fail(code, "cannot read rows");
  for (code = cursor.MoveTo(crdt::AsBytes(begin), MDB_SET_RANGE); code == 0;
       code = cursor.Move(MDB_NEXT)) {
    if (!crdt::AsText(cursor.key()).starts_with(prefix)) return absl::OkStatus();
    const ByteView key = cursor.key().subspan(prefix.size());
    if (!to.empty() && !std::ranges::lexicographical_compare(key, to)) return absl::OkStatus();
    const std::optional<ByteView> value = Unwrap(cursor.key(), cursor.value());
    if (!value) return Damaged(table, key);
    if (!visit(key, *value)) return absl::OkStatus();
  }
  return code == MDB_NOTFOUND ? absl::OkStatus() : Fail(code, "cannot read rows");
}

absl::Status RowWriter::Put(std::string_view table, ByteView key, ByteView value) {
  if (key.size() > kMaxKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a row's key of ", key.size(), " bytes; at most ", kMaxKeyBytes));
  }
  const std::string row = RowKey(application_, table, key);
  const int code = PutRow(transaction_, table_, crdt::AsBytes(row), value);
  return code == 0 ? absl::OkStatus() : Fail(code, "cannot write a row");
}

absl::Status RowWriter::Erase(std::string_view table, ByteView key) {
  const std::string row = RowKey(application_, table, key);
  MDB_val row_key = ToVal(row);
  const int code = mdb_del(transaction_, table_, &row_key, nullptr);
  return code == 0 || code == MDB_NOTFOUND ? absl::OkStatus() : Fail(code, "cannot erase a row");
}

// --- Opening
// ------------------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Rows>> Rows::Open(UpdateLog& log, std::string application) {
  std::unique_ptr<Rows> rows(new Rows(&log, log.reader(), std::move(application)));
  absl::Status version;
  const absl::Status status = log.Submit([&](BatchWriter& writer) {
    version = absl::OkStatus();
    MDB_txn* const transaction = writer.transaction().handle();
    int code = rows->OpenTable(transaction);
    MDB_val key = ToVal(kVersionKey);
    MDB_val stored{};
    if (code == 0) code = mdb_get(transaction, rows->table_, &key, &stored);
    if (code == 0) version = CheckVersion(crdt::AsBytes(kVersionKey), ToView(stored));
    if (code != MDB_NOTFOUND) return code;
    return PutRow(transaction, rows->table_, crdt::AsBytes(kVersionKey), crdt::AsBytes(kVersion));
  });
  if (!status.ok()) return status;
  if (!version.ok()) return version;
  return rows;
}

absl::StatusOr<std::unique_ptr<Rows>> Rows::OpenIfThere(UpdateLog& log, std::string application) {
  bool is_there = false;
  const absl::Status status = log.Submit([&is_there](BatchWriter& writer) {
    MDB_dbi table = 0;
    const int code = mdb_dbi_open(writer.transaction().handle(), kRowsTable, 0, &table);
    is_there = code == 0;
    return code == MDB_NOTFOUND ? 0 : code;
  });
  if (!status.ok()) return status;
  if (!is_there) return nullptr;
  return Open(log, std::move(application));
}

absl::StatusOr<std::unique_ptr<Rows>> Rows::OpenReadOnly(const LogReader& reader,
                                                         std::string application) {
  std::unique_ptr<Rows> rows(new Rows(nullptr, reader, std::move(application)));
  absl::StatusOr<Transaction> transaction = reader.environment().BeginRead();
  if (!transaction.ok()) return transaction.status();
  MDB_dbi table = 0;
  int code = mdb_dbi_open(transaction->handle(), kRowsTable, 0, &table);
  if (code == MDB_NOTFOUND) return absl::NotFoundError("the log has no rows of an application");
  rows->table_ = table;
  MDB_val key = ToVal(kVersionKey);
  MDB_val stored{};
  if (code == 0) code = mdb_get(transaction->handle(), table, &key, &stored);
  if (code != 0) return StatusFromCode(code, "cannot open the rows");
  absl::Status version = CheckVersion(crdt::AsBytes(kVersionKey), ToView(stored));
  if (!version.ok()) return version;
  code = transaction->Keep();
  if (code != 0) return StatusFromCode(code, "cannot open the rows");
  return rows;
}

int Rows::OpenTable(MDB_txn* transaction) const {
  // Open already in most cases, which costs a look; not after the environment was opened anew.
  MDB_dbi table = 0;
  const int code = mdb_dbi_open(transaction, kRowsTable, MDB_CREATE, &table);
  if (code == 0) table_ = table;
  return code;
}

// --- Transactions
// -------------------------------------------------------------------------------------

absl::Status Rows::Read(absl::FunctionRef<absl::Status(const RowReader&)> read) const {
  for (bool again = true;; again = false) {
    int code = 0;
    absl::Status result;
    {
      const absl::StatusOr<Transaction> transaction = reader_.environment().BeginRead();
      if (!transaction.ok()) return transaction.status();
      const RowReader reader(transaction->handle(), table_, application_);
      result = read(reader);
      code = reader.code();
    }
    // The environment was opened anew, and the table is to be.
    if (!again || log_ == nullptr || (code != EINVAL && code != MDB_BAD_DBI)) return result;
    const absl::Status opened =
        log_->Submit([&](BatchWriter& writer) { return OpenTable(writer.transaction().handle()); });
    if (!opened.ok()) return opened;
  }
}

int Rows::Run(BatchWriter& writer, absl::FunctionRef<absl::Status(RowWriter&)> edit,
              absl::Status& result) const {
  result = absl::OkStatus();
  MDB_txn* const parent = writer.transaction().handle();
  int code = OpenTable(parent);
  if (code != 0) return code;
  // A transaction within the batch's: what is refused is undone, and nothing else is.
  MDB_txn* transaction = nullptr;
  code = mdb_txn_begin(mdb_txn_env(parent), parent, 0, &transaction);
  if (code != 0) return code;
  RowWriter rows(transaction, table_, application_);
  result = edit(rows);
  if (rows.code() != 0 || !result.ok()) {
    mdb_txn_abort(transaction);
    return rows.code();
  }
  return mdb_txn_commit(transaction);
}

absl::Status Rows::Write(const RowEdit& edit) {
  if (log_ == nullptr) return absl::FailedPreconditionError("the rows are open for reading only");
  absl::Status result;
  const absl::Status status =
      log_->Submit([&](BatchWriter& writer) { return Run(writer, edit, result); });
  return status.ok() ? result : status;
}

absl::Status Rows::TryAppend(const Append& append, AppendEdit edit, AppendDone done) {
  if (log_ == nullptr) return absl::FailedPreconditionError("the rows are open for reading only");
  struct Stored {
    std::string room;
    crdt::Bytes payload;
    Append append;
    AppendEdit edit;
    Appended place;
    absl::Status refused;
  };
  auto stored = std::make_shared<Stored>();
  stored->room = append.room;
  stored->payload.assign(append.payload.begin(), append.payload.end());
  stored->append = append;
  stored->append.room = stored->room;
  stored->append.payload = stored->payload;
  stored->edit = std::move(edit);
  return log_->TryEdit(
      [this, stored](BatchWriter& writer) {
        return AppendWith(
            writer, stored->append,
            [&](const Appended& place) {
              absl::Status result;
              const int code =
                  Run(writer, [&](RowWriter& rows) { return stored->edit(rows, place); }, result);
              return std::pair(code, std::move(result));
            },
            stored->place, stored->refused);
      },
      [stored, done = std::move(done)](const absl::StatusOr<Appended>& committed) mutable {
        if (!committed.ok()) return done(committed.status());
        if (!stored->refused.ok()) return done(stored->refused);
        done(stored->place);
      });
}

absl::Status Rows::ChangeRoom(const Precondition& precondition, const RowEdit& edit,
                              absl::FunctionRef<int(BatchWriter&, absl::Status& result)> change) {
  if (log_ == nullptr) return absl::FailedPreconditionError("the rows are open for reading only");
  absl::Status result;
  const absl::Status status = log_->Submit([&](BatchWriter& writer) {
    result = absl::OkStatus();
    OpenRoom* open = nullptr;
    int code = writer.Find(precondition.room, open);
    if (code != 0) return code;
    if (open == nullptr) {
      result = absl::NotFoundError("there is no such room");
      return 0;
    }
    if (precondition.generation != Generation{} &&
        open->row.generation != precondition.generation) {
      result = absl::FailedPreconditionError("the room was deleted or made anew");
      return 0;
    }
    if (precondition.unused_name) {
      OpenRoom* other = nullptr;
      code = writer.Find(*precondition.unused_name, other);
      if (code != 0) return code;
      if (other != nullptr) {
        result = absl::AlreadyExistsError("a room has the name already");
        return 0;
      }
    }
    if (precondition.head && open->row.head != *precondition.head) {
      result = absl::FailedPreconditionError("the room has got further records");
      return 0;
    }
    code = Run(writer, edit, result);
    if (code != 0 || !result.ok()) return code;
    return change(writer, result);
  });
  if (!status.ok()) return status;
  return result;
}

absl::Status Rows::DeleteRoom(std::string_view room, Generation generation, const RowEdit& edit,
                              std::optional<Sequence> head) {
  return ChangeRoom({.room = room, .generation = generation, .head = head}, edit,
                    [&](BatchWriter& writer, absl::Status& result) {
                      return store::DeleteRoom(writer, room, generation, result);
                    });
}

absl::Status Rows::RenameRoom(std::string_view room, Generation generation, Sequence head,
                              std::string_view new_name, const RowEdit& edit) {
  if (new_name.size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError("no room has so long a name");
  }
  return ChangeRoom({.room = room, .generation = generation, .head = head, .unused_name = new_name},
                    edit, [&](BatchWriter& writer, absl::Status& result) {
                      return store::RenameRoom(writer, room, new_name, result);
                    });
}

absl::Status Rows::PutVersion(std::string_view room, const Version& version, const Merge& merge,
                              const RowEdit& edit) {
  if (log_ == nullptr) return absl::FailedPreconditionError("the rows are open for reading only");
  if (version.name.empty() || version.name.size() > kMaxVersionNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a version's name has 1 to ", kMaxVersionNameBytes, " bytes"));
  }
  absl::Status result;
  const absl::Status status = log_->Submit([&](BatchWriter& writer) {
    result = absl::OkStatus();
    int code = store::PutVersion(writer, room, version, /*replace=*/false, result);
    if (code != 0 || !result.ok()) return code;
    code = Run(writer, edit, result);
    if (code != 0 || result.ok()) return code;
    absl::Status dropped;
    return store::DropVersion(writer, room, version.name, dropped);
  });
  if (!status.ok()) return status;
  if (!result.ok()) return result;
  [[maybe_unused]] const auto compacted = log_->Compact(room, merge, {.up_to = version.sequence});
  return absl::OkStatus();
}

bool IsIntactRow(ByteView key, ByteView stored) { return Unwrap(key, stored).has_value(); }

int VerifyRows(MDB_txn* transaction, std::uint64_t& rows,
               absl::FunctionRef<void(std::string_view key)> visit) {
  rows = 0;
  MDB_dbi table = 0;
  int code = mdb_dbi_open(transaction, kRowsTable, 0, &table);
  if (code == MDB_NOTFOUND) return 0;
  Cursor cursor;
  if (code == 0) code = cursor.Open(transaction, table);
  if (code != 0) return code;
  for (code = cursor.Move(MDB_FIRST); code == 0; code = cursor.Move(MDB_NEXT)) {
    ++rows;
    if (!Unwrap(cursor.key(), cursor.value())) visit(crdt::AsText(cursor.key()));
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace weft::store
