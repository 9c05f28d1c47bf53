// Recorded typing, replayed into a Text: edit by edit as an editor does it, and as its updates and
// its state arrive elsewhere. Every benchmark checks that the text it ends with is the recorded
// one.
//
//   weft_bench [--trace=FILE]… [Google Benchmark's flags]
//
// Without --trace, the traces (*.json, *.json.gz) in the folder that WEFT_TRACES names; without
// that, a made-up one.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/trace.h"
#include "crdt/doc.h"

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::ClientId;
using crdt::Doc;
using crdt::Text;

constexpr const char* kRoot = "text";
constexpr std::size_t kSyntheticEdits = 100'000;

std::unique_ptr<Doc> MakeDoc(std::uint64_t client) {
  return std::make_unique<Doc>(
      Doc::Options{.client_id = ClientId{client}, .gc = true, .limits = {}});
}

void Apply(const Patch& patch, Text text) {
  if (patch.deleted > 0) text.Delete(patch.position, patch.deleted);
  if (!patch.inserted.empty()) text.Insert(patch.position, patch.inserted);
}

void Begin(const Trace& trace, Doc& doc) {
  if (!trace.start_content.empty()) doc.GetText(kRoot).Insert(0, trace.start_content);
}

void Replay(const Trace& trace, Doc& doc) {
  Text text = doc.GetText(kRoot);
  for (const std::vector<Patch>& patches : trace.transactions) {
    if (patches.size() == 1) {
      const Patch& patch = patches.front();
      // A replacement is two calls and still one transaction.
      if (patch.deleted == 0 || patch.inserted.empty()) {
        Apply(patch, text);
        continue;
      }
    }
    doc.Transact("", [&] {
      for (const Patch& patch : patches) Apply(patch, text);
    });
  }
}

// The updates of a replay, one a transaction, and the document's state after them.
struct Recording {
  std::vector<Bytes> updates;
  Bytes state;
};

Recording Record(const Trace& trace) {
  Recording recording;
  const std::unique_ptr<Doc> doc = MakeDoc(1);
  const crdt::Subscription subscription = doc->OnUpdate([&](const crdt::UpdateEvent& event) {
    recording.updates.emplace_back(event.update.begin(), event.update.end());
  });
  Begin(trace, *doc);
  Replay(trace, *doc);
  recording.state = doc->EncodeStateAsUpdate();
  return recording;
}

// Ends the benchmark with an error unless the document holds what the trace ends with.
bool HoldsTheEnd(const Trace& trace, Doc& doc, benchmark::State& state) {
  if (doc.GetText(kRoot).ToString() == trace.end_content) return true;
  state.SkipWithError("the text is not the trace's endContent");
  return false;
}

// Edits a second, and the time of one.
void CountEdits(const Trace& trace, benchmark::State& state) {
  const auto edits = static_cast<double>(trace.transactions.size());
  state.counters["edits"] = edits;
  state.counters["edits/s"] =
      benchmark::Counter(edits, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["time/edit"] = benchmark::Counter(
      edits, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// Frees a document outside of the measured time.
void Discard(std::unique_ptr<Doc> doc, benchmark::State& state) {
  state.PauseTiming();
  doc.reset();
  state.ResumeTiming();
}

// Each transaction's update is made, as it is when somebody listens.
void EditByEdit(benchmark::State& state, const Trace& trace) {
  for ([[maybe_unused]] auto _ : state) {
    std::unique_ptr<Doc> doc = MakeDoc(1);
    std::size_t update_bytes = 0;
    crdt::Subscription subscription =
        doc->OnUpdate([&](const crdt::UpdateEvent& event) { update_bytes += event.update.size(); });
    Begin(trace, *doc);
    Replay(trace, *doc);
    benchmark::DoNotOptimize(update_bytes);
    if (!HoldsTheEnd(trace, *doc, state)) return;
    subscription.Cancel();
    Discard(std::move(doc), state);
  }
  CountEdits(trace, state);
}

void InOneTransaction(benchmark::State& state, const Trace& trace) {
  for ([[maybe_unused]] auto _ : state) {
    std::unique_ptr<Doc> doc = MakeDoc(1);
    doc->Transact("", [&] {
      Begin(trace, *doc);
      Replay(trace, *doc);
    });
    if (!HoldsTheEnd(trace, *doc, state)) return;
    Discard(std::move(doc), state);
  }
  CountEdits(trace, state);
}

void ApplyUpdatesOneByOne(benchmark::State& state, const Trace& trace) {
  const Recording recording = Record(trace);
  for ([[maybe_unused]] auto _ : state) {
    std::unique_ptr<Doc> doc = MakeDoc(2);
    for (const Bytes& update : recording.updates) {
      if (!doc->ApplyUpdate(update).ok()) {
        state.SkipWithError("an update was refused");
        return;
      }
    }
    if (!HoldsTheEnd(trace, *doc, state)) return;
    Discard(std::move(doc), state);
  }
  CountEdits(trace, state);
}

void EncodeState(benchmark::State& state, const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  if (!doc->ApplyUpdate(recording.state).ok() || doc->EncodeStateAsUpdate() != recording.state) {
    state.SkipWithError("the state does not survive a round trip");
    return;
  }
  for ([[maybe_unused]] auto _ : state) {
    const Bytes encoded = doc->EncodeStateAsUpdate();
    benchmark::DoNotOptimize(encoded.data());
  }
  state.counters["bytes"] = static_cast<double>(recording.state.size());
}

void LoadStateAndReadText(benchmark::State& state, const Trace& trace) {
  const Recording recording = Record(trace);
  for ([[maybe_unused]] auto _ : state) {
    std::unique_ptr<Doc> doc = MakeDoc(2);
    if (!doc->ApplyUpdate(recording.state).ok()) {
      state.SkipWithError("the state was refused");
      return;
    }
    if (!HoldsTheEnd(trace, *doc, state)) return;
    Discard(std::move(doc), state);
  }
  state.counters["bytes"] = static_cast<double>(recording.state.size());
}

void Register(const Trace& trace) {
  const auto add = [&](const char* name, void (*run)(benchmark::State&, const Trace&)) {
    benchmark::RegisterBenchmark((std::string(name) + "/" + trace.name).c_str(), run, trace)
        ->Unit(benchmark::kMillisecond);
  };
  add("EditByEdit", EditByEdit);
  add("InOneTransaction", InOneTransaction);
  add("ApplyUpdatesOneByOne", ApplyUpdatesOneByOne);
  add("EncodeState", EncodeState);
  add("LoadStateAndReadText", LoadStateAndReadText);
}

// Takes the --trace flags out of the arguments.
std::vector<std::string> TakeTraceFlags(int& argc, char** argv) {
  constexpr std::string_view kFlag = "--trace=";
  std::vector<std::string> paths;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kFlag)) {
      paths.emplace_back(argument.substr(kFlag.size()));
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return paths;
}

std::vector<std::string> TracesOfTheEnvironment() {
  std::vector<std::string> paths;
  const char* folder = std::getenv("WEFT_TRACES");
  if (folder == nullptr) return paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".json") || name.ends_with(".json.gz")) paths.push_back(entry.path());
  }
  if (error) std::fprintf(stderr, "WEFT_TRACES: %s: %s\n", folder, error.message().c_str());
  std::ranges::sort(paths);
  return paths;
}

int Main(int argc, char** argv) {
  std::vector<std::string> paths = TakeTraceFlags(argc, argv);
  const bool asked_for = !paths.empty();
  if (!asked_for) paths = TracesOfTheEnvironment();
  std::vector<Trace> traces;
  for (const std::string& path : paths) {
    absl::StatusOr<Trace> trace = LoadTrace(path);
    if (trace.ok()) {
      traces.push_back(*std::move(trace));
    } else {
      std::fprintf(stderr, "%s\n", trace.status().ToString().c_str());
      if (asked_for) return 1;
    }
  }
  if (traces.empty()) traces.push_back(MakeSyntheticTrace(kSyntheticEdits));
  for (const Trace& trace : traces) Register(trace);

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { return weft::bench::Main(argc, argv); }
