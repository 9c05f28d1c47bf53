#pragma once

// The awareness of a document as one of its clients holds it: for each client a short-lived state
// (cursor, name, colour) with a clock of its own. Never stored.
//
//   AwarenessUpdate := count (client clock state)*      client, clock: varuint; state: string
//   state           := JSON text; `null` says that the client has left
//
// A state counts when its clock is above the one known; a departure also with the very clock that is
// known. A client that hears of its own departure is still there: it raises its clock and shows itself
// again. A relay cannot believe everybody like this: its rules are sync/awareness.h.
//
// It is here and not in sync since it is a data structure without a protocol: no sessions, no
// messages, and it is what an application that embeds documents needs beside them.
//
// Invariants: see Validate. Bounds: see Limits.
// Threads: one, no locks.
// Source: y-protocols 1.0, awareness.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/observer_list.h"
#include "crdt/subscription.h"

namespace weft::crdt {

// Whom a call concerned. Each client is in one of the lists, once.
struct AwarenessEvent {
  std::vector<ClientId> added;
  std::vector<ClientId> updated;  // renewals without a change included
  std::vector<ClientId> removed;
  bool changed = false;  // false: nothing but renewals
  // Others do not know of it yet: tell them, with Encode.
  bool local = true;
};

class Awareness {
 public:
  struct Limits {
    // Bytes of one state. A cursor takes 200; some programs put a small picture in it.
    std::size_t state_bytes = std::size_t{1} << 20;
    // Nesting of one state.
    std::size_t state_depth = 128;
    // Clients that are there or have left lately.
    std::size_t clients = 100'000;
    // Bytes of all states together.
    std::size_t bytes = std::size_t{64} << 20;
  };
  static constexpr std::int64_t kRenewAfterMs = 15'000;
  static constexpr std::int64_t kExpireAfterMs = 30'000;
  // When who has left is forgotten. The price is that a later echo brings that client back until it
  // expires; y-protocols forgets nobody, and grows.
  static constexpr std::int64_t kForgetAfterMs = 300'000;

  // Without a state of its own, which y-protocols sets to {} at once.
  explicit Awareness(ClientId client) : Awareness(client, Limits()) {}
  Awareness(ClientId client, Limits limits) : client_(client), limits_(limits) {}
  Awareness(const Awareness&) = delete;
  Awareness& operator=(const Awareness&) = delete;

  ClientId client_id() const { return client_; }

  // Sets the state of this client; null: it leaves. Times are milliseconds of a clock that never
  // goes back. Fails, and changes nothing: kResourceExhausted (limits of others hold here too).
  absl::Status SetLocal(Any state, std::int64_t now_ms);

  // Null when the client has none.
  const Any* Find(ClientId client) const;
  // Clients with a state, ascending.
  std::vector<ClientId> Present() const;

  // The states of these clients as an update; of who has left, the departure. Clients that were
  // never heard of are left out.
  Bytes Encode(std::span<const ClientId> clients) const;

  // Applies what others tell. Fails, and changes nothing: kInvalidArgument (malformed, or a state
  // that is no JSON), kResourceExhausted.
  absl::Status Apply(ByteView update, std::int64_t now_ms);

  // Takes clients for gone.
  void Remove(std::span<const ClientId> clients, std::int64_t now_ms);

  // To be called every few seconds: renews the state of this client once it is kRenewAfterMs old,
  // removes others that were not heard of for kExpireAfterMs, and forgets who left long ago.
  void Tick(std::int64_t now_ms);

  // Calls `observer` after each call that concerned somebody. It may make further calls.
  [[nodiscard]] Subscription OnUpdate(std::function<void(const AwarenessEvent&)> observer) {
    return observers_.Add(std::move(observer));
  }

  // OK, or which invariant is broken: the byte count is right, every bound holds.
  absl::Status Validate() const;

 private:
  struct Known {
    std::uint64_t clock = 0;
    std::int64_t last_news_ms = 0;
    std::optional<Any> state;  // none: it has left
    std::size_t bytes = 0;     // of the state as JSON
  };
  struct Entry;

  absl::Status CheckBounds(std::span<const Entry> entries) const;
  void SetState(Known& known, std::optional<Any> state, std::size_t bytes);
  static absl::StatusOr<std::vector<Entry>> Decode(ByteView update, const Limits& limits);
  bool IsNews(const Entry& entry) const;
  void Tell(const AwarenessEvent& event) const;

  const ClientId client_;
  const Limits limits_;
  std::map<ClientId, Known> clients_;
  std::size_t bytes_ = 0;
  internal::ObserverList<const AwarenessEvent&> observers_;
};

}  // namespace weft::crdt
