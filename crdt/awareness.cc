#include "crdt/awareness.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::crdt {

// One client's part of an update.
struct Awareness::Entry {
  ClientId client{};
  std::uint64_t clock = 0;
  std::optional<Any> state;
  std::size_t bytes = 0;
};

namespace {

// Whether two states say the same, whatever the order of their keys. Recurses as deep as states are
// nested, which Limits bounds.
bool SameState(const Any& a, const Any& b) {
  if (const AnyObject* object = a.AsObject()) {
    const AnyObject* other = b.AsObject();
    return other != nullptr && object->size() == other->size() &&
           std::ranges::all_of(object->entries(), [&](const AnyObject::Entry& entry) {
             const Any* value = other->Find(entry.first);
             return value != nullptr && SameState(entry.second, *value);
           });
  }
  if (const Any::Array* array = a.AsArray()) {
    const Any::Array* other = b.AsArray();
    return other != nullptr && std::ranges::equal(*array, *other, SameState);
  }
  return a == b;
}

}  // namespace

absl::Status Awareness::CheckBounds(std::span<const Entry> entries) const {
  std::size_t clients = clients_.size();
  std::size_t bytes = bytes_;
  std::set<ClientId> seen;
  for (const Entry& entry : entries) {
    if (entry.bytes > limits_.state_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("awareness: a state of ", entry.bytes, " bytes is too large"));
    }
    bytes += entry.bytes;
    if (!seen.insert(entry.client).second) continue;
    const auto known = clients_.find(entry.client);
    if (known == clients_.end()) {
      ++clients;
    } else {
      bytes -= known->second.bytes;
    }
  }
  if (clients > limits_.clients) return absl::ResourceExhaustedError("awareness: too many clients");
  if (bytes > limits_.bytes) {
    return absl::ResourceExhaustedError("awareness: the states are too large together");
  }
  return absl::OkStatus();
}

void Awareness::SetState(Known& known, std::optional<Any> state, std::size_t bytes) {
  if (!state.has_value()) bytes = 0;
  bytes_ = bytes_ - known.bytes + bytes;
  known.bytes = bytes;
  known.state = std::move(state);
}

void Awareness::Tell(const AwarenessEvent& event) const {
  if (event.added.empty() && event.updated.empty() && event.removed.empty()) return;
  observers_.Call(event);
}

absl::Status Awareness::SetLocal(Any state, std::int64_t now_ms) {
  Entry entry{.client = client_, .clock = 0, .state = std::nullopt, .bytes = 0};
  if (!state.is_null()) {
    entry.bytes = ToJsonText(state).size();
    entry.state = std::move(state);
  }
  if (absl::Status status = CheckBounds({&entry, 1}); !status.ok()) return status;

  AwarenessEvent event;
  const auto [place, is_new] = clients_.try_emplace(client_);
  Known& known = place->second;
  if (!is_new) ++known.clock;
  known.last_news_ms = now_ms;
  event.changed = true;
  if (!entry.state.has_value()) {
    event.removed.push_back(client_);
  } else if (!known.state.has_value()) {
    event.added.push_back(client_);
  } else {
    event.updated.push_back(client_);
    event.changed = !SameState(*known.state, *entry.state);
  }
  SetState(known, std::move(entry.state), entry.bytes);
  Tell(event);
  return absl::OkStatus();
}

const Any* Awareness::Find(ClientId client) const {
  const auto known = clients_.find(client);
  return known == clients_.end() || !known->second.state.has_value() ? nullptr
                                                                     : &*known->second.state;
}

std::vector<ClientId> Awareness::Present() const {
  std::vector<ClientId> present;
  for (const auto& [client, known] : clients_) {
    if (known.state.has_value()) present.push_back(client);
  }
  return present;
}

Bytes Awareness::Encode(std::span<const ClientId> clients) const {
  std::vector<const std::pair<const ClientId, Known>*> entries;
  entries.reserve(clients.size());
  for (const ClientId client : clients) {
    const auto known = clients_.find(client);
    if (known != clients_.end()) entries.push_back(&*known);
  }
  ByteWriter writer;
  writer.WriteVarUint(entries.size());
  for (const auto* entry : entries) {
    const Known& known = entry->second;
    writer.WriteVarUint(ToNumber(entry->first));
    writer.WriteVarUint(known.clock);
    writer.WriteString(known.state.has_value() ? ToJsonText(*known.state) : "null");
  }
  return writer.Take();
}

absl::StatusOr<std::vector<Awareness::Entry>> Awareness::Decode(ByteView update,
                                                                const Limits& limits) {
  ByteReader reader(update);
  std::vector<Entry> entries;
  const std::uint64_t count = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    Entry entry{.client = ClientId{reader.ReadVarUint()}};
    entry.clock = reader.ReadVarUint();
    const std::string_view json = reader.ReadString();
    if (!reader.ok()) break;
    std::optional<Any> state;
    if (IsValidUtf8(json)) state = ParseJson(json, limits.state_depth);
    if (!state.has_value()) {
      reader.Fail("a state of awareness is no JSON, or nested too deeply");
      break;
    }
    if (!state->is_null()) {
      entry.bytes = json.size();
      entry.state = std::move(state);
    }
    entries.push_back(std::move(entry));
  }
  if (!reader.ok()) return reader.status();
  return entries;
}

bool Awareness::IsNews(const Entry& entry) const {
  const auto place = clients_.find(entry.client);
  if (place == clients_.end()) return entry.clock > 0;
  const Known& known = place->second;
  const bool is_departure = !entry.state.has_value() && known.state.has_value();
  return known.clock < entry.clock || (known.clock == entry.clock && is_departure);
}

absl::Status Awareness::Apply(ByteView update, std::int64_t now_ms) {
  absl::StatusOr<std::vector<Entry>> entries = Decode(update, limits_);
  if (!entries.ok()) return entries.status();
  if (absl::Status status = CheckBounds(*entries); !status.ok()) return status;

  std::map<ClientId, std::optional<Any>> before;  // states of those of whom there is news
  bool said_to_be_gone = false;
  for (Entry& entry : *entries) {
    if (!IsNews(entry)) continue;
    Known& known = clients_[entry.client];
    known.clock = entry.clock;
    known.last_news_ms = now_ms;
    if (entry.client == client_ && !entry.state.has_value() && known.state.has_value()) {
      ++known.clock;
      said_to_be_gone = true;
      continue;
    }
    before.try_emplace(entry.client, known.state);
    SetState(known, std::move(entry.state), entry.bytes);
  }

  AwarenessEvent event{.local = false};
  for (const auto& [client, old] : before) {
    const Any* state = Find(client);
    if (state == nullptr && !old.has_value()) continue;
    (state == nullptr  ? event.removed
     : old.has_value() ? event.updated
                       : event.added)
        .push_back(client);
    event.changed |= state == nullptr || !old.has_value() || !SameState(*old, *state);
  }
  Tell(event);
  if (said_to_be_gone) Tell({.updated = {client_}});
  return absl::OkStatus();
}

void Awareness::Remove(std::span<const ClientId> clients, std::int64_t now_ms) {
  AwarenessEvent event{.changed = true};
  for (const ClientId client : clients) {
    const auto known = clients_.find(client);
    if (known == clients_.end() || !known->second.state.has_value()) continue;
    if (client == client_) ++known->second.clock;
    known->second.last_news_ms = now_ms;
    SetState(known->second, std::nullopt, 0);
    event.removed.push_back(client);
  }
  Tell(event);
}

void Awareness::Tick(std::int64_t now_ms) {
  std::vector<ClientId> expired;
  bool renew = false;
  for (auto place = clients_.begin(); place != clients_.end();) {
    const auto& [client, known] = *place;
    const std::int64_t age_ms = now_ms - known.last_news_ms;
    const bool forget = !known.state.has_value() && client != client_ && age_ms >= kForgetAfterMs;
    if (known.state.has_value() && client == client_) renew = age_ms >= kRenewAfterMs;
    if (known.state.has_value() && client != client_ && age_ms >= kExpireAfterMs) {
      expired.push_back(client);
    }
    place = forget ? clients_.erase(place) : std::next(place);
  }
  if (renew) {
    Known& own = clients_.at(client_);
    ++own.clock;
    own.last_news_ms = now_ms;
    Tell({.updated = {client_}});
  }
  Remove(expired, now_ms);
}

absl::Status Awareness::Validate() const {
  std::size_t bytes = 0;
  for (const auto& [client, known] : clients_) {
    bytes += known.bytes;
    if (!known.state.has_value() && known.bytes != 0) {
      return absl::InternalError("a client that has left has bytes");
    }
  }
  if (bytes != bytes_) return absl::InternalError("the byte count is wrong");
  if (bytes_ > limits_.bytes) return absl::InternalError("too many bytes");
  if (clients_.size() > limits_.clients) return absl::InternalError("too many clients");
  return absl::OkStatus();
}

}  // namespace weft::crdt
