#pragma once

// What a server grants at most. Every limit is a flag of `weft serve` (limit_flags.cc); what happens
// at each bound stands in README.md, how often it happened in limit_hits.h.

#include <chrono>
#include <cstddef>

namespace weft::server {

struct Limits {
  // Bytes of one WebSocket message. Beyond it: close 4413, since the same client would send it
  // again. A client that joins with a book in its pocket sends a few megabytes.
  std::size_t message_bytes = std::size_t{64} << 20;

  // Bytes of one document, encoded. Beyond it: close 4413 for whoever brings more content; deleting
  // goes on, so that people can make space. Every newcomer is sent all of it.
  std::size_t document_bytes = std::size_t{128} << 20;

  // Bytes of one client's awareness state (4413), and of all states of a room (1013).
  std::size_t awareness_bytes = std::size_t{1} << 20;
  std::size_t room_awareness_bytes = std::size_t{16} << 20;

  // Messages of whatever kind, and bytes, that one client may send, or be sent at once in answer, a
  // second in the long run; 0 for no bound. A burst of kBurstSeconds is free. Beyond it: the client is not read from until its
  // share has grown again, so that nothing is lost and nobody is sent away. People make a dozen
  // messages a second, and programs that move things about a hundred.
  static constexpr int kBurstSeconds = 5;
  std::size_t messages_per_second = 2'000;
  std::size_t bytes_per_second = std::size_t{16} << 20;

  // Bytes that wait for one client that reads slowly. Beyond it: its backlog is dropped and it is
  // closed with 1013. One larger message (the document itself) may be under way on top of it.
  std::size_t queue_bytes = std::size_t{8} << 20;

  // The same for all clients together. Beyond it: whoever has more than kFairBytes of it.
  std::size_t all_queues_bytes = std::size_t{1} << 30;

  // Bytes of messages that have begun to come and are not whole, of all clients together. Beyond it:
  // whoever goes on with more than kFairBytes of it is closed with 1013.
  std::size_t receiving_bytes = std::size_t{1} << 30;

  // What one client may always have of a bound that all share: what fits into one read.
  static constexpr std::size_t kFairBytes = std::size_t{64} << 10;

  // Bytes of edits of one room that the log has not committed yet. Beyond it the room's clients are
  // not read from until commits catch up.
  std::size_t uncommitted_bytes = std::size_t{8} << 20;

  // WebSocket connections of the whole server. Beyond it: HTTP 503.
  std::size_t connections = 100'000;

  // Sockets of one address. Beyond it: HTTP 429, and kSpareSocketsOfAddress further ones are closed
  // without a word. A proxy in front of the server is one address. 0 for no bound.
  static constexpr std::size_t kSpareSocketsOfAddress = 64;
  std::size_t connections_per_address = 10'000;

  // Connections of one room. Beyond it: close 1013. What one says all others are told.
  std::size_t connections_per_room = 10'000;

  // Rooms that one WebSocket may be in at once, where its dialect has that. Beyond it: the next one is
  // denied to it.
  std::size_t rooms_per_socket = 1'000;

  // Rooms in memory. Beyond it: those without members are forgotten at once, the least recently
  // used first; when there is none, close 1013.
  std::size_t rooms = 100'000;

  // Memory of all rooms, estimated (sync::SharedDocument::memory_bytes). Beyond it: as with rooms.
  std::size_t room_memory_bytes = std::size_t{4} << 30;

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

  // How long a client whose backlog was dropped may take to read what was on the way to it. It is
  // then told the whole document at once; too slow, it is closed with 1013.
  std::chrono::milliseconds catch_up_time{10'000};

  // How long a closing client may take to read its last bytes and to answer.
  std::chrono::milliseconds close_timeout{5'000};

  // How long a room without connections stays in memory.
  std::chrono::milliseconds room_idle{30'000};

  // After the log failed to store an edit of a room: how long further edits of it are refused at
  // once, so that a full disk is not asked for every keystroke.
  std::chrono::milliseconds store_retry{2'000};
};

}  // namespace weft::server
