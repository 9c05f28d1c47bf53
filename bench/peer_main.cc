// weft_peer inputs FOLDER [TRACE]…   writes the inputs that all peers share (peer_inputs.h)
// weft_peer run FOLDER WORK          does one work on them and tells how long its parts took
// weft_peer limit FOLDER WORK        the same of the limit programs (format_limit.h): encode, load,
//                                    load_x100 and crdt
//
// Weft's part of ./dev bench --peers. What is printed, and which works there are, is told in
// bench/peers/README.md; every work checks its result and fails with exit code 1.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/crdt_benchmark_work.h"
#include "bench/format_limit.h"
#include "bench/peer_inputs.h"
#include "bench/replay.h"
#include "bench/replica.h"
#include "bench/sample.h"
#include "bench/trace_json.h"
#include "crdt/update_merge.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Bytes;
using crdt::ByteView;
using crdt::Doc;
using crdt::UpdateFormat;

constexpr double kBudgetSeconds = 1;
constexpr double kRowBudgetSeconds = 0.2;  // there are many rows
constexpr std::size_t kFewestRuns = 3;
constexpr std::size_t kMostRuns = 20;
// A client that wrote none of the inputs.
constexpr std::uint64_t kReader = 1'000'000;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Bytes ReadBytes(const std::string& path) {
  const std::string text = ReadFile(path);
  return {text.begin(), text.end()};
}

std::vector<Bytes> ReadUpdates(const std::string& path) {
  const Bytes all = ReadBytes(path);
  std::vector<Bytes> updates;
  for (std::size_t at = 0; at + 4 <= all.size();) {
    std::size_t size = 0;
    for (int i = 3; i >= 0; --i) size = size << 8 | all[at + static_cast<std::size_t>(i)];
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at + 4);
    updates.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
    at += 4 + size;
  }
  return updates;
}

absl::StatusOr<Trace> ReadTrace(const std::string& folder) {
  const absl::StatusOr<Any> any = ReadJson(folder + "/trace.json");
  if (!any.ok()) return any.status();
  const Any* edits = FindMember(*any, "edits");
  const std::optional<std::vector<Patch>> patches =
      edits == nullptr ? std::nullopt : PatchesOf(crdt::AnyObject{{"patches", *edits}});
  if (!patches) return absl::InvalidArgumentError("trace.json is damaged");
  Trace trace;
  trace.start_content = *FindMember(*any, "start")->AsString();
  trace.end_content = *FindMember(*any, "end")->AsString();
  for (const Patch& patch : *patches) trace.transactions.push_back({patch});
  return trace;
}

absl::Status Reads(Doc& doc, const std::string& text) {
  if (doc.GetText(kRoot).ToString() == text) return absl::OkStatus();
  return Wrong("the text is wrong");
}

absl::StatusOr<Sample> ApplyEach(const std::vector<Bytes>& updates, const std::string& text) {
  const std::unique_ptr<Doc> doc = MakeDoc(kReader);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, updates); });
  if (status.ok()) status = Reads(*doc, text);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds};
}

absl::StatusOr<Sample> Load(const Bytes& state, UpdateFormat format, const std::string& text) {
  const std::size_t before = HeapBytes();
  const std::unique_ptr<Doc> doc = MakeDoc(kReader);
  absl::Status status;
  std::string read;
  const double seconds = Seconds([&] {
    status = doc->ApplyUpdate(state, "", format);
    read = doc->GetText(kRoot).ToString();
  });
  if (!status.ok()) return status;
  if (read != text) return Wrong("the text is wrong");
  return Sample{.seconds = seconds,
                .bytes = state.size(),
                .memory_bytes = HeapBytes() - before - read.capacity()};
}

absl::StatusOr<Sample> Merge(const std::vector<Bytes>& updates) {
  const std::vector<ByteView> views(updates.begin(), updates.end());
  absl::StatusOr<Bytes> merged;
  const double seconds = Seconds([&] { merged = crdt::MergeUpdates(views); });
  if (!merged.ok()) return merged.status();
  const std::unique_ptr<Doc> doc = MakeDoc(kReader);
  const absl::Status status = doc->ApplyUpdate(*merged);
  if (!status.ok()) return status;
  if (doc->has_pending()) return Wrong("the merged update is not whole");
  return Sample{.seconds = seconds, .bytes = merged->size()};
}

// Repeats `run` and prints its times, or what is wrong. False when something is.
template <typename Run>
bool Repeat(std::string_view work, double budget_seconds, const Run& run) {
  std::vector<double> times;
  Sample last;
  for (double spent = 0;
       times.size() < kMostRuns && (times.size() < kFewestRuns || spent < budget_seconds);) {
    const absl::StatusOr<Sample> sample = run();
    if (!sample.ok()) {
      const std::string status = sample.status().ToString();
      std::fprintf(stderr, "weft_peer: %s: %s\n", std::string(work).c_str(), status.c_str());
      return false;
    }
    last = *sample;
    spent += last.seconds;
    times.push_back(last.seconds * 1e3);
  }
  std::string line = absl::StrCat("{\"work\":\"", std::string(work), "\",\"ms\":[");
  for (const double time : times) absl::StrAppend(&line, line.back() == '[' ? "" : ",", time);
  absl::StrAppend(&line, "],\"bytes\":", last.bytes, ",\"memory\":", last.memory_bytes, "}");
  std::puts(line.c_str());
  return true;
}

constexpr UpdateFormat kFormats[] = {UpdateFormat::kV1, UpdateFormat::kV2};
const char* NameOf(UpdateFormat format) { return format == UpdateFormat::kV1 ? "v1" : "v2"; }

bool RunCrdtBenchmark(const CrdtBenchmark& row) {
  const bool did = Repeat(row.name + "/work", kRowBudgetSeconds, [&]() -> absl::StatusOr<Sample> {
    const absl::StatusOr<Worked> worked = DoCrdtBenchmark(row);
    if (!worked.ok()) return worked.status();
    return Sample{.seconds = worked->seconds, .bytes = worked->update_bytes()};
  });
  const absl::StatusOr<Worked> worked = DoCrdtBenchmark(row);
  if (!did || !worked.ok()) return false;
  for (const UpdateFormat format : kFormats) {
    Bytes state;
    const auto encode = [&]() -> absl::StatusOr<Sample> {
      const double seconds = Seconds([&] { state = worked->doc->EncodeStateAsUpdate({}, format); });
      return Sample{.seconds = seconds, .bytes = state.size()};
    };
    const auto parse = [&]() -> absl::StatusOr<Sample> {
      const std::unique_ptr<Doc> doc = MakeDoc(kReader);
      absl::Status status;
      const double seconds = Seconds([&] { status = doc->ApplyUpdate(state, "", format); });
      if (!status.ok()) return status;
      if (ContentOf(row, *doc) != ContentOf(row, *worked->doc)) return Wrong("it was not restored");
      return Sample{.seconds = seconds, .bytes = state.size()};
    };
    if (!Repeat(absl::StrCat(row.name, "/encode_", NameOf(format)), kRowBudgetSeconds, encode)) {
      return false;
    }
    if (!Repeat(absl::StrCat(row.name, "/parse_", NameOf(format)), kRowBudgetSeconds, parse)) {
      return false;
    }
  }
  return true;
}

bool RunLocal(const Trace& trace, bool each) {
  return Repeat(
      each ? "local_each" : "local_once", kBudgetSeconds, [&]() -> absl::StatusOr<Sample> {
        if (each) {
          const Listened doc(1);
          const double seconds = Seconds([&] { Replay(trace, *doc); });
          if (absl::Status status = Reads(*doc, trace.end_content); !status.ok()) return status;
          return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
        }
        const std::unique_ptr<Doc> doc = MakeDoc(1);
        const double seconds = Seconds([&] { doc->Transact("", [&] { Replay(trace, *doc); }); });
        if (absl::Status status = Reads(*doc, trace.end_content); !status.ok()) return status;
        return Sample{.seconds = seconds};
      });
}

bool RunEncode(const Bytes& state, UpdateFormat format) {
  const std::unique_ptr<Doc> doc = MakeDoc(kReader);
  if (!doc->ApplyUpdate(state, "", format).ok()) return false;
  return Repeat(
      absl::StrCat("encode_", NameOf(format)), kBudgetSeconds, [&]() -> absl::StatusOr<Sample> {
        Bytes encoded;
        const double seconds = Seconds([&] { encoded = doc->EncodeStateAsUpdate({}, format); });
        if (encoded != state) return Wrong("the state does not survive a round trip");
        return Sample{.seconds = seconds, .bytes = encoded.size()};
      });
}

bool RunTraceWork(const std::string& folder, std::string_view work) {
  const absl::StatusOr<Trace> trace = ReadTrace(folder);
  if (!trace.ok()) return false;
  if (work == "local_each" || work == "local_once") return RunLocal(*trace, work == "local_each");
  std::vector<Bytes> updates = ReadUpdates(folder + "/trace.updates");
  if (work == "apply_each") {
    return Repeat(work, kBudgetSeconds, [&] { return ApplyEach(updates, trace->end_content); });
  }
  if (work == "merge_10000") updates.resize(std::min<std::size_t>(updates.size(), 10'000));
  if (work == "merge_all" || work == "merge_10000") {
    return Repeat(work, kBudgetSeconds, [&] { return Merge(updates); });
  }
  bool known = false;
  for (const UpdateFormat format : kFormats) {
    const Bytes state = ReadBytes(absl::StrCat(folder, "/trace.", NameOf(format)));
    if (work == "encode") {
      known = true;
      if (!RunEncode(state, format)) return false;
    }
    if (work == "load" || (work == "memory" && format == UpdateFormat::kV1)) {
      known = true;
      const std::string part =
          work == "load" ? absl::StrCat("load_", NameOf(format)) : std::string(work);
      const auto load = [&] { return Load(state, format, trace->end_content); };
      if (!Repeat(part, kBudgetSeconds, load)) return false;
    }
  }
  return known;
}

bool RunWork(const std::string& folder, const std::string& work) {
  constexpr std::string_view kConcurrent = "concurrent/";
  if (work == "crdt") {
    return std::ranges::all_of(MakeCrdtBenchmarks(), RunCrdtBenchmark);
  }
  if (work.starts_with(kConcurrent)) {
    const std::string path = folder + "/" + work.substr(kConcurrent.size()) + ".concurrent";
    const std::vector<Bytes> updates = ReadUpdates(path + ".updates");
    const std::string text = ReadFile(path + ".text");
    return Repeat(work, kBudgetSeconds, [&] { return ApplyEach(updates, text); });
  }
  if (work == "load_x100" || work == "memory_x100") {
    const Bytes state = ReadBytes(folder + "/x100.v1");
    const std::string text = ReadFile(folder + "/x100.text");
    return Repeat(work, kBudgetSeconds, [&] { return Load(state, UpdateFormat::kV1, text); });
  }
  return RunTraceWork(folder, work);
}

bool LimitsOfCrdtBenchmark(const CrdtBenchmark& row) {
  const absl::StatusOr<Worked> worked = DoCrdtBenchmark(row);
  if (!worked.ok()) return false;
  bool did = Repeat(row.name + "/work", kRowBudgetSeconds,
                    [&] { return LimitOfWork(row, worked->updates); });
  for (const UpdateFormat format : kFormats) {
    const Bytes state = worked->doc->EncodeStateAsUpdate({}, format);
    did = did &&
          Repeat(absl::StrCat(row.name, "/encode_", NameOf(format)), kRowBudgetSeconds,
                 [&] { return LimitOfEncode(state, format); }) &&
          Repeat(absl::StrCat(row.name, "/parse_", NameOf(format)), kRowBudgetSeconds,
                 [&] { return LimitOfParse(state, format); });
  }
  return did;
}

bool RunLimit(const std::string& folder, const std::string& work) {
  if (work == "crdt") return std::ranges::all_of(MakeCrdtBenchmarks(), LimitsOfCrdtBenchmark);
  if (work == "load_x100") {
    const Bytes state = ReadBytes(folder + "/x100.v1");
    return Repeat(work, kBudgetSeconds, [&] { return LimitOfParse(state, UpdateFormat::kV1); });
  }
  if (work != "encode" && work != "load") return false;
  return std::ranges::all_of(kFormats, [&](UpdateFormat format) {
    const Bytes state = ReadBytes(absl::StrCat(folder, "/trace.", NameOf(format)));
    return Repeat(absl::StrCat(work, "_", NameOf(format)), kBudgetSeconds, [&] {
      return work == "load" ? LimitOfParse(state, format) : LimitOfEncode(state, format);
    });
  });
}

int WriteInputs(const std::string& folder, std::vector<std::string> paths) {
  const absl::StatusOr<TraceFiles> traces = LoadTraceFiles(std::move(paths));
  const absl::Status status = traces.ok() ? WritePeerInputs(*traces, folder) : traces.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "weft_peer: %s\n", status.ToString().c_str());
  return 1;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 2 && arguments[0] == "inputs") {
    return WriteInputs(arguments[1], {arguments.begin() + 2, arguments.end()});
  }
  if (arguments.size() == 3 && arguments[0] == "run") {
    return RunWork(arguments[1], arguments[2]) ? 0 : 1;
  }
  if (arguments.size() == 3 && arguments[0] == "limit") {
    return RunLimit(arguments[1], arguments[2]) ? 0 : 1;
  }
  std::fputs("usage: weft_peer inputs FOLDER [TRACE]... | run FOLDER WORK | limit FOLDER WORK\n",
             stderr);
  return 2;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { return weft::bench::Main({argv + 1, argv + argc}); }
