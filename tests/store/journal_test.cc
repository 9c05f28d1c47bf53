// The journal: nobody can tell where a record is, and none can be lost on the way.

#include "store/journal.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/room_index.h"
#include "store/room_scan.h"
#include "store/salvage.h"
#include "tests/store/held_writer.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/journal_sizes.h"
#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

constexpr std::size_t kNeverFull = std::size_t{16} << 20;

std::unique_ptr<UpdateLog> OpenWith(const std::string& directory, std::size_t journal_bytes) {
  return OpenLog({.directory = directory,
                  .durability = Durability::kNone,
                  .initial_map_bytes = std::size_t{1} << 20,
                  .journal_bytes = journal_bytes,
                  .journal_idle = std::chrono::hours(1)});
}

// The log's file as a kill between two commits leaves it. Requires: nothing is under way.
void CopyAsKilled(const std::string& directory, const std::string& copy) {
  std::filesystem::create_directory(copy);
  std::filesystem::copy_file(directory + "/data.mdb", copy + "/data.mdb");
}

struct Shown {
  std::vector<RoomInfo> rooms;
  std::map<std::string, std::vector<KeptRecord>> records;
  std::map<std::string, std::vector<KeptRecord>> history;
  std::map<std::string, Sequence> at_time_3;
  bool clean = false;

  friend bool operator==(const Shown&, const Shown&) = default;
};

Shown Show(const LogReader& reader) {
  Shown shown{.rooms = reader.ListRooms().value()};
  for (const RoomInfo& room : shown.rooms) {
    const auto keep = [](std::vector<KeptRecord>& records) {
      return [&records](const Record& record) {
        records.push_back({.sequence = record.sequence,
                           .time_ms = record.time_ms,
                           .origin = record.origin,
                           .payload = std::string(crdt::AsText(record.payload))});
      };
    };
    CHECK(reader.Load(room.name, keep(shown.records[room.name])).value().status().ok());
    CHECK(reader.ReadRecords(room.name, {.begin = 2}, keep(shown.history[room.name])).ok());
    shown.at_time_3[room.name] = reader.SequenceAt(room.name, 3).value();
  }
  shown.clean = reader.Verify({}, {})->clean();
  return shown;
}

// Some rooms with some records each, in groups that share a commit.
void AppendSome(UpdateLog& log) {
  const auto groups = *rc::gen::container<std::vector<std::vector<std::pair<int, int>>>>(
      rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(
          rc::gen::inRange(0, 12),
          rc::gen::weightedOneOf<int>({{9, rc::gen::inRange(0, 40)}, {1, rc::gen::just(700)}}))));
  std::int64_t now = 0;
  for (const auto& group : groups) {
    for (const auto& [room, size] : group) {
      const std::string name = absl::StrCat("room ", room);
      const std::string payload(static_cast<std::size_t>(size), static_cast<char>('a' + now % 26));
      RC_ASSERT(log.TryAppend({.room = name,
                               .time_ms = ++now,
                               .origin = OriginId{static_cast<std::uint64_t>(room)},
                               .payload = crdt::AsBytes(payload)},
                              [](const absl::StatusOr<Appended>&) {})
                    .ok());
    }
    log.Flush();
  }
}

RC_GTEST_PROP(Journal, WhatIsReadIsTheSameBeforeAndAfterItIsFolded, ()) {
  const TestDirectory directory;
  const std::string killed = directory.path() + "/killed";
  Shown before;
  {
    const auto log = OpenWith(directory.path(), *JournalBytes());
    AppendSome(*log);
    if (*rc::gen::arbitrary<bool>()) {
      (void)log->Compact("room 1", JoinPayloads, {.retention_ms = *rc::gen::element(0, 1'000'000)});
      (void)log->DeleteRoom("room 2");
      AppendSome(*log);
    }
    before = Show(log->reader());
    RC_ASSERT(before.clean);
    CopyAsKilled(directory.path(), killed);
  }
  const auto closed = LogReader::Open(directory.path());
  RC_ASSERT(closed.ok());
  RC_ASSERT(Show(**closed) == before);
  RC_ASSERT((*closed)->environment().last_transaction() > 0);
  // A reader beside nobody, and the next owner, of what a kill left.
  RC_ASSERT(Show(**LogReader::Open(killed)) == before);
  {
    const auto log = OpenWith(killed, *JournalBytes());
    RC_ASSERT(Show(log->reader()) == before);
    // And it goes on behind what is there.
    for (const RoomInfo& room : before.rooms) {
      RC_ASSERT(AppendAndWait(*log, room.name, "next").value() == room.head + 1);
    }
  }
  RC_ASSERT((*LogReader::Open(killed))->Verify({}, {})->clean());
}

TEST(Journal, ALogThatIsClosedHasNone) {
  const TestDirectory directory;
  {
    const auto log = OpenWith(directory.path(), kNeverFull);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(AppendAndWait(*log, "room", "x").ok());
    EXPECT_EQ(log->stats().journal_entries, 2U);  // a new room's first record is not worth it
  }
  for (const char* const table : kJournalTables) {
    EditStoredBytes(directory.path(), table, 0, [](MDB_txn* transaction, MDB_dbi handle) {
      MDB_stat stat{};
      CHECK(mdb_stat(transaction, handle, &stat) == 0);
      EXPECT_EQ(stat.ms_entries, 0U);
    });
  }
}

TEST(Journal, IsFoldedWhenNothingComes) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(),
                            .initial_map_bytes = std::size_t{1} << 20,
                            .journal_idle = std::chrono::milliseconds(1)});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(AppendAndWait(*log, "room", "x").ok());
  while (log->stats().journal_entries > 0) std::this_thread::yield();
  EXPECT_EQ(LoadAll(*log, "room").records.size(), 3U);
}

// A thousand rooms at once, which took a page each and a part of their rows.
TEST(Journal, ACommitOfManyRoomsChangesFewPages) {
  const auto pages_of_a_commit = [](std::size_t journal_bytes) {
    const TestDirectory directory;
    const auto log = OpenWith(directory.path(), journal_bytes);
    constexpr int kRooms = 1000;
    const auto append_to_all = [&](std::string_view payload) {
      for (int i = 0; i < kRooms; ++i) {
        const std::string room = absl::StrCat("room ", i);
        CHECK(log->TryAppend({.room = room, .payload = crdt::AsBytes(payload)},
                             [](const absl::StatusOr<Appended>&) {})
                  .ok());
      }
    };
    append_to_all(std::string(1500, 'x'));
    log->Flush();
    const DiskRecording recording(directory.path() + "/data.mdb");
    {
      HeldWriter held(*log, "room 0");
      append_to_all("a keystroke");
    }
    log->Flush();
    return recording.bytes() / 4096;
  };
  EXPECT_LT(pages_of_a_commit(kNeverFull), 60U);
  EXPECT_GT(pages_of_a_commit(0), 500U);
}

// Somebody who began later saw the table emptied.
TEST(Journal, AReadThatBeganBeforeATableWasEmptiedSeesWhatItHad) {
  const TestDirectory directory;
  const auto log = OpenWith(directory.path(), 300);  // full after some commits
  ASSERT_TRUE(AppendAndWait(*log, "room", "0").ok());
  EXPECT_EQ(LoadAll(*log, "room").records.size(), 1U);  // readers know an empty journal
  for (int i = 1; i < 3; ++i) ASSERT_TRUE(AppendAndWait(*log, "room", absl::StrCat(i)).ok());
  const auto old = log->reader().environment().BeginRead();
  ASSERT_TRUE(old.ok());
  for (int i = 3; i < 40; ++i) ASSERT_TRUE(AppendAndWait(*log, "room", absl::StrCat(i)).ok());
  EXPECT_EQ(LoadAll(*log, "room").records.size(), 40U);
  std::optional<FoundRoom> found;
  ASSERT_EQ(FindRoom(*old, "room", found), 0);
  ASSERT_TRUE(found && found->row);
  EXPECT_EQ(found->row->head, 3U);
  std::string content;
  LoadReport report;
  ASSERT_EQ(ScanRoom(
                *old, found->id, found->row, {},
                [&](const Record& record) { content += crdt::AsText(record.payload); }, report),
            0);
  EXPECT_EQ(content, "012");
  EXPECT_TRUE(report.status().ok()) << report.status();
}

// Readers of many rooms, while the tables take turns below them.
TEST(Journal, ReadsBesideTheWriterSeeABeginningOfEachRoom) {
  const TestDirectory directory;
  const auto log = OpenWith(directory.path(), 2'000);
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (!stop) {
        for (int room = 0; room < 5; ++room) {
          const LoadedRoom loaded = LoadAll(*log, absl::StrCat(room));
          EXPECT_TRUE(loaded.report.status().ok()) << loaded.report.status();
          for (std::size_t i = 0; i < loaded.records.size(); ++i) {
            EXPECT_EQ(loaded.records[i].payload, absl::StrCat(i));
          }
        }
      }
    });
  }
  for (int i = 0; i < 400; ++i) {
    for (int room = 0; room < 5; ++room) {
      const auto stored = AppendAndWait(*log, absl::StrCat(room), absl::StrCat(i));
      EXPECT_EQ(stored.value(), static_cast<Sequence>(i + 1));
      // What was answered is seen.
      if (i % 50 != 0) continue;
      EXPECT_EQ(LoadAll(*log, absl::StrCat(room)).records.size(), i + 1U);
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

// A log with five records of each of two rooms, four of them in its journal.
class JournalDamage : public testing::Test {
 protected:
  JournalDamage() {
    {
      const auto log = OpenWith(directory_.path() + "/log", kNeverFull);
      for (int i = 0; i < 5; ++i) {
        for (const char* const room : {"a", "b"}) {
          CHECK(AppendAndWait(*log, room, absl::StrCat(room, i)).ok());
        }
      }
      CopyAsKilled(directory_.path() + "/log", path());
    }
  }

  std::string path() const { return directory_.path() + "/killed"; }

  // Changes an entry; its number counts from the first.
  void Edit(std::uint64_t entry, const std::function<void(MDB_txn*, MDB_dbi, MDB_val&)>& edit) {
    EditStoredBytes(path(), kJournalTables[0], 0, [&](MDB_txn* transaction, MDB_dbi handle) {
      const JournalKey bytes = EncodeJournalKey(entry);
      MDB_val key = ToVal(bytes);
      edit(transaction, handle, key);
    });
  }
  void Delete(std::uint64_t entry) {
    Edit(entry, [](MDB_txn* transaction, MDB_dbi handle, MDB_val& key) {
      CHECK(mdb_del(transaction, handle, &key, nullptr) == 0);
    });
  }
  void Flip(std::uint64_t entry, std::size_t byte) {
    Edit(entry, [&](MDB_txn* transaction, MDB_dbi handle, MDB_val& key) {
      MDB_val value{};
      CHECK(mdb_get(transaction, handle, &key, &value) == 0);
      std::string bytes(crdt::AsText(ToView(value)));
      bytes[byte < bytes.size() ? byte : bytes.size() - 1] ^= 1;
      value = ToVal(bytes);
      CHECK(mdb_put(transaction, handle, &key, &value, 0) == 0);
    });
  }
  bool IsClean() const { return (*LogReader::Open(path()))->Verify({}, {})->clean(); }

  const TestDirectory directory_;
};

TEST_F(JournalDamage, IsNoneAsItIs) { EXPECT_TRUE(IsClean()); }

TEST_F(JournalDamage, AnEntryThatIsGoneIsMissedAtTheEndToo) {
  for (const std::uint64_t entry : {7, 3, 0}) {
    Delete(entry);
    EXPECT_FALSE(IsClean()) << entry;
  }
}

TEST_F(JournalDamage, AnEntryThatNobodyWroteIsFound) {
  Edit(8, [](MDB_txn* transaction, MDB_dbi handle, MDB_val& key) {
    MDB_val value{};
    const JournalKey first = EncodeJournalKey(0);
    MDB_val other = ToVal(first);
    CHECK(mdb_get(transaction, handle, &other, &value) == 0);
    const std::string copy(crdt::AsText(ToView(value)));
    value = ToVal(copy);
    CHECK(mdb_put(transaction, handle, &key, &value, 0) == 0);
  });
  EXPECT_FALSE(IsClean());
}

TEST_F(JournalDamage, OfARecordIsItsRoomsAndHindersNobodyElse) {
  Flip(2, 1000);  // the last byte of b's record 3: the first one is a's record 2
  Flip(3, 1000);
  const auto log = OpenWith(path(), kNeverFull);
  const LoadedRoom a = LoadAll(*log, "a");
  EXPECT_EQ(a.Payloads(), (std::vector<std::string>{"a0", "a1", "a3", "a4"}));
  EXPECT_EQ(a.report.damage.size(), 1U);
  EXPECT_EQ(a.report.head, 5U);
  EXPECT_FALSE(log->reader().Verify({}, {})->clean());
  // Set aside, and no damage any more.
  EXPECT_TRUE(log->Quarantine("a", a.report.damage, 0).ok());
  EXPECT_TRUE(log->Quarantine("b", LoadAll(*log, "b").report.damage, 0).ok());
  EXPECT_EQ(log->reader().ListQuarantine("a")->size(), 1U);
  EXPECT_EQ(AppendAndWait(*log, "a", "a5").value(), 6U);
  EXPECT_EQ(LoadAll(*log, "a").Payloads(),
            (std::vector<std::string>{"a0", "a1", "a3", "a4", "a5"}));
}

TEST_F(JournalDamage, OfAPlaceIsToldByVerify) {
  for (const std::size_t byte : {3, 4, 5}) {  // room, size of the sequence, sequence
    for (const std::uint64_t entry : {0, 5, 7}) {
      Flip(entry, byte);
      EXPECT_FALSE(IsClean()) << "entry " << entry << ", byte " << byte;
      Flip(entry, byte);
      EXPECT_TRUE(IsClean());
    }
  }
}

TEST_F(JournalDamage, OfARowCostsNothingOfTheJournal) {
  EditStoredBytes(path(), kRoomsTable, 0, [](MDB_txn* transaction, MDB_dbi handle) {
    const RoomKey bytes = EncodeRoomKey(RoomId{1});
    MDB_val key = ToVal(bytes);
    const std::string row = "damaged";
    MDB_val value = ToVal(row);
    CHECK(mdb_put(transaction, handle, &key, &value, 0) == 0);
  });
  const std::vector<std::string> all = {"a0", "a1", "a2", "a3", "a4"};
  {
    const auto log = OpenWith(path(), kNeverFull);
    EXPECT_EQ(LoadAll(*log, "a").Payloads(), all);
    EXPECT_EQ(log->FindRoom("a").value()->head, 5U);
    // Closing folds a room whose row nobody has made anew.
  }
  const auto log = OpenWith(path(), kNeverFull);
  EXPECT_EQ(LoadAll(*log, "a").Payloads(), all);
  EXPECT_EQ(AppendAndWait(*log, "a", "a5").value(), 6U);
  EXPECT_TRUE(log->reader().Verify({}, {})->clean());
}

// Behind a record that a damaged key put beyond the head, and before it lies what the journal has.
TEST_F(JournalDamage, OfAKeyInTheRangeCostsNothingOfTheJournal) {
  WriteStored(path(), kRecordsTable, EncodeRecordKey(RoomId{1}, 6), std::string(50, 's'));
  {
    const auto log = OpenWith(path(), kNeverFull);
    EXPECT_EQ(AppendAndWait(*log, "a", "a5").value(), 7U);
  }
  const auto log = OpenWith(path(), kNeverFull);
  EXPECT_EQ(LoadAll(*log, "a").Payloads(),
            (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4", "a5"}));
}

TEST_F(JournalDamage, IsSalvagedAround) {
  // In every page that has it, those of earlier commits too.
  const std::string data = path() + "/data.mdb";
  std::ifstream file(data, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::string entry;
  Edit(2, [&](MDB_txn* transaction, MDB_dbi handle, MDB_val& key) {
    MDB_val value{};
    CHECK(mdb_get(transaction, handle, &key, &value) == 0);
    entry = crdt::AsText(ToView(value));
  });
  for (auto at = bytes.find(entry); at != std::string::npos; at = bytes.find(entry, at + 1)) {
    bytes[at + entry.size() - 1] ^= 1;
  }
  std::ofstream(data, std::ios::binary) << bytes;
  const std::string rescued = directory_.path() + "/rescued";
  const auto report = SalvageLog(path(), rescued, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 9U);
  const auto log = OpenWith(rescued, kNeverFull);
  EXPECT_EQ(LoadAll(*log, "a").Payloads(), (std::vector<std::string>{"a0", "a1", "a3", "a4"}));
  EXPECT_EQ(LoadAll(*log, "b").records.size(), 5U);
}

}  // namespace
}  // namespace weft::store
