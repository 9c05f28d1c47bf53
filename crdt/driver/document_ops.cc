// What a request does to one document, and what it reads of it.

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/driver/actions.h"
#include "crdt/driver/driver.h"
#include "crdt/driver/reply.h"
#include "crdt/json.h"
#include "crdt/snapshot.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

template <typename Handle>
void AppendAttributes(const Handle& type, Reply& reply) {
  AppendValue(reply.Member("attributes"), type.AttributesAsJson());
}

}  // namespace

Doc::Options Driver::ReadDocOptions(Members& members) {
  Doc::Options options;
  if (members.Has("clientID")) {
    options.client_id = ClientId{members.Count("clientID")};
  } else if (next_client_) {
    options.client_id = ClientId{(*next_client_)++};
  }
  options.gc = members.FlagOr("gc", true);
  options.limits = decode_limits_;
  return options;
}

void Driver::Open(std::string key, std::unique_ptr<Doc> doc, bool both_formats, Reply& reply) {
  reply.AddNumber("clientID", ToNumber(doc->client_id()));
  replicas_[std::move(key)] = std::make_unique<Replica>(std::move(doc), both_formats);
}

absl::Status Driver::New(Members& members, Reply& reply) {
  std::optional<std::string> key = ReadDocKey(members, "doc");
  const bool both_formats = members.FlagOr("both", false);
  Doc::Options options = ReadDocOptions(members);
  if (members.FlagOr("holes", false)) options.holes = HoleMode::kIntegrate;
  if (members.Has("keep")) {
    const std::uint64_t step = members.Count("keep");
    if (step == 0) return Refuse("nothing is a multiple of 0");
    options.gc_filter = [step](const SharedType&, Id first, Clock) {
      return first.clock % step != 0;
    };
  }
  if (!members.ok()) return members.status();
  Open(*std::move(key), std::make_unique<Doc>(std::move(options)), both_formats, reply);
  return absl::OkStatus();
}

absl::Status Driver::Drop(Members& members, Reply&) {
  const Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  replicas_.erase(*ReadDocKey(members, "doc"));
  return absl::OkStatus();
}

absl::Status Driver::Apply(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  const Bytes update = members.Base64("update");
  const UpdateFormat format = members.Format();
  const std::string_view origin = members.StringOr("origin", "");
  if (!members.ok()) return members.status();
  Doc& doc = replica->doc();
  const ClientId before = doc.client_id();
  replica->Forget();
  const absl::Status status = doc.ApplyUpdate(update, origin, format);
  if (doc.client_id() != before && next_client_) doc.set_client_id(ClientId{(*next_client_)++});
  if (!status.ok()) return status;
  replica->roots().Refresh();
  replica->Report(Replica::Emitted::kAll, reply);
  reply.AddNumber("clientID", ToNumber(doc.client_id()));
  return absl::OkStatus();
}

absl::Status Driver::Edit(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  const Any::Array& actions = members.List("actions");
  const std::string_view origin = members.StringOr("origin", "");
  if (!members.ok()) return members.status();
  replica->Forget();
  absl::Status status;
  const std::int64_t begin = clock_ ? clock_() : 0;
  replica->doc().Transact(origin, [&] {
    for (std::size_t done = 0; done < actions.size() && status.ok(); ++done) {
      if (clock_ && clock_() - begin >= limits_.edit_ms) {
        status = absl::ResourceExhaustedError(
            absl::StrCat("the edit has taken ", limits_.edit_ms, " ms: ", done, " of its ",
                         actions.size(), " actions are done; send fewer in a request"));
      } else {
        status = RunAction(replica->roots(), actions[done]);
      }
    }
  });
  if (status.ok()) replica->Report(Replica::Emitted::kOne, reply);
  return status;
}

absl::Status Driver::State(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  const UpdateFormat format = members.Format();
  const Bytes vector = members.Has("sv") ? members.Base64("sv") : Bytes{0};
  if (!members.ok()) return members.status();
  const absl::StatusOr<StateVector> known = DecodeStateVector(vector);
  if (!known.ok()) return known.status();
  reply.AddBytes("update", replica->doc().EncodeStateAsUpdate(*known, format));
  return absl::OkStatus();
}

absl::Status Driver::Sv(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  reply.AddBytes("sv", EncodeStateVector(replica->doc().GetStateVector()));
  return absl::OkStatus();
}

absl::Status Driver::Json(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  const AnyObject& types = members.Object("types");
  if (!members.ok()) return members.status();
  std::vector<std::pair<std::string_view, SharedType>> roots;
  for (const auto& [name, kind_name] : types.entries()) {
    const std::string* text = kind_name.AsString();
    const TypeKind kind = text == nullptr ? TypeKind::kUndefined : KindNamed(*text);
    if (kind == TypeKind::kUndefined) {
      return Refuse(absl::StrCat("there is no kind ", ToJsonText(kind_name)));
    }
    const absl::StatusOr<SharedType> root = replica->roots().Get(name, kind);
    if (!root.ok()) return root.status();
    roots.emplace_back(name, *root);
  }
  std::string& out = reply.Member("json");
  out += '{';
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (i > 0) out += ',';
    AppendString(out, roots[i].first);
    out += ':';
    AppendElement(out, AsElement(roots[i].second));
  }
  out += '}';
  reply.Member("delta") += '{';
  bool first = true;
  for (const auto& [name, root] : roots) {
    const std::optional<Text> text = root.As<Text>();
    if (!text) continue;
    if (!first) out += ',';
    first = false;
    AppendString(out, name);
    out += ':';
    AppendDelta(out, text->ToDelta(), DeltaOf::kText);
  }
  out += '}';
  return absl::OkStatus();
}

absl::Status Driver::Read(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  const absl::StatusOr<SharedType> type =
      replica->roots().Find(members, KindNamed(members.StringOr("kind", "")));
  if (!members.ok()) return members.status();
  if (!type.ok()) return type.status();
  std::optional<Text> text = type->As<Text>();
  if (members.Has("snapshot")) {
    if (!text) return Refuse("only a text can be read at a snapshot");
    const absl::StatusOr<Snapshot> snapshot = ReadSnapshot(members, "snapshot");
    if (!snapshot.ok()) return snapshot.status();
    absl::StatusOr<Snapshot> previous = Snapshot();
    if (members.Has("previous")) previous = ReadSnapshot(members, "previous");
    if (!previous.ok()) return previous.status();
    const Delta delta = text->ToDelta(*snapshot, members.Has("previous") ? &*previous : nullptr);
    AppendDelta(reply.Member("delta"), delta, DeltaOf::kText);
    return absl::OkStatus();
  }
  reply.AddText("kind", NameOf(type->kind()));
  AppendElement(reply.Member("json"), AsElement(*type));
  if (const auto array = type->As<Array>()) reply.AddNumber("length", array->length());
  if (const auto map = type->As<Map>()) reply.AddNumber("length", map->size());
  if (const auto fragment = type->As<XmlFragment>()) reply.AddNumber("length", fragment->length());
  if (const auto element = type->As<XmlElement>()) AppendAttributes(*element, reply);
  if (text) {
    reply.AddNumber("length", text->length());
    AppendDelta(reply.Member("delta"), text->ToDelta(), DeltaOf::kText);
    AppendAttributes(*text, reply);
  }
  return absl::OkStatus();
}

absl::Status Driver::Pending(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  reply.AddFlag("pending", replica->doc().has_pending());
  return absl::OkStatus();
}

absl::Status Driver::Subdocuments(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  std::vector<std::string> guids;
  for (const Subdocument& subdocument : replica->doc().Subdocuments()) {
    guids.push_back(subdocument.guid());
  }
  std::ranges::sort(guids);
  std::string& out = reply.Member("subdocuments");
  AppendList(out, guids, [&](const std::string& guid) { AppendString(out, guid); });
  return absl::OkStatus();
}

absl::Status Driver::Validate(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  return replica == nullptr ? members.status() : replica->doc().Validate();
}

}  // namespace weft::crdt::driver
