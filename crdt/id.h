#pragma once

// Names of elements: who wrote it, and which of that writer's elements it is.
// Source: Yjs INTERNALS.md, "List items".

#include <compare>
#include <cstdint>
#include <utility>

namespace weft::crdt {

// Names one writing replica. At most 2^53 - 1 on the wire.
enum class ClientId : std::uint64_t {};

inline constexpr std::uint64_t ToNumber(ClientId client) { return std::to_underlying(client); }

// A position in one client's sequence: elements from 0, for text UTF-16 code units.
using Clock = std::uint64_t;

// The largest clock of an update: format v2 writes twice the difference of two clocks as an integer of
// at most 2^53 - 1. A client that types a thousand characters a second gets there in 140,000 years.
inline constexpr Clock kMaxClock = (Clock{1} << 52) - 1;

// Names one element forever.
struct Id {
  ClientId client{};
  Clock clock = 0;

  friend auto operator<=>(const Id&, const Id&) = default;
};
static_assert(sizeof(Id) == 16);

// The elements [clock, clock + length) of one client.
struct IdRange {
  Clock clock = 0;
  Clock length = 0;

  Clock end() const { return clock + length; }
  friend auto operator<=>(const IdRange&, const IdRange&) = default;
};

}  // namespace weft::crdt
