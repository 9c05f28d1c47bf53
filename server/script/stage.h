#pragma once

// What is on: the show that everybody works on, and its live session while one runs. Rows, so that a
// restart in the middle of a show changes neither.
//
//   stage  0 := show next_session session session_show session_user session_started     varuints
//
// Threads: any, as store::Rows.

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/script/script.h"
#include "store/rows.h"

namespace weft::server::script {

struct LiveSession {
  std::uint64_t id = 0;  // counts up, never given twice
  ShowId show{};
  UserId started_by{};
  std::int64_t started_ms = 0;

  friend bool operator==(const LiveSession&, const LiveSession&) = default;
};

struct Stage {
  // The one that was chosen; until one is, the first by id. None: there are no shows.
  std::optional<ShowId> show;
  std::optional<LiveSession> session;
  std::uint64_t next_session = 1;

  friend bool operator==(const Stage&, const Stage&) = default;
};

// Fails: kDataLoss when its row does not read as it was written.
absl::StatusOr<Stage> GetStage(const store::RowReader& rows);
absl::Status PutStage(store::RowWriter& rows, const Stage& stage);

}  // namespace weft::server::script
