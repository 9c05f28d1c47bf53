#pragma once

// Rooms full of people who type, with the account of who has received what.
//
// Threads: one.

#include <cstdint>
#include <queue>
#include <random>
#include <vector>

#include "bench/relay/scenarios.h"

namespace weft::bench {

class TypingRooms {
 public:
  TypingRooms(const Run& run, const Typing& typing);

  absl::Status Connect();
  // Types for `seconds`, counting or not.
  absl::Status Type(double seconds, bool counted);
  // Waits until everyone has everything.
  absl::Status Drain();

  Fleet& fleet() { return fleet_; }
  std::uint64_t counted_deliveries() const { return counted_; }
  const Latencies& latencies() const { return latencies_; }
  // Of each writer, the clocks that somebody else has.
  std::vector<std::uint64_t> SeenByOthers() const;

 private:
  struct Writer {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;  // to all receivers together
    std::vector<Nanoseconds> sent_at;
    bool listed = false;  // in to_fill_
  };
  struct Due {
    Nanoseconds at = 0;
    std::size_t writer = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  std::size_t members() const { return typing_.writers + typing_.readers; }
  Client& ClientOf(std::size_t writer) {
    return fleet_[writer / typing_.writers * members() + writer % typing_.writers];
  }
  void OnReceived(Client& client, const Received& received, Nanoseconds now);
  void OnRun(Client& client, std::uint64_t id, std::uint64_t clock, std::uint64_t length,
             Nanoseconds now);
  void Send(std::size_t writer, Nanoseconds intended);
  void Fill(std::size_t writer);
  void FillAll();
  Nanoseconds SendDue(Nanoseconds now);
  absl::Status Failure() const;

  const Run run_;
  const Typing typing_;
  const std::size_t receivers_;  // of an update
  const std::size_t ring_;       // moments kept of a writer: all that can be under way
  Fleet fleet_;
  std::vector<Writer> writers_;
  std::vector<std::uint64_t> next_;  // of each client, of each writer of its room
  std::vector<std::size_t> to_fill_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::mt19937_64 random_{1};
  Buffer update_;
  Buffer message_;
  Latencies latencies_;
  std::uint64_t counted_ = 0;
  bool counts_ = false;
  bool typing_now_ = false;
};

}  // namespace weft::bench
