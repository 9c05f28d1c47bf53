#include "crdt/driver/driver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/string_map.h"
#include "crdt/driver/reply.h"
#include "crdt/json.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

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
      {"users.new", &Driver::UsersNew},
      {"users.map", &Driver::UsersMap},
      {"users.who", &Driver::UsersWho},
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

// -- All of them ---------------------------------------------------------------------------------------

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
