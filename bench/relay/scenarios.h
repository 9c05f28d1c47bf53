#pragma once

// What the generator can do to a server. Each scenario prints nothing and answers its report, or why
// the run is no good: a connection that failed, a receiver that lacks a clock or got one out of
// order.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "bench/relay/client.h"
#include "bench/relay/measure.h"

namespace weft::bench {

struct Run {
  Target target;
  ServerProcess server{0};
  std::string room_prefix;  // of its own for each run, so that no run sees another one's rooms
  double seconds = 5;       // of measuring
  double warmup_seconds = 1;
};

// People who type. Each update of one character is sent to everyone else of the room.
struct Typing {
  std::size_t rooms = 1;
  std::size_t writers = 20;  // of a room
  std::size_t readers = 0;   // of a room, who only listen
  // Updates a second of each writer, at random moments whatever the server does; or 0: as many as
  // the server takes, up to `window` updates of each writer that are not with everyone yet.
  double rate = 0;
  std::size_t window = 0;
};
absl::StatusOr<Report> RunTyping(const Run& run, const Typing& typing);

// Clients of one room who move their cursors at random moments; of a client the newest state counts.
struct Cursors {
  std::size_t clients = 100;
  double rate = 10;
};
absl::StatusOr<Report> RunCursors(const Run& run, const Cursors& cursors);

// Clients who are connected and say nothing: memory of the server for each of them.
struct Idling {
  std::size_t clients = 5000;
  std::size_t rooms = 1000;
};
absl::StatusOr<Report> RunIdling(const Run& run, const Idling& idling);

// Clients who join the same document at once. `prepare` puts the document there first; otherwise
// the server has it from an earlier run with the same room_prefix.
struct Joining {
  std::size_t clients = 100;
  bool prepare = true;
  bool measure = true;
  std::string trace;  // a file; empty: those of WEFT_TRACES
};
absl::StatusOr<Report> RunJoining(const Run& run, const Joining& joining);

// Clients who connect, sync and leave, `at_once` at any time.
struct Visiting {
  std::size_t at_once = 64;
  std::size_t rooms = 64;
};
absl::StatusOr<Report> RunVisiting(const Run& run, const Visiting& visiting);

// Typing without a pause until the server is killed; then what somebody has received from another
// is written to `seen_file`. And after its restart: how much of that is missing.
absl::StatusOr<Report> RunKilling(const Run& run, const Typing& typing,
                                  const std::string& seen_file);
absl::StatusOr<Report> RunCounting(const Run& run, const std::string& seen_file);

// The id of the first client that edits.
inline constexpr std::uint64_t kFirstClientId = 3'000'000'000;

// Connects clients without flooding the server's backlog, until all are synced.
absl::Status ConnectAll(Fleet& fleet, std::size_t count,
                        const std::function<std::string(std::size_t)>& room_of);

}  // namespace weft::bench
