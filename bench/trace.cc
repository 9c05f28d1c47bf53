#include "bench/trace.h"

#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/trace_json.h"

namespace weft::bench {
namespace {

using crdt::Any;

std::optional<Trace> TraceOf(const Any& any) {
  const Any* start = FindMember(any, "startContent");
  const Any* end = FindMember(any, "endContent");
  const Any* transactions = FindMember(any, "txns");
  if (start == nullptr || start->AsString() == nullptr) return std::nullopt;
  if (end == nullptr || end->AsString() == nullptr) return std::nullopt;
  if (transactions == nullptr || transactions->AsArray() == nullptr) return std::nullopt;
  Trace trace;
  trace.start_content = *start->AsString();
  trace.end_content = *end->AsString();
  for (const Any& transaction : *transactions->AsArray()) {
    std::optional<std::vector<Patch>> patches = PatchesOf(transaction);
    if (!patches) return std::nullopt;
    trace.transactions.push_back(*std::move(patches));
  }
  return trace;
}

}  // namespace

absl::StatusOr<Trace> LoadTrace(const std::string& path) {
  const absl::StatusOr<Any> any = ReadJson(path);
  if (!any.ok()) return any.status();
  if (FindMember(*any, "kind") != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a concurrent trace"));
  }
  std::optional<Trace> trace = TraceOf(*any);
  if (!trace) return absl::InvalidArgumentError(absl::StrCat(path, " is no editing trace"));
  trace->name = TraceName(path);
  return *std::move(trace);
}

Trace MakeSyntheticTrace(std::size_t edits) {
  std::mt19937_64 random(1);
  Trace trace{.name = "synthetic", .start_content = "", .end_content = "", .transactions = {}};
  std::string& text = trace.end_content;
  std::uint64_t cursor = 0;
  while (trace.transactions.size() < edits) {
    if (random() % 100 < 30) cursor = random() % (text.size() + 1);
    const bool backspaces = random() % 100 < 25;
    for (std::uint64_t run = 1 + random() % 40; run > 0 && trace.transactions.size() < edits;
         --run) {
      if (backspaces && cursor == 0) break;
      if (backspaces) {
        --cursor;
        text.erase(cursor, 1);
        trace.transactions.push_back({{cursor, 1, ""}});
      } else {
        const char character = static_cast<char>('a' + random() % 26);
        text.insert(cursor, 1, character);
        trace.transactions.push_back({{cursor, 0, std::string(1, character)}});
        ++cursor;
      }
    }
  }
  return trace;
}

}  // namespace weft::bench
