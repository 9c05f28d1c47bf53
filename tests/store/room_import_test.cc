#include "store/room_import.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/log_harness.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

NewRoom SomeRoom() {
  NewRoom room{.name = "room", .records = {}, .versions = {}};
  for (int i = 0; i < 300; ++i) {
    const std::string payload =
        absl::StrCat("<", i, std::string(i % 50 == 0 ? 5000 : 20, 'x'), ">");
    room.records.push_back({.time_ms = i,
                            .origin = OriginId{static_cast<std::uint64_t>(i)},
                            .payload = Bytes(payload.begin(), payload.end())});
  }
  room.versions = {{.name = "half", .sequence = 150, .made_ms = 7, .note = "so far"},
                   {.name = "all", .sequence = 300}};
  return room;
}

std::string Joined(const NewRoom& room, std::size_t records) {
  std::string joined;
  for (std::size_t i = 0; i < records; ++i) joined += crdt::AsText(room.records[i].payload);
  return joined;
}

void ExpectWhole(const UpdateLog& log, const NewRoom& room) {
  const LoadedRoom loaded = LoadAll(log, room.name);
  EXPECT_TRUE(loaded.report.status().ok()) << loaded.report.status();
  EXPECT_EQ(Content(log.reader(), room.name), Joined(room, room.records.size()));
  EXPECT_EQ(ContentAt(log.reader(), room.name, 150).value(), Joined(room, 150));
  EXPECT_EQ(log.reader().ListVersions(room.name).value(),
            (std::vector<Version>{room.versions[1], room.versions[0]}));
  EXPECT_EQ(Verify(log.reader()), absl::OkStatus());
}

TEST(RoomImport, MakesARoomWithItsHistoryInOneCommit) {
  const TestDirectory directory;
  const NewRoom room = SomeRoom();
  const auto log = OpenLog(directory);
  ASSERT_EQ(ImportRoom(*log, room, JoinPayloads), absl::OkStatus());
  ExpectWhole(*log, room);
  std::vector<KeptRecord> records;
  ASSERT_TRUE(log->reader()
                  .ReadRecords("room", {},
                               [&](const Record& record) {
                                 records.push_back({.sequence = record.sequence,
                                                    .time_ms = record.time_ms,
                                                    .origin = record.origin,
                                                    .payload = {}});
                               })
                  .ok());
  ASSERT_EQ(records.size(), 300u);
  EXPECT_EQ(records[9].time_ms, 9);
  EXPECT_EQ(records[9].origin, OriginId{9});
  EXPECT_EQ(AppendAndWait(*log, "room", "on").value(), 301u);
}

TEST(RoomImport, KilledAtAnyWriteTheRoomIsWholeOrCanBeMadeAgain) {
  const NewRoom room = SomeRoom();
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  ASSERT_TRUE(AppendAndWait(*log, "other", "x").ok());
  const DiskRecording recording(directory.path() + "/data.mdb");
  ASSERT_EQ(ImportRoom(*log, room, JoinPayloads), absl::OkStatus());
  const std::size_t end = recording.now();
  std::mt19937 random(1);
  std::size_t whole = 0;
  for (std::size_t moment = 0; moment <= end; ++moment) {
    SCOPED_TRACE(absl::StrCat(moment, " of ", end));
    for (const auto lost : {DiskRecording::Lost::kNothing, DiskRecording::Lost::kSome}) {
      const TestDirectory cut;
      WriteImage(cut.path(), recording.ImageAt(moment, lost, random));
      const auto after = OpenLog(cut);
      EXPECT_EQ(Content(after->reader(), "other"), "x");
      if (after->FindRoom("room").value()) {
        ++whole;
      } else {
        ASSERT_EQ(ImportRoom(*after, room, JoinPayloads), absl::OkStatus());
      }
      ExpectWhole(*after, room);
    }
  }
  EXPECT_GT(whole, 0u);
  EXPECT_LT(whole, 2 * (end + 1));
}

TEST(RoomImport, RefusesWhatIsNoRoomAndChangesNothing) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  ASSERT_TRUE(AppendAndWait(*log, "there", "x").ok());
  NewRoom room = SomeRoom();
  room.name = "there";
  EXPECT_EQ(ImportRoom(*log, room, JoinPayloads).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Content(log->reader(), "there"), "x");
  std::vector<NewRoom> wrong(5, SomeRoom());
  wrong[0].name = std::string(kMaxRoomNameBytes + 1, 'n');
  wrong[1].records.clear();
  wrong[1].versions.clear();
  wrong[2].versions[0].name.clear();
  wrong[3].versions[0].name = wrong[3].versions[1].name;
  wrong[4].versions[0].sequence = 301;
  for (const NewRoom& each : wrong) {
    EXPECT_EQ(ImportRoom(*log, each, JoinPayloads).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(log->ListRooms().value().size(), 1u);
}

}  // namespace
}  // namespace weft::store
