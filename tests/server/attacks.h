#pragma once

// What clients that mean harm, or know no better, do to a server until they are told to stop. Each is
// one thread's work; several may run at once.

#include <atomic>
#include <cstdint>
#include <random>
#include <span>

namespace weft::server {

// What an attack is given.
struct Target {
  std::uint16_t port = 0;
  const std::atomic<bool>& stop;
};

struct Attack {
  const char* name;
  // Returns soon after `stop`, with all its sockets closed.
  void (*run)(const Target& target, std::mt19937& random);
};

// All there are. The last one is no attack: people who come, write and go.
std::span<const Attack> Attacks();

}  // namespace weft::server
