#include "server/limit_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "server/limit_hits.h"

namespace weft::server {
namespace {

constexpr const char* kGroup = "Limits, and what happens beyond them";

// A range whose bounds the help does not print: they only keep nonsense out.
CLI::Validator InRange(std::int64_t smallest, std::int64_t largest) {
  return CLI::Range(smallest, largest).description("");
}

// "64M" for 67108864.
std::string SizeText(std::size_t bytes) {
  constexpr const char* kSuffixes[] = {"", "K", "M", "G", "T"};
  std::size_t suffix = 0;
  while (suffix < 4 && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++suffix;
  }
  return std::to_string(bytes) + kSuffixes[suffix];
}

std::string Flag(Limit limit) { return "--" + std::string(LimitName(limit)); }

void AddTime(CLI::App& app, const std::string& flag, std::chrono::milliseconds& value,
             std::int64_t unit_ms, std::int64_t smallest, const std::string& help) {
  const auto set = [&value, unit_ms](const std::int64_t& number) {
    value = std::chrono::milliseconds(number * unit_ms);
  };
  app.add_option_function<std::int64_t>(flag, set, help)
      ->check(InRange(smallest, 1'000'000'000))
      ->type_name("NUMBER")
      ->default_str(std::to_string(value.count() / unit_ms))
      ->group(kGroup);
}

void AddBytes(CLI::App& app, Limit limit, std::size_t& value, const std::string& help,
              std::int64_t smallest = 1024) {
  app.add_option(Flag(limit), value, help)
      ->transform(CLI::AsSizeValue(false).description(""))
      ->check(InRange(smallest, std::int64_t{1} << 40))
      ->type_name("BYTES")
      ->default_str(SizeText(value))
      ->group(kGroup);
}

void AddNumber(CLI::App& app, Limit limit, std::size_t& value, std::int64_t smallest,
               const std::string& help) {
  app.add_option(Flag(limit), value, help)
      ->check(InRange(smallest, 1'000'000'000))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group(kGroup);
}

void AddRoomFlags(CLI::App& app, Limits& limits) {
  AddBytes(app, Limit::kDocumentBytes, limits.document_bytes,
           "One document, encoded.\nBeyond: who brings more content is closed with\n4413; deleting "
           "goes on");
  AddBytes(app, Limit::kAwarenessBytes, limits.awareness_bytes,
           "The cursor and name of one client.\nBeyond: it is closed with 4413");
  AddBytes(app, Limit::kRoomAwarenessBytes, limits.room_awareness_bytes,
           "Those of all clients of a room.\nBeyond: who brings more is closed with 1013");
  AddBytes(app, Limit::kUncommittedBytes, limits.uncommitted_bytes,
           "Edits of one room that are not on disk yet.\nBeyond: its writers have to wait");
  AddNumber(app, Limit::kConnectionsPerRoom, limits.connections_per_room, 1,
            "WebSockets of one room.\nBeyond: the next is closed with 1013");
  AddNumber(
      app, Limit::kRoomsPerSocket, limits.rooms_per_socket, 1,
      "Rooms that one WebSocket may be in, where its\nprotocol has that. Beyond: the next one "
      "is denied");
  AddNumber(app, Limit::kRooms, limits.rooms, 1,
            "Rooms in memory.\nBeyond: rooms without clients are forgotten; when\nthere is none, "
            "the client is closed with 1013");
  AddBytes(app, Limit::kRoomMemoryBytes, limits.room_memory_bytes,
           "Memory of all rooms, about.\nBeyond: as with rooms");
  AddTime(app, "--room-idle-seconds", limits.room_idle, 1000, 0,
          "How long a room without clients stays in memory");
  AddTime(app, "--store-retry-ms", limits.store_retry, 1, 1,
          "How long a room refuses edits after the disk\nrefused one; doubled while that goes on");
}

void AddClientFlags(CLI::App& app, Limits& limits) {
  AddBytes(app, Limit::kMessageBytes, limits.message_bytes,
           "One message of a client.\nBeyond: the client is closed with 4413");
  AddNumber(app, Limit::kMessagesPerSecond, limits.messages_per_second, 0,
            "What one client may send a second, after a burst\nof five times as much; 0 for no "
            "bound.\nBeyond: it has to wait");
  AddBytes(app, Limit::kBytesPerSecond, limits.bytes_per_second,
           "The same in bytes, with what it is answered", 0);
  AddBytes(app, Limit::kQueueBytes, limits.queue_bytes,
           "What waits for one client that reads slowly.\nBeyond: dropped, and made up for "
           "(--catch-up-ms)");
  AddBytes(app, Limit::kAllQueuesBytes, limits.all_queues_bytes,
           "What waits for all of them.\nBeyond: who has more than 64K of it is closed\nwith 1013");
  AddBytes(app, Limit::kReceivingBytes, limits.receiving_bytes,
           "Messages that are not whole yet, of all clients.\nBeyond: who has more than 64K of it "
           "is closed\nwith 1013");
  AddNumber(app, Limit::kConnections, limits.connections, 1,
            "WebSockets of the server.\nBeyond: HTTP 503");
  AddNumber(app, Limit::kConnectionsPerAddress, limits.connections_per_address, 0,
            "Sockets of one IP address; 0 for no bound. A proxy\nis one address unless it is a "
            "--trusted-proxy.\nBeyond: HTTP 429");
  AddBytes(app, Limit::kHeaderBytes, limits.header_bytes,
           "The header of an HTTP request.\nBeyond: HTTP 431");
  AddTime(app, Flag(Limit::kHandshakeTimeout), limits.handshake_timeout, 1, 10,
          "From a connection to a whole request.\nBeyond: it is closed");
  AddTime(app, Flag(Limit::kPingInterval), limits.ping_interval, 1, 10,
          "A client that is silent this long is pinged;\nsilent twice as long, it is dead");
  AddTime(app, "--awareness-tick-ms", limits.awareness_tick, 1, 1,
          "How long moves of cursors gather before all\nof a room are told at once");
  AddTime(
      app, "--awareness-renewal-ms", limits.awareness_renewal, 1, 1,
      "How long cursors that did not move wait to be\ntold again; clients forget them after 30 s");
  AddTime(app, "--catch-up-ms", limits.catch_up_time, 1, 1,
          "How long a client that fell behind may take to\nread what is under way. Beyond: closed "
          "with 1013");
  AddTime(app, Flag(Limit::kCloseTimeout), limits.close_timeout, 1, 10,
          "How long a client may take to finish\nwhen it is closed");
}

}  // namespace

void AddLimitFlags(CLI::App& serve, Limits& limits) {
  AddClientFlags(serve, limits);
  AddRoomFlags(serve, limits);
}

}  // namespace weft::server
