#include "bench/store/contenders.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#if WEFT_HAS_SQLITE
#include <sqlite3.h>
#endif

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;
using crdt::Bytes;
namespace fs = std::filesystem;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Stopwatch {
 public:
  Taken Stop(std::uint64_t appends, std::uint64_t commits) const {
    const auto count = static_cast<double>(appends);
    return {.rate = count / SecondsSince(begin_),
            .per_commit = count / static_cast<double>(commits),
            .cpu_us = 1e6 * (CpuSeconds() - cpu_) / count,
            .written = (WrittenBytes() - written_) / count};
  }

 private:
  static double CpuSeconds() {
    rusage usage{};
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  static double WrittenBytes() {
    std::ifstream file("/proc/self/io");
    std::string line;
    while (std::getline(file, line)) {
      if (line.starts_with("wchar:")) return std::atof(line.c_str() + 6);
    }
    return 0;
  }

  Clock::time_point begin_ = Clock::now();
  double cpu_ = CpuSeconds();
  double written_ = WrittenBytes();
};

// Prepares the rooms, then measures: `commit` stores the appends [from, to) in one commit. Commits are of one
// size all the way, as weft's are: what a tree looks like, and where its pages lie, comes from that.
Taken Measure(const Load& load,
              const std::function<void(std::uint64_t from, std::uint64_t to)>& commit) {
  std::uint64_t count = 0;
  const auto run = [&](std::uint64_t end) {
    std::uint64_t commits = 0;
    for (; count < end; ++commits) {
      const std::uint64_t to = std::min<std::uint64_t>(end, count + load.batch);
      commit(count, to);
      count = to;
    }
    return commits;
  };
  run(load.before * load.rooms);
  const Stopwatch watch;
  const std::uint64_t commits = run(count + load.appends);
  return watch.Stop(load.appends, commits);
}

}  // namespace

Folder::Folder(const std::string& parent) {
  std::string pattern = parent + "/weft-bench-XXXXXX";
  CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::uint64_t Folder::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

Bytes Keystroke(std::uint64_t i) {
  Bytes bytes(27, 'u');
  std::memcpy(bytes.data(), &i, sizeof(i));
  return bytes;
}

std::unique_ptr<store::UpdateLog> OpenLog(const std::string& directory, std::size_t queue_bytes) {
  auto log = store::UpdateLog::Open({.directory = directory, .queue_bytes = queue_bytes});
  CHECK(log.ok());
  return *std::move(log);
}

void Append(store::UpdateLog& log, std::string_view room, crdt::ByteView update) {
  // As the server appends: with its time, which takes six bytes.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const store::Append append{
      .room = room,
      .time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
      .payload = update};
  while (!log.TryAppend(append,
                        [](const absl::StatusOr<store::Sequence>& result) { CHECK(result.ok()); })
              .ok()) {
    std::promise<void> space;
    log.CallWhenSpace([&] { space.set_value(); });
    space.get_future().wait();
  }
}

Taken AppendToWeft(const std::string& directory, const Load& load) {
  const Folder folder(directory);
  // About two batches: while one is committed, the next one gathers.
  constexpr std::size_t kQueueBytes = std::size_t{2} * 4096 * 400;
  const auto log = OpenLog(folder.path(), kQueueBytes);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < load.rooms; ++i) names.push_back(absl::StrCat("room-", i));
  std::uint64_t count = 0;
  const auto run = [&](std::uint64_t appends) {
    for (const std::uint64_t end = count + appends; count < end; ++count) {
      Append(*log, names[count % load.rooms], Keystroke(count));
    }
    log->Flush();
  };
  run(load.before * load.rooms);
  const std::uint64_t commits = log->stats().commits;
  const Stopwatch watch;
  run(load.appends);
  const Taken taken = watch.Stop(load.appends, log->stats().commits - commits);
  std::uint64_t stored = 0;
  for (const store::RoomInfo& room : log->ListRooms().value()) stored += room.head;
  CHECK(stored == count);
  return taken;
}

Taken AppendToBareLmdb(const std::string& directory, const Load& load) {
  const Folder folder(directory);
  MDB_env* environment = nullptr;
  CHECK(mdb_env_create(&environment) == 0);
  CHECK(mdb_env_set_mapsize(environment, std::size_t{8} << 30) == 0);
  CHECK(mdb_env_open(environment, folder.path().c_str(), 0, 0600) == 0);
  std::vector<std::uint64_t> heads(load.rooms, 0);
  const Taken taken = Measure(load, [&](std::uint64_t from, std::uint64_t to) {
    MDB_txn* transaction = nullptr;
    MDB_dbi table = 0;
    CHECK(mdb_txn_begin(environment, nullptr, 0, &transaction) == 0);
    CHECK(mdb_dbi_open(transaction, nullptr, 0, &table) == 0);
    for (std::uint64_t i = from; i < to; ++i) {
      const auto room = static_cast<std::uint32_t>(i % load.rooms);
      const std::uint64_t sequence = __builtin_bswap64(++heads[room]);
      const std::uint32_t room_key = __builtin_bswap32(room);
      std::uint8_t key_bytes[12];
      std::memcpy(key_bytes, &room_key, 4);
      std::memcpy(key_bytes + 4, &sequence, 8);
      Bytes update = Keystroke(i);
      MDB_val key{.mv_size = sizeof(key_bytes), .mv_data = key_bytes};
      MDB_val value{.mv_size = update.size(), .mv_data = update.data()};
      CHECK(mdb_put(transaction, table, &key, &value, 0) == 0);
    }
    CHECK(mdb_txn_commit(transaction) == 0);
  });
  MDB_txn* transaction = nullptr;
  MDB_dbi table = 0;
  MDB_stat stat{};
  CHECK(mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction) == 0);
  CHECK(mdb_dbi_open(transaction, nullptr, 0, &table) == 0);
  CHECK(mdb_stat(transaction, table, &stat) == 0);
  CHECK(stat.ms_entries == load.before * load.rooms + load.appends);
  mdb_txn_abort(transaction);
  mdb_env_close(environment);
  return taken;
}

#if WEFT_HAS_SQLITE
absl::StatusOr<Taken> AppendToSqlite(const std::string& directory, const Load& load) {
  const Folder folder(directory);
  sqlite3* database = nullptr;
  const auto run = [&](const char* sql) {
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  CHECK(sqlite3_open((folder.path() + "/log.sqlite").c_str(), &database) == SQLITE_OK);
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  run("CREATE TABLE log (room INTEGER, sequence INTEGER, payload BLOB, PRIMARY KEY (room, "
      "sequence)) WITHOUT ROWID");
  const auto prepare = [&](const char* sql) {
    sqlite3_stmt* statement = nullptr;
    CHECK(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) == SQLITE_OK);
    return statement;
  };
  sqlite3_stmt* insert = prepare("INSERT INTO log VALUES (?, ?, ?)");
  std::vector<std::int64_t> heads(load.rooms, 0);
  const Taken taken = Measure(load, [&](std::uint64_t from, std::uint64_t to) {
    run("BEGIN IMMEDIATE");
    for (std::uint64_t i = from; i < to; ++i) {
      const auto room = static_cast<std::size_t>(i % load.rooms);
      const Bytes update = Keystroke(i);
      sqlite3_bind_int64(insert, 1, static_cast<std::int64_t>(room));
      sqlite3_bind_int64(insert, 2, ++heads[room]);
      sqlite3_bind_blob(insert, 3, update.data(), static_cast<int>(update.size()), SQLITE_STATIC);
      CHECK(sqlite3_step(insert) == SQLITE_DONE);
      sqlite3_reset(insert);
    }
    run("COMMIT");
  });
  sqlite3_finalize(insert);
  sqlite3_stmt* count = prepare("SELECT count(*) FROM log");
  CHECK(sqlite3_step(count) == SQLITE_ROW);
  CHECK(static_cast<std::uint64_t>(sqlite3_column_int64(count, 0)) ==
        load.before * load.rooms + load.appends);
  sqlite3_finalize(count);
  sqlite3_close(database);
  return taken;
}
#else
absl::StatusOr<Taken> AppendToSqlite(const std::string&, const Load&) {
  return absl::UnavailableError("built without SQLite");
}
#endif

absl::StatusOr<Taken> AppendToLevelDb(const std::string& directory, const Load& load,
                                      const LevelDb& how) {
  const Folder folder(directory);
  const std::string command = absl::StrCat(
      how.command, " '", folder.path(), "' ", how.batched ? "batched" : "own", " ", load.rooms, " ",
      load.before, " ", load.appends, " ", load.batch, " ", how.seconds);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return absl::UnavailableError("cannot run " + command);
  Taken taken{.per_commit = how.batched ? static_cast<double>(load.batch) : 1};
  const bool read = std::fscanf(pipe, "%lf %lf", &taken.rate, &taken.cpu_us) == 2;
  const bool ended = pclose(pipe) == 0;
  if (!read || !ended) return absl::UnavailableError(command + " has failed");
  return taken;
}

double FdatasyncRate(const std::string& directory, std::size_t bytes, double seconds) {
  const Folder folder(directory);
  const int file = open((folder.path() + "/file").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(file >= 0);
  const std::string block(bytes, 'x');
  std::uint64_t count = 0;
  const auto begin = Clock::now();
  while (SecondsSince(begin) < seconds) {
    CHECK(pwrite(file, block.data(), block.size(), static_cast<off_t>(count % 1024 * bytes)) ==
          static_cast<ssize_t>(bytes));
    CHECK(fdatasync(file) == 0);
    ++count;
  }
  close(file);
  return static_cast<double>(count) / SecondsSince(begin);
}

std::string VersionsAsJson() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  mdb_version(&major, &minor, &patch);
  std::string json = absl::StrCat("{\"LMDB\": \"", major, ".", minor, ".", patch, "\"");
#if WEFT_HAS_SQLITE
  absl::StrAppend(&json, ", \"SQLite\": \"", sqlite3_libversion(), "\"");
#endif
  return json + "}";
}

}  // namespace weft::bench
