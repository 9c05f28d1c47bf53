#include "crdt/driver/driver.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/string_map.h"
#include "crdt/driver/actions.h"
#include "crdt/driver/reply.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/update_compare.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "crdt/update_meta.h"
#include "crdt/update_obfuscate.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

absl::Status Refuse(std::string_view reason) {
  return absl::InvalidArgumentError(std::string(reason));
}

// Whether a text has no more than `most` JSON values, keys included: each is followed by one of ,:]}
// or ends the text.
bool HasFewValues(std::string_view json, std::size_t most) {
  bool in_string = false;
  std::size_t values = 1;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      if (c == '\\') ++i;
    } else if (c == ',' || c == ':' || c == '[' || c == '{') {
      if (++values > most) return false;
    }
  }
  return true;
}

template <typename Handle>
void AppendAttributes(const Handle& type, Reply& reply) {
  AppendValue(reply.Member("attributes"), type.AttributesAsJson());
}

}  // namespace

Driver::Driver(DriverLimits limits, std::function<std::int64_t()> clock)
    : limits_(limits), clock_(std::move(clock)) {
  decode_limits_.update_bytes = limits.request_bytes;
  decode_limits_.update_blocks = limits.update_blocks;
  decode_limits_.update_memory = limits.update_memory;
}

Driver::~Driver() = default;

std::string Driver::Answer(std::string_view line) {
  Reply reply;
  const absl::Status status = Run(line, reply);
  if (status.ok()) return std::move(reply).Take();
  Reply error;
  error.AddText("error", std::string_view(status.message().data(), status.message().size()));
  return std::move(error).Take();
}

absl::Status Driver::Run(std::string_view line, Reply& reply) {
  if (line.size() > limits_.request_bytes) {
    return Refuse(absl::StrCat("a request has at most ", limits_.request_bytes, " bytes"));
  }
  if (!HasFewValues(line, limits_.request_values)) {
    return Refuse(absl::StrCat("a request has at most ", limits_.request_values, " values"));
  }
  const std::optional<Any> request = ParseJson(line, limits_.request_depth);
  if (!request) {
    return Refuse(
        absl::StrCat("the line is no JSON, or nested more than ", limits_.request_depth, " deep"));
  }
  Members members(*request);
  const std::string_view name = members.String("op");
  now_ms_ = members.IntegerOr("now", now_ms_);
  if (!members.ok()) return members.status();
  const Operation operation = FindOperation(name);
  if (operation == nullptr)
    return Refuse(absl::StrCat("there is no op \"", std::string(name), "\""));
  return (this->*operation)(members, reply);
}

Driver::Operation Driver::FindOperation(std::string_view name) {
  static const StringMap<Operation> operations = {
      {"new", &Driver::New},
      {"drop", &Driver::Drop},
      {"apply", &Driver::Apply},
      {"edit", &Driver::Edit},
      {"state", &Driver::State},
      {"sv", &Driver::Sv},
      {"json", &Driver::Json},
      {"read", &Driver::Read},
      {"pending", &Driver::Pending},
      {"subdocuments", &Driver::Subdocuments},
      {"validate", &Driver::Validate},
      {"observe", &Driver::Observe},
      {"unobserve", &Driver::Unobserve},
      {"undo.new", &Driver::UndoNew},
      {"undo.undo", &Driver::UndoUndo},
      {"undo.redo", &Driver::UndoRedo},
      {"undo.stop", &Driver::UndoStop},
      {"undo.clear", &Driver::UndoClear},
      {"undo.drop", &Driver::UndoDrop},
      {"snapshot", &Driver::TakeSnapshot},
      {"snapshot.doc", &Driver::SnapshotDoc},
      {"snapshot.equal", &Driver::SnapshotEqual},
      {"snapshot.contains", &Driver::SnapshotContains},
      {"position", &Driver::Position},
      {"resolve", &Driver::Resolve},
      {"merge", &Driver::Merge},
      {"diff", &Driver::Diff},
      {"convert", &Driver::Convert},
      {"svOf", &Driver::SvOf},
      {"parseMeta", &Driver::ParseMeta},
      {"intersect", &Driver::Intersect},
      {"obfuscate", &Driver::Obfuscate},
      {"equal", &Driver::Equal},
      {"seed", &Driver::Seed},
      {"reset", &Driver::Reset},
      {"version", &Driver::Version},
  };
  const auto found = operations.find(name);
  return found == operations.end() ? nullptr : found->second;
}

// -- Finding what a request names --------------------------------------------------------------------

std::optional<std::string> Driver::ReadDocKey(Members& members, std::string_view name) {
  const Any& key = members.Get(name);
  if (!members.ok()) return std::nullopt;
  if (key.AsNumber() == nullptr && key.AsString() == nullptr) {
    members.Fail(Refuse("a document is called by a number or a string"));
    return std::nullopt;
  }
  return ToJsonText(key);
}

Doc* Driver::Find(std::uint64_t number) {
  const auto found = replicas_.find(absl::StrCat(number));
  return found == replicas_.end() ? nullptr : &found->second->doc();
}

Replica* Driver::FindReplica(Members& members) {
  const std::optional<std::string> key = ReadDocKey(members, "doc");
  if (!key) return nullptr;
  const auto found = replicas_.find(*key);
  if (found != replicas_.end()) return found->second.get();
  members.Fail(Refuse(absl::StrCat("there is no document ", *key)));
  return nullptr;
}

UndoManager* Driver::FindUndoManager(Members& members, Replica& replica) {
  UndoManager* manager = replica.FindUndoManager(members.Count("manager"));
  if (manager == nullptr) members.Fail(Refuse("there is no such undo manager"));
  return members.ok() ? manager : nullptr;
}

// -- Documents -----------------------------------------------------------------------------------------

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

// -- What watches documents ----------------------------------------------------------------------------

absl::Status Driver::Observe(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  const std::uint64_t number = members.Count("observer");
  const std::string_view what = members.StringOr("what", "type");
  const bool deep = members.FlagOr("deep", false);
  if (!members.ok()) return members.status();
  if (what == "transactions") {
    replica->ObserveTransactions(number);
  } else if (what == "subdocuments") {
    replica->ObserveSubdocuments(number);
  } else if (what == "type") {
    const absl::StatusOr<SharedType> type =
        replica->roots().Find(members, KindNamed(members.StringOr("kind", "")));
    if (!members.ok()) return members.status();
    if (!type.ok()) return type.status();
    replica->ObserveType(number, *type, deep);
  } else {
    return Refuse(absl::StrCat("there is no observing of ", std::string(what)));
  }
  return absl::OkStatus();
}

absl::Status Driver::Unobserve(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  const std::uint64_t number = members.Count("observer");
  if (!members.ok()) return members.status();
  return replica->Unobserve(number) ? absl::OkStatus() : Refuse("there is no such observer");
}

absl::Status Driver::UndoNew(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  const std::uint64_t number = members.Count("manager");
  UndoManager::Options options;
  options.capture_timeout_ms = static_cast<std::int64_t>(members.CountOr("captureTimeout", 500));
  options.now = [this] { return now_ms_; };
  options.ignore_remote_map_changes = members.FlagOr("ignoreRemoteMapChanges", false);
  if (members.Has("origins")) {
    options.tracked_origins.clear();
    for (const Any& origin : members.List("origins")) {
      if (origin.AsString() == nullptr && !origin.is_null()) return Refuse("an origin is a text");
      options.tracked_origins.insert(origin.is_null() ? "" : *origin.AsString());
    }
  }
  if (!members.ok()) return members.status();
  std::vector<SharedType> scope;
  if (members.Has("scope")) {
    for (const Any& entry : members.List("scope")) {
      Members type_members(entry);
      const absl::StatusOr<SharedType> type =
          replica->roots().Find(type_members, KindNamed(type_members.StringOr("kind", "")));
      if (!type.ok()) return type.status();
      scope.push_back(*type);
    }
    if (scope.empty()) return Refuse("a scope has a type");
  }
  if (!members.ok()) return members.status();
  replica->AddUndoManager(
      number, std::make_unique<UndoManager>(replica->doc(), std::move(scope), std::move(options)));
  return absl::OkStatus();
}

void Driver::ReportUndo(Replica& replica, UndoManager& manager, Reply& reply) {
  reply.AddNumber("undo", manager.undo_size());
  reply.AddNumber("redo", manager.redo_size());
  replica.Report(Replica::Emitted::kAll, reply);
}

absl::Status Driver::UndoUndo(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  UndoManager* manager = replica == nullptr ? nullptr : FindUndoManager(members, *replica);
  if (manager == nullptr) return members.status();
  replica->Forget();
  reply.AddFlag("done", manager->Undo());
  ReportUndo(*replica, *manager, reply);
  return absl::OkStatus();
}

absl::Status Driver::UndoRedo(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  UndoManager* manager = replica == nullptr ? nullptr : FindUndoManager(members, *replica);
  if (manager == nullptr) return members.status();
  replica->Forget();
  reply.AddFlag("done", manager->Redo());
  ReportUndo(*replica, *manager, reply);
  return absl::OkStatus();
}

absl::Status Driver::UndoStop(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  UndoManager* manager = replica == nullptr ? nullptr : FindUndoManager(members, *replica);
  if (manager == nullptr) return members.status();
  replica->Forget();
  manager->StopCapturing();
  ReportUndo(*replica, *manager, reply);
  return absl::OkStatus();
}

absl::Status Driver::UndoClear(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  UndoManager* manager = replica == nullptr ? nullptr : FindUndoManager(members, *replica);
  const bool undo = members.FlagOr("undo", true);
  const bool redo = members.FlagOr("redo", true);
  if (manager == nullptr || !members.ok()) return members.status();
  replica->Forget();
  manager->Clear(undo, redo);
  ReportUndo(*replica, *manager, reply);
  return absl::OkStatus();
}

absl::Status Driver::UndoDrop(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  const UndoManager* manager = replica == nullptr ? nullptr : FindUndoManager(members, *replica);
  if (manager == nullptr) return members.status();
  replica->RemoveUndoManager(members.Count("manager"));
  return absl::OkStatus();
}

// -- Points in time and in a sequence ------------------------------------------------------------------

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

// -- Updates without a document, and the rest ----------------------------------------------------------

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

absl::Status Driver::Seed(Members& members, Reply&) {
  const std::uint64_t first = members.Count("clientID");
  if (members.ok()) next_client_ = first;
  return members.status();
}

absl::Status Driver::Reset(Members&, Reply&) {
  replicas_.clear();
  next_client_.reset();
  now_ms_ = 1;
  return absl::OkStatus();
}

absl::Status Driver::Version(Members&, Reply& reply) {
  reply.AddText("weft", "0.1.0");
  return absl::OkStatus();
}

}  // namespace weft::crdt::driver
