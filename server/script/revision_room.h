#pragma once

// The room in which people edit a revision: its name, and what it begins with.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

struct RevisionRoom {
  ShowId show{};
  RevisionId revision{};

  friend auto operator<=>(const RevisionRoom&, const RevisionRoom&) = default;
};

// "script/1/revision/2", and back; none for a name that is not exactly one of these.
std::string NameOf(const RevisionRoom& room);
std::optional<RevisionRoom> ParseRevisionRoom(std::string_view name);

// The room of the revision that is current. Fails: kNotFound when the show has no script.
absl::StatusOr<RevisionRoom> CurrentRoom(const store::RowReader& rows, ShowId show);

// The first update of a room that the log does not have, and what it was made from.
struct RoomBeginning {
  crdt::Bytes update;      // of format v1
  std::uint64_t hash = 0;  // of the revision: the base of a draft
};
// Fails: as LoadRevision.
absl::StatusOr<RoomBeginning> BeginRoom(const store::RowReader& rows, const RevisionRoom& room);

}  // namespace weft::server::script
