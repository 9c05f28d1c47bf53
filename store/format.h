#pragma once

// The disk format: keys and values of the tables of one LMDB environment. Integers of fixed size are
// big-endian, so that keys sort by number and a room's records are one range.
//
// Grammar:
//   (unnamed) "seal"      := "weft seal" transaction:u64 (begin:u64 end:u64)? check:u64
//                                                         of the last commit; the journal's entries,
//                                                         which format version 3 had none of
//   meta     "format"     := "weft log" version:u32
//            "next room"  := room:u32                     the next number never given
//   names    'n' name[0, 500)  :=  (rest:12 bytes, rest_size:u8 room:u32 generation:u64)*
//                                                         sorted duplicates;
//                                                         rest is name[500, end), zeros after it
//   rooms    room:u32     := check:u64 flags:u8 generation:u64
//                            head first records payload_bytes appended_bytes
//                            snapshot snapshot_bytes tail_bytes quarantined
//                            created_ms last_ms quota_bytes retention_ms      varints, zigzag if signed
//                            head_checksum:16 bytes if flag 2, base_checksum:16 bytes if flag 4
//                            name:bytes
//   records  place        := proof:8 bytes, link:8 bytes, sizes:u8 time_ms origin payload:bytes
//   snapshots place       := checksum:16 bytes, tie:16 bytes, time_ms:i64 generation:u64 payload:bytes
//   versions room:u32 name:bytes := check:u64 sequence:u64 made_ms:i64 note:bytes
//   quarantine place      := check:u64 kind:u8 found_ms:i64 value:bytes
//   "journal 0", "journal 1"
//            entry:u64    := place record                 as it will stand in records
//
//   place    := room:u32 size:u8 sequence                 of `size` bytes, the first of them not 0
//   varint   := (0x80 | 7 low bits)* 7 high bits, which are not 0 behind others
//   sizes    := 16 * bytes of time_ms + bytes of origin   the numbers follow in so many bytes, the
//                                                         first of them not 0; time_ms is zigzag
//   checksum := XXH3-128 of all that follows it in the value (in a record: that follows the proof),
//               seeded by XXH3-64 of the value's key (of a snapshot: the complement of that, so that
//               neither passes for the other)
//   proof    := the first 8 bytes of the record's checksum
//   link     := the last 8 bytes of the previous record's checksum; 0 in record 1, or where that
//               record was damaged and its checksum is lost
//   tie      := the checksum of the record with the snapshot's sequence; 0 as for links
//   check    := XXH3-64 of all that follows it in the value, seeded by XXH3-64 of the key
//   flags    := 1 for a room that was deleted: its row stays, so that its number is never given
//               again and nothing of it can come back from a damaged page
//               2 and 4 for checksums that are not 0
//
// A record proves itself alone: its proof covers its place, its fields and its payload, so one
// damaged record does not make its neighbour doubtful. The link holds the other half of the checksum
// of the record before, and so ties it to all before it; the row's head_checksum ties down the last
// one: nothing can be cut out, moved or replaced by something sound of another time without a link
// that does not fit. Where the beginning of a history was dropped, the row's base_checksum is that of
// the last record dropped.
//
// Records are small because a durable edit is as dear as the bytes that it writes: a keystroke of 27
// bytes has 23 of these before it, and a key of 7.
//
// A room is its newest snapshot and the records after that. Records up to a snapshot are history:
// they may go, a snapshot that a version names or that begins the kept history may not.
//
// Records come to the journal first, in the order of commits, and later to their rooms' ranges
// (store/journal.h). A room's row speaks of what is in the range: records behind its head are those
// of the journal. Entries up to the head have been moved, and stay until their table is emptied. The
// seal's begin and end tell which entries there are, so that none can go unseen.
//
// Names are indexed without hashing, because LMDB keys end at 511 bytes and names do not: what does
// not fit into the key stands in the duplicates, so two names never share an entry, and walking the
// table yields the rooms in the order of their names. The index can be made anew from the rows.
//
// The seal tells what LMDB's two meta pages cannot: that the one which is newer by its number is
// the one that was written last (store/page_check.h).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/record.h"

namespace weft::store {

inline constexpr std::uint32_t kFormatVersion = 4;
// Has all that this one has but the journal, and becomes this one when it is opened to write.
inline constexpr std::uint32_t kUpgradedVersion = 3;

inline constexpr const char* kMetaTable = "meta";
inline constexpr const char* kNamesTable = "names";
inline constexpr const char* kRoomsTable = "rooms";
inline constexpr const char* kRecordsTable = "records";
inline constexpr const char* kSnapshotsTable = "snapshots";
inline constexpr const char* kVersionsTable = "versions";
inline constexpr const char* kQuarantineTable = "quarantine";
inline constexpr std::array<const char*, 2> kJournalTables = {"journal 0", "journal 1"};

inline constexpr std::string_view kSealKey = "seal";

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kNextRoomKey = "next room";

// XXH3-128 in its canonical byte order; zeros where it is not known.
using Checksum = std::array<std::uint8_t, 16>;

std::string EncodeFormat(std::uint32_t version);
// Nothing when the value is no format entry.
std::optional<std::uint32_t> DecodeFormat(ByteView value);

// Numbers of journal entries, [begin, end).
struct JournalRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  bool empty() const { return begin == end; }
  friend bool operator==(const JournalRange&, const JournalRange&) = default;
};

struct Seal {
  std::uint64_t transaction = 0;
  std::optional<JournalRange> journal;  // nothing in logs of format version 3

  friend bool operator==(const Seal&, const Seal&) = default;
};
std::string EncodeSeal(const Seal& seal);
// Nothing when the value is no seal.
std::optional<Seal> DecodeSeal(ByteView value);

using RoomKey = std::array<std::uint8_t, 4>;
RoomKey EncodeRoomKey(RoomId room);
std::optional<RoomId> DecodeRoomKey(ByteView key);

// The bytes of a place.
class RecordKey {
 public:
  static constexpr std::size_t kMaxBytes = 13;

  RecordKey() = default;
  RecordKey(RoomId room, Sequence sequence);

  const std::uint8_t* data() const { return bytes_.data(); }
  std::size_t size() const { return size_; }
  const std::uint8_t* begin() const { return data(); }
  const std::uint8_t* end() const { return data() + size(); }

 private:
  std::array<std::uint8_t, kMaxBytes> bytes_{};
  std::uint8_t size_ = 0;
};
RecordKey EncodeRecordKey(RoomId room, Sequence sequence);
struct RecordPlace {
  RoomId room{};
  Sequence sequence = 0;
};
std::optional<RecordPlace> DecodeRecordKey(ByteView key);

// A name's key, and the part of its duplicate that stands before the room's number.
struct NameEntry {
  std::string key;
  std::string rest;
};
// Requires: name.size() <= kMaxRoomNameBytes.
NameEntry EncodeName(std::string_view name);
struct NamedRoom {
  std::string name;
  RoomId room{};
  Generation generation{};
};
// The duplicate of a room in the names table.
std::string EncodeNameValue(const NameEntry& entry, RoomId room, Generation generation);
std::optional<NamedRoom> DecodeNameEntry(ByteView key, ByteView value);

struct RoomRow {
  bool deleted = false;
  Generation generation{};
  Sequence head = 0;
  Sequence first = 1;  // of the records kept, [first, head]
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;   // of the records kept
  std::uint64_t appended_bytes = 0;  // of all records that ever were
  Sequence snapshot = 0;             // of the newest one; 0 for none
  std::uint64_t snapshot_bytes = 0;  // of all of them
  std::uint64_t tail_bytes = 0;      // of the records after the newest one
  std::uint64_t quarantined = 0;
  std::int64_t created_ms = 0;
  std::int64_t last_ms = 0;
  RoomPolicy policy;
  Checksum head_checksum{};
  Checksum base_checksum{};  // of record first - 1; zeros while first is 1
  std::string name;

  friend bool operator==(const RoomRow&, const RoomRow&) = default;
};
std::string EncodeRoomRow(RoomId room, const RoomRow& row);
// Nothing when the bytes are not those that were written for this room.
std::optional<RoomRow> DecodeRoomRow(RoomId room, ByteView value);

// Of a record without time and origin.
inline constexpr std::size_t kMinRecordHeaderBytes = 17;

// The last 8 bytes of the checksum before; zeros before record 1.
using Link = std::array<std::uint8_t, 8>;
Link LinkTo(const Checksum& previous);

struct RecordFields {
  Link link{};
  std::int64_t time_ms = 0;
  OriginId origin{};
};
// How many bytes a record's value has.
std::size_t RecordBytes(const RecordFields& fields, std::size_t payload_bytes);
// Writes a record's value of so many bytes to `out`; its checksum.
Checksum WriteRecord(const RecordKey& key, const RecordFields& fields, ByteView payload,
                     std::uint8_t* out);

struct StoredRecord {
  RecordFields fields;
  ByteView payload;  // into the value
};
// Nothing when the value cannot be a record. Proves nothing: ask ProveRecord.
std::optional<StoredRecord> DecodeRecord(ByteView value);
// The record's checksum; nothing when the value is not a record that was written under this key.
std::optional<Checksum> ProveRecord(const RecordKey& key, ByteView value);

using JournalKey = std::array<std::uint8_t, 8>;
JournalKey EncodeJournalKey(std::uint64_t entry);
std::optional<std::uint64_t> DecodeJournalKey(ByteView key);

struct JournalEntry {
  RecordPlace place;
  ByteView record;  // into the value
};
// Nothing when the value has no place. Proves nothing of the record.
std::optional<JournalEntry> DecodeJournalEntry(ByteView value);

inline constexpr std::size_t kSnapshotHeaderBytes = 48;

struct SnapshotFields {
  Checksum tie{};            // of the record `sequence`
  std::int64_t time_ms = 0;  // of that record
  Generation generation{};
};
// Writes a snapshot's value of kSnapshotHeaderBytes + payload.size() bytes to `out`.
void WriteSnapshot(const RecordKey& key, const SnapshotFields& fields, ByteView payload,
                   std::uint8_t* out);
struct StoredSnapshot {
  SnapshotFields fields;
  ByteView payload;  // into the value
};
// Nothing when the value is not what was written under this key.
std::optional<StoredSnapshot> DecodeSnapshot(const RecordKey& key, ByteView value);

// The time in a snapshot's value, unproven. Requires: kSnapshotHeaderBytes bytes.
std::int64_t PeekSnapshotTime(ByteView value);

std::string EncodeVersionKey(RoomId room, std::string_view name);
std::string EncodeVersion(std::string_view key, const Version& version);
// Nothing when key and value are not those that were written.
struct PlacedVersion {
  RoomId room{};
  Version version;
};
std::optional<PlacedVersion> DecodeVersion(ByteView key, ByteView value);

struct QuarantinedRecord {
  DamageKind kind = DamageKind::kChecksum;
  std::int64_t found_ms = 0;
  ByteView value;  // as it was found in the records table
};
std::string EncodeQuarantined(const RecordKey& key, const QuarantinedRecord& record);
std::optional<QuarantinedRecord> DecodeQuarantined(const RecordKey& key, ByteView value);

}  // namespace weft::store
