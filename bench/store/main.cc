// What a durable edit costs: appends a second, latencies, loading, bytes and memory, beside what bounds
// them.
//
//   weft_store_bench [--json FILE] [--seconds N] [--rounds N] [--dir DIR] [--trace FILE]
//                    [--leveldb COMMAND] [--rooms N] [FILTER]
//
// Everybody appends the same updates to the same rooms on one disk. Who is compared takes turns, so
// that what disturbs the machine disturbs all; figures are medians of the rounds, and so is the ratio
// of each round. Batches have the size that weft's had in the same round. Each run is read back and
// counted: a wrong result is an error. A FILTER is one of appends, latency, document, memory; --rooms
// takes one of the appends' three.

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/store/contenders.h"
#include "bench/trace.h"
#include "bench/trace_files.h"
#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "server/history.h"
#include "store/backup.h"
#include "store/update_log.h"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;
using crdt::Bytes;
namespace fs = std::filesystem;

struct Settings {
  double seconds = 2;
  int rounds = 3;
  std::string directory = fs::temp_directory_path().string();
  std::string trace;
  std::string json;
  std::string filter;
  std::string leveldb;
  std::uint32_t rooms = 0;  // 0: all
};

// One figure, printed and kept for the JSON file.
class Report {
 public:
  void Add(const std::string& what, double value, const std::string& unit) {
    std::printf("%-64s %14.1f %s\n", what.c_str(), value, unit.c_str());
    std::fflush(stdout);
    absl::StrAppend(&json_, json_.empty() ? "" : ",\n", "    {\"part\": \"", part_,
                    "\", \"what\": \"", what, "\", \"value\": ", absl::StrFormat("%.4f", value),
                    ", \"unit\": \"", unit, "\"}");
  }
  void Title(const std::string& part, const std::string& title) {
    part_ = part;
    std::printf("\n%s\n", title.c_str());
    absl::StrAppend(&titles_, titles_.empty() ? "" : ", ", "\"", part, "\": \"", title, "\"");
  }
  std::string Json() const {
    return absl::StrCat("{\n  \"versions\": ", VersionsAsJson(), ",\n  \"titles\": {", titles_,
                        "},\n  \"figures\": [\n", json_, "\n  ]\n}\n");
  }

 private:
  std::string part_;
  std::string titles_;
  std::string json_;
};

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

// What one contender did in all rounds.
class Rounds {
 public:
  void Add(const Taken& taken, const Taken& weft) {
    rates_.push_back(taken.rate);
    cpu_us_.push_back(taken.cpu_us);
    written_.push_back(taken.written);
    per_commit_.push_back(taken.per_commit);
    ratios_.push_back(weft.rate / taken.rate);
  }
  bool empty() const { return rates_.empty(); }
  double rate() const { return Median(rates_); }
  double cpu_us() const { return Median(cpu_us_); }
  double written() const { return Median(written_); }
  double per_commit() const { return Median(per_commit_); }
  double weft_ratio() const { return Median(ratios_); }

 private:
  std::vector<double> rates_;
  std::vector<double> cpu_us_;
  std::vector<double> written_;
  std::vector<double> per_commit_;
  std::vector<double> ratios_;
};

void BenchRooms(const Settings& settings, Load load, Report& report) {
  Rounds weft;
  Rounds bare;
  Rounds sqlite;
  Rounds leveldb;
  for (int round = 0; round < settings.rounds; ++round) {
    const Taken own = AppendToWeft(settings.directory, load);
    weft.Add(own, own);
    load.batch = static_cast<std::size_t>(std::max(1.0, own.per_commit));
    bare.Add(AppendToBareLmdb(settings.directory, load), own);
    if (const auto taken = AppendToSqlite(settings.directory, load); taken.ok()) {
      sqlite.Add(*taken, own);
    }
    if (settings.leveldb.empty()) continue;
    const auto taken = AppendToLevelDb(settings.directory, load, {.command = settings.leveldb});
    CHECK(taken.ok());
    leveldb.Add(*taken, own);
  }
  const std::string in = absl::StrCat(", ", load.rooms, load.rooms == 1 ? " room" : " rooms");
  report.Add("weft" + in, weft.rate(), "appends/s");
  report.Add("weft in one commit" + in, weft.per_commit(), "appends");
  report.Add("weft, processor time" + in, weft.cpu_us(), "us an append");
  report.Add("weft, written" + in, weft.written(), "bytes an append");
  const auto add = [&](const std::string& who, const Rounds& rounds) {
    if (rounds.empty()) return;
    report.Add(who + in, rounds.rate(), "appends/s");
    report.Add(who + ", processor time" + in, rounds.cpu_us(), "us an append");
    if (rounds.written() > 0)
      report.Add(who + ", written" + in, rounds.written(), "bytes an append");
    report.Add("weft of " + who + in, 100 * rounds.weft_ratio(), "%");
  };
  add("bare LMDB", bare);
  add("SQLite", sqlite);
  add("y-leveldb, batched", leveldb);
  if (settings.leveldb.empty()) return;
  const auto taken =
      AppendToLevelDb(settings.directory, load,
                      {.command = settings.leveldb, .batched = false, .seconds = settings.seconds});
  CHECK(taken.ok());
  report.Add("y-leveldb, not durable" + in, taken->rate, "appends/s");
}

void BenchAppends(const Settings& settings, Report& report) {
  report.Title("appends", "Durable appends of 27 bytes");
  const double syncs = FdatasyncRate(settings.directory, 4096, settings.seconds);
  report.Add("fdatasync of 4 KiB", syncs, "/s");
  const Load loads[] = {
      {.rooms = 1, .appends = 1'000'000},
      {.rooms = 100, .appends = 1'000'000},
      // Rooms with a history, as all are after a while: each append then changes a page of its own.
      {.rooms = 10'000, .before = 64, .appends = 200'000}};
  for (const Load& load : loads) {
    if (settings.rooms == 0 || settings.rooms == load.rooms) BenchRooms(settings, load, report);
  }
}

// Open loop: each append has its time, and its latency counts from that.
void BenchLatency(const Settings& settings, Report& report) {
  report.Title("latency", "From an append to its durable answer, 1,000 rooms");
  for (const int rate : {1'000, 20'000}) {
    const Folder folder(settings.directory);
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
std::vector<Bytes> UpdatesOf(const Trace& trace) {
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

// The next open reads the log's file from the disk.
void ForgetPages(const std::string& directory) {
  const int file = open((directory + "/data.mdb").c_str(), O_RDONLY);
  CHECK(file >= 0 && fdatasync(file) == 0);
  CHECK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
  close(file);
}

// B4 of crdt-benchmarks, where its trace is there.
const Trace& PickTrace(const std::vector<Trace>& traces) {
  for (const Trace& trace : traces) {
    if (trace.name.find("automerge-paper") != std::string::npos) return trace;
  }
  return traces.front();
}

void BenchDocument(const Settings& settings, Report& report) {
  const auto traces = LoadTraceFiles(settings.trace.empty() ? std::vector<std::string>()
                                                            : std::vector{settings.trace});
  if (!traces.ok()) {
    std::fprintf(stderr, "%s\n", traces.status().ToString().c_str());
    std::exit(2);
  }
  const Trace& trace = PickTrace(traces->sequential);
  const std::vector<Bytes> updates = UpdatesOf(trace);
  report.Title("document", "One document, typed: " + trace.name);
  std::uint64_t bytes = 0;
  for (const Bytes& update : updates) bytes += update.size();
  report.Add("updates", static_cast<double>(updates.size()), "");
  report.Add("their bytes", static_cast<double>(bytes) / 1e6, "MB");
  const Folder folder(settings.directory);
  {
    auto log = OpenLog(folder.path());
    for (const Bytes& update : updates) Append(*log, "room", update);
  }
  const auto load = [&](const std::string& what) {
    ForgetPages(folder.path());
    auto begin = Clock::now();
    const auto log = OpenLog(folder.path());
    report.Add("open the log and prove its pages, from the disk" + what,
               1e3 * Seconds(Clock::now() - begin), "ms");
    begin = Clock::now();
    std::uint64_t payload_bytes = 0;
    CHECK(log->Load("room",
                    [&](const store::Record& record) { payload_bytes += record.payload.size(); })
              .ok());
    report.Add("read and prove its records" + what, 1e3 * Seconds(Clock::now() - begin), "ms");
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
  report.Title("memory", "100,000 rooms");
  const Folder folder(settings.directory);
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
  report.Add("open the log and prove its pages", 1e3 * Seconds(Clock::now() - begin), "ms");
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
  bool any = false;
  for (const auto& [name, bench] : benches) {
    if (std::string(name).find(settings.filter) == std::string::npos) continue;
    any = true;
    bench(settings, report);
  }
  if (!any) {
    std::fprintf(stderr, "weft_store_bench: there are appends, latency, document and memory\n");
    return 2;
  }
  if (settings.json.empty()) return 0;
  std::ofstream file(settings.json);
  file << report.Json();
  return file.flush() ? 0 : 1;
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
    } else if (flag == "--rounds") {
      settings.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (flag == "--dir") {
      settings.directory = argv[++i];
    } else if (flag == "--trace") {
      settings.trace = argv[++i];
    } else if (flag == "--rooms") {
      settings.rooms = static_cast<std::uint32_t>(std::atoi(argv[++i]));
    } else if (flag == "--leveldb") {
      settings.leveldb = argv[++i];
    } else {
      std::fprintf(stderr, "weft_store_bench: what is %s?\n", argv[i]);
      return 2;
    }
  }
  return weft::bench::Run(settings);
}
