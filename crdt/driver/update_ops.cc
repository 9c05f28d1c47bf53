// Work on updates without a document.

#include <optional>
#include <utility>
#include <vector>

#include "crdt/driver/driver.h"
#include "crdt/driver/reply.h"
#include "crdt/json.h"
#include "crdt/update_compare.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "crdt/update_meta.h"
#include "crdt/update_obfuscate.h"

namespace weft::crdt::driver {

absl::Status Driver::Merge(Members& members, Reply& reply) {
  const UpdateFormat format = members.Format();
  std::vector<Bytes> updates;
  for (const Any& entry : members.List("updates")) {
    if (entry.AsString() == nullptr) return Refuse("an update is base64");
    absl::StatusOr<Bytes> update = FromBase64(*entry.AsString());
    if (!update.ok()) return update.status();
    updates.push_back(*std::move(update));
  }
  if (!members.ok()) return members.status();
  const std::vector<ByteView> views(updates.begin(), updates.end());
  const absl::StatusOr<Bytes> merged = MergeUpdates(views, decode_limits_, format);
  if (!merged.ok()) return merged.status();
  reply.AddBytes("update", *merged);
  return absl::OkStatus();
}

absl::Status Driver::Diff(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const Bytes vector = members.Base64("sv");
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  const absl::StatusOr<StateVector> known = DecodeStateVector(vector);
  if (!known.ok()) return known.status();
  const absl::StatusOr<Bytes> diff = DiffUpdate(update, *known, decode_limits_, format);
  if (!diff.ok()) return diff.status();
  reply.AddBytes("update", *diff);
  return absl::OkStatus();
}

absl::Status Driver::Convert(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const UpdateFormat from = members.Format("from");
  const UpdateFormat to = members.Format("to");
  if (!members.ok()) return members.status();
  if (from == to) {
    reply.AddBytes("update", update);
    return absl::OkStatus();
  }
  const absl::StatusOr<Bytes> converted = ConvertUpdate(update, from, to, decode_limits_);
  if (!converted.ok()) return converted.status();
  reply.AddBytes("update", *converted);
  return absl::OkStatus();
}

absl::Status Driver::SvOf(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  const absl::StatusOr<StateVector> vector = StateVectorOfUpdate(update, decode_limits_, format);
  if (!vector.ok()) return vector.status();
  reply.AddBytes("sv", EncodeStateVector(*vector));
  return absl::OkStatus();
}

absl::Status Driver::ParseMeta(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  const absl::StatusOr<UpdateMeta> meta = ParseUpdateMeta(update, format, decode_limits_);
  if (!meta.ok()) return meta.status();
  Any::Array from;
  Any::Array to;
  for (const UpdateMeta::ClientClocks& client : meta->clients) {
    const auto number = static_cast<double>(ToNumber(client.client));
    from.push_back(Any::Array{number, static_cast<double>(client.from)});
    to.push_back(Any::Array{number, static_cast<double>(client.to)});
  }
  AppendJsonText(reply.Member("from"), from);
  AppendJsonText(reply.Member("to"), to);
  return absl::OkStatus();
}

absl::Status Driver::Intersect(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const UpdateFormat format = members.Format();
  DeleteSet ids;
  for (const Any& entry : members.List("ids")) {
    const Any::Array* parts = entry.AsArray();
    std::optional<std::uint64_t> numbers[3];
    for (std::size_t i = 0; parts != nullptr && parts->size() == 3 && i < 3; ++i) {
      numbers[i] = AsCount((*parts)[i]);
    }
    if (!numbers[0] || !numbers[1] || !numbers[2] || *numbers[1] + *numbers[2] > kMaxSafeInteger) {
      members.Fail(Refuse("ids are [client, clock, length]"));
      break;
    }
    ids.Add(ClientId{*numbers[0]}, {*numbers[1], *numbers[2]});
  }
  if (!members.ok()) return members.status();
  ids.SortAndMerge();
  const absl::StatusOr<Bytes> cut = IntersectUpdate(update, ids, format, decode_limits_);
  if (!cut.ok()) return cut.status();
  reply.AddBytes("update", *cut);
  return absl::OkStatus();
}

absl::Status Driver::Obfuscate(Members& members, Reply& reply) {
  const Bytes update = members.Base64("update");
  const UpdateFormat format = members.Format();
  ObfuscateOptions options;
  if (members.Has("options")) {
    Members flags(members.Get("options"));
    options = {.formatting = flags.FlagOr("formatting", true),
               .subdocs = flags.FlagOr("subdocs", true),
               .yxml = flags.FlagOr("yxml", true)};
    if (!flags.ok()) return flags.status();
  }
  if (!members.ok()) return members.status();
  const absl::StatusOr<Bytes> obfuscated = ObfuscateUpdate(update, options, format, decode_limits_);
  if (!obfuscated.ok()) return obfuscated.status();
  reply.AddBytes("update", *obfuscated);
  return absl::OkStatus();
}

absl::Status Driver::Equal(Members& members, Reply& reply) {
  const Bytes a = members.Base64("a");
  const Bytes b = members.Base64("b");
  const UpdateFormat format = members.Format();
  if (!members.ok()) return members.status();
  const absl::StatusOr<bool> equal = UpdatesEqual(a, b, format, decode_limits_);
  if (!equal.ok()) return equal.status();
  reply.AddFlag("equal", *equal);
  return absl::OkStatus();
}

}  // namespace weft::crdt::driver
