#include "bench/replay.h"

#include <memory>

#include "bench/replica.h"

namespace weft::bench {
namespace {

using crdt::Doc;
using crdt::Text;

void Apply(const Patch& patch, Text text) {
  if (patch.deleted > 0) text.Delete(patch.position, patch.deleted);
  if (!patch.inserted.empty()) text.Insert(patch.position, patch.inserted);
}

}  // namespace

void Replay(const Trace& trace, Doc& doc) {
  Text text = doc.GetText(kRoot);
  if (!trace.start_content.empty()) text.Insert(0, trace.start_content);
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

Recording Record(const Trace& trace) {
  Recorder recorder(1);
  Replay(trace, *recorder);
  Recording recording;
  recording.updates = recorder.TakeUpdates();
  recording.state = recorder->EncodeStateAsUpdate();
  recording.state_v2 = recorder->EncodeStateAsUpdate({}, crdt::UpdateFormat::kV2);
  return recording;
}

crdt::Bytes RecordRepeated(const Trace& trace, std::size_t times) {
  const std::unique_ptr<Doc> doc = MakeDoc(1);
  for (std::size_t i = 0; i < times; ++i) Replay(trace, *doc);
  return doc->EncodeStateAsUpdate();
}

}  // namespace weft::bench
