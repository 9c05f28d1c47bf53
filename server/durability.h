#pragma once

// How the log of a server commits and compacts: the part of ServerOptions that flags set.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "store/compactor.h"
#include "store/update_log.h"

namespace weft::server {

// Where nobody waits for the disk to see an edit, commits may be few: half of the 30 ms that people
// do not notice, and enough to share a commit among dozens of edits.
inline constexpr std::chrono::milliseconds kUnhurriedCommitGap{16};

struct LogOptions {
  store::Durability durability = store::Durability::kFsync;
  std::chrono::milliseconds interval{1'000};  // of store::Durability::kInterval
  // Between the beginnings of two commits at least. Absent: none, or kUnhurriedCommitGap with
  // RelayMoment::kAccepted.
  std::optional<std::chrono::milliseconds> commit_gap;
  // What compaction does; its retention is how long edits can be had one by one.
  store::CompactPolicy compaction;
  bool compacts = true;
  bool check_pages = true;
  // Whether a server whose log has failed for good goes on showing documents instead of ending.
  bool serves_after_failure = false;
};

// "fsync", "interval=MS" or "none". Fails: kInvalidArgument, naming them.
absl::Status ParseDurability(std::string_view text, LogOptions& options);

// The same as text.
std::string DurabilityName(const LogOptions& options);

// Wall time since 1970.
std::int64_t WallTimeMs();

}  // namespace weft::server
