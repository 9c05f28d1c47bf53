#include "bench/trace_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::bench {
namespace {

constexpr std::size_t kSyntheticEdits = 100'000;
constexpr std::size_t kSyntheticConcurrentEdits = 25'000;

absl::StatusOr<std::vector<std::string>> PathsOfTheEnvironment() {
  std::vector<std::string> paths;
  const char* folder = std::getenv("WEFT_TRACES");
  if (folder == nullptr || *folder == '\0') return paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".json") || name.ends_with(".json.gz")) paths.push_back(entry.path());
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat("WEFT_TRACES: ", folder, ": ", error.message()));
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

absl::StatusOr<TraceFiles> LoadTraceFiles(std::vector<std::string> paths) {
  if (paths.empty()) {
    absl::StatusOr<std::vector<std::string>> found = PathsOfTheEnvironment();
    if (!found.ok()) return found.status();
    paths = *std::move(found);
  }
  TraceFiles files;
  for (const std::string& path : paths) {
    absl::StatusOr<Trace> trace = LoadTrace(path);
    if (trace.ok()) {
      files.sequential.push_back(*std::move(trace));
      continue;
    }
    absl::StatusOr<ConcurrentTrace> concurrent = LoadConcurrentTrace(path);
    if (!concurrent.ok()) return concurrent.status();
    files.concurrent.push_back(*std::move(concurrent));
  }
  if (files.sequential.empty()) files.sequential.push_back(MakeSyntheticTrace(kSyntheticEdits));
  if (files.concurrent.empty()) {
    files.concurrent.push_back(MakeSyntheticConcurrentTrace(kSyntheticConcurrentEdits));
  }
  return files;
}

}  // namespace weft::bench
