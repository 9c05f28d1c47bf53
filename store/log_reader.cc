#include "store/log_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/journal.h"
#include "store/room_index.h"
#include "store/rows.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

// LMDB's code; `found` is nothing for an unknown room.
int Find(const Transaction& transaction, std::string_view room, std::optional<FoundRoom>& found) {
  found.reset();
  return room.size() > kMaxRoomNameBytes ? 0 : FindRoom(transaction, room, found);
}

RoomInfo Describe(const RoomRow& row) {
  return {.name = row.name,
          .generation = row.generation,
          .head = row.head,
          .first = row.first,
          .snapshot = row.snapshot,
          .records = row.records,
          .payload_bytes = row.payload_bytes,
          .snapshot_bytes = row.snapshot_bytes,
          .appended_bytes = row.appended_bytes,
          .tail_records = row.head - std::min(row.head, std::max(row.snapshot, row.first - 1)),
          .tail_bytes = row.tail_bytes,
          .quarantined = row.quarantined,
          .created_ms = row.created_ms,
          .last_ms = row.last_ms,
          .policy = row.policy};
}

// Makes the row when it is damaged. LMDB's code.
int EnsureRow(const Transaction& transaction, std::string_view name, FoundRoom& found) {
  if (found.row) return 0;
  return RebuildCurrentRow(
      transaction, {.name = std::string(name), .room = found.id, .generation = found.generation},
      found.row.emplace());
}

bool StartsWith(ByteView key, const RoomKey& prefix) {
  return key.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

// Calls visit(key, value) for each entry of a room in a table. LMDB's code.
template <typename Visit>
int VisitRoom(const Transaction& transaction, MDB_dbi table, RoomId id, const Visit& visit) {
  const RoomKey prefix = EncodeRoomKey(id);
  Cursor cursor;
  int code = cursor.Open(transaction.handle(), table);
  if (code != 0) return code;
  for (code = cursor.MoveTo(prefix, MDB_SET_RANGE); code == 0; code = cursor.Move(MDB_NEXT)) {
    if (!StartsWith(cursor.key(), prefix)) return 0;
    visit(cursor.key(), cursor.value());
  }
  return code == MDB_NOTFOUND ? 0 : code;
}

// A read of one room: its transaction, and what was found.
struct RoomRead {
  std::optional<Transaction> transaction;
  std::optional<FoundRoom> found;
};

absl::StatusOr<RoomRead> BeginRoom(const Environment& environment, std::string_view room) {
  absl::StatusOr<Transaction> transaction = environment.BeginRead();
  if (!transaction.ok()) return transaction.status();
  RoomRead read;
  read.transaction.emplace(*std::move(transaction));
  const int code = Find(*read.transaction, room, read.found);
  if (code != 0) return StatusFromCode(code, "cannot find a room");
  return read;
}

absl::StatusOr<LoadReport> Scan(const RoomRead& read, const ScanRange& range,
                                const VisitRecord& visit) {
  LoadReport report;
  if (!read.found) return report;
  const int code =
      ScanRoom(*read.transaction, read.found->id, read.found->row, range, visit, report);
  if (code != 0) return StatusFromCode(code, "cannot load a room");
  return report;
}

absl::Status NoRoom(std::string_view room) {
  return absl::NotFoundError(absl::StrCat("there is no room \"", std::string(room), "\""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(const std::string& directory,
                                                           bool check_pages,
                                                           const Progress& progress) {
  struct stat status{};
  if (stat((directory + "/data.mdb").c_str(), &status) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no log in ", directory));
  }
  auto environment = Environment::Open({.directory = directory,
                                        .fsync = true,
                                        .map_bytes = std::size_t{1} << 30,
                                        .check_pages = check_pages,
                                        .read_only = true,
                                        .progress = progress});
  if (!environment.ok()) return environment.status();
  return std::unique_ptr<LogReader>(new LogReader(*std::move(environment)));
}

absl::StatusOr<LoadReport> LogReader::Load(std::string_view room, const VisitRecord& visit) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  return Scan(*read, {}, visit);
}

absl::StatusOr<LoadReport> LogReader::LoadAt(std::string_view room, Sequence sequence,
                                             const VisitRecord& visit) const {
  absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  if (!read->found) return NoRoom(room);
  const int code = EnsureRow(*read->transaction, room, *read->found);
  if (code != 0) return StatusFromCode(code, "cannot find a room");
  const RoomRow& row = *read->found->row;
  if (sequence > row.head) {
    return absl::NotFoundError(absl::StrCat("the room's last record is ", row.head));
  }
  if (sequence + 1 < row.first) {
    FoundSnapshot snapshot;
    std::vector<Damage> damage;
    const int found =
        FindSnapshot(*read->transaction, read->found->id, sequence + 1, snapshot, damage);
    if (found != 0) return StatusFromCode(found, "cannot load a room");
    if (snapshot.sequence != sequence) {
      return absl::NotFoundError(absl::StrCat("the room's history before record ", row.first,
                                              " was dropped; its versions are still there"));
    }
  }
  return Scan(*read, {.from_snapshot = true, .records = {.begin = 1, .end = sequence + 1}}, visit);
}

absl::StatusOr<LoadReport> LogReader::ReadRecords(std::string_view room, const SequenceRange& range,
                                                  const VisitRecord& visit) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  return Scan(*read, {.from_snapshot = false, .records = range}, visit);
}

absl::StatusOr<Sequence> LogReader::SequenceAt(std::string_view room, std::int64_t time_ms) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  Sequence last = 0;
  if (!read->found) return last;
  const RoomId id = read->found->id;
  const Tables& tables = read->transaction->tables();
  // A snapshot tells the time of its last record, which may be gone.
  int code = VisitRoom(*read->transaction, tables.snapshots, id, [&](ByteView key, ByteView value) {
    const auto place = DecodeRecordKey(key);
    if (!place) return;
    const auto snapshot = DecodeSnapshot(EncodeRecordKey(id, place->sequence), value);
    if (snapshot && snapshot->fields.time_ms <= time_ms) last = std::max(last, place->sequence);
  });
  if (code == 0) {
    code = VisitRoom(*read->transaction, tables.records, id, [&](ByteView key, ByteView value) {
      const auto place = DecodeRecordKey(key);
      const auto stored = DecodeRecord(value);
      if (place && stored && stored->fields.time_ms <= time_ms) {
        last = std::max(last, place->sequence);
      }
    });
  }
  std::vector<JournalRecord> recent;
  if (code == 0) code = ReadJournal(*read->transaction, id, 0, recent);
  for (const JournalRecord& record : recent) {
    const auto stored = DecodeRecord(record.value);
    if (stored && stored->fields.time_ms <= time_ms) last = std::max(last, record.sequence);
  }
  if (code != 0) return StatusFromCode(code, "cannot read a room's times");
  return last;
}

absl::StatusOr<std::optional<RoomInfo>> LogReader::FindRoom(std::string_view room) const {
  absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  if (!read->found) return std::nullopt;
  const int code = EnsureRow(*read->transaction, room, *read->found);
  if (code != 0) return StatusFromCode(code, "cannot find a room");
  return Describe(*read->found->row);
}

absl::StatusOr<std::vector<RoomInfo>> LogReader::ListRooms() const {
  const absl::StatusOr<Transaction> transaction = environment_.BeginRead();
  if (!transaction.ok()) return transaction.status();
  std::vector<NamedRoom> rooms;
  const int code = store::ListRooms(*transaction, rooms);
  if (code != 0) return StatusFromCode(code, "cannot list the rooms");
  return DescribeRooms(*transaction, rooms);
}

absl::StatusOr<std::vector<RoomInfo>> LogReader::ListRooms(const RoomPage& page) const {
  const absl::StatusOr<Transaction> transaction = environment_.BeginRead();
  if (!transaction.ok()) return transaction.status();
  std::vector<NamedRoom> rooms;
  const int code = store::ListRooms(*transaction, page, rooms);
  if (code != 0) return StatusFromCode(code, "cannot list the rooms");
  return DescribeRooms(*transaction, rooms);
}

absl::StatusOr<std::vector<RoomInfo>> LogReader::DescribeRooms(
    const Transaction& transaction, const std::vector<NamedRoom>& rooms) const {
  int code = 0;
  std::vector<RoomInfo> infos;
  infos.reserve(rooms.size());
  for (std::size_t i = 0; i < rooms.size() && code == 0; ++i) {
    FoundRoom found{.id = rooms[i].room, .generation = rooms[i].generation, .row = {}};
    code = ReadRoomRow(transaction, found.id, found.row);
    if (code == 0 && found.row && (found.row->deleted || found.row->name != rooms[i].name))
      continue;
    if (code == 0 && found.row) code = AddJournal(transaction, found.id, *found.row);
    if (code == 0) code = EnsureRow(transaction, rooms[i].name, found);
    if (code == 0) infos.push_back(Describe(*found.row));
  }
  if (code != 0) return StatusFromCode(code, "cannot list the rooms");
  return infos;
}

absl::StatusOr<std::vector<Version>> LogReader::ListVersions(std::string_view room) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  std::vector<Version> versions;
  if (!read->found) return versions;
  const int code = VisitRoom(*read->transaction, read->transaction->tables().versions,
                             read->found->id, [&](ByteView key, ByteView value) {
                               auto placed = DecodeVersion(key, value);
                               if (placed) versions.push_back(std::move(placed->version));
                             });
  if (code != 0) return StatusFromCode(code, "cannot list versions");
  return versions;
}

absl::StatusOr<std::vector<Record>> LogReader::ListSnapshots(std::string_view room) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  std::vector<Record> snapshots;
  if (!read->found) return snapshots;
  const RoomId id = read->found->id;
  const int code = VisitRoom(*read->transaction, read->transaction->tables().snapshots, id,
                             [&](ByteView key, ByteView value) {
                               const auto place = DecodeRecordKey(key);
                               if (!place) return;
                               const auto snapshot =
                                   DecodeSnapshot(EncodeRecordKey(id, place->sequence), value);
                               if (!snapshot) return;
                               snapshots.push_back({.sequence = place->sequence,
                                                    .time_ms = snapshot->fields.time_ms,
                                                    .is_snapshot = true});
                             });
  if (code != 0) return StatusFromCode(code, "cannot list snapshots");
  return snapshots;
}

absl::StatusOr<std::vector<SetAside>> LogReader::ListQuarantine(std::string_view room) const {
  const absl::StatusOr<RoomRead> read = BeginRoom(environment_, room);
  if (!read.ok()) return read.status();
  std::vector<SetAside> entries;
  if (!read->found) return entries;
  const RoomId id = read->found->id;
  const int code = VisitRoom(
      *read->transaction, read->transaction->tables().quarantine, id,
      [&](ByteView key, ByteView value) {
        const auto place = DecodeRecordKey(key);
        if (!place) return;
        SetAside entry{.sequence = place->sequence};
        if (const auto aside = DecodeQuarantined(EncodeRecordKey(id, place->sequence), value)) {
          entry.kind = aside->kind;
          entry.found_ms = aside->found_ms;
          entry.bytes = aside->value.size();
        }
        entries.push_back(entry);
      });
  if (code != 0) return StatusFromCode(code, "cannot list the quarantine");
  return entries;
}

namespace {

// Proves rooms one by one, all as of one moment.
class Verification {
 public:
  Verification(const Transaction& transaction, const CheckPayload& check_payload,
               const Progress& progress, VerifyReport& report)
      : transaction_(transaction),
        check_payload_(check_payload),
        progress_(progress),
        report_(report) {}

  // LMDB's code.
  int Run() {
    IndexReport index;
    int code = CheckIndex(transaction_, index);
    if (code != 0) return code;
    for (const NamedRoom& lost : index.lost) {
      Note(lost.name, {DamageKind::kName, 0, 0}, "the index of names lacks the room");
    }
    if (index.undecodable > 0) {
      Note("", {DamageKind::kName, 0, 0},
           absl::StrCat(index.undecodable, " entries of the index of names do not decode"));
    }
    for (const NamedRoom& entry : index.false_entries) {
      Note(entry.name, {DamageKind::kName, 0, 0},
           "the index of names has a room that is not there");
    }
    std::vector<NamedRoom> rooms;
    code = store::ListRooms(transaction_, rooms);
    rooms.insert(rooms.end(), index.lost.begin(), index.lost.end());
    const auto is_false = [&](const NamedRoom& room) {
      return std::ranges::any_of(index.false_entries, [&](const NamedRoom& entry) {
        return entry.name == room.name && entry.room == room.room;
      });
    };
    if (code == 0 && progress_) code = WeighRooms(rooms);
    for (std::size_t i = 0; i < rooms.size() && code == 0; ++i) {
      if (is_false(rooms[i])) continue;
      code = VerifyRoom(rooms[i]);
    }
    if (code == 0) code = FindVersionsOfNoRoom(rooms);
    if (code == 0) code = VerifyQuarantine(rooms);
    if (code == 0) code = VerifyJournal(rooms);
    if (code != 0) return code;
    return VerifyRows(transaction_.handle(), report_.rows, [&](std::string_view key) {
      Note("", {DamageKind::kRow, 0, 0},
           absl::StrCat("the row \"", absl::CHexEscape(absl::string_view(key.data(), key.size())),
                        "\" of an application is damaged"));
    });
  }

 private:
  // What there is to do, as the rooms' rows know it: bytes, and as much as kEntryBytes for what comes with
  // each record and room. LMDB's code.
  int WeighRooms(const std::vector<NamedRoom>& rooms) {
    for (const NamedRoom& room : rooms) {
      std::optional<RoomRow> row;
      const int code = ReadRoomRow(transaction_, room.room, row);
      if (code != 0) return code;
      to_do_bytes_ += kEntryBytes;
      if (row)
        to_do_bytes_ += row->payload_bytes + row->snapshot_bytes + row->records * kEntryBytes;
    }
    return 0;
  }

  void Tell(std::size_t bytes) {
    done_bytes_ += bytes + kEntryBytes;
    if (!progress_ || done_bytes_ < told_bytes_ + to_do_bytes_ / 1000) return;
    told_bytes_ = done_bytes_;
    progress_(done_bytes_, to_do_bytes_);
  }

  void Note(const std::string& room, const Damage& damage, std::string what) {
    report_.damage.push_back({.room = room, .damage = damage, .what = std::move(what)});
  }

  int VerifyRoom(const NamedRoom& room) {
    ++report_.rooms;
    Tell(0);
    std::optional<RoomRow> row;
    int code = ReadRoomRow(transaction_, room.room, row);
    if (code == 0 && row) code = AddJournal(transaction_, room.room, *row);
    if (code != 0) return code;
    // Every record that is kept, then every snapshot: not what a load would need, but all of it.
    LoadReport all;
    code = ScanRoom(
        transaction_, room.room, row, {.from_snapshot = false, .records = {}},
        [&](const Record& record) { CheckContent(room.name, record); }, all);
    if (code != 0) return code;
    for (const Damage& damage : all.damage) {
      if (damage.kind == DamageKind::kQuarantined) {
        report_.quarantined += damage.end - damage.begin;
      } else {
        Note(room.name, damage, DescribeDamage(damage));
        if (damage.end - damage.begin <= kToldAtOnce) {
          for (Sequence at = damage.begin; at < damage.end; ++at) told_.emplace(room.room, at);
        }
      }
    }
    report_.records += all.records;
    report_.payload_bytes += all.payload_bytes;
    std::vector<Sequence> snapshots;
    code = VerifySnapshots(room, row, snapshots);
    if (code == 0) code = VerifyVersions(room, row, snapshots);
    return code;
  }

  int VerifySnapshots(const NamedRoom& room, const std::optional<RoomRow>& row,
                      std::vector<Sequence>& sound) {
    bool newest = false;
    bool base = false;
    const int code = VisitRoom(
        transaction_, transaction_.tables().snapshots, room.room,
        [&](ByteView key, ByteView value) {
          const auto place = DecodeRecordKey(key);
          const Sequence sequence = place ? place->sequence : 0;
          const auto snapshot = DecodeSnapshot(EncodeRecordKey(room.room, sequence), value);
          if (!snapshot) {
            return Note(room.name, {DamageKind::kSnapshot, sequence, sequence + 1},
                        absl::StrCat("the snapshot up to ", sequence, " is damaged"));
          }
          ++report_.snapshots;
          report_.payload_bytes += snapshot->payload.size();
          sound.push_back(sequence);
          newest = newest || (row && sequence == row->snapshot);
          base = base || (row && sequence + 1 >= row->first);
          CheckContent(room.name,
                       {.sequence = sequence, .payload = snapshot->payload, .is_snapshot = true});
        });
    if (code != 0 || !row) return code;
    if (row->snapshot > 0 && !newest) {
      Note(room.name, {DamageKind::kSnapshot, row->snapshot, row->snapshot + 1},
           "the newest snapshot is not there");
    }
    if (row->first > 1 && !base) {
      Note(room.name, {DamageKind::kMissing, 1, row->first},
           "no snapshot stands for the history that was dropped");
    }
    return 0;
  }

  int VerifyVersions(const NamedRoom& room, const std::optional<RoomRow>& row,
                     const std::vector<Sequence>& snapshots) {
    return VisitRoom(
        transaction_, transaction_.tables().versions, room.room, [&](ByteView key, ByteView value) {
          const auto placed = DecodeVersion(key, value);
          if (!placed) {
            return Note(room.name, {DamageKind::kVersion, 0, 0}, "a named version does not decode");
          }
          const Sequence at = placed->version.sequence;
          const bool kept = !row || (at <= row->head && at + 1 >= row->first);
          if (!kept && !std::ranges::binary_search(snapshots, at)) {
            Note(room.name, {DamageKind::kVersion, at, at + 1},
                 absl::StrCat("the state of the version \"", placed->version.name,
                              "\" is not there"));
          }
        });
  }

  // Each entry proves its place, which is one of a room that is there, or was.
  int VerifyQuarantine(const std::vector<NamedRoom>& rooms) {
    std::map<RoomId, std::string_view> names;
    for (const NamedRoom& room : rooms) names.emplace(room.room, room.name);
    Cursor cursor;
    int code = cursor.Open(transaction_.handle(), transaction_.tables().quarantine);
    if (code == 0) code = cursor.Move(MDB_FIRST);
    for (; code == 0; code = cursor.Move(MDB_NEXT)) {
      const auto place = DecodeRecordKey(cursor.key());
      if (place &&
          DecodeQuarantined(EncodeRecordKey(place->room, place->sequence), cursor.value())) {
        continue;
      }
      const auto room = place ? names.find(place->room) : names.end();
      const Sequence at = place ? place->sequence : 0;
      Note(room != names.end() ? std::string(room->second) : "",
           {DamageKind::kChecksum, at, at == 0 ? 0 : at + 1},
           at == 0 ? "an entry of the quarantine does not decode"
                   : absl::StrCat("the entry of the quarantine for record ", at, " is damaged"));
    }
    return code == MDB_NOTFOUND ? 0 : code;
  }

  // Those whose room is only deleted go with it, when they are truly its own.
  int FindVersionsOfNoRoom(const std::vector<NamedRoom>& rooms) {
    std::vector<RoomId> known;
    known.reserve(rooms.size());
    for (const NamedRoom& room : rooms) known.push_back(room.room);
    std::ranges::sort(known);
    Cursor cursor;
    int code = cursor.Open(transaction_.handle(), transaction_.tables().versions);
    if (code == 0) code = cursor.Move(MDB_FIRST);
    for (; code == 0; code = cursor.Move(MDB_NEXT)) {
      const ByteView key = cursor.key();
      const auto room = DecodeRoomKey(key.first(std::min(key.size(), sizeof(RoomKey))));
      if (room && std::ranges::binary_search(known, *room)) continue;
      std::optional<RoomRow> row;
      if (room) code = ReadRoomRow(transaction_, *room, row);
      if (code != 0) return code;
      if (row && row->deleted && DecodeVersion(key, cursor.value())) continue;
      Note("", {DamageKind::kVersion, 0, 0}, "a named version is no room's");
    }
    return code == MDB_NOTFOUND ? 0 : code;
  }

  // Whether the damaged record was found in its room already, or was moved there as it is.
  bool IsToldOf(const JournalEntry& entry) const {
    if (told_.contains(std::pair(entry.place.room, entry.place.sequence))) return true;
    const RecordKey record_key = EncodeRecordKey(entry.place.room, entry.place.sequence);
    MDB_val key = ToVal(record_key);
    MDB_val value{};
    if (mdb_get(transaction_.handle(), transaction_.tables().quarantine, &key, &value) != 0) {
      return false;
    }
    const auto aside = DecodeQuarantined(record_key, ToView(value));
    return aside && std::ranges::equal(aside->value, entry.record);
  }

  // What has not been moved to its room was proven with that. That no entry is missing, the others
  // and those that are nobody's are looked at here.
  int VerifyJournal(const std::vector<NamedRoom>& rooms) {
    absl::flat_hash_map<RoomId, Sequence> heads;  // of the rows, where they are sound
    for (const NamedRoom& room : rooms) {
      std::optional<RoomRow> row;
      const int code = ReadRoomRow(transaction_, room.room, row);
      if (code != 0) return code;
      heads.emplace(room.room, row ? row->head : 0);
    }
    Seal seal;
    int code = ReadSeal(transaction_, seal);
    const JournalRange written = seal.journal.value_or(JournalRange{});
    std::uint64_t seen = 0;
    const auto look = [&](std::uint64_t entry, ByteView value) {
      const bool numbered = entry >= written.begin && entry < written.end;
      seen += numbered ? 1 : 0;
      const auto decoded = DecodeJournalEntry(value);
      const auto head = decoded ? heads.find(decoded->place.room) : heads.end();
      const bool sound =
          decoded && ProveRecord(EncodeRecordKey(decoded->place.room, decoded->place.sequence),
                                 decoded->record);
      if (numbered && head != heads.end() && (sound || IsToldOf(*decoded))) return;
      bool deleted = false;
      if (numbered && sound) {
        std::optional<RoomRow> row;
        deleted = ReadRoomRow(transaction_, decoded->place.room, row) == 0 && row && row->deleted;
      }
      if (deleted) return;
      Note("", {DamageKind::kChecksum, 0, 0},
           absl::StrCat("the entry ", entry, " of the journal ",
                        !numbered ? "is none that was written"
                        : sound   ? "is no room's"
                                  : "is damaged"));
    };
    for (std::size_t table = 0; table < kJournalTables.size() && code == 0; ++table) {
      code = VisitJournal(transaction_, table, 0, look);
    }
    if (code == 0 && seen != written.end - written.begin) {
      Note("", {DamageKind::kMissing, 0, 0},
           absl::StrCat("the journal has ", seen, " of its ", written.end - written.begin,
                        " entries"));
    }
    return code;
  }

  void CheckContent(const std::string& room, const Record& record) {
    Tell(record.payload.size());
    if (!check_payload_) return;
    const absl::Status status = check_payload_(record.payload);
    if (status.ok()) return;
    Note(room, {DamageKind::kContent, record.sequence, record.sequence + 1},
         absl::StrCat(record.is_snapshot ? "the snapshot up to " : "record ", record.sequence, ": ",
                      status.message()));
  }

  static constexpr Sequence kToldAtOnce = 10'000;

  const Transaction& transaction_;
  const CheckPayload& check_payload_;
  std::set<std::pair<RoomId, Sequence>> told_;  // damaged records
  const Progress& progress_;
  VerifyReport& report_;
  static constexpr std::uint64_t kEntryBytes = 64;
  std::uint64_t to_do_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t told_bytes_ = 0;
};

}  // namespace

absl::StatusOr<VerifyReport> LogReader::Verify(const CheckPayload& check_payload,
                                               const Progress& progress) const {
  VerifyReport report;
  absl::StatusOr<PageReport> pages = environment_.CheckPagesNow(progress);
  if (!pages.ok()) return pages.status();
  report.pages = *std::move(pages);
  // What LMDB would stumble over is not read through LMDB.
  if (!report.pages.findings.empty()) return report;
  const absl::StatusOr<Transaction> transaction = environment_.BeginRead();
  if (!transaction.ok()) return transaction.status();
  const int code = Verification(*transaction, check_payload, progress, report).Run();
  if (code != 0) return StatusFromCode(code, "cannot verify the log");
  return report;
}

}  // namespace weft::store
