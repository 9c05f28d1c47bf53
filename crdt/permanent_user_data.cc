#include "crdt/permanent_user_data.h"

#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crdt/delta.h"
#include "crdt/event.h"

namespace weft::crdt {

namespace {

void AddAll(const DeleteSet& from, DeleteSet& to) {
  for (const DeleteSet::ClientRanges& client : from.clients()) {
    for (const IdRange& range : client.ranges) to.Add(client.client, range);
  }
}

template <typename Handle>
std::optional<Handle> Member(const Map& map, std::string_view key) {
  const std::optional<Element> element = map.Find(key);
  if (!element.has_value() || !std::holds_alternative<Handle>(*element)) return std::nullopt;
  return std::get<Handle>(*element);
}

Any Encoded(const DeleteSet& deletes) {
  ByteWriter writer;
  WriteDeleteSet(writer, deletes);
  return writer.Take();
}

}  // namespace

class PermanentUserData::State {
 public:
  State(Doc& doc, Map users) : doc_(doc), users_(std::move(users)) {
    subscriptions_.push_back(users_.Observe([this](const Event& event) {
      for (const KeyChange& change : event.keys()) Follow(change.key);
      users_changed_ = true;
    }));
    subscriptions_.push_back(
        doc_.OnTransaction(TransactionPhase::kEmitted,
                           [this](const TransactionEvent& event) { AfterTransaction(event); }));
    subscriptions_.push_back(doc_.OnSettled([this] { RunTasks(); }));
    for (const std::string& name : users_.keys()) Follow(name);
  }

  void SetUserMapping(ClientId client, std::string_view name,
                      std::function<bool(const TransactionEvent&)> filter) {
    std::optional<Map> user = Member<Map>(users_, name);
    if (!user.has_value()) {
      doc_.Transact("", [&] {
        user = users_.SetMap(name);
        user->SetArray("ids");
        user->SetArray("ds");
      });
    }
    if (auto ids = Member<Array>(*user, "ids")) {
      ids->Push({static_cast<double>(ToNumber(client))});
    }
    mappings_.push_back({.name = std::string(name), .user = *user, .filter = std::move(filter)});
  }

  std::optional<std::string> UserOfClient(ClientId client) const {
    const auto found = client_numbers_.find(ToNumber(client));
    if (found == client_numbers_.end()) return std::nullopt;
    return clients_[found->second].second;
  }

  std::optional<std::string> UserOfDeleted(Id id) const {
    for (Known& known : known_) {
      if (known.Merged().Contains(id)) return known.name;
    }
    return std::nullopt;
  }

 private:
  struct Mapping {
    std::string name;
    Map user;
    std::function<bool(const TransactionEvent&)> filter;
  };
  struct Known {
    std::string name;
    DeleteSet deletes;       // as it came
    bool is_merged = false;  // only for who reads it: to merge at each deletion is quadratic

    const DeleteSet& Merged() {
      if (!std::exchange(is_merged, true)) deletes.SortAndMerge();
      return deletes;
    }
  };

  // To be added to.
  DeleteSet& DeletesOf(const std::string& name) {
    const auto [found, is_new] = numbers_.try_emplace(name, known_.size());
    if (is_new) known_.push_back({.name = name, .deletes = {}});
    Known& known = known_[found->second];
    known.is_merged = false;
    return known.deletes;
  }

  void AddClient(const Any& value, const std::string& name) {
    const double* number = value.AsNumber();
    if (number != nullptr && *number >= 0 && *number <= static_cast<double>(kMaxSafeInteger)) {
      const auto client = static_cast<std::uint64_t>(*number);
      const auto [found, is_new] = client_numbers_.try_emplace(client, clients_.size());
      if (is_new) clients_.emplace_back(client, name);
      clients_[found->second].second = name;
    }
  }

  void AddDeletes(const Any& value, const std::string& name) {
    if (value.AsBinary() == nullptr) return;
    ByteReader reader(*value.AsBinary());
    const DeleteSet deletes = ReadDeleteSet(reader);
    if (reader.ok()) AddAll(deletes, DeletesOf(name));
  }

  // Calls `add` for the values of an array, those there and those to come.
  void FollowArray(Array array, std::function<void(const Any&)> add) {
    for (std::uint64_t i = 0; i < array.length(); ++i) {
      const Element element = array.Get(i);
      if (const Any* value = std::get_if<Any>(&element)) add(*value);
    }
    subscriptions_.push_back(array.Observe([add = std::move(add)](const Event& event) {
      for (const DeltaOp& op : event.delta()) {
        for (const Element& element : op.elements) {
          if (const Any* value = std::get_if<Any>(&element)) add(*value);
        }
      }
    }));
  }

  void Follow(const std::string& name) {
    const std::optional<Map> user = Member<Map>(users_, name);
    if (!user.has_value()) return;
    if (const auto deletes = Member<Array>(*user, "ds")) {
      DeletesOf(name) = DeleteSet();
      FollowArray(*deletes, [this, name](const Any& value) { AddDeletes(value, name); });
    }
    if (const auto ids = Member<Array>(*user, "ids")) {
      FollowArray(*ids, [this, name](const Any& value) { AddClient(value, name); });
    }
  }

  void AfterTransaction(const TransactionEvent& event) {
    if (std::exchange(users_changed_, false)) {
      for (Mapping& mapping : mappings_) {
        tasks_.push_back([this, &mapping] { MoveToPresent(mapping); });
      }
    }
    if (!event.local || event.deletes->empty()) return;
    for (Mapping& mapping : mappings_) {
      if (mapping.filter && !mapping.filter(event)) continue;
      tasks_.push_back([&mapping, deleted = Encoded(*event.deletes)] {
        if (auto deletes = Member<Array>(mapping.user, "ds")) deletes->Push({deleted});
      });
    }
  }

  // Each task is transactions of its own, which may add tasks.
  void RunTasks() {
    if (std::exchange(running_tasks_, true)) return;
    for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
    running_tasks_ = false;
  }

  // Somebody else made the user too, and theirs won: what is known goes there.
  void MoveToPresent(Mapping& mapping) {
    const std::optional<Map> present = Member<Map>(users_, mapping.name);
    if (!present.has_value() || *present == mapping.user) return;
    mapping.user = *present;
    if (auto ids = Member<Array>(*present, "ids")) {
      std::vector<std::uint64_t> clients;
      for (const auto& [client, name] : clients_) {
        if (name == mapping.name) clients.push_back(client);
      }
      for (const std::uint64_t client : clients) ids->Push({static_cast<double>(client)});
    }
    const auto deletes = Member<Array>(*present, "ds");
    if (deletes.has_value() && numbers_.contains(mapping.name)) {
      Array(*deletes).Push({Encoded(known_[numbers_.at(mapping.name)].Merged())});
    }
  }

  Doc& doc_;
  Map users_;
  // Both in the order in which they became known: who is asked first when two deleted the same.
  std::vector<std::pair<std::uint64_t, std::string>> clients_;
  mutable std::vector<Known> known_;  // merged when read
  absl::flat_hash_map<std::uint64_t, std::size_t> client_numbers_;
  absl::flat_hash_map<std::string, std::size_t> numbers_;
  std::deque<Mapping> mappings_;  // tasks refer to them
  std::deque<std::function<void()>> tasks_;
  bool running_tasks_ = false;
  bool users_changed_ = false;
  std::vector<Subscription> subscriptions_;
};

PermanentUserData::PermanentUserData(Doc& doc, Map users)
    : state_(std::make_unique<State>(doc, std::move(users))) {}
PermanentUserData::PermanentUserData(Doc& doc) : PermanentUserData(doc, doc.GetMap("users")) {}
PermanentUserData::~PermanentUserData() = default;

void PermanentUserData::SetUserMapping(ClientId client, std::string_view user,
                                       std::function<bool(const TransactionEvent&)> filter) {
  state_->SetUserMapping(client, user, std::move(filter));
}

std::optional<std::string> PermanentUserData::UserOfClient(ClientId client) const {
  return state_->UserOfClient(client);
}

std::optional<std::string> PermanentUserData::UserOfDeleted(Id id) const {
  return state_->UserOfDeleted(id);
}

}  // namespace weft::crdt
