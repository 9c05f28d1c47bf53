#pragma once

// The words of the log: what a room's history is made of, and what can be wrong with it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "crdt/base/bytes.h"

namespace weft::store {

using crdt::Bytes;
using crdt::ByteView;

// A record's place in its room's history. The first record is 1, each next one is one more; 0 is
// none.
using Sequence = std::uint64_t;

inline constexpr Sequence kNoBound = ~Sequence{0};

// Records [begin, end) of a room.
struct SequenceRange {
  Sequence begin = 1;
  Sequence end = kNoBound;
};

// Who sent an update, as the caller numbers its senders; 0 when unknown. The log only keeps it.
enum class OriginId : std::uint64_t {};

// A room's number inside one log. Never given to a second room.
enum class RoomId : std::uint32_t {};

// Tells a room's history from that of another room which had the same name before it was deleted:
// a random number, drawn when the room is made; 0 when it is not known.
enum class Generation : std::uint64_t {};

// Where an append ended up. It reads as its sequence where nothing else is of interest.
struct Appended {
  Sequence sequence = 0;
  Generation generation{};  // of the room's history that has it

  operator Sequence() const { return sequence; }
  friend bool operator==(const Appended&, const Appended&) = default;
};

// Room names are byte strings of this many bytes at most; the empty name is a name.
inline constexpr std::size_t kMaxRoomNameBytes = 512;
// Names of versions are byte strings of 1 to this many bytes.
inline constexpr std::size_t kMaxVersionNameBytes = 200;

// One update as it was stored, or a snapshot: what all records up to `sequence` make together.
// `payload` points into the log's memory and dies with the call that showed the record.
struct Record {
  Sequence sequence = 0;
  std::int64_t time_ms = 0;  // as its appender gave it: since 1970, not promised to ascend
  OriginId origin{};
  ByteView payload;
  bool is_snapshot = false;
};

// A named place in a room's history. Its state can be had for as long as the name is there.
struct Version {
  std::string name;
  Sequence sequence = 0;
  std::int64_t made_ms = 0;
  std::string note;

  friend bool operator==(const Version&, const Version&) = default;
};

// How long and how much a room keeps. What is not set is the log's default.
struct RoomPolicy {
  static constexpr std::int64_t kDefault = -1;
  std::uint64_t quota_bytes = 0;         // of stored payloads and snapshots; 0 is none
  std::int64_t retention_ms = kDefault;  // how long single records stay once a snapshot has them

  friend bool operator==(const RoomPolicy&, const RoomPolicy&) = default;
};

// What is known of a room without reading its records.
struct RoomInfo {
  std::string name;
  Generation generation{};
  Sequence head = 0;      // of the last record; on the medium, unless the log is Durability::kNone
  Sequence first = 1;     // the first record that is kept; head + 1 when none is
  Sequence snapshot = 0;  // up to which the newest snapshot goes; 0 when there is none
  std::uint64_t records = 0;         // kept now
  std::uint64_t payload_bytes = 0;   // of those records
  std::uint64_t snapshot_bytes = 0;  // of all snapshots
  std::uint64_t appended_bytes = 0;  // of all records that ever were
  std::uint64_t tail_records = 0;    // after the newest snapshot
  std::uint64_t tail_bytes = 0;      // of those
  std::uint64_t quarantined = 0;     // records that were set aside
  std::int64_t created_ms = 0;       // time of the first record
  std::int64_t last_ms = 0;          // time of the last record
  RoomPolicy policy;

  friend bool operator==(const RoomInfo&, const RoomInfo&) = default;
};

// A part of the list of all rooms, which is in the order of the names' bytes: of the names that begin
// with `prefix`, the first `limit` behind `after`. No room is named as `after` needs to be.
struct RoomPage {
  std::string prefix;
  std::optional<std::string> after;
  std::size_t limit = 100;
};

enum class DamageKind : std::uint8_t {
  kMissing,      // no record where the history needs one
  kMalformed,    // a record too short to be one; not delivered
  kChecksum,     // a record whose bytes are not those that were written; not delivered
  kBrokenChain,  // a sound record that does not continue the sound record before it; delivered
  kRoomRow,      // the room's own row; rebuilt from its records, the range is empty
  kSnapshot,     // the snapshot up to begin; an older one and the records serve instead
  kQuarantined,  // records that were set aside before; told for completeness
  kVersion,      // a named version that does not decode, or names what is not there
  kName,         // the index of names disagrees with the room's row
  kPage,         // a page of the file; the range is that of pages
  kRow,          // a row of an application (store/rows.h)
  kContent,      // sound bytes that whoever wrote them cannot have meant (found by `verify --deep`)
};

// "wrong checksum" and the like.
std::string_view DamageName(DamageKind kind);

// One finding about the records [begin, end) of a room.
struct Damage {
  DamageKind kind = DamageKind::kMissing;
  Sequence begin = 0;
  Sequence end = 0;

  friend bool operator==(const Damage&, const Damage&) = default;
};
// "records 3 to 5: missing".
std::string DescribeDamage(const Damage& damage);

// What loading a room found.
struct LoadReport {
  Generation generation{};
  Sequence head = 0;                // the last sequence the room knows of; 0 for an unknown room
  Sequence snapshot = 0;            // of the snapshot that was delivered; 0 when none was
  std::uint64_t records = 0;        // delivered, the snapshot not counted
  std::uint64_t payload_bytes = 0;  // delivered, the snapshot counted
  std::vector<Damage> damage;       // in the order it was found; empty for a healthy room

  // OK, or kDataLoss with the first findings in words. Quarantined records are known, and OK.
  absl::Status status() const;
};

}  // namespace weft::store
