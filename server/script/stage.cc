#include "server/script/stage.h"

#include "crdt/base/bytes.h"
#include "server/script/script_rows.h"

namespace weft::server::script {
namespace {

using crdt::ByteView;

// The show with the lowest id.
absl::StatusOr<std::optional<ShowId>> FirstShow(const store::RowReader& rows) {
  absl::StatusOr<std::optional<ShowId>> first = std::optional<ShowId>();
  const absl::Status visited = rows.Visit(table::kShow, {}, {}, [&](ByteView key, ByteView) {
    const auto numbers = ReadKey(key, 1);
    if (numbers.ok()) {
      first = std::optional(ShowId{numbers->front()});
    } else {
      first = numbers.status();
    }
    return false;
  });
  if (!visited.ok()) return visited;
  return first;
}

}  // namespace

absl::StatusOr<Stage> GetStage(const store::RowReader& rows) {
  const auto value = rows.Get(table::kStage, KeyOf(0));
  if (!value.ok()) return value.status();
  Stage stage;
  if (*value) {
    crdt::ByteReader in(**value);
    if (const std::uint64_t show = in.ReadVarUint(); show != 0) stage.show = ShowId{show};
    stage.next_session = in.ReadVarUint();
    LiveSession session{.id = in.ReadVarUint()};
    session.show = ShowId{in.ReadVarUint()};
    session.started_by = UserId{in.ReadVarUint()};
    session.started_ms = static_cast<std::int64_t>(in.ReadVarUint());
    if (!in.ok() || !in.at_end()) {
      return absl::DataLossError("the row of what is on does not read as it was written");
    }
    if (session.id != 0) stage.session = session;
  }
  if (!stage.show) {
    const auto first = FirstShow(rows);
    if (!first.ok()) return first.status();
    stage.show = *first;
  }
  return stage;
}

absl::Status PutStage(store::RowWriter& rows, const Stage& stage) {
  const LiveSession session = stage.session.value_or(LiveSession{});
  crdt::ByteWriter out;
  out.WriteVarUint(stage.show ? Number(*stage.show) : 0);
  out.WriteVarUint(stage.next_session);
  out.WriteVarUint(session.id);
  out.WriteVarUint(Number(session.show));
  out.WriteVarUint(Number(session.started_by));
  out.WriteVarUint(static_cast<std::uint64_t>(session.started_ms));
  return rows.Put(table::kStage, KeyOf(0), out.view());
}

}  // namespace weft::server::script
