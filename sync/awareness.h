#pragma once

// The awareness of one document: for each client a short-lived state (cursor, name, colour) with a
// clock of its own. Never stored; a state is JSON text that is checked once and otherwise carried
// as opaque bytes.
//
//   AwarenessUpdate := count (client clock state)*      client, clock: varuint; state: string
//   state           := JSON text; `null` says that the client has left
//
// Every state has one owner: the session that last raised its clock. The rules for an entry that a
// session sends, where the known clock is that of the state, or of the departure if the client
// left:
//
//   state, clock above the known one (0 if unknown)   accepted; the sender owns it now
//   state, the client has left with this clock or     not accepted; the sender is told of the
//     a later one                                       departure
//   state otherwise                                   ignored: y-websocket clients send back
//                                                       whatever they hear
//   null for a state that the sender owns, clock      accepted: the client has left
//     at least the known one
//   null otherwise                                    ignored
//
// Why: y-websocket clients broadcast every change of their own view, also what they heard from
// others and what they gave up after 30 seconds without news, such as after sleep. So a null from
// anyone but the owner is an accident. And clocks do not start over for a client that returns,
// while peers ignore a clock that they have seen: told that it has left, y-protocols makes such a
// client raise its clock and show itself again at once, instead of at its next renewal up to 15
// seconds later.
//
// A departure that the relay declares (a session that closed, a state that expired) has the clock
// of the state, which is what y-protocols expects from anyone but the client itself.
//
// Invariants: see Validate. Bounds: see AwarenessLimits.
// Threads: one, no locks.
// Source: y-protocols 1.0, awareness.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "sync/time.h"

namespace weft::sync {

// Names one session of a document for as long as the document is loaded.
enum class SessionId : std::uint64_t {};

struct AwarenessLimits {
  // Bytes of one state. A cursor takes 200; some programs put a small picture in it.
  std::size_t state_bytes = std::size_t{1} << 20;
  // Nesting of one state. Receivers compare states recursively.
  std::size_t state_depth = 128;
  // Clients that one session may own: one each, more for a tab that speaks for its neighbours or
  // for a program that speaks for many users.
  std::size_t clients_per_session = 256;
  // Of the whole document: clients with a state, and the bytes of their states.
  std::size_t clients = 10'000;
  std::size_t bytes = std::size_t{16} << 20;
  // Departures remembered. Past it an arbitrary one is forgotten; the price is that a late echo can
  // bring that client back until its state expires. At least 1.
  std::size_t departures = 1'024;
  // A state without news for this long expires. Clients renew theirs every 15 seconds.
  Duration state_lifetime = std::chrono::seconds(30);
};

class Awareness {
 public:
  using Limits = AwarenessLimits;

  // What an update leads to, each as an encoded AwarenessUpdate, or empty when there is nothing to
  // tell.
  struct Applied {
    crdt::Bytes to_all;  // the entries that were accepted, each client once with its newest state
    bool is_renewal = false;  // no state in to_all is another one than before
    crdt::Bytes to_sender;    // departures of clients that the sender takes for present
  };

  explicit Awareness(Limits limits = {}) : limits_(limits) {}

  // Applies the entries by the rules above; of a client named twice the last entry counts.
  // Fails, and leaves everything as it was: kInvalidArgument (malformed, or an accepted state that
  // is no UTF-8 or no JSON: receivers would throw), kResourceExhausted (past what one session may
  // have), kUnavailable (past what the document may have; the sender alone did not fill it).
  absl::StatusOr<Applied> Apply(SessionId sender, crdt::ByteView update, TimePoint now);

  // Removes the states that `session` owns. Answers the update that tells it, or empty when it owns
  // none.
  crdt::Bytes RemoveOwnedBy(SessionId session);

  // Removes the states without news for longer than their lifetime. Answers as RemoveOwnedBy.
  // O(clients).
  crdt::Bytes RemoveExpired(TimePoint now);

  // Every state, as one update; with count 0 when there is none.
  crdt::Bytes EncodeAll() const;

  // Those whose states this session told. Valid until the next change.
  std::span<const crdt::ClientId> OwnedBy(SessionId session) const;

  bool empty() const { return states_.empty(); }
  std::size_t client_count() const { return states_.size(); }
  std::size_t state_bytes() const { return state_bytes_; }

  // OK, or which invariant is broken: owners and states name each other exactly once, no client is
  // both present and departed, the byte count is right, every bound holds.
  absl::Status Validate() const;

 private:
  struct State {
    std::uint64_t clock = 0;
    std::string json;
    SessionId owner{};
    TimePoint last_news;
  };
  // One client's part of an update. The view points into the update, or into a state.
  struct Entry {
    crdt::ClientId client{};
    std::uint64_t clock = 0;
    std::string_view json;
    bool departs = false;  // the state is null
  };
  enum class Verdict { kIgnored, kAccepted, kStale };

  static Entry MakeDeparture(crdt::ClientId client, std::uint64_t clock);
  static absl::StatusOr<std::vector<Entry>> Decode(crdt::ByteView update);
  // Empty when there are no entries.
  static crdt::Bytes Encode(const std::vector<Entry>& entries);

  // Whether an accepted entry says again what the sender has said before.
  bool IsRenewal(SessionId sender, const Entry& entry) const;
  Verdict Judge(SessionId sender, const Entry& entry) const;
  // OK when the states of `accepted` are well-formed, and the bounds hold once all of it is
  // applied.
  absl::Status Check(SessionId sender, const std::vector<Entry>& accepted) const;
  absl::Status CheckState(const Entry& entry) const;

  void SetState(SessionId owner, const Entry& entry, TimePoint now);
  // Requires: the client has a state.
  void Remove(crdt::ClientId client, std::uint64_t departure_clock);
  crdt::Bytes RemoveAll(std::vector<crdt::ClientId> clients);
  void Own(SessionId session, crdt::ClientId client);
  void Disown(SessionId session, crdt::ClientId client);

  Limits limits_;
  absl::flat_hash_map<crdt::ClientId, State> states_;
  absl::flat_hash_map<crdt::ClientId, std::uint64_t> departures_;  // the clock of each departure
  absl::flat_hash_map<SessionId, std::vector<crdt::ClientId>> owned_;
  std::size_t state_bytes_ = 0;
};

}  // namespace weft::sync
