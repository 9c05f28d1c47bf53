#include "store/salvage.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "store/batch_writer.h"
#include "store/cursor.h"
#include "store/directory_lock.h"
#include "store/environment.h"
#include "store/format.h"
#include "store/log_reader.h"
#include "store/outbox.h"
#include "store/room_index.h"
#include "store/rows.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

constexpr std::size_t kEntriesAtOnce = 8192;

// Everything sound that was found. Values are views into the damaged file.
struct Finds {
  using Placed = std::map<std::pair<RoomId, Sequence>, ByteView>;

  std::map<RoomId, RoomRow> rows;  // of several the one with the highest head
  std::map<RoomId, NamedRoom> names;
  Placed records;
  Placed snapshots;
  std::map<std::string, ByteView> versions;  // by key
  Placed quarantine;
  std::map<std::string, ByteView> rows_of_applications;  // by key
  std::map<std::string, ByteView> outbox;                // by key
  std::uint64_t from_stale_pages = 0;
};

class Salvager {
 public:
  Salvager(const PageFile& file, Finds& finds) : file_(file), finds_(finds) {}

  void Run(const Progress& progress) {
    VisitLeaves(
        file_,
        [this](const std::string& table, ByteView key, ByteView value) {
          if (table == kRowsTable) {
            return TakeEntry(finds_.rows_of_applications, IsIntactRow, key, value);
          }
          if (table == kOutboxTable) {
            return TakeEntry(finds_.outbox, IsIntactOutboxEntry, key, value);
          }
          if (table == kNamesTable) TakeName(key, value);
          if (table == kQuarantineTable) return TakeSetAside(key, value);
          if (table == kVersionsTable) return TakeVersion(key, value);
          Take(key, value);
        },
        reached_);
    stale_ = true;
    const std::uint64_t count = file_.page_count();
    for (PageNumber number = 2; number < count; ++number) {
      if (progress && number % 1024 == 0) progress(number, count);
      // Also pages that a tree reaches: what it could not decode as a whole may be sound in parts.
      TakePage(number);
    }
  }

 private:
  void TakePage(PageNumber number) {
    const char* why = "";
    const ByteView bytes = file_.Page(number);
    const auto page = DecodeNodePage(bytes, why);
    if (!page || page->is_branch) {
      if (!page) TakeLooseNodes(bytes);
      return;
    }
    for (const PageNode& node : page->nodes) TakeNode(node);
  }

  // A page whose header or one of whose nodes is damaged: every offset that may be a node is tried.
  void TakeLooseNodes(ByteView bytes) {
    for (std::size_t offset = kPageHeaderBytes; offset + 8 < bytes.size(); offset += 2) {
      const auto node = DecodeLeafNode(bytes, offset);
      if (node &&
          (DecodeRecordKey(node->key) || DecodeRoomKey(node->key) || DecodeJournalKey(node->key))) {
        TakeNode(*node);
      }
    }
  }

  void TakeNode(const PageNode& node) {
    if ((node.flags & (kTableData | kDuplicateData)) != 0) return;
    if ((node.flags & kBigData) == 0) return Take(node.key, node.data);
    // The run's own header may be damaged; its bytes prove themselves.
    const std::uint64_t pages = (kPageHeaderBytes - 1 + node.big_bytes) / file_.page_bytes() + 1;
    const ByteView run = file_.Pages(node.child, pages);
    if (!run.empty()) Take(node.key, run.subspan(kPageHeaderBytes, node.big_bytes));
  }

  // A record, a snapshot or a room's row proves what it is; the table that it lay in does not matter.
  void Take(ByteView key, ByteView value) {
    if (DecodeJournalKey(key)) TakeJournalEntry(value);
    if (const auto place = DecodeRecordKey(key)) {
      const RecordKey record_key = EncodeRecordKey(place->room, place->sequence);
      const auto at = std::pair(place->room, place->sequence);
      if (ProveRecord(record_key, value)) {
        if (finds_.records.emplace(at, value).second && stale_) ++finds_.from_stale_pages;
      } else if (DecodeSnapshot(record_key, value)) {
        finds_.snapshots.emplace(at, value);
      }
    }
    if (const auto room = DecodeRoomKey(key)) {
      auto row = DecodeRoomRow(*room, value);
      if (!row) return;
      const auto [known, fresh] = finds_.rows.try_emplace(*room, *row);
      // What is deleted is so for good, whatever a row of an earlier time says.
      if (!fresh && !known->second.deleted && (row->head > known->second.head || row->deleted)) {
        known->second = *row;
      }
    }
  }

  // Of these two the table does matter: what proves the one proves the other, when the version's name
  // looks like a sequence.
  void TakeSetAside(ByteView key, ByteView value) {
    const auto place = DecodeRecordKey(key);
    if (!place || !DecodeQuarantined(EncodeRecordKey(place->room, place->sequence), value)) return;
    finds_.quarantine.emplace(std::pair(place->room, place->sequence), value);
  }
  void TakeVersion(ByteView key, ByteView value) {
    if (!DecodeVersion(key, value)) return;
    finds_.versions.emplace(std::string(crdt::AsText(key)), value);
  }

  // It may be moved already, and is the same then.
  void TakeJournalEntry(ByteView value) {
    const auto entry = DecodeJournalEntry(value);
    if (!entry) return;
    const RecordPlace& place = entry->place;
    if (!ProveRecord(EncodeRecordKey(place.room, place.sequence), entry->record)) return;
    const auto at = std::pair(place.room, place.sequence);
    if (finds_.records.emplace(at, entry->record).second && stale_) ++finds_.from_stale_pages;
  }

  // The newer tree comes first.
  static void TakeEntry(std::map<std::string, ByteView>& entries,
                        bool (*is_intact)(ByteView, ByteView), ByteView key, ByteView value) {
    if (is_intact(key, value)) entries.emplace(std::string(crdt::AsText(key)), value);
  }

  void TakeName(ByteView key, ByteView value) {
    if (auto named = DecodeNameEntry(key, value)) finds_.names.emplace(named->room, *named);
  }

  const PageFile& file_;
  Finds& finds_;
  std::vector<bool> reached_;
  bool stale_ = false;
};

int PutEntry(const Transaction& transaction, MDB_dbi table, ByteView key_bytes, ByteView bytes) {
  MDB_val key = ToVal(key_bytes);
  MDB_val value = ToVal(bytes);
  return mdb_put(transaction.handle(), table, &key, &value, 0);
}

// Writes what was found into a new log, in transactions of bounded size.
class Rewriter {
 public:
  // `report` counts what is written, once, however often the map has to grow; `progress` is told of
  // entries, of which there are `total`.
  Rewriter(Environment& environment, SalvageReport& report, const Progress& progress,
           std::uint64_t total)
      : environment_(environment), report_(report), progress_(progress), total_(total) {}

  // `put` writes entry after entry and answers LMDB's code; `count` of them are written in all.
  template <typename Entries, typename Put>
  absl::Status WriteAll(const Entries& entries, const Put& put) {
    auto next = entries.begin();
    while (next != entries.end()) {
      auto entry = next;
      const SalvageReport before = report_;
      auto [code, transaction] = environment_.BeginWrite();
      for (std::size_t i = 0; code == 0 && i < kEntriesAtOnce && entry != entries.end(); ++i) {
        code = put(transaction, *entry);
        ++entry;
      }
      if (code == 0) code = transaction.Commit();
      if (code == MDB_MAP_FULL) {
        transaction.Abort();
        report_ = before;
        const absl::Status grown = environment_.GrowMap(0);
        if (!grown.ok()) return grown;
        continue;
      }
      if (code != 0) return StatusFromCode(code, "cannot write what was salvaged");
      written_ += static_cast<std::uint64_t>(std::distance(next, entry));
      if (progress_) progress_(written_, total_);
      next = entry;
    }
    return absl::OkStatus();
  }

  // Into a table that not every log has; without entries this one has none.
  absl::Status WriteTable(const char* name, const std::map<std::string, ByteView>& entries) {
    return WriteAll(entries, [&](const Transaction& transaction,
                                 const std::pair<const std::string, ByteView>& entry) {
      MDB_dbi table = 0;
      const int code = mdb_dbi_open(transaction.handle(), name, MDB_CREATE, &table);
      if (code != 0) return code;
      return PutEntry(transaction, table, crdt::AsBytes(entry.first), entry.second);
    });
  }

 private:
  Environment& environment_;
  SalvageReport& report_;
  const Progress& progress_;
  const std::uint64_t total_;
  std::uint64_t written_ = 0;
};

// The rooms that there were, with rows that fit what was found.
std::map<RoomId, RoomRow> MakeRows(Finds& finds, SalvageReport& report) {
  std::map<RoomId, RoomRow> rows = finds.rows;
  const auto ensure = [&](RoomId room) {
    if (rows.contains(room)) return;
    RoomRow row;
    const auto name = finds.names.find(room);
    if (name != finds.names.end()) {
      row.name = name->second.name;
    } else {
      row.name = absl::StrCat("salvaged-room-", static_cast<std::uint32_t>(room));
      ++report.nameless_rooms;
    }
    rows.emplace(room, std::move(row));
  };
  for (const auto& [room, named] : finds.names) ensure(room);
  for (const auto& [place, value] : finds.records) ensure(place.first);
  for (const auto& [place, value] : finds.snapshots) ensure(place.first);
  // Two rooms of one name cannot both have it: the one of the higher number is the later one.
  std::map<std::string, RoomId> taken;
  for (auto& [room, row] : rows) {
    if (row.deleted) continue;
    // The end may be lost: what was known of the room's sequences is not true of it any more.
    row.generation = DrawGeneration();
    const auto [other, fresh] = taken.try_emplace(row.name, room);
    if (fresh) continue;
    RoomRow& older = rows.at(other->second);
    older.name = absl::StrCat(older.name, "-salvaged-", static_cast<std::uint32_t>(other->second));
    other->second = room;
  }
  return rows;
}

}  // namespace

namespace {

// Into a new directory, which is then perhaps no log.
absl::StatusOr<SalvageReport> SalvageInto(const std::string& directory,
                                          const std::string& destination,
                                          const Progress& progress) {
  const absl::StatusOr<DirectoryLock> source_lock = DirectoryLock::Acquire(directory);
  if (!source_lock.ok()) return source_lock.status();
  const auto file = PageFile::Open(directory + "/data.mdb");
  if (!file.ok()) return file.status();
  Finds finds;
  Salvager(**file, finds).Run(progress);
  SalvageReport report{.pages = (*file)->page_count(), .from_stale_pages = finds.from_stale_pages};
  const std::map<RoomId, RoomRow> rows = MakeRows(finds, report);
  if (rows.empty() && finds.rows_of_applications.empty() && finds.outbox.empty()) {
    return absl::DataLossError(absl::StrCat("nothing was found in ", directory));
  }

  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(destination);
  if (!lock.ok()) return lock.status();
  auto environment = Environment::Open({.directory = destination,
                                        .fsync = true,
                                        .map_bytes = 2 * (*file)->page_count() * 4096,
                                        .check_pages = true});
  if (!environment.ok()) return environment.status();
  Rewriter rewriter(**environment, report, progress,
                    finds.records.size() + finds.snapshots.size() + finds.quarantine.size() +
                        finds.versions.size() + rows.size() + finds.rows_of_applications.size() +
                        finds.outbox.size());
  const auto is_dead = [&](RoomId room) {
    const auto row = rows.find(room);
    return row != rows.end() && row->second.deleted;
  };
  absl::Status written = rewriter.WriteAll(
      finds.records, [&](const Transaction& transaction, const Finds::Placed::value_type& entry) {
        const auto [room, sequence] = entry.first;
        const auto row = rows.find(room);
        // What was dropped as history, or never committed, stays out; and so does what was set aside,
        // of which the journal or a stale page may have a copy.
        if (finds.quarantine.contains(entry.first)) return 0;
        if (is_dead(room)) return 0;
        if (finds.rows.contains(room) && sequence < row->second.first) return 0;
        ++report.records;
        return PutEntry(transaction, transaction.tables().records, EncodeRecordKey(room, sequence),
                        entry.second);
      });
  if (written.ok()) {
    written = rewriter.WriteAll(finds.snapshots, [&](const Transaction& transaction,
                                                     const Finds::Placed::value_type& entry) {
      const auto [room, sequence] = entry.first;
      if (is_dead(room)) return 0;
      ++report.snapshots;
      return PutEntry(transaction, transaction.tables().snapshots, EncodeRecordKey(room, sequence),
                      entry.second);
    });
  }
  if (written.ok()) {
    written = rewriter.WriteAll(finds.quarantine, [&](const Transaction& transaction,
                                                      const Finds::Placed::value_type& entry) {
      const auto [room, sequence] = entry.first;
      if (is_dead(room)) return 0;
      return PutEntry(transaction, transaction.tables().quarantine, EncodeRecordKey(room, sequence),
                      entry.second);
    });
  }
  if (written.ok()) {
    written = rewriter.WriteAll(
        finds.versions,
        [&](const Transaction& transaction, const std::pair<const std::string, ByteView>& entry) {
          const auto placed = DecodeVersion(crdt::AsBytes(entry.first), entry.second);
          if (!placed || is_dead(placed->room)) return 0;
          ++report.versions;
          return PutEntry(transaction, transaction.tables().versions, crdt::AsBytes(entry.first),
                          entry.second);
        });
  }
  if (written.ok()) {
    written = rewriter.WriteAll(rows, [&](const Transaction& transaction,
                                          const std::pair<const RoomId, RoomRow>& entry) {
      RoomRow row = entry.second;
      if (!row.deleted) {
        ++report.rooms;
        RoomRow rebuilt;
        const NamedRoom named{.name = row.name, .room = entry.first, .generation = row.generation};
        const int code = RebuildRoomRow(transaction, named, rebuilt);
        if (code != 0) return code;
        // What the row knew and the records cannot tell: where the history ends and begins.
        rebuilt.policy = row.policy;
        rebuilt.quarantined = row.quarantined;
        // A row does not know what came to the journal after it was written.
        std::uint64_t appended = row.appended_bytes;
        for (auto record = finds.records.upper_bound(std::pair(entry.first, row.head));
             record != finds.records.end() && record->first.first == entry.first; ++record) {
          const auto stored = DecodeRecord(record->second);
          appended += stored ? stored->payload.size() : 0;
        }
        rebuilt.appended_bytes = std::max(appended, rebuilt.appended_bytes);
        if (row.head > 0) {
          rebuilt.created_ms = row.created_ms;
          rebuilt.first = row.first;
          rebuilt.base_checksum = row.base_checksum;
        }
        if (row.head > rebuilt.head) {
          rebuilt.head = row.head;
          rebuilt.head_checksum = row.head_checksum;
        }
        row = std::move(rebuilt);
        const int named_code = RestoreName(transaction, named);
        if (named_code != 0) return named_code;
      }
      return WriteRoomRow(transaction, entry.first, row);
    });
  }
  if (written.ok()) written = rewriter.WriteTable(kRowsTable, finds.rows_of_applications);
  if (written.ok()) written = rewriter.WriteTable(kOutboxTable, finds.outbox);
  if (!written.ok()) return written;
  report.rows = finds.rows_of_applications.size();
  const OutboxTally outbox = CountOutbox(finds.outbox);
  report.messages = outbox.messages;
  report.messages_missing = outbox.missing;
  report.messages_end_missing = outbox.end_missing;

  const LogReader reader(**environment);
  const auto verified = reader.Verify({}, progress);
  if (!verified.ok()) return verified.status();
  for (const auto& found : verified->damage) report.losses.push_back({found.room, found.damage});
  return report;
}

}  // namespace

absl::StatusOr<SalvageReport> SalvageLog(const std::string& directory,
                                         const std::string& new_directory,
                                         const Progress& progress) {
  namespace fs = std::filesystem;
  constexpr const char* kDataFile = "/data.mdb";
  std::error_code error;
  fs::path path(new_directory);
  if (!path.has_filename() && path.has_parent_path()) path = path.parent_path();
  const std::string destination = path.string();
  if (fs::exists(destination + kDataFile, error)) {
    return absl::AlreadyExistsError(absl::StrCat("there is a log in ", destination, " already"));
  }
  // Half of a log never has the name of one. A directory that is there keeps its owner and mode.
  const bool is_new = !fs::exists(destination, error);
  const std::string partial =
      is_new ? absl::StrCat(destination, ".partial-", getpid()) : destination + "/salvage.partial";
  fs::remove_all(partial, error);
  absl::StatusOr<SalvageReport> report = SalvageInto(directory, partial, progress);
  if (report.ok()) {
    for (const char* lock : {"/lock.mdb", "/weft.lock"}) fs::remove(partial + lock, error);
    const std::string whole = is_new ? "" : kDataFile;
    fs::rename(partial + whole, destination + whole, error);
    absl::Status named =
        error ? StatusFromCode(error.value(), absl::StrCat("cannot name the log ", destination))
              : SyncDirectory(is_new ? fs::absolute(path).parent_path().string() : destination);
    if (!named.ok()) report = std::move(named);
  }
  fs::remove_all(partial, error);
  return report;
}

}  // namespace weft::store
