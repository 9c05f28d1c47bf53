#include "store/format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace weft::store {
namespace {

Bytes Write(const RecordKey& key, const RecordFields& fields, const Bytes& payload) {
  Bytes value(kRecordHeaderBytes + payload.size());
  WriteRecord(key, fields, payload, value.data());
  return value;
}

RC_GTEST_PROP(Format, ARecordDecodesToWhatWasWrittenAndIsIntact,
              (std::uint32_t room, Sequence sequence, std::int64_t time_ms, std::uint64_t origin,
               Link link, Bytes payload)) {
  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  const Bytes value =
      Write(key, {.link = link, .time_ms = time_ms, .origin = OriginId{origin}}, payload);
  const auto record = DecodeRecord(value);
  RC_ASSERT(record.has_value());
  RC_ASSERT(record->fields.link == link);
  RC_ASSERT(record->fields.time_ms == time_ms);
  RC_ASSERT(record->fields.origin == OriginId{origin});
  RC_ASSERT(std::ranges::equal(record->payload, payload));
  RC_ASSERT(IsIntact(key, value));
}

RC_GTEST_PROP(Format, AFlippedBitAnywhereOrAnotherPlaceMakesARecordNotIntact,
              (std::uint32_t room, Sequence sequence, Bytes payload)) {
  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  Bytes value = Write(key, {}, payload);
  const auto bit = *rc::gen::inRange<std::size_t>(0, value.size() * 8);
  value[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  RC_ASSERT(!IsIntact(key, value));
  value[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  RC_ASSERT(!IsIntact(EncodeRecordKey(RoomId{room}, sequence + 1), value));
  RC_ASSERT(!IsIntact(EncodeRecordKey(RoomId{room + 1}, sequence), value));
}

RC_GTEST_PROP(Format, RecordKeysSortByRoomAndThenBySequence,
              (std::uint32_t room, Sequence sequence, std::uint32_t other_room,
               Sequence other_sequence)) {
  const auto place = std::pair(room, sequence);
  const auto other = std::pair(other_room, other_sequence);
  RC_ASSERT((EncodeRecordKey(RoomId{room}, sequence) <
             EncodeRecordKey(RoomId{other_room}, other_sequence)) == (place < other));
  const auto decoded = DecodeRecordKey(EncodeRecordKey(RoomId{room}, sequence));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->room == RoomId{room});
  RC_ASSERT(decoded->sequence == sequence);
}

RC_GTEST_PROP(Format, ARoomRowDecodesToWhatWasWrittenAndNotAfterAFlippedBit,
              (std::uint32_t room, Sequence head, std::uint64_t records, std::int64_t created_ms,
               Checksum checksum, std::string name)) {
  const RoomRow row{.head = head,
                    .records = records,
                    .payload_bytes = records / 2,
                    .created_ms = created_ms,
                    .head_checksum = checksum,
                    .name = name};
  std::string value = EncodeRoomRow(RoomId{room}, row);
  RC_ASSERT(DecodeRoomRow(RoomId{room}, crdt::AsBytes(value)) == row);
  RC_ASSERT(!DecodeRoomRow(RoomId{room + 1}, crdt::AsBytes(value)));
  const auto bit = *rc::gen::inRange<std::size_t>(0, value.size() * 8);
  value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
  RC_ASSERT(!DecodeRoomRow(RoomId{room}, crdt::AsBytes(value)));
}

RC_GTEST_PROP(Format, ANameComesBackFromItsIndexEntry, (std::uint32_t room)) {
  const auto size = *rc::gen::inRange<std::size_t>(0, kMaxRoomNameBytes + 1);
  const auto name = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
  const NameEntry entry = EncodeName(name);
  RC_ASSERT(entry.key.size() <= 501u);
  const std::string value = EncodeNameValue(entry, RoomId{room});
  const auto named = DecodeNameEntry(crdt::AsBytes(entry.key), crdt::AsBytes(value));
  RC_ASSERT(named.has_value());
  RC_ASSERT(named->name == name);
  RC_ASSERT(named->room == RoomId{room});
}

// The decoders see bytes that a disk may have changed in any way.
RC_GTEST_PROP(Format, ArbitraryBytesDecodeToNothingOrSomethingButNeverBeyondTheirEnd,
              (Bytes key, Bytes value)) {
  DecodeRoomKey(key);
  DecodeRecordKey(key);
  DecodeRoomRow(RoomId{1}, value);
  if (DecodeRecord(value)) RC_ASSERT(!IsIntact(EncodeRecordKey(RoomId{1}, 1), value));
  const auto named = DecodeNameEntry(key, value);
  if (named) RC_ASSERT(named->name.size() <= key.size() + value.size());
  RC_ASSERT(!DecodeFormat(value));
}

TEST(Format, TheBytesOfVersionOneStayWhatTheyAre) {
  const RecordKey key = EncodeRecordKey(RoomId{0x01020304}, 5);
  EXPECT_EQ(key, (RecordKey{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5}));
  const Bytes value = Write(key, {.link = {9}, .time_ms = 0x0102, .origin = OriginId{7}}, {0xaa});
  const Bytes covered = {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,
                         0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0xaa};
  EXPECT_EQ(Bytes(value.begin() + 16, value.end()), covered);
  const Bytes checksum(value.begin(), value.begin() + 16);
  EXPECT_EQ(checksum, (Bytes{0x32, 0x94, 0x10, 0x5d, 0x1f, 0x24, 0x1f, 0x6b, 0xe3, 0xc7, 0x27, 0x3c,
                             0xa9, 0x96, 0xd0, 0x2d}));
  EXPECT_EQ(EncodeFormat(1), std::string("weft log\0\0\0\1", 12));
  EXPECT_EQ(DecodeFormat(crdt::AsBytes(EncodeFormat(7))), 7u);
}

}  // namespace
}  // namespace weft::store
