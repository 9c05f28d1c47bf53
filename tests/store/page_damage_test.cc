// Damage anywhere in the data file: never a crash, never another content without a word.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/log_reader.h"
#include "store/outbox.h"
#include "store/rows.h"
#include "store/salvage.h"
#include "tests/store/child_process.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/stored_bytes.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

using Image = std::vector<std::uint8_t>;

Image ReadImage(const std::string& directory) {
  std::ifstream file(directory + "/data.mdb", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Calls salvaged(page, report, log) for each page from `first` on: of a log that lost just this page, what
// SalvageLog says, and the log that it made.
template <typename Salvaged>
void SalvageWithoutEachPage(const Image& sound, std::size_t first, const Salvaged& salvaged) {
  for (std::size_t page = first; page < sound.size() / 4096; ++page) {
    Image image = sound;
    std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, 0xff);
    const TestDirectory directory;
    const TestDirectory parent;
    WriteImage(directory.path(), image);
    const auto report = SalvageLog(directory.path(), parent.path() + "/saved", {});
    ASSERT_TRUE(report.ok()) << page << report.status();
    salvaged(page, *report, *OpenLog({.directory = parent.path() + "/saved"}));
    if (testing::Test::HasFatalFailure()) return;
  }
}

// A log with everything in it that a log can have, records in its journal too, as if its process had
// been killed; and what its rooms hold.
class SmallLog {
 public:
  SmallLog() {
    const std::string data = directory_.path() + "/data.mdb";
    {
      const auto log = OpenLog(directory_);
      Fill(log);
      // Nothing is under way: this is what a kill would leave. A log that is closed has no journal.
      std::filesystem::copy_file(data, data + ".killed");
    }
    std::filesystem::rename(data + ".killed", data);
    std::filesystem::remove(directory_.path() + "/lock.mdb");
  }

 private:
  void Fill(const std::unique_ptr<UpdateLog>& log) {
    const std::string long_name(505, 'n');
    for (const std::string& room :
         {std::string("a"), std::string("b"), long_name + "1", long_name, std::string("doomed")}) {
      for (int i = 0; i < 12; ++i) {
        const std::string payload = absl::StrCat("<", i, std::string(i == 7 ? 6000 : 10, 'x'), ">");
        CHECK(AppendAndWait(*log, {.room = room, .time_ms = i, .payload = crdt::AsBytes(payload)})
                  .ok());
        contents_[room] += payload;
      }
    }
    CHECK(log->PutVersion("a", {.name = "v", .sequence = 3}, JoinPayloads).ok());
    // A name whose key could be a record's.
    CHECK(log->PutVersion("a", {.name = std::string("\1\2"), .sequence = 5}, JoinPayloads).ok());
    const auto rows = Rows::Open(*log, "app").value();
    CHECK(rows->Write([](RowWriter& writer) {
                absl::Status status;
                for (int i = 0; i < 200; ++i) {
                  status.Update(writer.Put("t", crdt::AsBytes(absl::StrCat(i)),
                                           crdt::AsBytes(absl::StrCat("old ", i))));
                }
                status.Update(writer.Put("t", crdt::AsBytes("gone"), crdt::AsBytes("gone")));
                return status;
              })
              .ok());
    CHECK(rows->Write([](RowWriter& writer) {
                absl::Status status = writer.Erase("t", crdt::AsBytes("gone"));
                status.Update(writer.Put("t", crdt::AsBytes("7"), crdt::AsBytes("new 7")));
                return status;
              })
              .ok());
    // Of the one room the records around it are kept, of the other none is.
    set_aside_ = {{long_name, 5}, {"a", 10}};
    for (const auto& [room, sequence] : set_aside_) {
      const Damage aside[] = {{DamageKind::kContent, sequence, sequence + 1}};
      CHECK(log->Quarantine(room, aside, 77).ok());
      const std::string payload = absl::StrCat("<", sequence - 1, "xxxxxxxxxx>");
      contents_[room].erase(contents_[room].find(payload), payload.size());
    }
    CHECK(log->Compact("a", JoinPayloads, {.retention_ms = 0}).ok());
    CHECK(log->Compact("b", JoinPayloads, {.retention_ms = 1'000}).ok());
    CHECK(log->DeleteRoom("doomed").ok());
    contents_.erase("doomed");
    for (const std::string& room : {std::string("a"), long_name, std::string("a")}) {
      CHECK(AppendAndWait(*log, room, "tail").ok());
      contents_[room] += "tail";
    }
    CHECK(log->stats().journal_entries > 2);
  }

 public:
  const std::string& path() const { return directory_.path(); }
  const std::map<std::string, std::string>& contents() const { return contents_; }

  // What a damaged copy is to somebody who only reads.
  enum class Shown : std::uint8_t { kRefused, kTold, kAsItWas };
  // kInternal when something else was shown without a word.
  absl::StatusOr<Shown> Read(const std::string& directory) const {
    const auto reader = LogReader::Open(directory);
    if (!reader.ok()) return Shown::kRefused;
    const bool verified = Verify(**reader).ok();
    const absl::Status seen = Look(**reader, verified);
    if (!seen.ok()) return seen;
    return verified ? Shown::kAsItWas : Shown::kTold;
  }

  // Opens what is in `directory` and uses it. OK when everything is as it was or damage was told;
  // kInternal when something else was shown without a word.
  absl::Status Use(const std::string& directory) const {
    // What is read is in question, not what a power cut would leave: nothing waits for the disk.
    const auto log = UpdateLog::Open({.directory = directory,
                                      .durability = Durability::kNone,
                                      .initial_map_bytes = std::size_t{1} << 20});
    if (!log.ok()) return absl::OkStatus();
    const bool verified = Verify((*log)->reader()).ok();
    const absl::Status seen = Look((*log)->reader(), verified);
    if (!seen.ok()) return seen;
    (void)AppendAndWait(**log, "a", "after");
    (void)AppendAndWait(**log, "another", "after");
    (void)(*log)->Compact("b", JoinPayloads, {.retention_ms = 0});
    for (const auto& [room, expected] : contents_) {
      std::string content;
      const auto report = (*log)->Load(
          room, [&](const Record& record) { content += crdt::AsText(record.payload); });
      if (!report.ok() || !report->status().ok() || !verified) continue;
      if (!content.starts_with(expected)) return absl::InternalError("an append changed a room");
    }
    return absl::OkStatus();
  }

 private:
  // kInternal when a reader shows something else, and neither it nor verify says so.
  absl::Status Look(const LogReader& reader, bool verified) const {
    for (const auto& [room, expected] : contents_) {
      std::string content;
      const auto report =
          reader.Load(room, [&](const Record& record) { content += crdt::AsText(record.payload); });
      if (!report.ok() || !report->status().ok()) {
        if (verified) return absl::InternalError("verify missed what a load found");
        continue;
      }
      // A room whose name is damaged is there under another one, and verify tells of it.
      if (content != expected && verified) {
        return absl::InternalError(absl::StrCat(room.substr(0, 5), " shows something else"));
      }
    }
    if (!verified) return absl::OkStatus();
    if (reader.ListRooms().value().size() != contents_.size()) {
      return absl::InternalError("other rooms");
    }
    if (reader.ListVersions("a").value().size() != 2) return absl::InternalError("other versions");
    std::map<std::string, Sequence> aside;
    for (const auto& [room, content] : contents_) {
      const std::vector<SetAside> entries = reader.ListQuarantine(room).value();
      for (const SetAside& entry : entries) {
        if (entry.kind == DamageKind::kContent && entry.found_ms == 77 && entry.bytes > 0) {
          aside.emplace(room, entry.sequence);
        } else {
          return absl::InternalError(absl::StrCat("record ", entry.sequence, " in quarantine, of ",
                                                  entry.bytes, " bytes, since ", entry.found_ms));
        }
      }
    }
    if (aside != set_aside_) return absl::InternalError("another quarantine");
    return absl::OkStatus();
  }

  const TestDirectory directory_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, Sequence> set_aside_;
};

std::map<std::string, std::string> RowsOf(UpdateLog& log) {
  std::map<std::string, std::string> found;
  const auto rows = Rows::Open(log, "app").value();
  CHECK(rows->Read([&](const RowReader& reader) {
              return reader.Visit("t", {}, {}, [&](ByteView key, ByteView value) {
                found.emplace(crdt::AsText(key), crdt::AsText(value));
                return true;
              });
            })
            .ok());
  return found;
}

// Children die of what would be a crash, each with a stretch of the file.
TEST(PageDamage, OneFlippedBitAnywhereIsNeverACrashAndNeverAnotherContent) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  // One bit of each byte of the meta pages, of page headers and of the first nodes, and of a sample of
  // the rest: one byte in 499, times WEFT_TORTURE.
  const char* const given = std::getenv("WEFT_SEED");
  const std::uint32_t seed =
      given != nullptr ? static_cast<std::uint32_t>(std::atoll(given)) : std::random_device{}();
  SCOPED_TRACE(absl::StrCat("WEFT_SEED=", seed, ", file of ", sound.size(), " bytes"));
  std::mt19937 random(seed);
  std::vector<std::pair<std::size_t, int>> flips;
  for (std::size_t at = 0; at < sound.size(); ++at) {
    const std::size_t in_page = at % 4096;
    const bool dense = (at < 8192 && in_page < 160) || (in_page < 24 && at % 3 == 0);
    const bool sampled = random() % 499 < static_cast<std::uint32_t>(TortureFactor());
    if (dense || sampled) flips.emplace_back(at, random() % 8);
  }
  constexpr std::size_t kStretch = 200;
  for (std::size_t begin = 0; begin < flips.size(); begin += kStretch) {
    if (TortureFactor() > 1 && begin % (10 * kStretch) == 0) {
      std::fprintf(stderr, "byte %zu of %zu, flip %zu of %zu\n", flips[begin].first, sound.size(),
                   begin, flips.size());
    }
    const TestDirectory directory;
    ChildProcess child([&] {
      for (std::size_t i = begin; i < std::min(begin + kStretch, flips.size()); ++i) {
        Image image = sound;
        image[flips[i].first] ^= static_cast<std::uint8_t>(1 << flips[i].second);
        WriteImage(directory.path(), image);
        std::ofstream(directory.path() + "/flip") << flips[i].first << " " << flips[i].second;
        const absl::Status status = small.Use(directory.path());
        std::filesystem::remove(directory.path() + "/lock.mdb");
        if (!status.ok()) {
          std::fprintf(stderr, "%s\n", status.ToString().c_str());
          return 1;
        }
      }
      return 0;
    });
    const int code = child.Wait();
    std::string flip;
    std::getline(std::ifstream(directory.path() + "/flip"), flip);
    ASSERT_EQ(code, 0) << "byte and bit " << flip << (code < 0 ? ": a crash" : "");
  }
}

// Every byte of the file when it runs long, and all bits of each when it runs eight times that long;
// else one byte in 37. The file is changed in place, so nothing waits for a disk or another thread.
TEST(PageDamage, OneFlippedBitOfAnyByteIsNeverACrashAndNeverAnotherContentToAReader) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  const TestDirectory directory;
  WriteImage(directory.path(), sound);
  // Shared with the children, of which one that dies leaves behind where it was.
  struct Tally {
    std::size_t byte;
    int bit;
    std::array<std::size_t, 3> shown;
  };
  void* const shared =
      mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Tally& tally = *new (shared) Tally{};
  const std::size_t step = TortureFactor() > 1 ? 1 : 37;
  const int bits = std::clamp(TortureFactor() / 10, 1, 8);
  const auto flip_stretch = [&](std::size_t begin, std::size_t end) {
    const int file = open((directory.path() + "/data.mdb").c_str(), O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    const auto put = [&](std::uint8_t byte) {
      CHECK(pwrite(file, &byte, 1, static_cast<off_t>(tally.byte)) == 1);
    };
    for (tally.byte = begin; tally.byte < end; tally.byte += step) {
      for (int i = 0; i < bits; ++i) {
        // Another bit in each byte, when it is not all of them.
        tally.bit = static_cast<int>((tally.byte / step + static_cast<std::size_t>(i)) % 8);
        put(static_cast<std::uint8_t>(sound[tally.byte] ^ 1 << tally.bit));
        const auto shown = small.Read(directory.path());
        put(sound[tally.byte]);
        if (!shown.ok()) {
          std::fprintf(stderr, "%s\n", shown.status().ToString().c_str());
          return 1;
        }
        ++tally.shown[static_cast<std::size_t>(*shown)];
      }
    }
    return 0;
  };
  constexpr std::size_t kStretch = std::size_t{37} * 443;
  for (std::size_t begin = 0; begin < sound.size(); begin += kStretch) {
    ChildProcess child(
        [&] { return flip_stretch(begin, std::min(begin + kStretch, sound.size())); });
    const int code = child.Wait();
    ASSERT_EQ(code, 0) << "byte " << tally.byte << ", bit " << tally.bit
                       << (code < 0 ? ": a crash" : "");
  }
  const auto [refused, told, as_it_was] = tally.shown;
  munmap(shared, sizeof(Tally));
  if (TortureFactor() > 1) {
    std::fprintf(stderr,
                 "%zu flips in %zu bytes: %zu refused at opening, %zu told by verify, %zu where "
                 "nothing is stored\n",
                 refused + told + as_it_was, sound.size(), refused, told, as_it_was);
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(told, 0u);
  EXPECT_GT(as_it_was, 0u);
}

// Room 1 has the version "v", and room 5 is deleted.
TEST(PageDamage, AVersionThatAFlippedBitGivesToADeletedRoomIsToldByVerify) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  // The end of a node's header, which is the size of the key, and the key.
  const std::string node("\5\0\0\0\0\1v", 7);
  std::size_t told = 0;
  for (auto at = std::search(sound.begin(), sound.end(), node.begin(), node.end());
       at != sound.end(); at = std::search(at + 1, sound.end(), node.begin(), node.end())) {
    Image image = sound;
    image[static_cast<std::size_t>(at - sound.begin()) + 5] ^= 4;
    const TestDirectory directory;
    WriteImage(directory.path(), image);
    const auto shown = small.Read(directory.path());
    ASSERT_TRUE(shown.ok()) << shown.status();
    told += *shown == SmallLog::Shown::kTold;
  }
  EXPECT_GT(told, 0U);
}

// As in the test of the same for versions; the entry of record 5 lies in room 4, that of 10 in room 1.
TEST(PageDamage, AnEntryOfTheQuarantineWhoseRoomIsDamagedIsToldByVerify) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  std::size_t noticed = 0;
  for (const auto& [room, sequence] :
       {std::pair(RoomId{4}, Sequence{5}), std::pair(RoomId{1}, Sequence{10})}) {
    const RecordKey key = EncodeRecordKey(room, sequence);
    for (auto at = std::search(sound.begin(), sound.end(), key.begin(), key.end());
         at != sound.end(); at = std::search(at + 1, sound.end(), key.begin(), key.end())) {
      // Records have such keys, too.
      for (int bit = 0; bit < 32; ++bit) {
        Image image = sound;
        image[static_cast<std::size_t>(at - sound.begin()) +
              static_cast<std::size_t>(3 - bit / 8)] ^= static_cast<std::uint8_t>(1 << bit % 8);
        const TestDirectory directory;
        WriteImage(directory.path(), image);
        const auto shown = small.Read(directory.path());
        ASSERT_TRUE(shown.ok()) << shown.status() << ", bit " << bit;
        noticed += *shown != SmallLog::Shown::kAsItWas;
      }
    }
  }
  EXPECT_GE(noticed, 64U);
}

// LMDB divides by it before anything else is looked at.
TEST(PageDamage, AMetaPageOfAnotherPageSizeIsRefused) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  constexpr std::size_t kPageSizeOffset = 16 + 24;
  for (const std::size_t page : {0, 1}) {
    for (int bit = 0; bit < 32; ++bit) {
      Image image = sound;
      image[page * 4096 + kPageSizeOffset + static_cast<std::size_t>(bit / 8)] ^=
          static_cast<std::uint8_t>(1 << bit % 8);
      const TestDirectory directory;
      WriteImage(directory.path(), image);
      ChildProcess child([&] {
        const bool owned = UpdateLog::Open({.directory = directory.path()}).ok();
        return owned || LogReader::Open(directory.path()).ok() ? 1 : 0;
      });
      EXPECT_EQ(child.Wait(), 0) << "page " << page << ", bit " << bit;
    }
  }
}

TEST(PageDamage, AFileCutShortIsRefusedWhereverItIsCut) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  // Without a byte it is the file of a log that was about to be made.
  for (std::size_t size = 1; size < sound.size(); size += 1024) {
    const TestDirectory directory;
    WriteImage(directory.path(), Image(sound.begin(), sound.begin() + size));
    ASSERT_EQ(small.Use(directory.path()), absl::OkStatus()) << size;
  }
}

TEST(PageDamage, AMetaPageThatNamesAnOlderStateIsFoundOut) {
  const SmallLog small;
  Image image = ReadImage(small.path());
  // The newer meta page gets the number of its predecessor's predecessor, as a flipped bit could.
  const auto number = [&](std::size_t page) {
    return reinterpret_cast<std::uint64_t*>(image.data() + page * 4096 + 16 + 128);
  };
  std::uint64_t* newer = *number(0) > *number(1) ? number(0) : number(1);
  *newer -= 2;
  const TestDirectory directory;
  WriteImage(directory.path(), image);
  const auto log = OpenLog(directory);
  for (const auto& [room, content] : small.contents()) {
    EXPECT_EQ(Content(log->reader(), room), content);
  }
}

// As above, with a root for the number: most pages are of older trees, some of them roots.
TEST(PageDamage, AMetaPageThatPointsToAnotherRootIsFoundOut) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  constexpr std::size_t kFreeRoot = 16 + 24 + 40;
  constexpr std::size_t kMainRoot = kFreeRoot + 48;
  for (const std::size_t root : {kFreeRoot, kMainRoot}) {
    for (std::size_t meta = 0; meta < 2; ++meta) {
      for (std::uint64_t page = 0; page < sound.size() / 4096; ++page) {
        Image image = sound;
        std::memcpy(image.data() + meta * 4096 + root, &page, sizeof(page));
        const TestDirectory directory;
        WriteImage(directory.path(), image);
        ASSERT_EQ(small.Use(directory.path()), absl::OkStatus())
            << "meta page " << meta << ", its root at " << root << " is " << page;
      }
    }
  }
}

TEST(Salvage, BringsBackEverythingThatASoundLogHas) {
  const SmallLog small;
  const TestDirectory parent;
  const auto report = SalvageLog(small.path(), parent.path() + "/saved", {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->losses.empty());
  const auto log = OpenLog({.directory = parent.path() + "/saved"});
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
  const auto before = OpenLog({.directory = small.path()});
  std::vector<RoomInfo> rooms = log->ListRooms().value();
  const std::vector<RoomInfo> rooms_before = before->ListRooms().value();
  ASSERT_EQ(rooms.size(), rooms_before.size());
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    // Nobody can know whether the end of a room is lost, so it is another history.
    EXPECT_NE(rooms[i].generation, rooms_before[i].generation);
    rooms[i].generation = rooms_before[i].generation;
  }
  EXPECT_EQ(rooms, rooms_before);
  for (const auto& [room, content] : small.contents()) {
    EXPECT_EQ(Content(log->reader(), room), content);
  }
  EXPECT_EQ(log->reader().ListVersions("a").value(), before->reader().ListVersions("a").value());
  EXPECT_EQ(report->versions, 2u);
  EXPECT_EQ(report->rows, 201u);  // and their version
  const auto rows = RowsOf(*log);
  EXPECT_EQ(rows.size(), 200u);
  EXPECT_EQ(rows.at("7"), "new 7");
  EXPECT_EQ(rows, RowsOf(*before));
  EXPECT_EQ(AppendAndWait(*log, "a", "on").value(), 15u);
}

TEST(Salvage, LosesOnlyWhatTheDamageHit) {
  const SmallLog small;
  const Image sound = ReadImage(small.path());
  std::size_t expected_rooms = 0;
  std::size_t whole_rooms = 0;
  std::size_t whole_rows = 0;
  const auto rows = RowsOf(*OpenLog({.directory = small.path()}));
  SalvageWithoutEachPage(sound, 0, [&](std::size_t, const SalvageReport&, UpdateLog& log) {
    for (const auto& [room, content] : small.contents()) {
      ++expected_rooms;
      const auto saved = ContentAt(log.reader(), room, kNoBound);
      whole_rooms += saved.ok() && *saved == content;
    }
    const auto saved_rows = RowsOf(log);
    whole_rows += saved_rows == rows;
    for (const auto& [key, value] : saved_rows) {
      // Those of the commit before the last, where the newest are lost.
      ASSERT_TRUE(rows.contains(key) || key == "gone") << key;
      ASSERT_TRUE(value == rows.at(key) || value == "old 7") << key << " " << value;
    }
  });
  EXPECT_GT(whole_rows * 10, sound.size() / 4096 * 8);
  // A lost page costs some rooms something, and most rooms nothing.
  EXPECT_GT(whole_rooms * 10, expected_rooms * 8);
}

// Messages 4 to 60 are not taken yet, and "room" was told of.
class LogWithOutbox {
 public:
  LogWithOutbox() {
    const auto log = OpenLog(directory_);
    CHECK(AppendAndWait(*log, "room", "record").ok());
    const auto outbox = Outbox::Open(*log).value();
    for (int i = 1; i <= 60; ++i) {
      CHECK(outbox
                ->Put(std::vector<Outbox::Entry>{{.payload = PayloadOf(i),
                                                  .key = absl::StrCat("mark ", i),
                                                  .value = absl::StrCat("value ", i)}})
                .ok());
    }
    CHECK(outbox->DropThrough(3).ok());
    CHECK(AppendAndWait(*log, "room", "another").ok());
  }

  const std::string& path() const { return directory_.path(); }
  static std::string PayloadOf(std::uint64_t i) { return absl::StrCat(std::string(300, 'p'), i); }

 private:
  const TestDirectory directory_;
};

TEST(Salvage, BringsBackTheOutboxWithItsMarksAndItsNumbers) {
  const LogWithOutbox source;
  const TestDirectory parent;
  const auto report = SalvageLog(source.path(), parent.path() + "/saved", {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->messages, 57U);
  EXPECT_EQ(report->messages_missing, 0U);
  const auto log = OpenLog({.directory = parent.path() + "/saved"});
  const auto outbox = Outbox::Open(*log).value();
  const auto messages = outbox->Read(0, 100).value();
  ASSERT_EQ(messages.size(), 57U);
  EXPECT_EQ(messages.front().number, 4U);
  EXPECT_EQ(messages.front().payload, LogWithOutbox::PayloadOf(4));
  EXPECT_EQ(outbox->FindMark("mark 60").value(), "value 60");
  ASSERT_TRUE(outbox->DropThrough(60).ok());
  ASSERT_TRUE(outbox->Put(std::vector<Outbox::Entry>{{.payload = "new", .key = ""}}).ok());
  EXPECT_EQ(outbox->Read(0, 1).value().front().number, 61U);
}

TEST(Salvage, SaysWhichMessagesOfTheOutboxAreLostAndNeverSavesOtherOnes) {
  const LogWithOutbox source;
  const Image sound = ReadImage(source.path());
  std::uint64_t missing = 0;
  int ends_missing = 0;
  SalvageWithoutEachPage(
      sound, 2, [&](std::size_t page, const SalvageReport& report, UpdateLog& log) {
        missing += report.messages_missing;
        const auto outbox = Outbox::Open(log).value();
        const auto messages = outbox->Read(0, 100).value();
        EXPECT_EQ(messages.size(), report.messages);
        for (const Outbox::Message& message : messages) {
          EXPECT_TRUE(message.intact);
          EXPECT_EQ(message.payload, LogWithOutbox::PayloadOf(message.number));
        }
        // How many were lost is known, but of the first ones, which could have been taken.
        ends_missing += report.messages_end_missing;
        if (report.messages_end_missing) return;
        if (!messages.empty() && messages.front().number <= 4) {
          EXPECT_EQ(61 - messages.front().number, report.messages + report.messages_missing)
              << page;
        }
      });
  EXPECT_GT(missing, 0U);
  EXPECT_GT(ends_missing, 0);
}

// Rows of before the deletion lie in stale pages, and know of more records than the stone that is left.
TEST(Salvage, BringsNoDeletedRoomBack) {
  // Which pages are stale, and which of them were used again, depends on how many commits there were.
  for (int records = 1; records <= 12; ++records) {
    const TestDirectory directory;
    const TestDirectory parent;
    {
      const auto log = OpenLog(directory);
      for (int i = 0; i < records; ++i) ASSERT_TRUE(AppendAndWait(*log, "doomed", "1").ok());
      ASSERT_TRUE(AppendAndWait(*log, "room", "x").ok());
    }
    ASSERT_TRUE(OpenLog(directory)->DeleteRoom("doomed").ok());
    const auto report = SalvageLog(directory.path(), parent.path() + "/saved", {});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->rooms, 1u) << records;
    EXPECT_EQ(report->records, 1u) << records;
    const std::vector<RoomInfo> rooms =
        OpenLog({.directory = parent.path() + "/saved"})->ListRooms().value();
    ASSERT_EQ(rooms.size(), 1u);
    EXPECT_EQ(rooms[0].name, "room");
  }
}

TEST(Salvage, CutOffByAFullDiskLeavesNoHalfOfALog) {
  const SmallLog small;
  for (const bool is_there : {false, true}) {
    const TestDirectory parent;
    const std::string saved = parent.path() + "/saved";
    if (is_there) std::filesystem::create_directory(saved);
    for (int spared = 0;; spared += 3) {
      absl::Status status;
      bool was_hit = false;
      {
        const ScopedFault full(SystemFault::kDiskFull, spared);
        status = SalvageLog(small.path(), saved, {}).status();
        was_hit = full.was_hit();
      }
      if (!was_hit) break;
      EXPECT_FALSE(status.ok()) << spared;
      EXPECT_FALSE(std::filesystem::exists(saved + "/data.mdb"));
      EXPECT_EQ(std::filesystem::exists(saved), is_there);
    }
    const auto entries = std::filesystem::directory_iterator(parent.path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "something partial stayed";
    EXPECT_EQ(Verify(OpenLog({.directory = saved})->reader()), absl::OkStatus());
  }
}

TEST(Salvage, RefusesToWriteOverALog) {
  const SmallLog small;
  EXPECT_EQ(SalvageLog(small.path(), small.path(), {}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

class QuarantineTest : public ::testing::Test {
 protected:
  QuarantineTest() {
    {
      const auto log = OpenLog(directory_);
      for (const char* payload : {"1", "2", "3", "4", "5"}) {
        CHECK(AppendAndWait(*log, "room", payload).ok());
      }
    }
    Damage(3);
  }
  void Damage(Sequence sequence) {
    const RecordKey key = EncodeRecordKey(RoomId{1}, sequence);
    std::string value = ReadStored(directory_.path(), kRecordsTable, key);
    value.back() = static_cast<char>(value.back() ^ 1);
    WriteStored(directory_.path(), kRecordsTable, key, value);
  }

  const TestDirectory directory_;
};

TEST_F(QuarantineTest, ADamagedRecordIsSetAsideAndNeverADamageAgain) {
  auto log = OpenLog(directory_);
  const LoadReport report = LoadAll(*log, "room").report;
  ASSERT_EQ(report.damage, (std::vector<store::Damage>{{DamageKind::kChecksum, 3, 4}}));
  ASSERT_EQ(log->Quarantine("room", report.damage, 99), absl::OkStatus());
  for (int times = 0; times < 2; ++times) {
    const LoadedRoom room = LoadAll(*log, "room");
    EXPECT_EQ(room.report.status(), absl::OkStatus());
    EXPECT_EQ(room.report.damage, (std::vector<store::Damage>{{DamageKind::kQuarantined, 3, 4}}));
    EXPECT_EQ(room.Payloads(), (std::vector<std::string>{"1", "2", "4", "5"}));
    EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
    log.reset();
    log = OpenLog(directory_);
  }
  EXPECT_EQ(log->FindRoom("room").value()->quarantined, 1u);
  const std::vector<SetAside> aside = log->reader().ListQuarantine("room").value();
  ASSERT_EQ(aside.size(), 1u);
  EXPECT_EQ(aside[0].sequence, 3u);
  EXPECT_EQ(aside[0].kind, DamageKind::kChecksum);
  EXPECT_EQ(aside[0].found_ms, 99);
  EXPECT_EQ(aside[0].bytes, kMinRecordHeaderBytes + 1);
  EXPECT_EQ(log->ReleaseQuarantined("room", 3, /*restore=*/true).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(log->ReleaseQuarantined("room", 3, /*restore=*/false), absl::OkStatus());
  EXPECT_EQ(log->reader().ListQuarantine("room").value()[0].bytes, 0u);
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
  EXPECT_EQ(AppendAndWait(*log, "room", "6").value(), 6u);
}

TEST_F(QuarantineTest, CompactionSetsAsideWhatItCannotUse) {
  DeleteStored(directory_.path(), kRecordsTable, EncodeRecordKey(RoomId{1}, 2));
  const auto log = OpenLog(directory_);
  const auto report = log->Compact("room", JoinPayloads, {.retention_ms = 0});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->set_aside, 2u);
  EXPECT_EQ(Content(log->reader(), "room"), "145");
  EXPECT_EQ(log->reader().ListQuarantine("room").value().size(), 2u);
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
}

TEST_F(QuarantineTest, ARecordThatIsSoundAfterAllComesBack) {
  Damage(3);  // the bit is as it was
  const auto log = OpenLog(directory_);
  const store::Damage damage[] = {{DamageKind::kContent, 3, 4}};
  ASSERT_EQ(log->Quarantine("room", damage, 0), absl::OkStatus());
  EXPECT_EQ(Content(log->reader(), "room"), "1245");
  ASSERT_EQ(log->ReleaseQuarantined("room", 3, /*restore=*/true), absl::OkStatus());
  EXPECT_EQ(Content(log->reader(), "room"), "12345");
  EXPECT_EQ(log->FindRoom("room").value()->quarantined, 0u);
  EXPECT_EQ(Verify(log->reader()), absl::OkStatus());
}

}  // namespace
}  // namespace weft::store
