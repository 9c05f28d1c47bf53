#include "bench/concurrent_trace.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/replica.h"
#include "bench/trace_json.h"
#include "crdt/doc.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Bytes;

std::optional<ConcurrentTrace::Transaction> TransactionOf(const Any& any, std::size_t index) {
  const Any* agent = FindMember(any, "agent");
  const Any* parents = FindMember(any, "parents");
  std::optional<std::vector<Patch>> patches = PatchesOf(any);
  if (agent == nullptr || agent->AsNumber() == nullptr) return std::nullopt;
  if (parents == nullptr || parents->AsArray() == nullptr || !patches) return std::nullopt;
  ConcurrentTrace::Transaction transaction;
  transaction.agent = static_cast<std::size_t>(*agent->AsNumber());
  transaction.patches = *std::move(patches);
  for (const Any& parent : *parents->AsArray()) {
    if (parent.AsNumber() == nullptr || *parent.AsNumber() >= static_cast<double>(index)) {
      return std::nullopt;
    }
    transaction.parents.push_back(static_cast<std::size_t>(*parent.AsNumber()));
  }
  return transaction;
}

std::optional<ConcurrentTrace> TraceOf(const Any& any) {
  const Any* agents = FindMember(any, "numAgents");
  const Any* end = FindMember(any, "endContent");
  const Any* transactions = FindMember(any, "txns");
  if (agents == nullptr || agents->AsNumber() == nullptr) return std::nullopt;
  if (end == nullptr || end->AsString() == nullptr) return std::nullopt;
  if (transactions == nullptr || transactions->AsArray() == nullptr) return std::nullopt;
  ConcurrentTrace trace;
  trace.end_content = *end->AsString();
  trace.agents = static_cast<std::size_t>(*agents->AsNumber());
  for (const Any& transaction : *transactions->AsArray()) {
    auto parsed = TransactionOf(transaction, trace.transactions.size());
    if (!parsed || parsed->agent >= trace.agents) return std::nullopt;
    trace.transactions.push_back(*std::move(parsed));
  }
  return trace;
}

// One agent's replica, and which transactions it has seen.
struct Writer {
  std::unique_ptr<Recorder> recorder;
  std::vector<bool> seen;
};

// Everything that `parents` build on and `writer` has not seen, in order.
std::vector<std::size_t> Unseen(const ConcurrentTrace& trace,
                                const std::vector<std::size_t>& parents, Writer& writer) {
  std::vector<std::size_t> found;
  std::vector<std::size_t> open = parents;
  while (!open.empty()) {
    const std::size_t index = open.back();
    open.pop_back();
    if (writer.seen[index]) continue;
    writer.seen[index] = true;
    found.push_back(index);
    for (const std::size_t parent : trace.transactions[index].parents) open.push_back(parent);
  }
  std::ranges::sort(found);
  return found;
}

bool ApplyPatches(const std::vector<Patch>& patches, crdt::Doc& doc) {
  crdt::Text text = doc.GetText(kRoot);
  bool fits = true;
  doc.Transact("", [&] {
    for (const Patch& patch : patches) {
      fits = fits && patch.position + patch.deleted <= text.length();
      if (fits && patch.deleted > 0) text.Delete(patch.position, patch.deleted);
      if (fits && !patch.inserted.empty()) text.Insert(patch.position, patch.inserted);
    }
  });
  return fits;
}

}  // namespace

absl::StatusOr<ConcurrentTrace> LoadConcurrentTrace(const std::string& path) {
  const absl::StatusOr<Any> any = ReadJson(path);
  if (!any.ok()) return any.status();
  if (FindMember(*any, "kind") == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a sequential trace"));
  }
  std::optional<ConcurrentTrace> trace = TraceOf(*any);
  if (!trace) return absl::InvalidArgumentError(absl::StrCat(path, " is no concurrent trace"));
  trace->name = TraceName(path);
  return *std::move(trace);
}

ConcurrentTrace MakeSyntheticConcurrentTrace(std::size_t edits) {
  std::mt19937_64 random(2);
  ConcurrentTrace trace{
      .name = "synthetic-concurrent", .end_content = {}, .agents = 2, .transactions = {}};
  std::vector<std::size_t> heads;  // where both have last met
  std::uint64_t common_length = 0;
  while (trace.transactions.size() < edits) {
    std::vector<std::size_t> new_heads;
    std::uint64_t typed_by_both = 0;
    for (std::size_t agent = 0; agent < trace.agents; ++agent) {
      std::vector<std::size_t> parents = heads;
      std::uint64_t cursor = random() % (common_length + 1);
      std::uint64_t typed = 0;
      for (std::uint64_t left = 1 + random() % 60; left > 0; --left) {
        // Only own characters are deleted, right after they were typed.
        Patch patch{.position = cursor, .deleted = 0, .inserted = {}};
        if (typed > 0 && random() % 100 < 15) {
          patch = {.position = --cursor, .deleted = 1, .inserted = {}};
          --typed;
        } else {
          patch.inserted = static_cast<char>('a' + random() % 26);
          ++cursor;
          ++typed;
        }
        trace.transactions.push_back(
            {agent, std::exchange(parents, {trace.transactions.size()}), {patch}});
      }
      new_heads.push_back(parents.front());
      typed_by_both += typed;
    }
    heads = std::move(new_heads);
    common_length += typed_by_both;
  }
  return trace;
}

absl::StatusOr<std::vector<Bytes>> UpdatesOf(const ConcurrentTrace& trace) {
  std::vector<Writer> writers;
  for (std::size_t agent = 0; agent < trace.agents; ++agent) {
    writers.push_back(
        {std::make_unique<Recorder>(agent + 1), std::vector<bool>(trace.transactions.size())});
  }
  std::vector<Bytes> updates;
  for (const ConcurrentTrace::Transaction& transaction : trace.transactions) {
    Writer& writer = writers[transaction.agent];
    for (const std::size_t index : Unseen(trace, transaction.parents, writer)) {
      const absl::Status status = (*writer.recorder)->ApplyUpdate(updates[index]);
      if (!status.ok()) return status;
    }
    const bool fits = ApplyPatches(transaction.patches, **writer.recorder);
    writer.seen[updates.size()] = true;
    std::vector<Bytes> emitted = writer.recorder->TakeUpdates();
    if (!fits || emitted.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(trace.name, ": transaction ", updates.size(), " does not fit its state"));
    }
    updates.push_back(std::move(emitted.front()));
  }
  return updates;
}

}  // namespace weft::bench
