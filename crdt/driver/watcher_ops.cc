// What watches a document: observers, undo managers, the record of who wrote what.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/driver/driver.h"
#include "crdt/driver/reply.h"
#include "crdt/permanent_user_data.h"

namespace weft::crdt::driver {

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

absl::Status Driver::UsersNew(Members& members, Reply&) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  if (replica->users() != nullptr) return Refuse("there is permanent user data already");
  replica->AddUsers();
  return absl::OkStatus();
}

absl::Status Driver::UsersMap(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  if (replica->users() == nullptr) return Refuse("there is no permanent user data");
  const std::string_view user = members.String("user");
  const ClientId client{members.CountOr("clientID", ToNumber(replica->doc().client_id()))};
  std::function<bool(const TransactionEvent&)> filter;
  if (members.Has("except")) {
    filter = [origin = std::string(members.String("except"))](const TransactionEvent& event) {
      return event.origin != origin;
    };
  }
  if (!members.ok()) return members.status();
  if (user.empty()) return Refuse("a user has a name");
  if (replica->CountUserMapping() > limits_.user_mappings) {
    return Refuse(absl::StrCat("a document has at most ", limits_.user_mappings, " mappings"));
  }
  replica->Forget();
  replica->users()->SetUserMapping(client, user, std::move(filter));
  replica->Report(Replica::Emitted::kAll, reply);
  return absl::OkStatus();
}

absl::Status Driver::UsersWho(Members& members, Reply& reply) {
  Replica* replica = FindReplica(members);
  if (replica == nullptr) return members.status();
  if (replica->users() == nullptr) return Refuse("there is no permanent user data");
  std::optional<std::string> user;
  if (members.Has("clientID")) {
    const ClientId client{members.Count("clientID")};
    if (members.ok()) user = replica->users()->UserOfClient(client);
  } else {
    const Any::Array& id = members.List("id");
    if (!members.ok()) return members.status();
    const std::optional<std::uint64_t> client = id.size() == 2 ? AsCount(id[0]) : std::nullopt;
    const std::optional<std::uint64_t> clock = id.size() == 2 ? AsCount(id[1]) : std::nullopt;
    if (!client || !clock) return Refuse("an id is [client, clock]");
    user = replica->users()->UserOfDeleted(Id{ClientId{*client}, *clock});
  }
  if (!members.ok()) return members.status();
  std::string& out = reply.Member("user");
  if (user) {
    AppendString(out, *user);
  } else {
    out += "null";
  }
  return absl::OkStatus();
}

}  // namespace weft::crdt::driver
