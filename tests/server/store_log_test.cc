#include "server/store_log.h"

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <string>
#include <vector>

#include "store/rows.h"
#include "tests/server/running_server.h"
#include "tests/store/stored_bytes.h"

namespace weft::server {
namespace {

class StoreLogTest : public testing::Test {
 protected:
  void Open(std::size_t queue_bytes) {
    auto opened =
        store::UpdateLog::Open({.directory = directory.path(), .queue_bytes = queue_bytes});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    log = *std::move(opened);
    store_log = std::make_unique<StoreLog>(*log, rooms, loading.get_executor());
  }
  void TearDown() override {
    loading.join();
    log.reset();
  }

  // Runs the rooms' thread until `count` more callbacks have come.
  void RunUntil(std::size_t& counter, std::size_t count) {
    rooms.restart();
    while (counter < count) rooms.run_one();
  }

  TemporaryDirectory directory;
  asio::io_context rooms;
  asio::executor_work_guard<asio::io_context::executor_type> work{rooms.get_executor()};
  asio::thread_pool loading{1};
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<StoreLog> store_log;
};

TEST_F(StoreLogTest, WhatWasAppendedIsLoadedInOrder) {
  Open(1 << 20);
  std::size_t done = 0;
  LogPlace last;
  for (std::uint8_t i = 0; i < 50; ++i) {
    store_log->Append("a", 0, crdt::Bytes{i}, [&](const absl::StatusOr<LogPlace>& place) {
      ASSERT_TRUE(place.ok());
      EXPECT_EQ(place->sequence, ++done);
      last = *place;
    });
  }
  EXPECT_EQ(done, 0U);
  RunUntil(done, 50);
  std::size_t loaded = 0;
  store_log->Load("a", [&](const absl::StatusOr<RoomLog::Loaded>& all) {
    ASSERT_TRUE(all.ok());
    ASSERT_EQ(all->updates.size(), 50U);
    for (std::uint8_t i = 0; i < 50; ++i) EXPECT_EQ(all->updates[i], crdt::Bytes{i});
    EXPECT_EQ(all->head, last);
    EXPECT_NE(last.generation, 0U);
    ++loaded;
  });
  RunUntil(loaded, 1);
}

TEST_F(StoreLogTest, AnUpdateIsStoredWithItsRowsOrNeitherIsAndInTheOrderOfTheOthers) {
  Open(1 << 20);
  const auto rows = store::Rows::Open(*log, "test").value();
  std::size_t done = 0;
  std::vector<absl::StatusOr<LogPlace>> results;
  const auto answer = [&](absl::StatusOr<LogPlace> place) {
    results.push_back(std::move(place));
    ++done;
  };
  const auto change = [&](std::string_view key, absl::Status verdict) {
    return RowChange{.rows = rows.get(),
                     .edit = [key, verdict](store::RowWriter& writer, const LogPlace& place) {
                       const crdt::Bytes value{static_cast<std::uint8_t>(place.sequence)};
                       const absl::Status put = writer.Put("t", crdt::AsBytes(key), value);
                       return put.ok() ? verdict : put;
                     }};
  };
  store_log->Append("a", 0, crdt::Bytes{1}, answer);
  store_log->AppendWithRows("a", 0, crdt::Bytes{2}, change("kept", absl::OkStatus()), answer);
  store_log->AppendWithRows("a", 0, crdt::Bytes{3}, change("gone", absl::AbortedError("no")),
                            answer);
  store_log->Append("a", 0, crdt::Bytes{4}, answer);
  RunUntil(done, 4);
  EXPECT_EQ(results[1].value().sequence, 2U);
  EXPECT_EQ(results[2].status(), absl::AbortedError("no"));
  EXPECT_EQ(results[3].value().sequence, 3U);
  const absl::Status read = rows->Read([](const store::RowReader& reader) {
    EXPECT_EQ(reader.Get("t", crdt::AsBytes("kept")).value().value()[0], 2U);
    EXPECT_EQ(reader.Get("t", crdt::AsBytes("gone")).value(), std::nullopt);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
}

TEST_F(StoreLogTest, AnUnknownRoomHasNoUpdates) {
  Open(1 << 20);
  std::size_t loaded = 0;
  store_log->Load("never", [&loaded](const absl::StatusOr<RoomLog::Loaded>& all) {
    ASSERT_TRUE(all.ok());
    EXPECT_TRUE(all->updates.empty());
    EXPECT_EQ(all->head, LogPlace{});
    ++loaded;
  });
  RunUntil(loaded, 1);
}

TEST_F(StoreLogTest, WhatIsDamagedIsToldWithEachLoadAlsoWhenASnapshotWasMadeWithoutIt) {
  Open(1 << 20);
  std::size_t done = 0;
  for (std::uint8_t i = 1; i <= 9; ++i) {
    store_log->Append("a", 0, crdt::Bytes{i}, [&](const absl::StatusOr<LogPlace>&) { ++done; });
  }
  RunUntil(done, 9);
  const auto lost = [&] {
    std::vector<LostUpdates> found;
    std::size_t loaded = 0;
    store_log->Load("a", [&](const absl::StatusOr<RoomLog::Loaded>& all) {
      found = all.value().lost;
      ++loaded;
    });
    RunUntil(loaded, 1);
    return found;
  };
  EXPECT_EQ(lost(), std::vector<LostUpdates>());

  log.reset();
  for (const store::Sequence sequence : {2, 3, 7}) {
    const auto key = store::EncodeRecordKey(store::RoomId{1}, sequence);
    std::string stored = store::ReadStored(directory.path(), store::kRecordsTable, key);
    stored.back() = static_cast<char>(stored.back() ^ 1);
    store::WriteStored(directory.path(), store::kRecordsTable, key, stored);
  }
  Open(1 << 20);
  const std::vector<LostUpdates> damaged = {{2, 4}, {7, 8}};
  EXPECT_EQ(lost(), damaged);
  EXPECT_EQ(log->reader().ListQuarantine("a")->size(), 3U);
  EXPECT_EQ(lost(), damaged) << "known from now on";
  ASSERT_TRUE(log->Compact("a", [](auto) { return crdt::Bytes{42}; }, {}).ok());
  EXPECT_EQ(lost(), damaged);
}

TEST_F(StoreLogTest, ATailIsAllThatCameAfterAPlace) {
  Open(1 << 20);
  std::size_t done = 0;
  LogPlace place;
  for (std::uint8_t i = 1; i <= 9; ++i) {
    store_log->Append("a", 0, crdt::Bytes{i}, [&](const absl::StatusOr<LogPlace>& stored) {
      place = *stored;
      ++done;
    });
  }
  RunUntil(done, 9);
  using Tail = absl::StatusOr<std::vector<crdt::Bytes>>;
  const auto tail = [&](const LogPlace& after, std::size_t max_bytes) {
    Tail answer;
    std::size_t answered = 0;
    store_log->LoadTail("a", after, max_bytes, [&](Tail updates) {
      answer = std::move(updates);
      ++answered;
    });
    RunUntil(answered, 1);
    return answer;
  };
  const std::uint64_t generation = place.generation;
  EXPECT_EQ(tail({7, generation}, 100).value(), (std::vector<crdt::Bytes>{{8}, {9}}));
  EXPECT_EQ(tail({0, generation}, 100).value().size(), 9U);
  EXPECT_TRUE(tail({9, generation}, 100).value().empty());
  EXPECT_TRUE(absl::IsNotFound(tail({10, generation}, 100).status()));
  EXPECT_TRUE(absl::IsNotFound(tail({7, generation + 1}, 100).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(tail({7, generation}, 1).status()));
  // Merged with what came before it, an update is not to be had alone any more.
  const store::Merge first = [](std::span<const crdt::ByteView> payloads) {
    return absl::StatusOr<crdt::Bytes>(crdt::Bytes(payloads[0].begin(), payloads[0].end()));
  };
  ASSERT_TRUE(log->Compact("a", first, {.now_ms = 1LL << 60, .retention_ms = 0}).ok());
  EXPECT_TRUE(absl::IsNotFound(tail({7, generation}, 100).status()));
  EXPECT_TRUE(tail({9, generation}, 100).value().empty());
}

TEST_F(StoreLogTest, AnUpdateOfAnotherHistoryIsRefused) {
  Open(1 << 20);
  std::size_t done = 0;
  LogPlace place;
  store_log->Append("a", 0, crdt::Bytes{1}, [&](const absl::StatusOr<LogPlace>& stored) {
    place = *stored;
    ++done;
  });
  RunUntil(done, 1);
  ASSERT_TRUE(log->DeleteRoom("a").ok());
  const auto append = [&](std::uint64_t generation) {
    absl::Status answer;
    std::size_t answered = 0;
    store_log->Append("a", generation, crdt::Bytes{2}, [&](const absl::StatusOr<LogPlace>& stored) {
      answer = stored.status();
      ++answered;
    });
    RunUntil(answered, 1);
    return answer;
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(append(place.generation)));
  EXPECT_TRUE(append(0).ok());
}

TEST_F(StoreLogTest, AppendsBeyondTheQueueWaitAndKeepTheirOrder) {
  Open(8 << 10);
  std::vector<int> order;
  std::size_t done = 0;
  bool was_congested = false;
  for (int i = 0; i < 200; ++i) {
    store_log->Append("a", 0, crdt::Bytes(1'000), [&, i](const absl::StatusOr<LogPlace>& place) {
      EXPECT_TRUE(place.ok()) << place.status().ToString();
      order.push_back(i);
      ++done;
    });
    was_congested = was_congested || store_log->congested();
  }
  RunUntil(done, 200);
  EXPECT_TRUE(was_congested);
  EXPECT_FALSE(store_log->congested());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_F(StoreLogTest, AnUpdateThatTheLogRefusesIsAnsweredInItsTurn) {
  Open(8 << 10);
  std::vector<int> order;
  std::size_t done = 0;
  for (int i = 0; i < 3; ++i) {
    store_log->Append("a", 0, crdt::Bytes(i == 1 ? 100'000 : 10),
                      [&, i](const absl::StatusOr<LogPlace>& place) {
                        EXPECT_EQ(place.ok(), i != 1) << place.status().ToString();
                        order.push_back(i);
                        ++done;
                      });
  }
  RunUntil(done, 3);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace weft::server
