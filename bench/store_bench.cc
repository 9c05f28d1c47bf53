// What a durable edit costs: appends a second, latencies and bytes, beside what bounds them.
//
//   weft_store_bench [--json FILE] [--seconds N] [--dir DIR] [--trace FILE] [FILTER]
//
// Every row of a table is measured in one run on one disk, one after the other: bare fdatasync, a
// bare LMDB loop without our record format (the limit), weft, SQLite with WAL and
// synchronous=FULL. All commit batches of the same size: as many appends as a commit takes, offered
// without waiting between commits. Each run is read back and counted: a wrong result is an error.
//
// With --peer-leveldb FOLDER, where `npm install y-leveldb` was run, y-leveldb writes the same
// updates (bench/store_peer.mjs).

#include <fcntl.h>
#include <lmdb.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/trace.h"
#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "server/history.h"
#include "store/backup.h"
#include "store/update_log.h"
#if WEFT_HAS_SQLITE
#include <sqlite3.h>
#endif

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;
using crdt::Bytes;
using crdt::ByteView;
namespace fs = std::filesystem;

struct Settings {
  double seconds = 2;
  std::string directory = fs::temp_directory_path().string();
  std::string trace;
  std::string json;
  std::string filter;
  std::string leveldb;
};

// One figure, printed and kept for the JSON file.
class Report {
 public:
  void Add(const std::string& what, double value, const std::string& unit) {
    std::printf("%-58s %14.1f %s\n", what.c_str(), value, unit.c_str());
    std::fflush(stdout);
    absl::StrAppend(&json_, json_.empty() ? "" : ",\n", "  {\"what\": \"", what,
                    "\", \"value\": ", absl::StrFormat("%.3f", value), ", \"unit\": \"", unit,
                    "\"}");
  }
  void Title(const std::string& title) { std::printf("\n%s\n", title.c_str()); }
  std::string Json() const { return "[\n" + json_ + "\n]\n"; }

 private:
  std::string json_;
};

class Folder {
 public:
  explicit Folder(const Settings& settings) {
    std::string pattern = settings.directory + "/weft-bench-XXXXXX";
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::uint64_t bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  }

 private:
  std::string path_;
};

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// An update of the size of a keystroke's.
Bytes Keystroke(std::uint64_t i) {
  Bytes bytes(27, 'u');
  std::memcpy(bytes.data(), &i, sizeof(i));
  return bytes;
}

constexpr std::size_t kBatch = 4096;

// --- The limits ------------------------------------------------------------------------------

// Appends of so many bytes, each followed by fdatasync.
double FdatasyncRate(const Settings& settings, std::size_t bytes) {
  const Folder folder(settings);
  const int file = open((folder.path() + "/file").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(file >= 0);
  const std::string block(bytes, 'x');
  std::uint64_t count = 0;
  const auto begin = Clock::now();
  while (Seconds(Clock::now() - begin) < settings.seconds) {
    CHECK(pwrite(file, block.data(), block.size(), static_cast<off_t>(count % 1024 * bytes)) ==
          static_cast<ssize_t>(bytes));
    CHECK(fdatasync(file) == 0);
    ++count;
  }
  close(file);
  return static_cast<double>(count) / Seconds(Clock::now() - begin);
}

// A key of room and sequence, the update, and nothing else.
double BareLmdbRate(const Settings& settings, std::uint32_t rooms, std::size_t batch) {
  const Folder folder(settings);
  MDB_env* environment = nullptr;
  CHECK(mdb_env_create(&environment) == 0);
  CHECK(mdb_env_set_mapsize(environment, std::size_t{8} << 30) == 0);
  CHECK(mdb_env_open(environment, folder.path().c_str(), 0, 0600) == 0);
  std::vector<std::uint64_t> heads(rooms, 0);
  std::uint64_t count = 0;
  const auto begin = Clock::now();
  while (Seconds(Clock::now() - begin) < settings.seconds) {
    MDB_txn* transaction = nullptr;
    MDB_dbi table = 0;
    CHECK(mdb_txn_begin(environment, nullptr, 0, &transaction) == 0);
    CHECK(mdb_dbi_open(transaction, nullptr, 0, &table) == 0);
    for (std::size_t i = 0; i < batch; ++i, ++count) {
      const auto room = static_cast<std::uint32_t>(count % rooms);
      const std::uint64_t sequence = __builtin_bswap64(++heads[room]);
      const std::uint32_t room_key = __builtin_bswap32(room);
      std::uint8_t key_bytes[12];
      std::memcpy(key_bytes, &room_key, 4);
      std::memcpy(key_bytes + 4, &sequence, 8);
      Bytes update = Keystroke(count);
      MDB_val key{.mv_size = sizeof(key_bytes), .mv_data = key_bytes};
      MDB_val value{.mv_size = update.size(), .mv_data = update.data()};
      CHECK(mdb_put(transaction, table, &key, &value, 0) == 0);
    }
    CHECK(mdb_txn_commit(transaction) == 0);
  }
  const double rate = static_cast<double>(count) / Seconds(Clock::now() - begin);
  mdb_env_close(environment);
  return rate;
}

#if WEFT_HAS_SQLITE
double SqliteRate(const Settings& settings, std::uint32_t rooms, std::size_t batch) {
  const Folder folder(settings);
  sqlite3* database = nullptr;
  const auto run = [&](const char* sql) {
    CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  };
  CHECK(sqlite3_open((folder.path() + "/log.sqlite").c_str(), &database) == SQLITE_OK);
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  run("CREATE TABLE log (room INTEGER, sequence INTEGER, payload BLOB, PRIMARY KEY (room, "
      "sequence)) "
      "WITHOUT ROWID");
  sqlite3_stmt* insert = nullptr;
  CHECK(sqlite3_prepare_v2(database, "INSERT INTO log VALUES (?, ?, ?)", -1, &insert, nullptr) ==
        SQLITE_OK);
  std::vector<std::int64_t> heads(rooms, 0);
  std::uint64_t count = 0;
  const auto begin = Clock::now();
  while (Seconds(Clock::now() - begin) < settings.seconds) {
    run("BEGIN IMMEDIATE");
    for (std::size_t i = 0; i < batch; ++i, ++count) {
      const auto room = static_cast<std::size_t>(count % rooms);
      const Bytes update = Keystroke(count);
      sqlite3_bind_int64(insert, 1, static_cast<std::int64_t>(room));
      sqlite3_bind_int64(insert, 2, ++heads[room]);
      sqlite3_bind_blob(insert, 3, update.data(), static_cast<int>(update.size()), SQLITE_STATIC);
      CHECK(sqlite3_step(insert) == SQLITE_DONE);
      sqlite3_reset(insert);
    }
    run("COMMIT");
  }
  const double rate = static_cast<double>(count) / Seconds(Clock::now() - begin);
  sqlite3_finalize(insert);
  sqlite3_close(database);
  return rate;
}
#endif

// --- weft ------------------------------------------------------------------------------------

std::unique_ptr<store::UpdateLog> OpenLog(const std::string& directory,
                                          std::size_t queue_bytes = std::size_t{64} << 20) {
  auto log = store::UpdateLog::Open({.directory = directory, .queue_bytes = queue_bytes});
  CHECK(log.ok());
  return *std::move(log);
}

// Waits where the queue is full, as back-pressure has it.
void Append(store::UpdateLog& log, std::string_view room, ByteView update) {
  while (!log.TryAppend({.room = room, .payload = update},
                        [](const absl::StatusOr<store::Sequence>& result) { CHECK(result.ok()); })
              .ok()) {
    std::promise<void> space;
    log.CallWhenSpace([&] { space.set_value(); });
    space.get_future().wait();
  }
}

// Appends as fast as the log takes them, `batch` unanswered at most, from one thread as rooms do.
struct WeftRate {
  double rate = 0;
  double per_commit = 0;
};
WeftRate MeasureWeft(const Settings& settings, std::uint32_t rooms, std::size_t batch) {
  const Folder folder(settings);
  // About two batches: while one is committed, the next one gathers.
  auto log = OpenLog(folder.path(), 2 * batch * 400);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < rooms; ++i) names.push_back(absl::StrCat("room-", i));
  std::uint64_t count = 0;
  const auto begin = Clock::now();
  while (Seconds(Clock::now() - begin) < settings.seconds) {
    for (std::size_t i = 0; i < 256; ++i, ++count) {
      Append(*log, names[count % rooms], Keystroke(count));
    }
  }
  log->Flush();
  const double seconds = Seconds(Clock::now() - begin);
  const auto stats = log->stats();
  std::uint64_t stored = 0;
  for (const auto& room : log->ListRooms().value()) stored += room.head;
  CHECK(stored == count);
  return {.rate = static_cast<double>(count) / seconds,
          .per_commit = static_cast<double>(count) / static_cast<double>(stats.commits)};
}

void BenchAppends(const Settings& settings, Report& report) {
  report.Title("Durable appends of 27 bytes");
  const double syncs = FdatasyncRate(settings, 4096);
  report.Add("fdatasync of 4 KiB", syncs, "/s");
  report.Add("  times the batch of 4,096", syncs * kBatch, "appends/s");
  for (const std::uint32_t rooms : {1U, 100U, 10'000U}) {
    const std::string in = absl::StrCat(" (", rooms, rooms == 1 ? " room)" : " rooms)");
    const WeftRate weft = MeasureWeft(settings, rooms, kBatch);
    const auto batch = static_cast<std::size_t>(std::max(1.0, weft.per_commit));
    const double bare = BareLmdbRate(settings, rooms, batch);
    report.Add("bare LMDB loop, batches as weft's" + in, bare, "appends/s");
    report.Add("weft" + in, weft.rate, "appends/s");
    report.Add("  in one commit", weft.per_commit, "appends");
    report.Add("  of the bare loop", 100 * weft.rate / bare, "%");
#if WEFT_HAS_SQLITE
    const double sqlite = SqliteRate(settings, rooms, batch);
    report.Add("SQLite, WAL, synchronous=FULL" + in, sqlite, "appends/s");
    report.Add("  weft is", weft.rate / sqlite, "times as fast");
#endif
  }
  if (!settings.leveldb.empty()) {
    const std::string command =
        absl::StrCat("cd '", settings.leveldb, "' && node '", WEFT_SOURCE_ROOT,
                     "/bench/store_peer.mjs' '", settings.directory, "' ", settings.seconds);
    FILE* pipe = popen(command.c_str(), "r");
    CHECK(pipe != nullptr);
    double rate = 0;
    CHECK(std::fscanf(pipe, "%lf", &rate) == 1);
    pclose(pipe);
    report.Add("y-leveldb (not durable: LevelDB without sync)", rate, "appends/s");
  }
}

// Open loop: each append has its time, and its latency counts from that.
void BenchLatency(const Settings& settings, Report& report) {
  report.Title("From an append to its durable answer, 1,000 rooms");
  for (const int rate : {1'000, 20'000}) {
    const Folder folder(settings);
    auto log = OpenLog(folder.path());
    const auto count = static_cast<std::size_t>(rate * settings.seconds);
    std::vector<Clock::time_point> answered(count);
    std::vector<std::string> names;
    for (int i = 0; i < 1'000; ++i) names.push_back(absl::StrCat("room-", i));
    const auto begin = Clock::now();
    const auto due = [&](std::size_t i) {
      return begin + std::chrono::nanoseconds(
                         static_cast<std::int64_t>(1e9 * static_cast<double>(i) / rate));
    };
    for (std::size_t i = 0; i < count; ++i) {
      std::this_thread::sleep_until(due(i));
      const Bytes update = Keystroke(i);
      CHECK(log->TryAppend({.room = names[i % names.size()], .payload = update},
                           [&answered, i](const absl::StatusOr<store::Sequence>& result) {
                             CHECK(result.ok());
                             answered[i] = Clock::now();
                           })
                .ok());
    }
    log->Flush();
    std::vector<double> milliseconds(count);
    for (std::size_t i = 0; i < count; ++i) milliseconds[i] = 1e3 * Seconds(answered[i] - due(i));
    std::ranges::sort(milliseconds);
    const std::string at = absl::StrCat(" at ", rate, " appends/s");
    report.Add("p50" + at, milliseconds[count / 2], "ms");
    report.Add("p99" + at, milliseconds[count * 99 / 100], "ms");
  }
}

// The updates of a trace, typed edit by edit.
std::vector<Bytes> UpdatesOf(const Settings& settings) {
  Trace trace = MakeSyntheticTrace(260'000);
  if (!settings.trace.empty()) {
    auto loaded = LoadTrace(settings.trace);
    CHECK(loaded.ok());
    trace = *std::move(loaded);
  }
  std::printf("\nTrace %s\n", trace.name.c_str());
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{1}});
  std::vector<Bytes> updates;
  const auto subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  crdt::Text text = doc.GetText("text");
  for (const auto& patches : trace.transactions) {
    doc.Transact("", [&] {
      for (const Patch& patch : patches) {
        if (patch.deleted > 0) text.Delete(patch.position, patch.deleted);
        if (!patch.inserted.empty()) text.Insert(patch.position, patch.inserted);
      }
    });
  }
  return updates;
}

void BenchDocument(const Settings& settings, Report& report) {
  const std::vector<Bytes> updates = UpdatesOf(settings);
  report.Title("One document");
  std::uint64_t bytes = 0;
  for (const Bytes& update : updates) bytes += update.size();
  report.Add("updates", static_cast<double>(updates.size()), "");
  report.Add("their bytes", static_cast<double>(bytes) / 1e6, "MB");
  const Folder folder(settings);
  {
    auto log = OpenLog(folder.path());
    for (const Bytes& update : updates) Append(*log, "room", update);
  }
  const auto load = [&](const std::string& what) {
    auto begin = Clock::now();
    const auto log = OpenLog(folder.path());
    report.Add("open the log" + what, 1e3 * Seconds(Clock::now() - begin), "ms");
    begin = Clock::now();
    std::uint64_t payload_bytes = 0;
    CHECK(log->Load("room",
                    [&](const store::Record& record) { payload_bytes += record.payload.size(); })
              .ok());
    report.Add("read and prove" + what, 1e3 * Seconds(Clock::now() - begin), "ms");
    begin = Clock::now();
    crdt::Doc doc;
    CHECK(
        log->Load("room",
                  [&](const store::Record& record) { CHECK(doc.ApplyUpdate(record.payload).ok()); })
            .ok());
    report.Add("load the document" + what, 1e3 * Seconds(Clock::now() - begin), "ms");
  };
  load(", raw records");
  report.Add("on disk, raw records",
             static_cast<double>(folder.bytes()) / static_cast<double>(bytes), "bytes/byte");
  {
    const auto log = OpenLog(folder.path());
    const auto begin = Clock::now();
    CHECK(log->Compact("room", server::MergePayloads, {.retention_ms = 0}).ok());
    report.Add("compact", 1e3 * Seconds(Clock::now() - begin), "ms");
  }
  CHECK(store::ShrinkLog(folder.path(), {}).ok());
  report.Add("on disk, compacted", static_cast<double>(folder.bytes()) / static_cast<double>(bytes),
             "bytes/byte");
  load(", compacted");
}

double ResidentBytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::atof(line.c_str() + 8) * 1024;
  }
  return 0;
}

void BenchMemory(const Settings& settings, Report& report) {
  report.Title("100,000 rooms");
  const Folder folder(settings);
  {
    auto log = OpenLog(folder.path());
    for (int i = 0; i < 100'000; ++i) {
      const std::string room = absl::StrCat("some/room/", i);
      Append(*log, room, Keystroke(static_cast<std::uint64_t>(i)));
    }
  }
  report.Add("on disk for each", static_cast<double>(folder.bytes()) / 100'000, "bytes");
  malloc_trim(0);
  const double before = ResidentBytes();
  const auto begin = Clock::now();
  auto log = store::UpdateLog::Open({.directory = folder.path(), .track_touched = true});
  CHECK(log.ok());
  report.Add("open the log", 1e3 * Seconds(Clock::now() - begin), "ms");
  malloc_trim(0);
  report.Add("memory of all of them, closed", (ResidentBytes() - before) / 1e6, "MB");
  const double closed = ResidentBytes();
  for (int i = 0; i < 100'000; ++i) {
    Append(**log, absl::StrCat("some/room/", i), Keystroke(1));
  }
  (*log)->Flush();
  malloc_trim(0);
  report.Add("memory for each that is written to", (ResidentBytes() - closed) / 100'000, "bytes");
}

int Run(const Settings& settings) {
  Report report;
  const std::pair<const char*, void (*)(const Settings&, Report&)> benches[] = {
      {"appends", BenchAppends},
      {"latency", BenchLatency},
      {"document", BenchDocument},
      {"memory", BenchMemory}};
  for (const auto& [name, bench] : benches) {
    if (std::string(name).find(settings.filter) != std::string::npos) bench(settings, report);
  }
  if (!settings.json.empty()) std::ofstream(settings.json) << report.Json();
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  weft::bench::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (!flag.starts_with("--")) {
      settings.filter = flag;
    } else if (i + 1 == argc) {
      std::fprintf(stderr, "weft_store_bench: %s wants a value\n", argv[i]);
      return 2;
    } else if (flag == "--json") {
      settings.json = argv[++i];
    } else if (flag == "--seconds") {
      settings.seconds = std::atof(argv[++i]);
    } else if (flag == "--dir") {
      settings.directory = argv[++i];
    } else if (flag == "--trace") {
      settings.trace = argv[++i];
    } else if (flag == "--peer-leveldb") {
      settings.leveldb = argv[++i];
    } else {
      std::fprintf(stderr, "weft_store_bench: what is %s?\n", argv[i]);
      return 2;
    }
  }
  return weft::bench::Run(settings);
}
