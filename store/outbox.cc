#include "store/outbox.h"

#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/cursor.h"
#include "store/system_error.h"

namespace weft::store {
namespace {

constexpr std::string_view kNextKey = "next";
constexpr char kMessageTag = 'm';
constexpr char kMarkTag = 'k';
constexpr std::size_t kCheckBytes = 8;

std::string BigEndian(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (56 - 8 * i));
  return bytes;
}
std::uint64_t FromBigEndian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

std::string MessageKey(std::uint64_t number) { return kMessageTag + BigEndian(number); }
std::string MarkKey(std::string_view key) { return kMarkTag + std::string(key); }

std::string CheckOf(std::string_view key, std::string_view covered) {
  return BigEndian(
      XXH3_64bits_withSeed(covered.data(), covered.size(), XXH3_64bits(key.data(), key.size())));
}

// What stands behind the check; nothing when that is wrong.
std::optional<std::string_view> Unwrap(std::string_view key, std::string_view value) {
  if (value.size() < kCheckBytes) return std::nullopt;
  const std::string_view covered = value.substr(kCheckBytes);
  if (value.substr(0, kCheckBytes) != CheckOf(key, covered)) return std::nullopt;
  return covered;
}

int PutRow(MDB_txn* transaction, MDB_dbi table, std::string_view key, std::string_view covered) {
  const std::string bytes = CheckOf(key, covered) + std::string(covered);
  MDB_val row_key = ToVal(key);
  MDB_val value = ToVal(bytes);
  return mdb_put(transaction, table, &row_key, &value, 0);
}

int DeleteRow(MDB_txn* transaction, MDB_dbi table, std::string_view key) {
  MDB_val row_key = ToVal(key);
  const int code = mdb_del(transaction, table, &row_key, nullptr);
  return code == MDB_NOTFOUND ? 0 : code;
}

// Calls visit(key, value) for the rows from `begin` on, as long as it says so. LMDB's code.
template <typename Visit>
int VisitFrom(MDB_txn* transaction, MDB_dbi table, std::string_view begin, Visit visit) {
  Cursor cursor;
  int code = cursor.Open(transaction, table);
  if (code != 0) return code;
  for (code = cursor.MoveTo(crdt::AsBytes(begin), MDB_SET_RANGE); code == 0;
       code = cursor.Move(MDB_NEXT)) {
    if (!visit(crdt::AsText(cursor.key()), crdt::AsText(cursor.value()))) return 0;
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

// The number that the next message gets: behind all that were ever given.
int FindNext(MDB_txn* transaction, MDB_dbi table, std::uint64_t& next) {
  next = 1;
  MDB_val key = ToVal(kNextKey);
  MDB_val value{};
  int code = mdb_get(transaction, table, &key, &value);
  if (code == 0) {
    const auto covered = Unwrap(kNextKey, crdt::AsText(ToView(value)));
    if (covered && covered->size() == 8) next = FromBigEndian(*covered);
  }
  if (code != 0 && code != MDB_NOTFOUND) return code;
  // The row may be damaged; the messages themselves tell as well.
  Cursor cursor;
  code = cursor.Open(transaction, table);
  const std::string behind(1, static_cast<char>(kMessageTag + 1));
  if (code == 0) code = cursor.MoveTo(crdt::AsBytes(behind), MDB_SET_RANGE);
  code = code == 0 ? cursor.Move(MDB_PREV) : cursor.Move(MDB_LAST);
  if (code == 0 && cursor.key().size() == 9 && cursor.key()[0] == kMessageTag) {
    const std::uint64_t last = FromBigEndian(crdt::AsText(cursor.key()).substr(1));
    next = std::max(next, last + 1);
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(UpdateLog& log) {
  std::unique_ptr<Outbox> outbox(new Outbox(log));
  std::uint64_t count = 0;
  const absl::Status status = outbox->Submit([&](MDB_txn* transaction) {
    count = 0;
    return VisitFrom(transaction, outbox->table_, std::string(1, kMessageTag),
                     [&](std::string_view key, std::string_view) {
                       if (key.front() != kMessageTag) return false;
                       ++count;
                       return true;
                     });
  });
  if (!status.ok()) return status;
  outbox->messages_ = count;
  return outbox;
}

absl::Status Outbox::Submit(const std::function<int(MDB_txn*)>& edit) {
  int failed = 0;
  const absl::Status status = log_.Submit([&](BatchWriter& writer) {
    // Open already in most cases, which costs a look; not after the environment was opened anew.
    MDB_txn* transaction = writer.transaction().handle();
    failed = mdb_dbi_open(transaction, kOutboxTable, MDB_CREATE, &table_);
    if (failed == 0) failed = edit(transaction);
    return failed;
  });
  return status;
}

absl::Status Outbox::Look(const std::function<int(MDB_txn*)>& read) {
  for (bool again = true;; again = false) {
    int code = 0;
    {
      const absl::StatusOr<Transaction> transaction = log_.reader().environment().BeginRead();
      if (!transaction.ok()) return transaction.status();
      code = read(transaction->handle());
    }
    if (code == 0) return absl::OkStatus();
    // The environment was opened anew, and the table is to be.
    if (!again || (code != EINVAL && code != MDB_BAD_DBI)) {
      return StatusFromCode(code, "cannot read the outbox");
    }
    const absl::Status opened = Submit([](MDB_txn*) { return 0; });
    if (!opened.ok()) return opened;
  }
}

absl::Status Outbox::Put(std::span<const Entry> entries) {
  std::uint64_t count = 0;
  const absl::Status status = Submit([&](MDB_txn* transaction) {
    count = 0;
    std::uint64_t next = 0;
    int code = FindNext(transaction, table_, next);
    for (const Entry& entry : entries) {
      if (code == 0 && entry.payload) {
        code = PutRow(transaction, table_, MessageKey(next++), *entry.payload);
        ++count;
      }
      if (code != 0 || entry.key.empty()) continue;
      const std::string key = MarkKey(entry.key);
      code = entry.value ? PutRow(transaction, table_, key, *entry.value)
                         : DeleteRow(transaction, table_, key);
    }
    if (code == 0 && count > 0) code = PutRow(transaction, table_, kNextKey, BigEndian(next));
    return code;
  });
  if (status.ok()) messages_ += count;
  return status;
}

absl::StatusOr<std::vector<Outbox::Message>> Outbox::Read(std::uint64_t after, std::size_t limit) {
  std::vector<Message> messages;
  const absl::Status status = Look([&](MDB_txn* transaction) {
    messages.clear();
    return VisitFrom(transaction, table_, MessageKey(after + 1),
                     [&](std::string_view key, std::string_view value) {
                       if (key.size() != 9 || key.front() != kMessageTag) return false;
                       if (messages.size() == limit) return false;
                       const auto payload = Unwrap(key, value);
                       messages.push_back({.number = FromBigEndian(key.substr(1)),
                                           .payload = std::string(payload.value_or("")),
                                           .intact = payload.has_value()});
                       return true;
                     });
  });
  if (!status.ok()) return status;
  return messages;
}

absl::Status Outbox::DropThrough(std::uint64_t number) {
  std::uint64_t count = 0;
  const absl::Status status = Submit([&](MDB_txn* transaction) {
    count = 0;
    std::vector<std::string> keys;
    int code = VisitFrom(transaction, table_, std::string(1, kMessageTag),
                         [&](std::string_view key, std::string_view) {
                           if (key.size() != 9 || key.front() != kMessageTag) return false;
                           if (FromBigEndian(key.substr(1)) > number) return false;
                           keys.emplace_back(key);
                           return true;
                         });
    for (const std::string& key : keys) {
      if (code == 0) code = DeleteRow(transaction, table_, key);
      ++count;
    }
    return code;
  });
  if (status.ok()) messages_ -= count;
  return status;
}

absl::StatusOr<std::optional<std::string>> Outbox::FindMark(std::string_view key) {
  std::optional<std::string> found;
  const std::string row = MarkKey(key);
  const absl::Status status = Look([&](MDB_txn* transaction) {
    found.reset();
    MDB_val row_key = ToVal(row);
    MDB_val value{};
    const int code = mdb_get(transaction, table_, &row_key, &value);
    if (code == MDB_NOTFOUND) return 0;
    if (code == 0) {
      const auto covered = Unwrap(row, crdt::AsText(ToView(value)));
      if (covered) found = std::string(*covered);
    }
    return code;
  });
  if (!status.ok()) return status;
  return found;
}

absl::Status Outbox::VisitMarks(
    const std::function<void(std::string_view key, std::string_view value)>& visit) {
  return Look([&](MDB_txn* transaction) {
    return VisitFrom(transaction, table_, std::string(1, kMarkTag),
                     [&](std::string_view key, std::string_view value) {
                       if (key.front() != kMarkTag) return false;
                       const auto covered = Unwrap(key, value);
                       if (covered) visit(key.substr(1), *covered);
                       return true;
                     });
  });
}

bool IsIntactOutboxEntry(ByteView key, ByteView stored) {
  return Unwrap(crdt::AsText(key), crdt::AsText(stored)).has_value();
}

OutboxTally CountOutbox(const std::map<std::string, ByteView>& entries) {
  OutboxTally tally;
  std::uint64_t first = 0;
  std::uint64_t behind = 0;  // the last number that was given
  for (const auto& [key, stored] : entries) {
    if (key.size() != 9 || key.front() != kMessageTag) continue;
    behind = FromBigEndian(std::string_view(key).substr(1));
    if (tally.messages++ == 0) first = behind;
  }
  if (tally.messages == 0) return tally;
  const auto next = entries.find(std::string(kNextKey));
  tally.end_missing = next == entries.end();
  if (!tally.end_missing) {
    const auto covered = Unwrap(kNextKey, crdt::AsText(next->second));
    if (covered && covered->size() == 8) behind = std::max(behind, FromBigEndian(*covered) - 1);
  }
  tally.missing = behind - first + 1 - tally.messages;
  return tally;
}

}  // namespace weft::store
