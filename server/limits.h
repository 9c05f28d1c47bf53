#pragma once

// What a server grants at most. Every limit is a flag of `weft serve` (options.cc); what happens at
// each bound stands in README.md.

#include <chrono>
#include <cstddef>

namespace weft::server {

struct Limits {
  // Bytes of one WebSocket message. Beyond it: close 1009. A client that joins with a book in its
  // pocket sends a few megabytes.
  std::size_t message_bytes = std::size_t{64} << 20;

  // Bytes that wait for one client that reads slowly. Beyond it: its backlog is dropped and it is
  // closed with 1013. One larger message (the document itself) may be under way on top of it.
  std::size_t queue_bytes = std::size_t{8} << 20;

  // Bytes of edits of one room that the log has not committed yet. Beyond it the room's clients are
  // not read from until commits catch up.
  std::size_t uncommitted_bytes = std::size_t{8} << 20;

  // WebSocket connections of the whole server. Beyond it: HTTP 503.
  std::size_t connections = 100'000;

  // Bytes of the header of an HTTP request (431 beyond it), and of its body (413).
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t body_bytes = std::size_t{64} << 10;

  // From accepting a socket, or from the last answer on it, to a whole request.
  std::chrono::milliseconds handshake_timeout{10'000};

  // A client that was silent this long is pinged; silent twice as long it counts as dead.
  std::chrono::milliseconds ping_interval{15'000};

  // How long news of cursors gather before they are told, so that a room full of moving mice costs
  // each receiver one message a tick. What comes after a pause of this length is told at once.
  std::chrono::milliseconds awareness_tick{33};

  // How long renewals of cursors that did not change gather. Clients renew theirs 15 to 18 seconds
  // after the last change and forget others after 30.
  std::chrono::milliseconds awareness_renewal{5'000};

  // How long a closing client may take to read its last bytes and to answer.
  std::chrono::milliseconds close_timeout{5'000};

  // How long a room without connections stays in memory.
  std::chrono::milliseconds room_idle{30'000};

  // After the log failed to store an edit of a room: how long further edits of it are refused at
  // once, so that a full disk is not asked for every keystroke.
  std::chrono::milliseconds store_retry{2'000};
};

}  // namespace weft::server
