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

// A position in one client's sequence: elements from 0, for text UTF-16 code units. At most 2^53
// - 1.
using Clock = std::uint64_t;

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
