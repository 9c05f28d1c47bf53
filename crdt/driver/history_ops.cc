// Points in time and in a sequence: snapshots and relative positions.

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/driver/driver.h"
#include "crdt/driver/reply.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {

absl::StatusOr<Snapshot> Driver::ReadSnapshot(Members& members, std::string_view name) {
  const Bytes bytes = members.Base64(name);
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  return Snapshot::Decode(bytes, format, decode_limits_);
}

absl::Status Driver::TakeSnapshot(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  reply.AddBytes("snapshot", replica->doc().TakeSnapshot().Encode(format));
  return absl::OkStatus();
}

absl::Status Driver::SnapshotDoc(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  std::optional<std::string> key = ReadDocKey(members, "as");
  Doc::Options options = ReadDocOptions(members);
  const absl::StatusOr<Snapshot> snapshot = ReadSnapshot(members, "snapshot");
  if (!members.ok()) return members.status();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<std::unique_ptr<Doc>> doc = replica->doc().DocAt(*snapshot, std::move(options));
  if (!doc.ok()) return doc.status();
  Open(*std::move(key), *std::move(doc), /*both_formats=*/false, reply);
  return absl::OkStatus();
}

absl::Status Driver::SnapshotEqual(Members& members, Reply& reply) {
  const absl::StatusOr<Snapshot> a = ReadSnapshot(members, "a");
  const absl::StatusOr<Snapshot> b = ReadSnapshot(members, "b");
  if (!a.ok()) return a.status();
  if (!b.ok()) return b.status();
  reply.AddFlag("equal", *a == *b);
  return absl::OkStatus();
}

absl::Status Driver::SnapshotContains(Members& members, Reply& reply) {
  const absl::StatusOr<Snapshot> snapshot = ReadSnapshot(members, "snapshot");
  const Bytes update = members.Base64("update");
  if (!members.ok()) return members.status();
  if (!snapshot.ok()) return snapshot.status();
  const absl::StatusOr<bool> contains =
      snapshot->Contains(update, members.Format(), decode_limits_);
  if (!contains.ok()) return contains.status();
  reply.AddFlag("contains", *contains);
  return absl::OkStatus();
}

absl::Status Driver::Position(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  const absl::StatusOr<SharedType> type =
      replica->roots().Find(members, KindNamed(members.StringOr("kind", "")));
  const std::uint64_t index = members.Count("index");
  const std::int64_t assoc = members.IntegerOr("assoc", 0);
  if (!members.ok()) return members.status();
  if (!type.ok()) return type.status();
  std::optional<std::uint64_t> length;
  if (const auto text = type->As<Text>()) length = text->length();
  if (const auto array = type->As<Array>()) length = array->length();
  if (const auto fragment = type->As<XmlFragment>()) length = fragment->length();
  if (!length) return Refuse("a map has no positions");
  if (index > *length) return Refuse("the index is behind the end");
  const RelativePosition position = RelativePosition::At(*type, index, assoc);
  reply.AddBytes("position", position.Encode());
  AppendValue(reply.Member("json"), position.ToJson());
  return absl::OkStatus();
}

absl::Status Driver::Resolve(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  const bool follow = members.FlagOr("follow", true);
  const absl::StatusOr<RelativePosition> position =
      members.Has("json") ? RelativePosition::FromJson(members.Get("json"))
                          : RelativePosition::Decode(members.Base64("position"));
  if (!members.ok()) return members.status();
  if (!position.ok()) return position.status();
  const std::optional<AbsolutePosition> place = position->Resolve(replica->doc(), follow);
  replica->roots().Refresh();
  if (!place) {
    reply.Member("index") += "null";
    return absl::OkStatus();
  }
  reply.AddNumber("index", place->index);
  absl::StrAppend(&reply.Member("assoc"), place->assoc);
  if (const std::optional<Id> item = place->type.item_id()) {
    absl::StrAppend(&reply.Member("item"), "[", ToNumber(item->client), ",", item->clock, "]");
  } else {
    reply.AddText("root", place->type.root_name());
  }
  return absl::OkStatus();
}

}  // namespace weft::crdt::driver
