// weft_key_work NAME: does one piece of key work on a small made-up trace, for a tool that counts
// instructions (bench/check_instructions.mjs). Without NAME it lists them.
//
// Counted is what runs inside of weft_counted_work. The input is the same on every machine.

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

struct Work {
  std::string_view name;
  bool (*run)(const Trace&);
};
constexpr Work kWorks[] = {
    {"keystrokes", Keystrokes}, {"apply", Apply}, {"load", Load},
    {"encode", Encode},         {"merge", Merge},
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
