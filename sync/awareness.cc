#include "sync/awareness.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"

namespace weft::sync {
namespace {

using crdt::ByteReader;
using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;
using crdt::ClientId;

constexpr std::string_view kNull = "null";

// Whether JSON.parse would give null.
bool IsJsonNull(std::string_view json) {
  constexpr std::string_view kJsonSpace = " \t\r\n";
  const std::size_t begin = json.find_first_not_of(kJsonSpace);
  if (begin == std::string_view::npos) return false;
  const std::size_t end = json.find_last_not_of(kJsonSpace) + 1;
  return json.substr(begin, end - begin) == kNull;
}

}  // namespace

Awareness::Entry Awareness::MakeDeparture(ClientId client, std::uint64_t clock) {
  return {.client = client, .clock = clock, .json = kNull, .departs = true};
}

absl::StatusOr<std::vector<Awareness::Entry>> Awareness::Decode(ByteView update) {
  ByteReader reader(update);
  std::vector<Entry> entries;
  absl::flat_hash_map<ClientId, std::size_t> place;  // of each client in `entries`
  const std::uint64_t count = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const ClientId client{reader.ReadVarUint()};
    const std::uint64_t clock = reader.ReadVarUint();
    const std::string_view json = reader.ReadString();
    if (!reader.ok()) break;
    const Entry entry =
        IsJsonNull(json) ? MakeDeparture(client, clock)
                         : Entry{.client = client, .clock = clock, .json = json, .departs = false};
    const auto [known, is_new] = place.try_emplace(client, entries.size());
    if (is_new) {
      entries.push_back(entry);
    } else {
      entries[known->second] = entry;
    }
  }
  if (!reader.ok()) return reader.status();
  return entries;
}

Bytes Awareness::Encode(const std::vector<Entry>& entries) {
  if (entries.empty()) return {};
  ByteWriter writer;
  writer.WriteVarUint(entries.size());
  for (const Entry& entry : entries) {
    writer.WriteVarUint(crdt::ToNumber(entry.client));
    writer.WriteVarUint(entry.clock);
    writer.WriteString(entry.json);
  }
  return writer.Take();
}

absl::StatusOr<Awareness::Applied> Awareness::Apply(SessionId sender, ByteView update,
                                                    TimePoint now) {
  const absl::StatusOr<std::vector<Entry>> entries = Decode(update);
  if (!entries.ok()) return entries.status();

  std::vector<Entry> accepted;
  std::vector<Entry> departed;
  for (const Entry& entry : *entries) {
    const Verdict verdict = Judge(sender, entry);
    if (verdict == Verdict::kAccepted) accepted.push_back(entry);
    if (verdict == Verdict::kStale) {
      departed.push_back(MakeDeparture(entry.client, departures_.at(entry.client)));
    }
  }
  if (absl::Status status = Check(sender, accepted); !status.ok()) return status;

  bool is_renewal = !accepted.empty();
  for (const Entry& entry : accepted) {
    is_renewal = is_renewal && IsRenewal(sender, entry);
    if (entry.departs) {
      Remove(entry.client, entry.clock);
    } else {
      SetState(sender, entry, now);
    }
  }
  return Applied{
      .to_all = Encode(accepted), .is_renewal = is_renewal, .to_sender = Encode(departed)};
}

bool Awareness::IsRenewal(SessionId sender, const Entry& entry) const {
  const auto known = states_.find(entry.client);
  return !entry.departs && known != states_.end() && known->second.owner == sender &&
         known->second.json == entry.json;
}

Awareness::Verdict Awareness::Judge(SessionId sender, const Entry& entry) const {
  const auto state = states_.find(entry.client);
  if (entry.departs) {
    const bool may_depart = state != states_.end() && state->second.owner == sender &&
                            state->second.clock <= entry.clock;
    return may_depart ? Verdict::kAccepted : Verdict::kIgnored;
  }
  if (state != states_.end()) {
    return state->second.clock < entry.clock ? Verdict::kAccepted : Verdict::kIgnored;
  }
  const auto departure = departures_.find(entry.client);
  if (departure != departures_.end()) {
    return departure->second < entry.clock ? Verdict::kAccepted : Verdict::kStale;
  }
  return entry.clock > 0 ? Verdict::kAccepted : Verdict::kIgnored;
}

absl::Status Awareness::Check(SessionId sender, const std::vector<Entry>& accepted) const {
  std::size_t clients = states_.size();
  std::size_t bytes = state_bytes_;
  std::size_t owned = OwnedBy(sender).size();
  for (const Entry& entry : accepted) {
    const auto known = states_.find(entry.client);
    if (known != states_.end()) {
      --clients;
      bytes -= known->second.json.size();
      if (known->second.owner == sender) --owned;
    }
    if (entry.departs) continue;
    if (absl::Status status = CheckState(entry); !status.ok()) return status;
    ++clients;
    bytes += entry.json.size();
    ++owned;
  }
  if (owned > limits_.clients_per_session) {
    return absl::ResourceExhaustedError("awareness: this session speaks for too many clients");
  }
  // An update that makes things better, or no worse, passes even where a bound was reached.
  if (clients > limits_.clients && clients > states_.size()) {
    return absl::UnavailableError("awareness: the document has too many clients");
  }
  if (bytes > limits_.bytes && bytes > state_bytes_) {
    return absl::UnavailableError("awareness: the states of the document are too large together");
  }
  return absl::OkStatus();
}

absl::Status Awareness::CheckState(const Entry& entry) const {
  if (entry.json.size() > limits_.state_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("awareness: a state of ", entry.json.size(), " bytes is too large"));
  }
  const auto known = states_.find(entry.client);
  // A renewal: these very bytes were checked before.
  if (known != states_.end() && known->second.json == entry.json) return absl::OkStatus();
  if (!crdt::IsValidUtf8(entry.json)) {
    return absl::InvalidArgumentError("awareness: a state is no UTF-8");
  }
  if (!crdt::ParseJson(entry.json, limits_.state_depth).has_value()) {
    return absl::InvalidArgumentError("awareness: a state is no JSON, or nested too deeply");
  }
  return absl::OkStatus();
}

void Awareness::SetState(SessionId owner, const Entry& entry, TimePoint now) {
  departures_.erase(entry.client);
  const auto [place, is_new] = states_.try_emplace(entry.client);
  State& state = place->second;
  if (is_new || state.owner != owner) {
    if (!is_new) Disown(state.owner, entry.client);
    Own(owner, entry.client);
    state.owner = owner;
  }
  state_bytes_ -= state.json.size();
  state_bytes_ += entry.json.size();
  state.json.assign(entry.json);
  state.clock = entry.clock;
  state.last_news = now;
}

void Awareness::Remove(ClientId client, std::uint64_t departure_clock) {
  const auto state = states_.find(client);
  CHECK(state != states_.end());
  Disown(state->second.owner, client);
  state_bytes_ -= state->second.json.size();
  states_.erase(state);
  if (departures_.size() >= limits_.departures) departures_.erase(departures_.begin());
  departures_[client] = departure_clock;
}

Bytes Awareness::RemoveAll(std::vector<ClientId> clients) {
  std::sort(clients.begin(), clients.end());
  std::vector<Entry> departed;
  departed.reserve(clients.size());
  for (const ClientId client : clients) {
    const std::uint64_t clock = states_.at(client).clock;
    Remove(client, clock);
    departed.push_back(MakeDeparture(client, clock));
  }
  return Encode(departed);
}

Bytes Awareness::RemoveOwnedBy(SessionId session) {
  const auto owned = owned_.find(session);
  if (owned == owned_.end()) return {};
  return RemoveAll(owned->second);
}

Bytes Awareness::RemoveExpired(TimePoint now) {
  std::vector<ClientId> expired;
  for (const auto& [client, state] : states_) {
    if (now - state.last_news >= limits_.state_lifetime) expired.push_back(client);
  }
  return RemoveAll(std::move(expired));
}

Bytes Awareness::EncodeAll() const {
  std::vector<Entry> entries;
  entries.reserve(states_.size());
  for (const auto& [client, state] : states_) {
    entries.push_back(
        {.client = client, .clock = state.clock, .json = state.json, .departs = false});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.client < b.client; });
  return entries.empty() ? Bytes{0} : Encode(entries);
}

void Awareness::Own(SessionId session, ClientId client) { owned_[session].push_back(client); }

void Awareness::Disown(SessionId session, ClientId client) {
  const auto owned = owned_.find(session);
  CHECK(owned != owned_.end());
  std::erase(owned->second, client);
  if (owned->second.empty()) owned_.erase(owned);
}

std::span<const crdt::ClientId> Awareness::OwnedBy(SessionId session) const {
  const auto owned = owned_.find(session);
  if (owned == owned_.end()) return {};
  return owned->second;
}

absl::Status Awareness::Validate() const {
  std::size_t bytes = 0;
  for (const auto& [client, state] : states_) {
    bytes += state.json.size();
    if (departures_.contains(client)) return absl::InternalError("a present client has departed");
    const auto owned = owned_.find(state.owner);
    if (owned == owned_.end() ||
        std::count(owned->second.begin(), owned->second.end(), client) != 1) {
      return absl::InternalError("a state is not listed once with its owner");
    }
    if (state.json.size() > limits_.state_bytes) return absl::InternalError("a state is too large");
  }
  std::size_t listed = 0;
  for (const auto& [session, clients] : owned_) {
    listed += clients.size();
    if (clients.empty()) return absl::InternalError("a session is listed without clients");
    if (clients.size() > limits_.clients_per_session) {
      return absl::InternalError("a session owns too many clients");
    }
  }
  if (listed != states_.size()) return absl::InternalError("an owner lists a client without state");
  if (bytes != state_bytes_) return absl::InternalError("the byte count is wrong");
  if (states_.size() > limits_.clients) return absl::InternalError("too many clients");
  if (state_bytes_ > limits_.bytes) return absl::InternalError("too many bytes");
  if (departures_.size() > limits_.departures) return absl::InternalError("too many departures");
  return absl::OkStatus();
}

}  // namespace weft::sync
