#include "bench/peer_inputs.h"

#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/crdt_benchmarks.h"
#include "bench/replay.h"
#include "bench/replica.h"
#include "crdt/json.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::AnyObject;
using crdt::Bytes;

constexpr std::size_t kRepetitions = 100;

Any Number(std::size_t number) { return static_cast<double>(number); }

absl::Status Write(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
}

std::string Framed(const std::vector<Bytes>& updates) {
  std::string framed;
  for (const Bytes& update : updates) {
    for (int shift = 0; shift < 32; shift += 8) {
      framed += static_cast<char>(update.size() >> shift);
    }
    framed += crdt::AsText(update);
  }
  return framed;
}

Any ToAny(const std::vector<Patch>& patches) {
  Any::Array list;
  for (const Patch& patch : patches) {
    list.emplace_back(Any::Array{Number(patch.position), Number(patch.deleted), patch.inserted});
  }
  return list;
}

Any ToAny(const Trace& trace) {
  std::vector<Patch> edits;
  for (const std::vector<Patch>& patches : trace.transactions) {
    edits.insert(edits.end(), patches.begin(), patches.end());
  }
  return AnyObject{{"name", trace.name},
                   {"start", trace.start_content},
                   {"end", trace.end_content},
                   {"edits", ToAny(edits)}};
}

Any ToAny(const ConcurrentTrace& trace) {
  Any::Array transactions;
  for (const ConcurrentTrace::Transaction& transaction : trace.transactions) {
    Any::Array parents;
    for (const std::size_t parent : transaction.parents) parents.push_back(Number(parent));
    transactions.emplace_back(AnyObject{{"agent", Number(transaction.agent)},
                                        {"parents", std::move(parents)},
                                        {"patches", ToAny(transaction.patches)}});
  }
  return AnyObject{{"agents", Number(trace.agents)}, {"txns", std::move(transactions)}};
}

Any ToAny(const CrdtBenchmark& row) {
  Any::Array writers;
  for (const std::vector<Edit>& edits : row.writers) {
    Any::Array list;
    for (const Edit& edit : edits) {
      list.emplace_back(
          Any::Array{Number(edit.index), Number(edit.deleted), edit.text, Any::Array(edit.values)});
    }
    writers.emplace_back(std::move(list));
  }
  AnyObject object{{"name", row.name},
                   {"title", row.title},
                   {"kind", Number(static_cast<std::size_t>(row.kind))},
                   {"root", Number(static_cast<std::size_t>(row.root))},
                   {"initial", row.initial_text},
                   {"length", Number(row.expected_length)},
                   {"writers", std::move(writers)}};
  if (!row.expected.is_undefined()) object.Set("expected", row.expected);
  return object;
}

// The trace with each of its patches as a transaction, which is what all peers do.
Trace PatchByPatch(const Trace& trace) {
  Trace split = trace;
  split.transactions.clear();
  for (const std::vector<Patch>& patches : trace.transactions) {
    for (const Patch& patch : patches) split.transactions.push_back({patch});
  }
  return split;
}

absl::Status WriteConcurrent(const ConcurrentTrace& trace, const std::string& path) {
  const absl::StatusOr<std::vector<Bytes>> updates = UpdatesOf(trace);
  if (!updates.ok()) return updates.status();
  const std::unique_ptr<crdt::Doc> doc = MakeDoc(trace.agents + 1);
  absl::Status status = ApplyAll(*doc, *updates);
  status.Update(Write(path + ".concurrent.json", crdt::ToJsonText(ToAny(trace))));
  status.Update(Write(path + ".concurrent.updates", Framed(*updates)));
  status.Update(Write(path + ".concurrent.text", doc->GetText(kRoot).ToString()));
  return status;
}

}  // namespace

absl::Status WritePeerInputs(const TraceFiles& traces, const std::string& folder) {
  const auto path = [&](const std::string& name) { return absl::StrCat(folder, "/", name); };
  const Trace trace = PatchByPatch(traces.sequential.front());
  const Recording recording = Record(trace);
  std::string text;
  for (std::size_t i = 0; i < kRepetitions; ++i) text += trace.end_content;
  Any::Array rows;
  for (const CrdtBenchmark& row : MakeCrdtBenchmarks()) rows.push_back(ToAny(row));

  absl::Status status = Write(path("trace.json"), crdt::ToJsonText(ToAny(trace)));
  status.Update(Write(path("trace.updates"), Framed(recording.updates)));
  status.Update(Write(path("trace.v1"), crdt::AsText(recording.state)));
  status.Update(Write(path("trace.v2"), crdt::AsText(recording.state_v2)));
  status.Update(Write(path("x100.v1"), crdt::AsText(RecordRepeated(trace, kRepetitions))));
  status.Update(Write(path("x100.text"), text));
  status.Update(Write(path("crdt.json"), crdt::ToJsonText(rows)));
  for (const ConcurrentTrace& concurrent : traces.concurrent) {
    status.Update(WriteConcurrent(concurrent, path(concurrent.name)));
  }
  return status;
}

}  // namespace weft::bench
