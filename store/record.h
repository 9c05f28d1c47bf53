#pragma once

// The words of the log: what a room's history is made of, and what can be wrong with it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "crdt/base/bytes.h"

namespace weft::store {

using crdt::Bytes;
using crdt::ByteView;

// A record's place in its room's history. The first record is 1, each next one is one more; 0 is
// none.
using Sequence = std::uint64_t;

// Who sent an update, as the caller numbers its senders; 0 when unknown. The log only keeps it.
enum class OriginId : std::uint64_t {};

// A room's number inside one log. Never given to a second room.
enum class RoomId : std::uint32_t {};

// Room names are byte strings of this many bytes at most; the empty name is a name.
inline constexpr std::size_t kMaxRoomNameBytes = 512;

// One update as it was stored. `payload` points into the log's memory and dies with the call that
// showed the record.
struct Record {
  Sequence sequence = 0;
  std::int64_t time_ms = 0;  // as its appender gave it: since 1970, not promised to ascend
  OriginId origin{};
  ByteView payload;
};

// What is known of a room without reading its records.
struct RoomInfo {
  std::string name;
  Sequence head = 0;                // of the last record
  std::uint64_t records = 0;        // stored now
  std::uint64_t payload_bytes = 0;  // of those records
  std::int64_t created_ms = 0;      // time of the first record

  friend bool operator==(const RoomInfo&, const RoomInfo&) = default;
};

enum class DamageKind : std::uint8_t {
  kMissing,      // no record where the history needs one
  kMalformed,    // a record too short to be one; quarantined
  kChecksum,     // a record whose bytes are not those that were written; quarantined
  kBrokenChain,  // a sound record that does not continue the sound record before it; delivered
  kRoomRow,      // the room's own row; rebuilt from its records, the range is empty
};

// One finding about the records [begin, end) of a room.
struct Damage {
  DamageKind kind = DamageKind::kMissing;
  Sequence begin = 0;
  Sequence end = 0;

  friend bool operator==(const Damage&, const Damage&) = default;
};

// What loading a room found.
struct LoadReport {
  Sequence head = 0;                // the last sequence the room knows of; 0 for an unknown room
  std::uint64_t records = 0;        // delivered
  std::uint64_t payload_bytes = 0;  // delivered
  std::vector<Damage> damage;       // in the order it was found; empty for a healthy room

  // OK, or kDataLoss with the first findings in words.
  absl::Status status() const;
};

}  // namespace weft::store
