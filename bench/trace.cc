#include "bench/trace.h"

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"

namespace weft::bench {
namespace {

using crdt::Any;

// Plain files are read as they are.
absl::StatusOr<std::string> ReadMaybeGzipped(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("there is no trace at ", path));
  std::string text;
  char buffer[1 << 16];
  int size;
  while ((size = gzread(file, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  gzclose(file);
  if (size < 0) return absl::InvalidArgumentError(absl::StrCat(path, " does not unpack"));
  return text;
}

const Any* Find(const Any& any, std::string_view name) {
  return any.AsObject() == nullptr ? nullptr : any.AsObject()->Find(name);
}

std::optional<Patch> PatchOf(const Any& any) {
  const Any::Array* parts = any.AsArray();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  const double* position = (*parts)[0].AsNumber();
  const double* deleted = (*parts)[1].AsNumber();
  const std::string* inserted = (*parts)[2].AsString();
  if (position == nullptr || deleted == nullptr || inserted == nullptr) return std::nullopt;
  return Patch{static_cast<std::uint64_t>(*position), static_cast<std::uint64_t>(*deleted),
               *inserted};
}

std::optional<Trace> TraceOf(const Any& any) {
  const Any* start = Find(any, "startContent");
  const Any* end = Find(any, "endContent");
  const Any* transactions = Find(any, "txns");
  if (start == nullptr || start->AsString() == nullptr) return std::nullopt;
  if (end == nullptr || end->AsString() == nullptr) return std::nullopt;
  if (transactions == nullptr || transactions->AsArray() == nullptr) return std::nullopt;
  Trace trace;
  trace.start_content = *start->AsString();
  trace.end_content = *end->AsString();
  for (const Any& transaction : *transactions->AsArray()) {
    const Any* patches = Find(transaction, "patches");
    if (patches == nullptr || patches->AsArray() == nullptr) return std::nullopt;
    std::vector<Patch>& list = trace.transactions.emplace_back();
    for (const Any& patch : *patches->AsArray()) {
      std::optional<Patch> parsed = PatchOf(patch);
      if (!parsed) return std::nullopt;
      list.push_back(*std::move(parsed));
    }
  }
  return trace;
}

}  // namespace

absl::StatusOr<Trace> LoadTrace(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadMaybeGzipped(path);
  if (!text.ok()) return text.status();
  const std::optional<Any> any = crdt::ParseJson(*text, 16);
  if (!any) return absl::InvalidArgumentError(absl::StrCat(path, " is no JSON"));
  if (Find(*any, "kind") != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a concurrent trace"));
  }
  std::optional<Trace> trace = TraceOf(*any);
  if (!trace) return absl::InvalidArgumentError(absl::StrCat(path, " is no editing trace"));
  const std::string file = std::filesystem::path(path).filename().string();
  trace->name = file.substr(0, file.find('.'));
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
