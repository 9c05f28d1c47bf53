#include "store/format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace weft::store {
namespace {

Bytes Write(const RecordKey& key, const RecordFields& fields, const Bytes& payload) {
  Bytes value(RecordBytes(fields, payload.size()));
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
  RC_ASSERT(ProveRecord(key, value).has_value());
}

RC_GTEST_PROP(Format, AFlippedBitAnywhereOrAnotherPlaceMakesARecordNotIntact,
              (std::uint32_t room, Sequence sequence, std::int64_t time_ms, std::uint64_t origin,
               Bytes payload)) {
  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  Bytes value = Write(key, {.link = {}, .time_ms = time_ms, .origin = OriginId{origin}}, payload);
  const auto bit = *rc::gen::inRange<std::size_t>(0, value.size() * 8);
  value[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  RC_ASSERT(!ProveRecord(key, value));
  value[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  RC_ASSERT(!ProveRecord(EncodeRecordKey(RoomId{room}, sequence + 1), value));
  RC_ASSERT(!ProveRecord(EncodeRecordKey(RoomId{room + 1}, sequence), value));
}

// Numbers of every size.
rc::Gen<std::uint64_t> GenNumber() {
  return rc::gen::apply([](std::uint64_t number, int shift) { return number >> shift; },
                        rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 64));
}

RC_GTEST_PROP(Format, RecordKeysSortByRoomAndThenBySequence,
              (std::uint32_t room, std::uint32_t other_room)) {
  const Sequence sequence = *GenNumber();
  const auto place = std::pair(room, sequence);
  const auto other = std::pair(*rc::gen::element(room, other_room), *GenNumber());
  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  RC_ASSERT(std::ranges::lexicographical_compare(
                key, EncodeRecordKey(RoomId{other.first}, other.second)) == (place < other));
  const auto decoded = DecodeRecordKey(key);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->room == RoomId{room});
  RC_ASSERT(decoded->sequence == sequence);
}

RC_GTEST_PROP(Format, BytesThatAreTheKeyOfARecordAreWrittenForItsPlaceAlone, (std::uint32_t room)) {
  const RecordKey written = EncodeRecordKey(RoomId{room}, *GenNumber());
  Bytes key(written.begin(), written.end());
  const auto bit = *rc::gen::inRange<std::size_t>(0, key.size() * 8);
  key[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  const auto place = DecodeRecordKey(key);
  if (place) RC_ASSERT(std::ranges::equal(key, EncodeRecordKey(place->room, place->sequence)));
}

void FlipBit(std::string& bytes) {
  const auto bit = *rc::gen::inRange<std::size_t>(0, bytes.size() * 8);
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
}

RC_GTEST_PROP(Format, ARoomRowDecodesToWhatWasWrittenAndNotAfterAFlippedBit,
              (std::uint32_t room, Checksum checksum, std::string name)) {
  const Sequence head = *GenNumber();
  const std::uint64_t number = *GenNumber();
  const auto time_ms = static_cast<std::int64_t>(*GenNumber());
  const RoomRow row{.deleted = number % 2 == 0,
                    .generation = Generation{number + 1},
                    .head = head,
                    .first = number / 3,
                    .records = number,
                    .payload_bytes = number / 2,
                    .appended_bytes = number + 5,
                    .snapshot = head / 2,
                    .snapshot_bytes = number / 7,
                    .tail_bytes = number / 11,
                    .quarantined = number / 13,
                    .created_ms = time_ms,
                    .last_ms = time_ms / 2,
                    .policy = {.quota_bytes = number / 17, .retention_ms = time_ms / 3},
                    .head_checksum = checksum,
                    .base_checksum = head % 2 == 0 ? Checksum{1, 2, 3} : Checksum{},
                    .name = name};
  std::string value = EncodeRoomRow(RoomId{room}, row);
  RC_ASSERT(DecodeRoomRow(RoomId{room}, crdt::AsBytes(value)) == row);
  RC_ASSERT(!DecodeRoomRow(RoomId{room + 1}, crdt::AsBytes(value)));
  FlipBit(value);
  RC_ASSERT(!DecodeRoomRow(RoomId{room}, crdt::AsBytes(value)));
}

RC_GTEST_PROP(Format, ASnapshotDecodesToWhatWasWrittenAndNotAfterAFlippedBit,
              (std::uint32_t room, Sequence sequence, Checksum tie, std::int64_t time_ms,
               std::uint64_t generation, Bytes payload)) {
  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  std::string value(kSnapshotHeaderBytes + payload.size(), '\0');
  WriteSnapshot(key, {.tie = tie, .time_ms = time_ms, .generation = Generation{generation}},
                payload, reinterpret_cast<std::uint8_t*>(value.data()));
  const auto snapshot = DecodeSnapshot(key, crdt::AsBytes(value));
  RC_ASSERT(snapshot.has_value());
  RC_ASSERT(snapshot->fields.tie == tie);
  RC_ASSERT(snapshot->fields.time_ms == time_ms);
  RC_ASSERT(PeekSnapshotTime(crdt::AsBytes(value)) == time_ms);
  RC_ASSERT(snapshot->fields.generation == Generation{generation});
  RC_ASSERT(std::ranges::equal(snapshot->payload, payload));
  RC_ASSERT(!ProveRecord(key, crdt::AsBytes(value)));  // no record
  FlipBit(value);
  RC_ASSERT(!DecodeSnapshot(key, crdt::AsBytes(value)));
}

RC_GTEST_PROP(Format, VersionsAndQuarantinedRecordsDecodeToWhatWasWritten,
              (std::uint32_t room, Sequence sequence, std::int64_t time_ms, std::string note)) {
  const auto name = *rc::gen::nonEmpty(rc::gen::string<std::string>());
  const Version version{.name = name, .sequence = sequence, .made_ms = time_ms, .note = note};
  const std::string version_key = EncodeVersionKey(RoomId{room}, name);
  std::string value = EncodeVersion(version_key, version);
  const auto placed = DecodeVersion(crdt::AsBytes(version_key), crdt::AsBytes(value));
  RC_ASSERT(placed.has_value());
  RC_ASSERT(placed->room == RoomId{room});
  RC_ASSERT(placed->version == version);
  FlipBit(value);
  RC_ASSERT(!DecodeVersion(crdt::AsBytes(version_key), crdt::AsBytes(value)));

  const RecordKey key = EncodeRecordKey(RoomId{room}, sequence);
  value = EncodeQuarantined(
      key, {.kind = DamageKind::kMalformed, .found_ms = time_ms, .value = crdt::AsBytes(note)});
  const auto aside = DecodeQuarantined(key, crdt::AsBytes(value));
  RC_ASSERT(aside.has_value());
  RC_ASSERT(aside->kind == DamageKind::kMalformed);
  RC_ASSERT(aside->found_ms == time_ms);
  RC_ASSERT(crdt::AsText(aside->value) == note);
  FlipBit(value);
  RC_ASSERT(!DecodeQuarantined(key, crdt::AsBytes(value)));
}

RC_GTEST_PROP(Format, ASealDecodesToWhatItWasMadeOfAndNotAfterAFlippedBit,
              (std::uint64_t transaction, bool has_journal, std::uint32_t begin,
               std::uint32_t entries)) {
  Seal seal{.transaction = transaction};
  if (has_journal) seal.journal = {.begin = begin, .end = std::uint64_t{begin} + entries};
  std::string value = EncodeSeal(seal);
  RC_ASSERT(DecodeSeal(crdt::AsBytes(value)) == seal);
  FlipBit(value);
  RC_ASSERT(!DecodeSeal(crdt::AsBytes(value)));
}

RC_GTEST_PROP(Format, AnEntryOfTheJournalHasAPlaceAndARecordBehindIt,
              (std::uint64_t number, std::uint32_t room, std::uint64_t sequence, Bytes record)) {
  RC_ASSERT(DecodeJournalKey(EncodeJournalKey(number)) == number);
  const RecordKey place = EncodeRecordKey(RoomId{room}, sequence);
  Bytes value(place.begin(), place.end());
  value.insert(value.end(), record.begin(), record.end());
  const auto entry = DecodeJournalEntry(value);
  RC_ASSERT(entry.has_value());
  RC_ASSERT(entry->place.room == RoomId{room});
  RC_ASSERT(entry->place.sequence == sequence);
  RC_ASSERT(std::ranges::equal(entry->record, record));
}

RC_GTEST_PROP(Format, ANameComesBackFromItsIndexEntry,
              (std::uint32_t room, std::uint64_t generation)) {
  const auto size = *rc::gen::inRange<std::size_t>(0, kMaxRoomNameBytes + 1);
  const auto name = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
  const NameEntry entry = EncodeName(name);
  RC_ASSERT(entry.key.size() <= 501u);
  const std::string value = EncodeNameValue(entry, RoomId{room}, Generation{generation});
  const auto named = DecodeNameEntry(crdt::AsBytes(entry.key), crdt::AsBytes(value));
  RC_ASSERT(named.has_value());
  RC_ASSERT(named->name == name);
  RC_ASSERT(named->room == RoomId{room});
  RC_ASSERT(named->generation == Generation{generation});
}

// The decoders see bytes that a disk may have changed in any way.
RC_GTEST_PROP(Format, ArbitraryBytesDecodeToNothingOrSomethingButNeverBeyondTheirEnd,
              (Bytes key, Bytes value)) {
  DecodeRoomKey(key);
  DecodeRecordKey(key);
  DecodeRoomRow(RoomId{1}, value);
  DecodeSnapshot(EncodeRecordKey(RoomId{1}, 1), value);
  DecodeVersion(key, value);
  DecodeQuarantined(EncodeRecordKey(RoomId{1}, 1), value);
  DecodeSeal(value);
  DecodeJournalKey(key);
  DecodeJournalEntry(value);
  DecodeRecord(value);
  RC_ASSERT(!ProveRecord(EncodeRecordKey(RoomId{1}, 1), value));
  const auto named = DecodeNameEntry(key, value);
  if (named) RC_ASSERT(named->name.size() <= key.size() + value.size());
  RC_ASSERT(!DecodeFormat(value));
}

// LMDB has no such key; in a damaged file that is salvaged anything can stand.
TEST(Format, ANameWhoseKeyIsLongerThanAnyThatIsWrittenIsNone) {
  const NameEntry longest = EncodeName(std::string(kMaxRoomNameBytes, 'n'));
  const NameEntry entry = EncodeName("n");
  const std::string value = EncodeNameValue(entry, RoomId{1}, Generation{1});
  std::string key = longest.key;
  ASSERT_TRUE(DecodeNameEntry(crdt::AsBytes(key), crdt::AsBytes(value)).has_value());
  key.push_back('n');
  EXPECT_FALSE(DecodeNameEntry(crdt::AsBytes(key), crdt::AsBytes(value)).has_value());
  key.append(kMaxRoomNameBytes, 'n');
  EXPECT_FALSE(DecodeNameEntry(crdt::AsBytes(key), crdt::AsBytes(value)).has_value());
}

TEST(Format, TheBytesOfRecordsStayWhatTheyAre) {
  const RecordKey key = EncodeRecordKey(RoomId{0x01020304}, 0x105);
  EXPECT_EQ(Bytes(key.begin(), key.end()), (Bytes{1, 2, 3, 4, 2, 1, 5}));
  const Bytes value = Write(key, {.link = {9}, .time_ms = 0x0102, .origin = OriginId{7}}, {0xaa});
  const Bytes covered = {9, 0, 0, 0, 0, 0, 0, 0, 0x21, 2, 4, 7, 0xaa};
  EXPECT_EQ(Bytes(value.begin() + 8, value.end()), covered);
  const Checksum checksum = {0x2b, 0x58, 0x14, 0x85, 0xde, 0xe9, 0x2e, 0x6f,
                             0x30, 0x51, 0xa8, 0xbe, 0xfb, 0x15, 0x88, 0xef};
  EXPECT_EQ(ProveRecord(key, value), checksum);
  EXPECT_EQ(Bytes(value.begin(), value.begin() + 8), Bytes(checksum.begin(), checksum.begin() + 8));
  EXPECT_EQ(LinkTo(checksum), (Link{0x30, 0x51, 0xa8, 0xbe, 0xfb, 0x15, 0x88, 0xef}));
  EXPECT_EQ(EncodeFormat(1), std::string("weft log\0\0\0\1", 12));
  EXPECT_EQ(DecodeFormat(crdt::AsBytes(EncodeFormat(7))), 7u);
}

}  // namespace
}  // namespace weft::store
