// Recorded typing: edit by edit as an editor does it, and as its updates and its state arrive
// elsewhere. Every benchmark checks that the text it ends with is the recorded one.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks.h"
#include "bench/concurrent_trace.h"
#include "bench/format_limit.h"
#include "bench/replay.h"
#include "bench/replica.h"
#include "bench/sample.h"
#include "crdt/update_merge.h"

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::Doc;
using crdt::UpdateFormat;

// The text of B4, a hundred times over.
constexpr std::size_t kRepetitions = 100;

// A trace, and what it is recorded as when first asked: by then the benchmark is one that runs.
class Recorded {
 public:
  explicit Recorded(Trace trace) : trace_(std::move(trace)) {}

  const Trace& trace() const { return trace_; }
  const Recording& recording() {
    if (!recording_) recording_ = std::make_unique<Recording>(Record(trace_));
    return *recording_;
  }
  const Bytes& state(UpdateFormat format) {
    return format == UpdateFormat::kV1 ? recording().state : recording().state_v2;
  }
  // A document with that state.
  absl::StatusOr<const Doc*> loaded() {
    if (loaded_ == nullptr) {
      std::unique_ptr<Doc> doc = MakeDoc(2);
      const absl::Status status = doc->ApplyUpdate(recording().state);
      if (!status.ok()) return status;
      loaded_ = std::move(doc);
    }
    return loaded_.get();
  }
  const Bytes& repeated_state() {
    if (repeated_state_.empty()) repeated_state_ = RecordRepeated(trace_, kRepetitions);
    return repeated_state_;
  }

 private:
  Trace trace_;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<Doc> loaded_;
  Bytes repeated_state_;
};

absl::Status HoldsTheEnd(const Trace& trace, Doc& doc) {
  if (doc.GetText(kRoot).ToString() == trace.end_content) return absl::OkStatus();
  return Wrong("the text is not the trace's endContent");
}

// Each transaction's update is made, as it is when somebody listens.
absl::StatusOr<Sample> EditByEdit(const Trace& trace) {
  const Listened doc(1);
  const double seconds = Seconds([&] { Replay(trace, *doc); });
  if (absl::Status status = HoldsTheEnd(trace, *doc); !status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

absl::StatusOr<Sample> InOneTransaction(const Trace& trace) {
  const std::unique_ptr<Doc> doc = MakeDoc(1);
  const double seconds = Seconds([&] { doc->Transact("", [&] { Replay(trace, *doc); }); });
  if (absl::Status status = HoldsTheEnd(trace, *doc); !status.ok()) return status;
  return Sample{.seconds = seconds};
}

absl::StatusOr<Sample> ApplyUpdatesOneByOne(Recorded& recorded) {
  const std::vector<Bytes>& updates = recorded.recording().updates;
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, updates); });
  if (status.ok()) status = HoldsTheEnd(recorded.trace(), *doc);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds};
}

// All updates, as they lie in a log, joined into one.
absl::StatusOr<Sample> MergeUpdates(Recorded& recorded) {
  const Recording& recording = recorded.recording();
  const std::vector<ByteView> views(recording.updates.begin(), recording.updates.end());
  absl::StatusOr<Bytes> merged;
  const double seconds = Seconds([&] { merged = crdt::MergeUpdates(views); });
  if (!merged.ok()) return merged.status();
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status = doc->ApplyUpdate(*merged);
  if (status.ok()) status = HoldsTheEnd(recorded.trace(), *doc);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = merged->size()};
}

absl::StatusOr<Sample> EncodeState(Recorded& recorded, UpdateFormat format) {
  const absl::StatusOr<const Doc*> doc = recorded.loaded();
  if (!doc.ok()) return doc.status();
  Bytes encoded;
  const double seconds = Seconds([&] { encoded = (*doc)->EncodeStateAsUpdate({}, format); });
  if (encoded != recorded.state(format)) return Wrong("the state does not survive a round trip");
  return Sample{.seconds = seconds, .bytes = encoded.size()};
}

// A document loaded from a state, and its text. `memory` is what the document holds after that.
struct Loaded {
  Sample sample;
  std::string text;
};
absl::StatusOr<Loaded> LoadAndRead(const Bytes& state, UpdateFormat format) {
  const std::size_t heap_before = HeapBytes();
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status;
  Loaded loaded;
  loaded.sample.bytes = state.size();
  loaded.sample.seconds = Seconds([&] {
    status = doc->ApplyUpdate(state, "", format);
    loaded.text = doc->GetText(kRoot).ToString();
  });
  if (!status.ok()) return status;
  loaded.sample.memory_bytes = HeapBytes() - heap_before - loaded.text.capacity();
  return loaded;
}

absl::StatusOr<Sample> LoadState(Recorded& recorded, UpdateFormat format) {
  const absl::StatusOr<Loaded> loaded = LoadAndRead(recorded.state(format), format);
  if (!loaded.ok()) return loaded.status();
  if (loaded->text != recorded.trace().end_content) {
    return Wrong("the text is not the trace's endContent");
  }
  return loaded->sample;
}

absl::StatusOr<Sample> LoadRepeatedState(Recorded& recorded) {
  const absl::StatusOr<Loaded> loaded = LoadAndRead(recorded.repeated_state(), UpdateFormat::kV1);
  if (!loaded.ok()) return loaded.status();
  const std::string& once = recorded.trace().end_content;
  std::string expected;
  for (std::size_t i = 0; i < kRepetitions; ++i) expected += once;
  if (loaded->text != expected) return Wrong("the text is not a hundred times endContent");
  return loaded->sample;
}

// What several writers sent, at one who only listens. The text must be what those writers had.
struct RecordedConcurrent {
  ConcurrentTrace trace;
  std::vector<Bytes> updates;
  std::string text;

  absl::Status Prepare() {
    if (!updates.empty()) return absl::OkStatus();
    absl::StatusOr<std::vector<Bytes>> recorded = UpdatesOf(trace);
    if (!recorded.ok()) return recorded.status();
    updates = *std::move(recorded);
    const std::vector<ByteView> views(updates.begin(), updates.end());
    const absl::StatusOr<Bytes> merged = crdt::MergeUpdates(views);
    if (!merged.ok()) return merged.status();
    const std::unique_ptr<Doc> doc = MakeDoc(trace.agents + 1);
    absl::Status status = doc->ApplyUpdate(*merged);
    text = doc->GetText(kRoot).ToString();
    return status;
  }
};

absl::StatusOr<Sample> ApplyConcurrentOneByOne(RecordedConcurrent& recorded) {
  if (absl::Status status = recorded.Prepare(); !status.ok()) return status;
  const std::unique_ptr<Doc> doc = MakeDoc(recorded.trace.agents + 1);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, recorded.updates); });
  if (!status.ok()) return status;
  if (doc->GetText(kRoot).ToString() != recorded.text) return Wrong("the replicas differ");
  return Sample{.seconds = seconds};
}

}  // namespace

void AddTraceBenchmarks(const Trace& trace, bool repeat) {
  const auto recorded = std::make_shared<Recorded>(trace);
  const std::size_t edits = trace.transactions.size();
  const auto name = [&](const char* what) { return absl::StrCat(what, "/", trace.name); };
  AddBenchmark(name("EditByEdit"), edits, [=] { return EditByEdit(recorded->trace()); });
  AddBenchmark(name("InOneTransaction"), edits,
               [=] { return InOneTransaction(recorded->trace()); });
  AddBenchmark(name("ApplyUpdatesOneByOne"), edits,
               [=] { return ApplyUpdatesOneByOne(*recorded); });
  AddBenchmark(name("MergeUpdates"), edits, [=] { return MergeUpdates(*recorded); });
  for (const UpdateFormat format : {UpdateFormat::kV1, UpdateFormat::kV2}) {
    const char* suffix = format == UpdateFormat::kV1 ? "V1" : "V2";
    AddBenchmark(absl::StrCat("EncodeState", suffix, "/", trace.name), 1,
                 [=] { return EncodeState(*recorded, format); });
    AddBenchmark(absl::StrCat("LoadStateAndReadText", suffix, "/", trace.name), 1,
                 [=] { return LoadState(*recorded, format); });
    AddBenchmark(absl::StrCat("limit: EncodeState", suffix, "/", trace.name), 1,
                 [=] { return LimitOfEncode(recorded->state(format), format); });
    AddBenchmark(absl::StrCat("limit: LoadState", suffix, "/", trace.name), 1,
                 [=] { return LimitOfParse(recorded->state(format), format); });
  }
  if (repeat) {
    AddBenchmark(absl::StrCat("LoadStateAndReadTextV1/", trace.name, "x100"), 1,
                 [=] { return LoadRepeatedState(*recorded); });
  }
}

void AddConcurrentTraceBenchmarks(const ConcurrentTrace& trace) {
  const auto recorded = std::make_shared<RecordedConcurrent>();
  recorded->trace = trace;
  AddBenchmark(absl::StrCat("ApplyConcurrentOneByOne/", trace.name), trace.transactions.size(),
               [=] { return ApplyConcurrentOneByOne(*recorded); });
}

}  // namespace weft::bench
