#pragma once

// What tests of the log share: a directory that goes away, and appends that wait for their answer.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/check.h"
#include "store/update_log.h"

namespace weft::store {

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-store-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<UpdateLog> OpenLog(UpdateLog::Options options) {
  absl::StatusOr<std::unique_ptr<UpdateLog>> log = UpdateLog::Open(std::move(options));
  if (!log.ok()) std::fprintf(stderr, "%s\n", log.status().ToString().c_str());
  CHECK(log.ok());
  return *std::move(log);
}

// With a map large enough for most tests, and small enough that sanitizers map it quickly.
inline std::unique_ptr<UpdateLog> OpenLog(const TestDirectory& directory) {
  return OpenLog({.directory = directory.path(), .initial_map_bytes = std::size_t{1} << 20});
}

// Requires: not the writer thread.
inline absl::StatusOr<Sequence> AppendAndWait(UpdateLog& log, const Append& append) {
  std::promise<absl::StatusOr<Sequence>> promise;
  std::future<absl::StatusOr<Sequence>> future = promise.get_future();
  const absl::Status accepted = log.TryAppend(append, [&promise](absl::StatusOr<Sequence> result) {
    promise.set_value(std::move(result));
  });
  if (!accepted.ok()) return accepted;
  return future.get();
}

inline absl::StatusOr<Sequence> AppendAndWait(UpdateLog& log, std::string_view room,
                                              std::string_view payload) {
  return AppendAndWait(log, {.room = room, .payload = crdt::AsBytes(payload)});
}

// A record whose payload outlives the load.
struct KeptRecord {
  Sequence sequence = 0;
  std::int64_t time_ms = 0;
  OriginId origin{};
  std::string payload;

  friend bool operator==(const KeptRecord&, const KeptRecord&) = default;
};

struct LoadedRoom {
  LoadReport report;
  std::vector<KeptRecord> records;

  std::vector<std::string> Payloads() const {
    std::vector<std::string> payloads;
    for (const KeptRecord& record : records) payloads.push_back(record.payload);
    return payloads;
  }
};

inline LoadedRoom LoadAll(const UpdateLog& log, std::string_view room) {
  LoadedRoom loaded;
  absl::StatusOr<LoadReport> report = log.Load(room, [&](const Record& record) {
    loaded.records.push_back({.sequence = record.sequence,
                              .time_ms = record.time_ms,
                              .origin = record.origin,
                              .payload = std::string(crdt::AsText(record.payload))});
  });
  CHECK(report.ok());
  loaded.report = *std::move(report);
  return loaded;
}

// All rooms whose names begin with `prefix`, listed by pages.
inline std::vector<RoomInfo> ListByPages(const LogReader& log, std::string_view prefix,
                                         std::size_t limit) {
  std::vector<RoomInfo> rooms;
  RoomPage page{.prefix = std::string(prefix), .after = std::nullopt, .limit = limit};
  for (;;) {
    const std::vector<RoomInfo> some = log.ListRooms(page).value();
    EXPECT_LE(some.size(), limit);
    rooms.insert(rooms.end(), some.begin(), some.end());
    if (some.size() < limit) return rooms;
    page.after = some.back().name;
  }
}

}  // namespace weft::store
