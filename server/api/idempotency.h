#pragma once

// Requests that clients marked with an Idempotency-Key, and what they were answered: who sends one
// again, because the answer got lost, gets the same answer and does nothing twice.
//
// Kept in memory: for kLifetime, and of the newest kMaxEntries. What a restart forgets, `KeyedClient`
// remembers for edits that insert something (see there).
//
// Threads: any, with a lock held for one look.

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/base/string_map.h"
#include "crdt/id.h"
#include "server/http_routes.h"

namespace weft::server::api {

class IdempotencyTable {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::hours kLifetime{24};
  static constexpr std::size_t kMaxEntries = 20'000;
  // Bytes of a key.
  static constexpr std::size_t kMaxKeyBytes = 255;

  enum class Verdict : std::uint8_t {
    kNew,      // do it; Finish or Abandon is to be called
    kRunning,  // the first request with this key has no answer yet
    kOther,    // the key was used for another request
    kDone,     // `answer` is what it was answered
  };
  struct Found {
    Verdict verdict = Verdict::kNew;
    HttpAnswer answer;
  };

  // `fingerprint` tells one request from another.
  Found Begin(std::string_view room, std::string_view key, std::uint64_t fingerprint,
              TimePoint now);
  void Finish(std::string_view room, std::string_view key, const HttpAnswer& answer);
  // It was not done: whoever sends it again is new.
  void Abandon(std::string_view room, std::string_view key);

  std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t fingerprint = 0;
    std::uint64_t number = 0;  // that of its place in order_
    std::optional<HttpAnswer> answer;
  };
  struct Place {
    std::string name;
    std::uint64_t number = 0;
    TimePoint made;
  };

  static std::string NameOf(std::string_view room, std::string_view key);
  void ForgetOld(TimePoint now);

  mutable std::mutex mutex_;
  crdt::StringMap<Entry> entries_;
  std::deque<Place> order_;  // the oldest first; of entries that are gone, too
  std::uint64_t last_number_ = 0;
};

// The client id that a keyed edit writes with, always the same for a room and a key. A document tells for
// ever which clients wrote in it, so an edit that inserted or set something is recognised after a
// restart, too: its writer is there already. One that only deletes leaves no such trace.
crdt::ClientId KeyedClient(std::string_view room, std::string_view key);

}  // namespace weft::server::api
