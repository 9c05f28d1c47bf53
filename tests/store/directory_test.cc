#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "store/format.h"
#include "tests/store/child_process.h"
#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"

namespace weft::store {
namespace {

absl::Status TryOpen(const std::string& directory) {
  return UpdateLog::Open({.directory = directory}).status();
}

bool Mentions(const absl::Status& status, std::string_view text) {
  return std::string_view(status.message()).find(text) != std::string_view::npos;
}

TEST(Directory, IsMadeWithItsParents) {
  const TestDirectory directory;
  EXPECT_TRUE(TryOpen(directory.path() + "/a/b/c/").ok());
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/a/b/c/data.mdb"));
}

TEST(Directory, ThatIsAFileIsRefused) {
  const TestDirectory directory;
  std::ofstream(directory.path() + "/file") << "text";
  EXPECT_EQ(TryOpen(directory.path() + "/file").code(), absl::StatusCode::kUnavailable);
}

TEST(Directory, HeldByAnotherProcessIsRefusedWithItsProcessId) {
  const TestDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  ChildProcess holder([&] {
    const auto log = OpenLog(directory);
    CHECK(write(ready[1], "r", 1) == 1);
    pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const absl::Status refused = TryOpen(directory.path());
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Mentions(refused, absl::StrCat("is held by process ", holder.id()))) << refused;
  holder.Kill();
  holder.Wait();
  EXPECT_TRUE(TryOpen(directory.path()).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST(Directory, HeldByAnotherLogOfThisProcessIsRefused) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  EXPECT_TRUE(Mentions(TryOpen(directory.path()), absl::StrCat("process ", getpid())));
  EXPECT_TRUE(AppendAndWait(*log, "room", "still works").ok());
}

TEST(Directory, OfANewerFormatIsRefusedAndNotChanged) {
  const TestDirectory directory;
  ASSERT_TRUE(TryOpen(directory.path()).ok());
  const ByteView key = crdt::AsBytes(kFormatKey);
  const std::string newer = EncodeFormat(kFormatVersion + 1);
  WriteStored(directory.path(), kMetaTable, key, newer);
  const absl::Status refused = TryOpen(directory.path());
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Mentions(refused, absl::StrCat("format version ", kFormatVersion + 1,
                                             "; this weft reads version ", kFormatVersion)))
      << refused;
  EXPECT_EQ(ReadStored(directory.path(), kMetaTable, key), newer);
}

// What format version 3 was: this one without a journal.
void MakeVersion3(const std::string& directory) {
  for (const char* const table : kJournalTables) {
    EditStoredBytes(directory, table, 0, [](MDB_txn* transaction, MDB_dbi handle) {
      CHECK(mdb_drop(transaction, handle, 1) == 0);
    });
  }
  EditStoredBytes(directory, kMetaTable, 0, [](MDB_txn* transaction, MDB_dbi handle) {
    const std::string format = EncodeFormat(3);
    MDB_val key = ToVal(kFormatKey);
    MDB_val value = ToVal(format);
    CHECK(mdb_put(transaction, handle, &key, &value, 0) == 0);
  });
}

TEST(Directory, OfTheFormatWithoutAJournalGetsOneWhenItIsOpenedToWrite) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    ASSERT_TRUE(AppendAndWait(*log, "room", "of before").ok());
  }
  MakeVersion3(directory.path());
  const absl::Status refused = LogReader::Open(directory.path()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Mentions(refused, "once it has opened it to write")) << refused;
  {
    const auto log = OpenLog(directory);
    ASSERT_TRUE(AppendAndWait(*log, "room", "of now").ok());
  }
  const auto reader = LogReader::Open(directory.path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->Load("room", [](const Record&) {})->head, 2u);
  EXPECT_TRUE((*reader)->Verify({}, {})->clean());
}

TEST(Directory, OfAFormatBeforeTheFirstReleaseIsRefusedAndNotChanged) {
  const TestDirectory directory;
  ASSERT_TRUE(TryOpen(directory.path()).ok());
  const ByteView key = crdt::AsBytes(kFormatKey);
  WriteStored(directory.path(), kMetaTable, key, EncodeFormat(2));
  for (const absl::Status& refused :
       {TryOpen(directory.path()), LogReader::Open(directory.path()).status()}) {
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(Mentions(refused, "format version 2 of before the first release")) << refused;
  }
  EXPECT_EQ(ReadStored(directory.path(), kMetaTable, key), EncodeFormat(2));
}

TEST(Directory, WithADamagedFormatEntryIsRefused) {
  const TestDirectory directory;
  ASSERT_TRUE(TryOpen(directory.path()).ok());
  WriteStored(directory.path(), kMetaTable, crdt::AsBytes(kFormatKey), "weft lag\0\0\0\1");
  EXPECT_EQ(TryOpen(directory.path()).code(), absl::StatusCode::kDataLoss);
}

TEST(Directory, WithAnotherLmdbDatabaseIsRefusedAndNotChanged) {
  const TestDirectory directory;
  WriteStored(directory.path(), "somebody's table", crdt::AsBytes("key"), "value");
  const absl::Status refused = TryOpen(directory.path());
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Mentions(refused, "not a weft log")) << refused;
  EXPECT_EQ(ReadStored(directory.path(), "somebody's table", crdt::AsBytes("key")), "value");
}

TEST(Directory, WithADataFileThatIsNoDatabaseIsRefused) {
  const TestDirectory directory;
  std::ofstream(directory.path() + "/data.mdb") << std::string(100'000, 'x');
  EXPECT_EQ(TryOpen(directory.path()).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace weft::store
