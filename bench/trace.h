#pragma once

// Editing traces: what somebody typed, as it was recorded.
//
// Format (JSON, perhaps gzipped): {"startContent", "endContent", "txns": [{"patches": [[position,
// deleted, inserted]]}]}, positions and lengths in UTF-16 code units. Concurrent traces (with a
// member "kind") are another format and are refused. Source: github.com/josephg/editing-traces.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::bench {

struct Patch {
  std::uint64_t position = 0;
  std::uint64_t deleted = 0;
  std::string inserted;
};

struct Trace {
  std::string name;
  std::string start_content;
  std::string end_content;
  std::vector<std::vector<Patch>> transactions;  // one or more patches each
};

// Fails: kNotFound when there is no such file, kInvalidArgument when it is no sequential trace.
absl::StatusOr<Trace> LoadTrace(const std::string& path);

// A made-up trace of the shape of a real one: runs of typing, corrections by backspace, and jumps
// to other places. The same for the same number of edits.
Trace MakeSyntheticTrace(std::size_t edits);

}  // namespace weft::bench
