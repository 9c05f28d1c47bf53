#include "server/store_log.h"

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <string>
#include <vector>

#include "tests/server/running_server.h"

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
  for (std::uint8_t i = 0; i < 50; ++i) {
    store_log->Append("a", crdt::Bytes{i}, [&done](const absl::Status& status) {
      EXPECT_TRUE(status.ok());
      ++done;
    });
  }
  EXPECT_EQ(done, 0U);
  RunUntil(done, 50);
  std::size_t loaded = 0;
  store_log->Load("a", [&loaded](const auto& updates) {
    ASSERT_TRUE(updates.ok());
    ASSERT_EQ(updates->size(), 50U);
    for (std::uint8_t i = 0; i < 50; ++i) EXPECT_EQ((*updates)[i], crdt::Bytes{i});
    ++loaded;
  });
  RunUntil(loaded, 1);
}

TEST_F(StoreLogTest, AnUnknownRoomHasNoUpdates) {
  Open(1 << 20);
  std::size_t loaded = 0;
  store_log->Load("never", [&loaded](const auto& updates) {
    ASSERT_TRUE(updates.ok());
    EXPECT_TRUE(updates->empty());
    ++loaded;
  });
  RunUntil(loaded, 1);
}

TEST_F(StoreLogTest, AppendsBeyondTheQueueWaitAndKeepTheirOrder) {
  Open(8 << 10);
  std::vector<int> order;
  std::size_t done = 0;
  bool was_congested = false;
  for (int i = 0; i < 200; ++i) {
    store_log->Append("a", crdt::Bytes(1'000), [&, i](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status.ToString();
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
    store_log->Append("a", crdt::Bytes(i == 1 ? 100'000 : 10), [&, i](const absl::Status& status) {
      EXPECT_EQ(status.ok(), i != 1) << status.ToString();
      order.push_back(i);
      ++done;
    });
  }
  RunUntil(done, 3);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace weft::server
