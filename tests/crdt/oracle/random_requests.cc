#include "tests/crdt/oracle/random_requests.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/crdt/oracle/driver_values.h"

namespace weft::crdt::oracle {
namespace {

const std::vector<std::uint64_t> kClients = {
    1, 2, 3, 127, 128, 300, 65535, 2147483648, 4294967295, 4294967296, 9007199254740991};

Any Number(std::uint64_t number) { return static_cast<double>(number); }

}  // namespace

Scenario RandomScenario(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Scenario scenario(2 + (random() % 100 < 80 ? 10 + random() % 40 : 50 + random() % 100));
  for (std::uint64_t& number : scenario) number = random();
  return scenario;
}

RandomRequests::RandomRequests(std::uint64_t kind, const Ask& ask, const Find& find)
    : ask_(ask), find_(find), random_(kind) {
  MakeProfile();
  std::vector<std::uint64_t> clients = kClients;
  std::ranges::shuffle(clients, random_);
  for (std::uint64_t doc = 0; doc < profile_.replicas; ++doc) Open(doc, clients[doc]);
}

void RandomRequests::MakeProfile() {
  profile_.replicas = Chance(25) ? 1 : 2 + Below(3);
  profile_.gc = !Chance(25);
  profile_.both_formats = Chance(20);
  profile_.named_roots = !Chance(12);
  profile_.formats = Chance(50);
  profile_.embeds = Chance(30);
  profile_.subdocuments = Chance(20);
  profile_.undo = Chance(25);
  profile_.snapshots = Chance(20);
  profile_.watched = Chance(25);
  profile_.users = Chance(15);
  if (profile_.gc && Chance(20)) profile_.keep = 1 + Below(4);
  // An undo manager of a whole document takes every transaction for a step, those too in which Yjs
  // names a root, works out an event or replaces a subdocument. Weft has none for these.
  // And of permanent user data that is undone, Yjs fails to read any.
  profile_.whole_undo =
      profile_.named_roots && !profile_.subdocuments && !profile_.watched && !profile_.users;
  profile_.depth = Below(4);
  profile_.remove_percent = Pick<std::uint64_t>({15, 30, 50});
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"text", "text"},       {"array", "array"},     {"map", "map"},
      {"xml", "xmlfragment"}, {"xmltext", "xmltext"}, {"xmlelement", "xmlelement"}};
  if (Chance(40)) {
    profile_.roots.push_back(Pick(kinds));
  } else {
    for (const auto& root : kinds) {
      if (Chance(50)) profile_.roots.push_back(root);
    }
  }
  if (profile_.roots.empty()) profile_.roots.push_back(kinds.front());
}

AnyObject RandomRequests::Types() const {
  AnyObject types;
  for (const auto& [name, kind] : profile_.roots) types.Set(name, kind);
  return types;
}

void RandomRequests::Open(std::uint64_t doc, std::uint64_t client) {
  has_undo_[doc] = false;
  has_users_[doc] = false;
  AnyObject request{{"op", "new"},
                    {"doc", Number(doc)},
                    {"clientID", Number(client)},
                    {"gc", profile_.gc},
                    {"both", profile_.both_formats}};
  if (profile_.keep > 0) request.Set("keep", Number(profile_.keep));
  ask_(request);
  if (profile_.named_roots) ask_({{"op", "json"}, {"doc", Number(doc)}, {"types", Types()}});
}

void RandomRequests::LookAt(std::uint64_t doc) {
  ask_({{"op", "state"}, {"doc", Number(doc)}});
  if (Chance(40)) ask_({{"op", "state"}, {"doc", Number(doc)}, {"v", 2}});
  vectors_.push_back(Member(ask_({{"op", "sv"}, {"doc", Number(doc)}}), "sv"));
  if (profile_.named_roots || Chance(5)) {
    ask_({{"op", "json"}, {"doc", Number(doc)}, {"types", Types()}});
  }
  ask_({{"op", "validate"}, {"doc", Number(doc)}});
}

void RandomRequests::RunStep(std::uint64_t step) {
  random_.seed(step);
  const std::uint64_t doc = Below(profile_.replicas);
  now_ms_ += Pick<std::uint64_t>({0, 1, 100, 499, 500, 2000});
  const std::uint64_t kind = Below(100);
  // A root that got a wrong kind shows what no program means, such as the marks of a text in an array.
  if (kind < 2 && profile_.named_roots) return AskSomethingWrong(doc);
  if (kind < 5) return Reload(doc);
  if (kind < 11) return Sync(doc);
  if (kind < 30) return Deliver(doc);
  if (kind < 35) return WorkOnUpdates();
  if (kind < 38) return ReadSomething(doc);
  if (kind < 43) return UsePositions(doc);
  if (kind < 55 && profile_.undo) return Undo(doc);
  if (kind < 58 && profile_.watched) return Watch(doc);
  if (kind < 63 && profile_.snapshots) return UseSnapshots(doc);
  if (kind < 70 && profile_.users) return UseUsers(doc);
  Edit(doc);
}

void RandomRequests::Settle(std::uint64_t step) {
  random_.seed(step);
  std::vector<Any> updates = updates_;
  for (std::uint64_t doc = 0; doc < profile_.replicas; ++doc) {
    std::ranges::shuffle(updates, random_);
    for (const Any& update : updates) {
      ask_({{"op", "apply"}, {"doc", Number(doc)}, {"update", update}, {"origin", "remote"}});
      if (Chance(30)) ask_({{"op", "state"}, {"doc", Number(doc)}});
    }
    LookAt(doc);
    ask_({{"op", "pending"}, {"doc", Number(doc)}});
    ask_({{"op", "json"}, {"doc", Number(doc)}, {"types", Types()}});
  }
}

// -- Steps -------------------------------------------------------------------------------------------------

void RandomRequests::Edit(std::uint64_t doc) {
  Any::Array actions;
  const std::uint64_t count = Chance(70) ? 1 : 2 + Below(4);
  AnyObject request{{"op", "edit"}, {"doc", Number(doc)}};
  if (profile_.undo) request.Set("now", Number(now_ms_));
  if (Chance(20)) request.Set("origin", Chance(50) ? "a" : "b");
  // An action is made for the state before the edit: those behind it may fail, the same in both.
  for (std::uint64_t i = 0; i < count; ++i) {
    is_first_action_ = i == 0;
    actions.push_back(MakeAction(doc));
  }
  request.Set("actions", std::move(actions));
  const Any reply = ask_(request);
  const Any* update = reply.AsObject()->Find("update");
  if (reply.AsObject()->Find("updates") != nullptr) {
    KeepUpdates(reply);
  } else if (update != nullptr && update->AsString() != nullptr) {
    updates_.push_back(*update);
  }
  const Any* update_v2 = reply.AsObject()->Find("updateV2");
  if (update_v2 != nullptr && update_v2->AsString() != nullptr) updates_v2_.push_back(*update_v2);
  LookAt(doc);
}

void RandomRequests::ApplyUpdate(std::uint64_t doc, const Any& update, int format) {
  AnyObject request{{"op", "apply"}, {"doc", Number(doc)}, {"update", update}};
  if (format == 2) request.Set("v", 2);
  if (!Chance(10)) request.Set("origin", "remote");
  if (profile_.undo) request.Set("now", Number(now_ms_));
  const Any reply = ask_(request);
  // What the document wrote itself about a remote update stands behind it.
  if (has_users_[doc]) KeepUpdates(reply);
  LookAt(doc);
}

void RandomRequests::KeepUpdates(const Any& reply) {
  const Any* updates = reply.AsObject()->Find("updates");
  if (updates == nullptr) return;
  for (const Any& update : *updates->AsArray()) updates_.push_back(update);
}

// An update that there is; in `format` it is written.
const Any& RandomRequests::PickUpdate(int& format) {
  format = 1;
  if (!updates_v2_.empty() && Chance(20)) {
    format = 2;
    return Pick(updates_v2_);
  }
  if (!made_.empty() && Chance(30)) return Pick(made_);
  return Pick(updates_);
}

void RandomRequests::Deliver(std::uint64_t doc) {
  if (updates_.empty()) return Edit(doc);
  int format = 1;
  const Any update = PickUpdate(format);
  ApplyUpdate(doc, update, format);
}

void RandomRequests::Sync(std::uint64_t doc) {
  const std::uint64_t from = Below(profile_.replicas);
  const int format = Chance(30) ? 2 : 1;
  const Any vector = Member(ask_({{"op", "sv"}, {"doc", Number(doc)}}), "sv");
  const Any reply = ask_({{"op", "state"}, {"doc", Number(from)}, {"sv", vector}, {"v", format}});
  const Any& update = Member(reply, "update");
  (format == 2 ? updates_v2_ : made_).push_back(update);
  ApplyUpdate(doc, update, format);
}

void RandomRequests::Reload(std::uint64_t doc) {
  const int format = Chance(30) ? 2 : 1;
  const Any state = Member(ask_({{"op", "state"}, {"doc", Number(doc)}, {"v", format}}), "update");
  // With the client id that it had, it must take a new one.
  const std::uint64_t client = Chance(20) ? ToNumber(find_(doc)->client_id()) : ++clients_;
  Open(doc, client);
  ApplyUpdate(doc, state, format);
}

void RandomRequests::WorkOnUpdates() {
  if (updates_.empty()) return;
  int format = 1;
  const Any update = PickUpdate(format);
  const auto keep = [&](const Any& reply, int of) {
    const Any* made = reply.AsObject()->Find("update");
    if (made != nullptr) (of == 2 ? updates_v2_ : made_).push_back(*made);
  };
  switch (Below(6)) {
    case 3:
      ask_({{"op", "parseMeta"}, {"update", update}, {"v", format}});
      return;
    case 4:
      ask_(
          {{"op", "obfuscate"},
           {"update", update},
           {"v", format},
           {"options",
            AnyObject{{"formatting", Chance(50)}, {"subdocs", Chance(50)}, {"yxml", Chance(50)}}}});
      return;
    case 0: {
      Any::Array list;
      const std::vector<Any>& of = format == 2 ? updates_v2_ : updates_;
      for (std::uint64_t i = 1 + Below(4); i > 0; --i) list.push_back(Pick(of));
      if (format == 1 && !made_.empty() && Chance(30)) list.push_back(Pick(made_));
      return keep(ask_({{"op", "merge"}, {"updates", list}, {"v", format}}), format);
    }
    case 1:
      if (vectors_.empty()) return;
      return keep(ask_({{"op", "diff"}, {"update", update}, {"sv", Pick(vectors_)}, {"v", format}}),
                  format);
    case 2:
      return keep(
          ask_({{"op", "convert"}, {"update", update}, {"from", format}, {"to", 3 - format}}),
          3 - format);
    default:
      ask_({{"op", "svOf"}, {"update", update}, {"v", format}});
  }
}

void RandomRequests::Undo(std::uint64_t doc) {
  if (!has_undo_[doc] || Chance(5)) {
    AnyObject request{{"op", "undo.new"}, {"doc", Number(doc)}, {"manager", 1}};
    if (!profile_.whole_undo || !Chance(20)) {
      Any::Array scope;
      for (const auto& [name, kind] : profile_.roots) {
        if (scope.empty() || Chance(70)) scope.push_back(AnyObject{{"name", name}, {"kind", kind}});
      }
      request.Set("scope", std::move(scope));
    }
    if (Chance(30)) request.Set("origins", Any::Array{Any::Null(), "a"});
    if (Chance(30)) request.Set("captureTimeout", Chance(50) ? 0 : 2000);
    if (Chance(20)) request.Set("ignoreRemoteMapChanges", true);
    ask_(request);
    has_undo_[doc] = true;
    return;
  }
  const std::uint64_t kind = Below(100);
  const char* op = kind < 50   ? "undo.undo"
                   : kind < 85 ? "undo.redo"
                   : kind < 93 ? "undo.stop"
                               : "undo.clear";
  const Any reply =
      ask_({{"op", op}, {"doc", Number(doc)}, {"manager", 1}, {"now", Number(now_ms_)}});
  KeepUpdates(reply);
  LookAt(doc);
}

void RandomRequests::UseSnapshots(std::uint64_t doc) {
  if (snapshots_.empty() || Chance(30)) {
    const int format = Chance(30) ? 2 : 1;
    const Any reply = ask_({{"op", "snapshot"}, {"doc", Number(doc)}, {"v", format}});
    if (format == 1) snapshots_.push_back(Member(reply, "snapshot"));
    return;
  }
  switch (Below(4)) {
    case 0:
      ask_({{"op", "snapshot.equal"}, {"a", Pick(snapshots_)}, {"b", Pick(snapshots_)}});
      return;
    case 1:
      if (updates_.empty()) return;
      ask_({{"op", "snapshot.contains"},
            {"snapshot", Pick(snapshots_)},
            {"update", Pick(updates_)}});
      return;
    case 2: {
      if (profile_.gc) return;
      const std::uint64_t copy = 100 + snapshot_docs_++;
      const Any reply = ask_({{"op", "snapshot.doc"},
                              {"doc", Number(doc)},
                              {"snapshot", Pick(snapshots_)},
                              {"as", Number(copy)},
                              {"clientID", Number(++clients_)},
                              {"gc", Chance(50)}});
      if (reply.AsObject()->Find("error") == nullptr) LookAt(copy);
      LookAt(doc);
      return;
    }
    default: {
      if (profile_.gc) return;
      const std::vector<Place> places = PlacesOf(doc);
      const Place& place = Pick(places);
      if (!place.type.As<Text>()) return;
      AnyObject request = PlaceMembers(place);
      request.Set("op", "read");
      request.Set("doc", Number(doc));
      request.Set("snapshot", Pick(snapshots_));
      if (Chance(50)) request.Set("previous", Pick(snapshots_));
      ask_(request);
      LookAt(doc);
    }
  }
}

void RandomRequests::UsePositions(std::uint64_t doc) {
  if (!positions_.empty() && Chance(60)) {
    ask_({{"op", "resolve"},
          {"doc", Number(doc)},
          {"position", Pick(positions_)},
          {"follow", !Chance(20)}});
    return;
  }
  const std::vector<Place> places = PlacesOf(doc);
  const Place& place = Pick(places);
  std::optional<std::uint64_t> length;
  if (const auto text = place.type.As<Text>()) length = text->length();
  if (const auto array = place.type.As<Array>()) length = array->length();
  if (const auto fragment = place.type.As<XmlFragment>()) length = fragment->length();
  AnyObject request = PlaceMembers(place);
  request.Set("op", "position");
  request.Set("doc", Number(doc));
  request.Set("index", Number(Below(length.value_or(0) + 1)));
  request.Set("assoc", Chance(50) ? 0 : -1);
  const Any reply = ask_(request);
  if (const Any* position = reply.AsObject()->Find("position")) positions_.push_back(*position);
}

void RandomRequests::UseUsers(std::uint64_t doc) {
  // Each document's own: a user whom two made at once is deleted in one place, and Yjs fails where
  // that is known before the other (differential_test.cc has such users).
  const std::vector<std::string> names = {absl::StrCat("ada", doc), absl::StrCat(doc),
                                          absl::StrCat("ключ", doc)};
  if (!has_users_[doc]) {
    ask_({{"op", "users.new"}, {"doc", Number(doc)}});
    has_users_[doc] = true;
  } else if (Chance(30)) {
    AnyObject request{{"op", "users.map"}, {"doc", Number(doc)}, {"user", Pick(names)}};
    if (Chance(40)) request.Set("clientID", Number(Pick(kClients)));
    if (Chance(30)) request.Set("except", Chance(50) ? "a" : "b");
    const Any reply = ask_(request);
    KeepUpdates(reply);
    LookAt(doc);
  } else {
    const Any client = Number(Pick(kClients));
    ask_({{"op", "users.who"}, {"doc", Number(doc)}, {"clientID", client}});
    ask_(
        {{"op", "users.who"}, {"doc", Number(doc)}, {"id", Any::Array{client, Number(Below(30))}}});
  }
}

void RandomRequests::Watch(std::uint64_t doc) {
  const Any number = Number(Below(3));
  const std::uint64_t kind = Below(100);
  if (kind < 15) {
    ask_({{"op", "unobserve"}, {"doc", Number(doc)}, {"observer", number}});
  } else if (kind < 30 && !profile_.undo && !profile_.subdocuments) {
    // Weft calls undo managers before observers of transactions, Yjs in the order of their making;
    // and to replace a subdocument takes Yjs a further transaction, in which nothing happens.
    ask_({{"op", "observe"}, {"doc", Number(doc)}, {"observer", number}, {"what", "transactions"}});
  } else if (kind < 40) {
    ask_({{"op", "observe"}, {"doc", Number(doc)}, {"observer", number}, {"what", "subdocuments"}});
  } else {
    const std::vector<Place> places = PlacesOf(doc);
    AnyObject request = PlaceMembers(Chance(50) ? places.front() : Pick(places));
    request.Set("op", "observe");
    request.Set("doc", Number(doc));
    request.Set("observer", number);
    if (Chance(50)) request.Set("deep", true);
    ask_(request);
  }
}

void RandomRequests::ReadSomething(std::uint64_t doc) {
  const std::vector<Place> places = PlacesOf(doc);
  AnyObject request = PlaceMembers(Pick(places));
  request.Set("op", "read");
  request.Set("doc", Number(doc));
  ask_(request);
  if (profile_.subdocuments) ask_({{"op", "subdocuments"}, {"doc", Number(doc)}});
}

void RandomRequests::AskSomethingWrong(std::uint64_t doc) {
  const auto edit = [&](AnyObject action) {
    ask_({{"op", "edit"}, {"doc", Number(doc)}, {"actions", Any::Array{std::move(action)}}});
    LookAt(doc);
  };
  const std::string& root = Pick(profile_.roots).first;
  switch (Below(6)) {
    case 0:
      return edit({{"op", "text.insert"}, {"name", root}, {"index", 1e6}, {"text", "x"}});
    case 1:
      return edit({{"op", "array.delete"}, {"name", root}, {"index", 0}, {"len", 1e6}});
    case 2:
      return edit({{"op", "map.set"}, {"name", root}, {"key", "k"}, {"value", 1}});
    case 3:
      return edit({{"op", "array.insert"},
                   {"name", root},
                   {"index", 0},
                   {"values", Any::Array{1, AnyObject{{"$bigint", "1"}}}}});
    case 4:
      return edit({{"op", "text.insert"}, {"name", root}, {"index", -1}, {"text", "x"}});
    default:
      return edit({{"op", "text.format"},
                   {"name", root},
                   {"path", Any::Array{99}},
                   {"index", 0},
                   {"len", 1},
                   {"attrs", AnyObject{{"b", true}}}});
  }
}

}  // namespace weft::crdt::oracle
