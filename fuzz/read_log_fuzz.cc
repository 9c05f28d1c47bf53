// Keys and values of the log that decode are those that are written for what they say; all others are nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/check.h"
#include "fuzz/input.h"
#include "store/format.h"

namespace {

using namespace weft::store;

bool Same(ByteView bytes, std::string_view text) {
  return std::ranges::equal(bytes, weft::crdt::AsBytes(text));
}

void CheckDecoders(ByteView key, ByteView value) {
  if (const auto version = DecodeFormat(value)) CHECK(Same(value, EncodeFormat(*version)));
  if (const auto seal = DecodeSeal(value)) CHECK(Same(value, EncodeSeal(*seal)));
  if (const auto entry = DecodeJournalKey(key)) {
    CHECK(std::ranges::equal(EncodeJournalKey(*entry), key));
  }
  if (const auto entry = DecodeJournalEntry(value)) {
    const RecordKey place = EncodeRecordKey(entry->place.room, entry->place.sequence);
    CHECK(std::ranges::equal(place, value.first(place.size())));
    CHECK(place.size() + entry->record.size() == value.size());
  }
  if (const auto named = DecodeNameEntry(key, value)) {
    CHECK(named->name.size() <= kMaxRoomNameBytes);
    const NameEntry entry = EncodeName(named->name);
    CHECK(Same(key, entry.key));
    const std::string written = EncodeNameValue(entry, named->room, named->generation);
    CHECK(Same(value, written));
  }
  if (const auto room = DecodeRoomKey(key)) {
    CHECK(std::ranges::equal(EncodeRoomKey(*room), key));
    if (const auto row = DecodeRoomRow(*room, value))
      CHECK(Same(value, EncodeRoomRow(*room, *row)));
  }
  if (const auto version = DecodeVersion(key, value)) {
    CHECK(Same(key, EncodeVersionKey(version->room, version->version.name)));
    CHECK(Same(value, EncodeVersion(weft::crdt::AsText(key), version->version)));
  }
  if (const auto place = DecodeRecordKey(key)) {
    const RecordKey record_key = EncodeRecordKey(place->room, place->sequence);
    CHECK(std::ranges::equal(record_key, key));
    if (const auto record = DecodeRecord(value); record && ProveRecord(record_key, value)) {
      std::vector<std::uint8_t> again(RecordBytes(record->fields, record->payload.size()));
      WriteRecord(record_key, record->fields, record->payload, again.data());
      CHECK(std::ranges::equal(again, value));
    }
    if (const auto snapshot = DecodeSnapshot(record_key, value)) {
      std::vector<std::uint8_t> again(kSnapshotHeaderBytes + snapshot->payload.size());
      WriteSnapshot(record_key, snapshot->fields, snapshot->payload, again.data());
      CHECK(std::ranges::equal(again, value));
    }
    if (const auto quarantined = DecodeQuarantined(record_key, value)) {
      CHECK(Same(value, EncodeQuarantined(record_key, *quarantined)));
    }
  }
}

// What is written is read back. The fields come from the input.
void CheckWriters(weft::fuzz::Script script) {
  const RoomId room{static_cast<std::uint32_t>(script.Below(1 << 16))};
  const Sequence sequence = script.Below(1 << 16);
  const RecordKey key = EncodeRecordKey(room, sequence);
  RoomRow row{.deleted = (script.Byte() & 1) != 0,
              .generation = Generation{script.Below(1 << 16)},
              .head = script.Below(1 << 16),
              .records = script.Below(1 << 16),
              .quarantined = script.Byte(),
              .policy = {.quota_bytes = script.Below(1 << 16), .retention_ms = script.Byte()}};
  row.name = std::string(script.Text());
  CHECK(DecodeRoomRow(room, weft::crdt::AsBytes(EncodeRoomRow(room, row))) == row);
  const NameEntry entry = EncodeName(row.name);
  const std::string value = EncodeNameValue(entry, room, row.generation);
  const auto named = DecodeNameEntry(weft::crdt::AsBytes(entry.key), weft::crdt::AsBytes(value));
  CHECK(named && named->name == row.name && named->room == room);

  const ByteView payload = script.String();
  const RecordFields fields{
      .link = {}, .time_ms = script.Byte(), .origin = OriginId{script.Byte()}};
  std::vector<std::uint8_t> record(RecordBytes(fields, payload.size()));
  WriteRecord(key, fields, payload, record.data());
  CHECK(ProveRecord(key, record));
  CHECK(std::ranges::equal(DecodeRecord(record)->payload, payload));
  // No single byte may change unnoticed.
  record[script.Below(record.size())] ^= static_cast<std::uint8_t>(script.Byte() | 1);
  CHECK(!ProveRecord(key, record));
}

}  // namespace

// A pack of keys, each with its value behind it; then a script.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  for (std::size_t i = 0; i + 1 < pack.parts.size(); i += 2) {
    CheckDecoders(pack.parts[i], pack.parts[i + 1]);
  }
  if (pack.parts.size() % 2 == 1) CheckWriters(weft::fuzz::Script(pack.parts.back()));
  return 0;
}
