#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/format.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"

namespace weft::store {
namespace {

constexpr RoomId kRoom{1};  // the first room of a log

// A closed log with the records "one", "two", "three" in its only room, to be damaged.
class DamagedLog : public ::testing::Test {
 protected:
  DamagedLog() {
    const auto log = OpenLog(directory_);
    for (const char* payload : {"one", "two", "three"}) {
      CHECK(AppendAndWait(*log, {.room = "room", .time_ms = 4, .payload = crdt::AsBytes(payload)})
                .ok());
    }
  }

  const std::string& path() const { return directory_.path(); }
  std::string Stored(Sequence sequence) const {
    return ReadStored(path(), kRecordsTable, EncodeRecordKey(kRoom, sequence));
  }
  void Store(Sequence sequence, std::string_view value) const {
    WriteStored(path(), kRecordsTable, EncodeRecordKey(kRoom, sequence), value);
  }
  void Delete(Sequence sequence) const {
    DeleteStored(path(), kRecordsTable, EncodeRecordKey(kRoom, sequence));
  }
  // A sound record at this place with another payload.
  std::string Forge(Sequence sequence, std::string_view payload) const {
    const auto original = *DecodeRecord(crdt::AsBytes(Stored(sequence)));
    std::string value(RecordBytes(original.fields, payload.size()), '\0');
    WriteRecord(EncodeRecordKey(kRoom, sequence), original.fields, crdt::AsBytes(payload),
                reinterpret_cast<std::uint8_t*>(value.data()));
    return value;
  }

  void ExpectLoad(const std::vector<std::string>& payloads, const std::vector<Damage>& damage) {
    const LoadedRoom room = LoadAll(*OpenLog(directory_), "room");
    EXPECT_EQ(room.Payloads(), payloads);
    EXPECT_EQ(room.report.damage, damage) << room.report.status();
    EXPECT_EQ(room.report.status().code(),
              damage.empty() ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss);
  }
  void ExpectAppendGets(Sequence sequence) {
    EXPECT_EQ(AppendAndWait(*OpenLog(directory_), "room", "next").value(), sequence);
  }

  const TestDirectory directory_;
};

std::string FlipBit(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

TEST_F(DamagedLog, EachFlippedBitOfARecordQuarantinesThatRecordAlone) {
  const std::string sound = Stored(2);
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    Store(2, FlipBit(sound, bit));
    ExpectLoad({"one", "three"}, {{DamageKind::kChecksum, 2, 3}});
  }
}

TEST_F(DamagedLog, EachFlippedBitOfAKeyLeavesAHoleAndAQuarantinedStray) {
  const std::string sound = Stored(2);
  Delete(2);
  const RecordKey key = EncodeRecordKey(kRoom, 2);
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    const std::string flipped = FlipBit(std::string(crdt::AsText(key)), bit);
    const auto place = DecodeRecordKey(crdt::AsBytes(flipped));  // none with another size
    const bool here = place && place->room == kRoom;
    if (here && place->sequence == 3) continue;  // takes the place of another record
    WriteStored(path(), kRecordsTable, crdt::AsBytes(flipped), sound);
    std::vector<Damage> damage = {{DamageKind::kMissing, 2, 3}};
    if (here && place->sequence > 3) {
      damage.push_back({DamageKind::kChecksum, place->sequence, place->sequence + 1});
    }
    ExpectLoad({"one", "three"}, damage);
    DeleteStored(path(), kRecordsTable, crdt::AsBytes(flipped));
  }
}

TEST_F(DamagedLog, EachFlippedBitOfAVersionsKeyIsToldOnceByVerify) {
  ASSERT_TRUE(
      OpenLog(directory_)->PutVersion("room", {.name = "v", .sequence = 2}, JoinPayloads).ok());
  const std::string key = EncodeVersionKey(kRoom, "v");
  const std::string sound = ReadStored(path(), kVersionsTable, crdt::AsBytes(key));
  DeleteStored(path(), kVersionsTable, crdt::AsBytes(key));
  for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    const std::string flipped = FlipBit(key, bit);
    WriteStored(path(), kVersionsTable, crdt::AsBytes(flipped), sound);
    const auto report = OpenLog(directory_)->reader().Verify({}, {});
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->damage.size(), 1u);
    DeleteStored(path(), kVersionsTable, crdt::AsBytes(flipped));
  }
}

TEST_F(DamagedLog, EachFlippedBitOfARoomsRowIsReportedAndTheNextAppendMendsIt) {
  const RoomKey key = EncodeRoomKey(kRoom);
  const std::string sound = ReadStored(path(), kRoomsTable, key);
  const RoomInfo info = OpenLog(directory_)->FindRoom("room").value().value();
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    WriteStored(path(), kRoomsTable, key, FlipBit(sound, bit));
    ExpectLoad({"one", "two", "three"}, {{DamageKind::kRoomRow, 0, 0}});
    EXPECT_EQ(OpenLog(directory_)->ListRooms().value(), std::vector<RoomInfo>{info});
  }
  ExpectAppendGets(4);
  ExpectLoad({"one", "two", "three", "next"}, {});
}

TEST_F(DamagedLog, ARecordCutShortIsQuarantined) {
  const std::string sound = Stored(2);
  for (std::size_t size = 0; size < sound.size(); ++size) {
    SCOPED_TRACE(size);
    Store(2, sound.substr(0, size));
    const DamageKind kind =
        size < kMinRecordHeaderBytes ? DamageKind::kMalformed : DamageKind::kChecksum;
    ExpectLoad({"one", "three"}, {{kind, 2, 3}});
  }
}

TEST_F(DamagedLog, MissingRecordsAreReportedAsOneRangeEvenAtTheEnd) {
  Delete(2);
  ExpectLoad({"one", "three"}, {{DamageKind::kMissing, 2, 3}});
  Delete(3);
  ExpectLoad({"one"}, {{DamageKind::kMissing, 2, 4}});
  Delete(1);
  ExpectLoad({}, {{DamageKind::kMissing, 1, 4}});
}

TEST_F(DamagedLog, ASoundRecordOfAnotherHistoryBreaksTheChainBehindIt) {
  Store(2, Forge(2, "another"));
  ExpectLoad({"one", "another", "three"}, {{DamageKind::kBrokenChain, 3, 4}});
}

TEST_F(DamagedLog, ASoundRecordOfAnotherHistoryIsFoundAtTheEndToo) {
  Store(3, Forge(3, "another"));
  ExpectLoad({"one", "two", "another"}, {{DamageKind::kBrokenChain, 3, 4}});
}

TEST_F(DamagedLog, ARoomWithADamagedHeadGoesOnAndStaysQuarantinedThere) {
  Store(3, FlipBit(Stored(3), 0));
  ExpectAppendGets(4);
  ExpectLoad({"one", "two", "next"}, {{DamageKind::kChecksum, 3, 4}});
}

TEST_F(DamagedLog, AnAppendNeverOverwritesWhatLiesBeyondTheHead) {
  const RoomKey key = EncodeRoomKey(kRoom);
  const std::string stale = ReadStored(path(), kRoomsTable, key);
  ExpectAppendGets(4);
  WriteStored(path(), kRoomsTable, key, stale);
  ExpectAppendGets(5);
  ExpectLoad({"one", "two", "three", "next", "next"}, {});
}

TEST_F(DamagedLog, OtherRoomsAreNotConcerned) {
  {
    const auto log = OpenLog(directory_);
    ASSERT_EQ(AppendAndWait(*log, "healthy", "well").value(), 1u);
  }
  Store(1, "");
  WriteStored(path(), kRoomsTable, EncodeRoomKey(kRoom), "");
  const auto log = OpenLog(directory_);
  EXPECT_EQ(LoadAll(*log, "healthy").Payloads(), std::vector<std::string>{"well"});
  EXPECT_TRUE(LoadAll(*log, "healthy").report.status().ok());
  EXPECT_EQ(log->ListRooms().value().size(), 2u);
}

TEST_F(DamagedLog, ALostRoomCounterGivesNoNumberTwice) {
  DeleteStored(path(), kMetaTable, crdt::AsBytes(kNextRoomKey));
  const auto log = OpenLog(directory_);
  ASSERT_EQ(AppendAndWait(*log, "another room", "x").value(), 1u);
  EXPECT_EQ(LoadAll(*log, "room").report.records, 3u);
  EXPECT_EQ(LoadAll(*log, "another room").report.records, 1u);
}

TEST(LoadReport, TellsTheFirstFindingsInWords) {
  LoadReport report;
  report.damage = {{DamageKind::kRoomRow, 0, 0}, {DamageKind::kMissing, 2, 5}};
  EXPECT_EQ(std::string_view(report.status().message()),
            "the room's row is damaged; records 2 to 4: missing");
  report.damage.assign(7, {DamageKind::kChecksum, 9, 10});
  EXPECT_TRUE(std::string_view(report.status().message()).ends_with("and 2 more"));
}

}  // namespace
}  // namespace weft::store
