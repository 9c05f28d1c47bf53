#pragma once

// Whether the stored scripts are whole: every revision walked along its links and held against its order,
// every line with its content, every cue and cut at something that is there, counters ahead of everything
// that was given, one tree of revisions. And mending what is not.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

struct Finding {
  ShowId show{};
  std::optional<RevisionId> revision;
  std::string what;
  std::string repair;  // what mending does about it
};

struct CheckReport {
  std::uint64_t shows = 0;
  std::uint64_t revisions = 0;
  std::uint64_t lines = 0;  // of all revisions
  std::vector<Finding> findings;
};

// Fails: kDataLoss when a row does not read as it was written.
absl::StatusOr<CheckReport> CheckScripts(const store::RowReader& rows);

// Mends all that a check finds, in the transaction of the caller; a check finds nothing afterwards. The
// order is believed before the links; a line that only the links know goes to the end of its page; what
// has no content left is given up. Fails: as CheckScripts.
absl::StatusOr<CheckReport> RepairScripts(store::RowWriter& rows);

}  // namespace weft::server::script
