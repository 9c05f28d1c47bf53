// weft_key_work NAME: does one piece of key work on a small made-up trace, for a tool that counts
// instructions (bench/check_instructions.mjs). Without NAME it lists them.
//
// Counted is what runs inside of weft_counted_work. The input is the same on every machine.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/crdt_benchmarks.h"
#include "bench/replay.h"
#include "bench/replica.h"
#include "bench/trace.h"
#include "crdt/update_merge.h"

// Neither inlined nor cloned, so that the tool finds it by its name.
extern "C" [[gnu::noipa]] void weft_counted_work(const std::function<void()>& work) { work(); }

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::Doc;
using crdt::UpdateFormat;

constexpr std::size_t kEdits = 20'000;

bool HoldsTheEnd(const Trace& trace, Doc& doc) {
  return doc.GetText(kRoot).ToString() == trace.end_content;
}

bool Keystrokes(const Trace& trace) {
  const Listened doc(1);
  weft_counted_work([&] { Replay(trace, *doc); });
  return HoldsTheEnd(trace, *doc);
}

bool Apply(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  bool applied = false;
  weft_counted_work([&] { applied = ApplyAll(*doc, recording.updates).ok(); });
  return applied && HoldsTheEnd(trace, *doc);
}

bool Load(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  std::string text;
  weft_counted_work([&] {
    if (doc->ApplyUpdate(recording.state).ok()) text = doc->GetText(kRoot).ToString();
  });
  return text == trace.end_content;
}

bool Encode(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  if (!doc->ApplyUpdate(recording.state).ok()) return false;
  Bytes state;
  weft_counted_work([&] { state = doc->EncodeStateAsUpdate(); });
  return state == recording.state;
}

bool Merge(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::vector<ByteView> views(recording.updates.begin(), recording.updates.end());
  absl::StatusOr<Bytes> merged;
  weft_counted_work([&] { merged = crdt::MergeUpdates(views); });
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  return merged.ok() && doc->ApplyUpdate(*merged).ok() && HoldsTheEnd(trace, *doc);
}

bool LoadV2(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  bool loaded = false;
  weft_counted_work(
      [&] { loaded = doc->ApplyUpdate(recording.state_v2, "", UpdateFormat::kV2).ok(); });
  return loaded && HoldsTheEnd(trace, *doc);
}

bool EncodeV2(const Trace& trace) {
  const Recording recording = Record(trace);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  if (!doc->ApplyUpdate(recording.state).ok()) return false;
  Bytes state;
  weft_counted_work([&] { state = doc->EncodeStateAsUpdate({}, UpdateFormat::kV2); });
  return state == recording.state_v2;
}

CrdtBenchmark Row(std::string_view name) {
  std::vector<CrdtBenchmark> rows = MakeCrdtBenchmarks();
  return *std::ranges::find(rows, name, &CrdtBenchmark::name);
}

// B2.2: two who insert at random places, and get each other's update.
bool TwoWriters(const Trace&) {
  const CrdtBenchmark row = Row("B2.2");
  Recorder one(1);
  Recorder two(2);
  one->GetText("text").Insert(0, row.initial_text);
  if (!ApplyAll(*two, one.TakeUpdates()).ok()) return false;
  Editor editor_of_one(row, *one);
  Editor editor_of_two(row, *two);
  bool applied = false;
  weft_counted_work([&] {
    one->Transact("", [&] {
      for (const Edit& edit : row.writers[0]) editor_of_one.Perform(edit);
    });
    two->Transact("", [&] {
      for (const Edit& edit : row.writers[1]) editor_of_two.Perform(edit);
    });
    applied = ApplyAll(*two, one.updates()).ok() && ApplyAll(*one, two.updates()).ok();
  });
  const crdt::Any content = ContentOf(row, *one);
  return applied && content == ContentOf(row, *two) &&
         content.AsString()->size() == row.expected_length;
}

// B1.9: an array of numbers inserted at once, and its state read elsewhere.
bool Values(const Trace&) {
  const CrdtBenchmark row = Row("B1.9");
  const Listened doc(1);
  const std::unique_ptr<Doc> other = MakeDoc(2);
  Editor editor(row, *doc);
  bool applied = false;
  weft_counted_work([&] {
    editor.Perform(row.writers.front().front());
    applied = other->ApplyUpdate(doc->EncodeStateAsUpdate()).ok();
  });
  return applied && ContentOf(row, *other) == row.expected;
}

struct Work {
  std::string_view name;
  bool (*run)(const Trace&);
};
constexpr Work kWorks[] = {
    {"keystrokes", Keystrokes},
    {"apply", Apply},
    {"load", Load},
    {"load_v2", LoadV2},
    {"encode", Encode},
    {"encode_v2", EncodeV2},
    {"merge", Merge},
    {"two_writers", TwoWriters},
    {"values", Values},
};

int Main(int argc, char** argv) {
  if (argc < 2) {
    for (const Work& work : kWorks) std::puts(std::string(work.name).c_str());
    return 0;
  }
  for (const Work& work : kWorks) {
    if (work.name != argv[1]) continue;
    if (work.run(MakeSyntheticTrace(kEdits))) return 0;
    std::fprintf(stderr, "weft_key_work: %s has a wrong result\n", argv[1]);
    return 1;
  }
  std::fprintf(stderr, "weft_key_work: there is no %s\n", argv[1]);
  return 2;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { return weft::bench::Main(argc, argv); }
