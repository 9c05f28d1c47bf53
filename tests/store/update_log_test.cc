#include "store/update_log.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/store/log_harness.h"

namespace weft::store {
namespace {

TEST(UpdateLog, ARoomsRecordsAreNumberedFromOneAndReadBackAsTheyWereGiven) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const Append first{
      .room = "room", .time_ms = 17, .origin = OriginId{9}, .payload = crdt::AsBytes("a")};
  EXPECT_EQ(AppendAndWait(*log, first).value(), 1u);
  EXPECT_EQ(AppendAndWait(*log, "room", "").value(), 2u);
  EXPECT_EQ(AppendAndWait(*log, "other", "c").value(), 1u);

  const LoadedRoom room = LoadAll(*log, "room");
  const std::vector<KeptRecord> expected = {
      {.sequence = 1, .time_ms = 17, .origin = OriginId{9}, .payload = "a"},
      {.sequence = 2, .time_ms = 0, .origin = OriginId{0}, .payload = ""}};
  EXPECT_EQ(room.records, expected);
  EXPECT_EQ(room.report.head, 2u);
  EXPECT_EQ(room.report.records, 2u);
  EXPECT_EQ(room.report.payload_bytes, 1u);
  EXPECT_TRUE(room.report.status().ok());
}

TEST(UpdateLog, AnUnknownRoomIsEmptyAndHasNoInfo) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const LoadedRoom room = LoadAll(*log, "nobody was here");
  EXPECT_TRUE(room.records.empty());
  EXPECT_EQ(room.report.head, 0u);
  EXPECT_TRUE(room.report.status().ok());
  EXPECT_EQ(log->FindRoom("nobody was here").value(), std::nullopt);
  EXPECT_EQ(LoadAll(*log, std::string(kMaxRoomNameBytes + 1, 'x')).report.head, 0u);
}

TEST(UpdateLog, APageOfRoomsHasThePrefixAndComesBehindTheNameBefore) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  // Names that differ behind what fits into a key, names that are prefixes of others, and neighbours.
  const std::string longest(508, 'n');
  std::vector<std::string> names = {"a", "b", "b/", "b/1", "b/2", "b0", "c", longest};
  for (const char* end : {"", "a", "b", "cc"}) names.push_back("b/" + longest.substr(2) + end);
  std::ranges::sort(names);
  for (const std::string& name : names) {
    ASSERT_TRUE(log->CreateIfAbsent({.room = name, .payload = crdt::AsBytes("x")}).ok());
  }
  for (const std::string& prefix :
       {std::string(), std::string("b"), std::string("b/"), std::string("b/n"), std::string("d"),
        "b/" + longest.substr(2) + "c", std::string(600, 'n')}) {
    std::vector<std::string> wanted;
    for (const std::string& name : names) {
      if (name.starts_with(prefix)) wanted.push_back(name);
    }
    for (const std::size_t limit : {1, 2, 3, 100}) {
      std::vector<std::string> found;
      for (const RoomInfo& info : ListByPages(log->reader(), prefix, limit)) {
        found.push_back(info.name);
      }
      EXPECT_EQ(found, wanted) << prefix << " by " << limit;
    }
  }
  // Whether or not a room has that name.
  const auto behind = log->reader().ListRooms({.prefix = "b", .after = "b/11", .limit = 1});
  EXPECT_EQ(behind.value().front().name, "b/2");
  EXPECT_TRUE(log->reader().ListRooms({.prefix = "b", .after = "zz", .limit = 1}).value().empty());
}

TEST(UpdateLog, EverythingIsStillThereAfterOpeningAnew) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    ASSERT_TRUE(AppendAndWait(*log, "room", "one").ok());
  }
  const auto log = OpenLog(directory);
  EXPECT_EQ(AppendAndWait(*log, "room", "two").value(), 2u);
  EXPECT_EQ(LoadAll(*log, "room").Payloads(), (std::vector<std::string>{"one", "two"}));
}

TEST(UpdateLog, ClosingStoresWhatWasAccepted) {
  const TestDirectory directory;
  int completed = 0;
  {
    const auto log = OpenLog(directory);
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(log->TryAppend({.room = "room", .payload = crdt::AsBytes("x")},
                                 [&](absl::StatusOr<Sequence> result) { completed += result.ok(); })
                      .ok());
    }
  }
  EXPECT_EQ(completed, 500);
  EXPECT_EQ(LoadAll(*OpenLog(directory), "room").report.head, 500u);
}

TEST(UpdateLog, FlushReturnsAfterTheCompletionOfWhatWasAccepted) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  int completed = 0;  // Flush orders the writer's additions before the reads below
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(log->TryAppend({.room = "room", .payload = crdt::AsBytes("x")},
                                 [&](absl::StatusOr<Sequence>) { ++completed; })
                      .ok());
    }
    log->Flush();
    EXPECT_EQ(completed, 10 * round);
  }
}

TEST(UpdateLog, AnyByteStringUpToTheLimitNamesARoomOfItsOwn) {
  const TestDirectory directory;
  const std::string long_name(kMaxRoomNameBytes, 'n');
  std::vector<std::string> names = {
      "", std::string(1, '\0'), std::string(2, '\0'), "n", "a/b", "../x", "\xff\xfe",
      // Around the length at which a name no longer fits into the index key.
      long_name.substr(0, 499), long_name.substr(0, 500), long_name.substr(0, 501),
      long_name.substr(0, 500) + std::string(1, '\0'),
      long_name.substr(0, 500) + std::string(7, '\0'), long_name.substr(0, 511), long_name,
      long_name.substr(0, 511) + "m"};
  {
    const auto log = OpenLog(directory);
    for (const std::string& name : names) ASSERT_EQ(AppendAndWait(*log, name, name).value(), 1u);
  }
  const auto log = OpenLog(directory);
  for (const std::string& name : names) {
    EXPECT_EQ(LoadAll(*log, name).Payloads(), std::vector<std::string>{name});
    EXPECT_EQ(log->FindRoom(name).value().value().name, name);
  }
  EXPECT_EQ(log->ListRooms().value().size(), names.size());
}

TEST(UpdateLog, ANameBeyondTheLimitIsRefused) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const std::string name(kMaxRoomNameBytes + 1, 'x');
  EXPECT_EQ(AppendAndWait(*log, name, "x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(log->ListRooms().value().empty());
}

TEST(UpdateLog, RoomsAreListedByNameWithWhatIsKnownOfThem) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const std::int64_t earliest = std::numeric_limits<std::int64_t>::min();
  ASSERT_TRUE(
      AppendAndWait(*log, {.room = "b", .time_ms = 5, .payload = crdt::AsBytes("12")}).ok());
  ASSERT_TRUE(AppendAndWait(*log, {.room = "b", .time_ms = 4, .payload = crdt::AsBytes("3")}).ok());
  ASSERT_TRUE(AppendAndWait(*log, {.room = "a", .time_ms = earliest, .payload = {}}).ok());
  const std::vector<RoomInfo> rooms = log->ListRooms().value();
  ASSERT_EQ(rooms.size(), 2u);
  EXPECT_EQ(rooms[0].name, "a");
  EXPECT_EQ(rooms[0].head, 1u);
  EXPECT_EQ(rooms[0].created_ms, earliest);
  EXPECT_EQ(rooms[1].name, "b");
  EXPECT_EQ(rooms[1].head, 2u);
  EXPECT_EQ(rooms[1].records, 2u);
  EXPECT_EQ(rooms[1].payload_bytes, 3u);
  EXPECT_EQ(rooms[1].created_ms, 5);
  EXPECT_EQ(rooms[1].last_ms, 4);
  EXPECT_NE(rooms[0].generation, rooms[1].generation);
  EXPECT_EQ(log->FindRoom("b").value(), rooms[1]);
}

TEST(UpdateLog, ALoadSeesOneMomentWhileAppendsGoOn) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  ASSERT_TRUE(AppendAndWait(*log, "room", "1").ok());
  ASSERT_TRUE(AppendAndWait(*log, "room", "2").ok());
  Sequence appended = 0;
  std::vector<Sequence> seen;
  // The map is large, so this append does not need to grow it and may be awaited inside the visit.
  const auto report = log->Load("room", [&](const Record& record) {
    if (appended == 0) appended = AppendAndWait(*log, "room", "3").value();
    seen.push_back(record.sequence);
  });
  EXPECT_EQ(appended, 3u);
  EXPECT_EQ(seen, (std::vector<Sequence>{1, 2}));
  EXPECT_EQ(report.value().head, 2u);
}

TEST(UpdateLog, TheMapGrowsFromTinyWhileOthersRead) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(),
                            .durability = Durability::kNone,
                            .queue_bytes = std::size_t{64} << 20,
                            .initial_map_bytes = 1});
  const std::size_t map_bytes = log->stats().map_bytes;
  const std::string payload(100'000, 'p');
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> loads = 0;
  std::thread reader([&] {
    while (!stop) {
      std::uint64_t wrong = 0;
      const auto report = log->Load(
          "room", [&](const Record& record) { wrong += crdt::AsText(record.payload) != payload; });
      CHECK(report.ok() && report->status().ok() && wrong == 0);
      ++loads;
    }
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(log->TryAppend({.room = "room", .payload = crdt::AsBytes(payload)},
                               [](absl::StatusOr<Sequence> result) { CHECK(result.ok()); })
                    .ok());
    if (i % 10 == 9) log->Flush();
  }
  stop = true;
  reader.join();
  EXPECT_GT(loads, 0u);
  EXPECT_GE(log->stats().map_growths, 5u);
  EXPECT_GT(log->stats().map_bytes, map_bytes);
  EXPECT_EQ(LoadAll(*log, "room").report.records, 200u);
}

TEST(UpdateLog, AnUpdateLargerThanTheWholeMapIsStored) {
  const TestDirectory directory;
  const auto log = OpenLog({.directory = directory.path(), .initial_map_bytes = 1});
  const std::string payload(std::size_t{10} << 20, 'x');
  ASSERT_EQ(AppendAndWait(*log, "room", payload).value(), 1u);
  EXPECT_EQ(LoadAll(*log, "room").Payloads(), std::vector<std::string>{payload});
}

}  // namespace
}  // namespace weft::store
