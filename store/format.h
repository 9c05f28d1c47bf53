#pragma once

// The disk format: keys and values of the tables of one LMDB environment. All integers are
// big-endian, so that keys sort by number and a room's records are one range.
//
// Grammar:
//   meta     "format"     := "weft log" version:u32
//            "next room"  := room:u32                     the next number never given
//   names    'n' name[0, 500)  :=  (rest:12 bytes, rest_size:u8 room:u32)*     sorted duplicates;
//                                                         rest is name[500, end), zeros after it
//   rooms    room:u32     := check:u64 head:u64 records:u64 payload_bytes:u64 created_ms:i64
//                            head_checksum:16 bytes, name:bytes
//   records  room:u32 sequence:u64 := checksum:16 bytes, link:u64 time_ms:i64 origin:u64
//                            payload:bytes
//
//   checksum := XXH3-128 of all that follows it in the record, seeded by XXH3-64 of the record's key
//   link     := the first 8 bytes of the previous record's checksum; 0 in record 1
//   check    := XXH3-64 of all that follows it in the row, seeded by the room's number
//
// A record proves itself alone: its checksum covers its place, its fields and its payload, so one
// damaged record does not make its neighbour doubtful. The link inside ties it to all records
// before it, and the row's head_checksum ties down the last one: nothing can be cut out, moved or
// replaced by something sound of another time without a link that does not fit.
//
// Names are indexed without hashing, because LMDB keys end at 511 bytes and names do not: what does
// not fit into the key stands in the duplicates, so two names never share an entry, and walking the
// table yields the rooms in the order of their names.
//
// A merged state up to a sequence n will be one more table with the records' keys (room, n): a room
// is then its last entry there and the records after n.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/record.h"

namespace weft::store {

inline constexpr std::uint32_t kFormatVersion = 1;

inline constexpr const char* kMetaTable = "meta";
inline constexpr const char* kNamesTable = "names";
inline constexpr const char* kRoomsTable = "rooms";
inline constexpr const char* kRecordsTable = "records";

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kNextRoomKey = "next room";

// XXH3-128 in its canonical byte order.
using Checksum = std::array<std::uint8_t, 16>;

std::string EncodeFormat(std::uint32_t version);
// Nothing when the value is no format entry.
std::optional<std::uint32_t> DecodeFormat(ByteView value);

using RoomKey = std::array<std::uint8_t, 4>;
RoomKey EncodeRoomKey(RoomId room);
std::optional<RoomId> DecodeRoomKey(ByteView key);

using RecordKey = std::array<std::uint8_t, 12>;
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
// The duplicate of a room in the names table.
std::string EncodeNameValue(const NameEntry& entry, RoomId room);
struct NamedRoom {
  std::string name;
  RoomId room{};
};
std::optional<NamedRoom> DecodeNameEntry(ByteView key, ByteView value);

struct RoomRow {
  Sequence head = 0;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::int64_t created_ms = 0;
  Checksum head_checksum{};  // zeros while head is 0
  std::string name;

  friend bool operator==(const RoomRow&, const RoomRow&) = default;
};
std::string EncodeRoomRow(RoomId room, const RoomRow& row);
// Nothing when the bytes are not those that were written for this room.
std::optional<RoomRow> DecodeRoomRow(RoomId room, ByteView value);

inline constexpr std::size_t kRecordHeaderBytes = 40;

// The first 8 bytes of the checksum before; zeros before record 1.
using Link = std::array<std::uint8_t, 8>;
Link LinkTo(const Checksum& previous);

struct RecordFields {
  Link link{};
  std::int64_t time_ms = 0;
  OriginId origin{};
};
// Writes a record's value of kRecordHeaderBytes + payload.size() bytes to `out`; its checksum.
Checksum WriteRecord(const RecordKey& key, const RecordFields& fields, ByteView payload,
                     std::uint8_t* out);

struct StoredRecord {
  Checksum checksum{};
  RecordFields fields;
  ByteView payload;  // into the value
};
// Nothing when the value is too short. Proves nothing: ask IsIntact.
std::optional<StoredRecord> DecodeRecord(ByteView value);
// Whether the value is what was written under this key. Requires: it decodes.
bool IsIntact(const RecordKey& key, ByteView value);

}  // namespace weft::store
