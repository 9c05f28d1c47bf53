#include "store/format.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <utility>

namespace weft::store {

namespace {

constexpr std::string_view kMagic = "weft log";
constexpr std::string_view kSealMagic = "weft seal";
constexpr char kNameTag = 'n';
constexpr std::size_t kNameKeyBytes = 500;
constexpr std::size_t kNameRestBytes = kMaxRoomNameBytes - kNameKeyBytes;
constexpr std::size_t kRoomRowHeaderBytes = 156;
constexpr std::size_t kRoomRowV1HeaderBytes = 56;
constexpr std::uint32_t kDeletedFlag = 1;

template <std::unsigned_integral Integer>
constexpr Integer BigEndian(Integer value) {
  return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

template <std::unsigned_integral Integer>
std::uint8_t* PutBig(std::uint8_t* out, Integer value) {
  const Integer big = BigEndian(value);
  std::memcpy(out, &big, sizeof(big));
  return out + sizeof(big);
}

template <std::unsigned_integral Integer>
Integer GetBig(const std::uint8_t* in) {
  Integer big;
  std::memcpy(&big, in, sizeof(big));
  return BigEndian(big);
}

template <std::unsigned_integral Integer>
void AppendBig(std::string& out, Integer value) {
  const Integer big = BigEndian(value);
  out.append(reinterpret_cast<const char*>(&big), sizeof(big));
}

template <std::size_t kSize>
std::array<std::uint8_t, kSize> GetArray(const std::uint8_t* in) {
  std::array<std::uint8_t, kSize> bytes;
  std::memcpy(bytes.data(), in, kSize);
  return bytes;
}

Checksum ToChecksum(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return GetArray<16>(canonical.digest);
}

Checksum ChecksumOf(const RecordKey& key, ByteView covered) {
  const std::uint64_t seed = XXH3_64bits(key.data(), key.size());
  return ToChecksum(XXH3_128bits_withSeed(covered.data(), covered.size(), seed));
}

Checksum SnapshotChecksum(const RecordKey& key, ByteView covered) {
  const std::uint64_t seed = ~XXH3_64bits(key.data(), key.size());
  return ToChecksum(XXH3_128bits_withSeed(covered.data(), covered.size(), seed));
}

std::uint64_t CheckOf(ByteView key, ByteView covered) {
  return XXH3_64bits_withSeed(covered.data(), covered.size(), XXH3_64bits(key.data(), key.size()));
}

// Puts the check in front of `covered`.
std::string WithCheck(ByteView key, std::string_view covered) {
  std::string value;
  AppendBig(value, CheckOf(key, crdt::AsBytes(covered)));
  value.append(covered);
  return value;
}

bool HasCheck(ByteView key, ByteView value) {
  return value.size() >= 8 && GetBig<std::uint64_t>(value.data()) == CheckOf(key, value.subspan(8));
}

// Takes big-endian fields off the front. Requires: they are there.
class Fields {
 public:
  explicit Fields(ByteView bytes) : next_(bytes.data()) {}
  template <std::unsigned_integral Integer = std::uint64_t>
  Integer Take() {
    const auto value = GetBig<Integer>(next_);
    next_ += sizeof(Integer);
    return value;
  }
  std::int64_t TakeTime() { return static_cast<std::int64_t>(Take()); }
  Checksum TakeChecksum() {
    const auto checksum = GetArray<16>(next_);
    next_ += checksum.size();
    return checksum;
  }

 private:
  const std::uint8_t* next_;
};

}  // namespace

std::string EncodeFormat(std::uint32_t version) {
  std::string value(kMagic);
  AppendBig(value, version);
  return value;
}

std::optional<std::uint32_t> DecodeFormat(ByteView value) {
  if (value.size() != kMagic.size() + 4 || !crdt::AsText(value).starts_with(kMagic)) return {};
  return GetBig<std::uint32_t>(value.data() + kMagic.size());
}

std::string EncodeSeal(std::uint64_t transaction) {
  std::string value(kSealMagic);
  AppendBig(value, transaction);
  AppendBig(value, CheckOf(crdt::AsBytes(kSealKey), crdt::AsBytes(value)));
  return value;
}

std::optional<std::uint64_t> DecodeSeal(ByteView value) {
  const std::size_t covered = kSealMagic.size() + 8;
  if (value.size() != covered + 8 || !crdt::AsText(value).starts_with(kSealMagic)) return {};
  if (GetBig<std::uint64_t>(value.data() + covered) !=
      CheckOf(crdt::AsBytes(kSealKey), value.first(covered))) {
    return {};
  }
  return GetBig<std::uint64_t>(value.data() + kSealMagic.size());
}

RoomKey EncodeRoomKey(RoomId room) {
  RoomKey key;
  PutBig(key.data(), std::to_underlying(room));
  return key;
}

std::optional<RoomId> DecodeRoomKey(ByteView key) {
  if (key.size() != sizeof(RoomKey)) return {};
  return RoomId{GetBig<std::uint32_t>(key.data())};
}

RecordKey EncodeRecordKey(RoomId room, Sequence sequence) {
  RecordKey key;
  PutBig(PutBig(key.data(), std::to_underlying(room)), sequence);
  return key;
}

std::optional<RecordPlace> DecodeRecordKey(ByteView key) {
  if (key.size() != sizeof(RecordKey)) return {};
  return RecordPlace{.room = RoomId{GetBig<std::uint32_t>(key.data())},
                     .sequence = GetBig<std::uint64_t>(key.data() + 4)};
}

NameEntry EncodeName(std::string_view name) {
  const std::string_view head = name.substr(0, kNameKeyBytes);
  const std::string_view rest = name.substr(head.size());
  NameEntry entry;
  entry.key.push_back(kNameTag);
  entry.key.append(head);
  entry.rest.append(rest);
  entry.rest.resize(kNameRestBytes, '\0');
  entry.rest.push_back(static_cast<char>(rest.size()));
  return entry;
}

std::string EncodeNameValue(const NameEntry& entry, RoomId room, Generation generation) {
  std::string value = entry.rest;
  AppendBig(value, std::to_underlying(room));
  AppendBig(value, std::to_underlying(generation));
  return value;
}

std::optional<NamedRoom> DecodeNameEntry(ByteView key, ByteView value) {
  if (key.empty() || key[0] != kNameTag) return {};
  constexpr std::size_t kSizeV1 = kNameRestBytes + 1 + sizeof(RoomKey);
  if (value.size() != kSizeV1 && value.size() != kSizeV1 + sizeof(Generation)) return {};
  const std::size_t rest_size = value[kNameRestBytes];
  if (rest_size > kNameRestBytes) return {};
  if (rest_size > 0 && key.size() != 1 + kNameKeyBytes) return {};
  const ByteView padding = value.subspan(rest_size, kNameRestBytes - rest_size);
  if (std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; })) return {};
  NamedRoom named;
  named.name.append(crdt::AsText(key.subspan(1)));
  named.name.append(crdt::AsText(value.first(rest_size)));
  named.room = RoomId{GetBig<std::uint32_t>(value.data() + kNameRestBytes + 1)};
  if (value.size() > kSizeV1) {
    named.generation = Generation{GetBig<std::uint64_t>(value.data() + kSizeV1)};
  }
  return named;
}

std::size_t RoomRowBytes(const RoomRow& row) { return kRoomRowHeaderBytes + row.name.size(); }

void WriteRoomRow(RoomId room, const RoomRow& row, std::uint8_t* out) {
  std::uint8_t* next = out + sizeof(std::uint64_t);
  next = PutBig(next, row.deleted ? kDeletedFlag : 0);
  next = PutBig(next, std::to_underlying(row.generation));
  for (const std::uint64_t number :
       {row.head, row.first, row.records, row.payload_bytes, row.appended_bytes, row.snapshot,
        row.snapshot_bytes, row.tail_bytes, row.quarantined,
        static_cast<std::uint64_t>(row.created_ms), static_cast<std::uint64_t>(row.last_ms),
        row.policy.quota_bytes, static_cast<std::uint64_t>(row.policy.retention_ms)}) {
    next = PutBig(next, number);
  }
  next = std::ranges::copy(row.head_checksum, next).out;
  next = std::ranges::copy(row.base_checksum, next).out;
  next = std::ranges::copy(crdt::AsBytes(row.name), next).out;
  PutBig(out, CheckOf(EncodeRoomKey(room), ByteView(out + sizeof(std::uint64_t), next)));
}

std::string EncodeRoomRow(RoomId room, const RoomRow& row) {
  std::string value(RoomRowBytes(row), '\0');
  WriteRoomRow(room, row, reinterpret_cast<std::uint8_t*>(value.data()));
  return value;
}

std::optional<RoomRow> DecodeRoomRow(RoomId room, ByteView value) {
  if (value.size() < kRoomRowHeaderBytes || !HasCheck(EncodeRoomKey(room), value)) return {};
  Fields fields(value.subspan(8));
  RoomRow row;
  row.deleted = fields.Take<std::uint32_t>() == kDeletedFlag;
  row.generation = Generation{fields.Take()};
  row.head = fields.Take();
  row.first = fields.Take();
  row.records = fields.Take();
  row.payload_bytes = fields.Take();
  row.appended_bytes = fields.Take();
  row.snapshot = fields.Take();
  row.snapshot_bytes = fields.Take();
  row.tail_bytes = fields.Take();
  row.quarantined = fields.Take();
  row.created_ms = fields.TakeTime();
  row.last_ms = fields.TakeTime();
  row.policy.quota_bytes = fields.Take();
  row.policy.retention_ms = fields.TakeTime();
  row.head_checksum = fields.TakeChecksum();
  row.base_checksum = fields.TakeChecksum();
  row.name = crdt::AsText(value.subspan(kRoomRowHeaderBytes));
  return row;
}

std::optional<RoomRow> DecodeRoomRowV1(RoomId room, ByteView value) {
  if (value.size() < kRoomRowV1HeaderBytes) return {};
  const ByteView covered = value.subspan(8);
  const std::uint64_t check =
      XXH3_64bits_withSeed(covered.data(), covered.size(), std::to_underlying(room));
  if (GetBig<std::uint64_t>(value.data()) != check) return {};
  Fields fields(covered);
  RoomRow row;
  row.head = fields.Take();
  row.records = fields.Take();
  row.payload_bytes = row.appended_bytes = row.tail_bytes = fields.Take();
  row.created_ms = row.last_ms = fields.TakeTime();
  row.head_checksum = fields.TakeChecksum();
  row.name = crdt::AsText(value.subspan(kRoomRowV1HeaderBytes));
  return row;
}

Link LinkTo(const Checksum& previous) { return GetArray<8>(previous.data()); }

Checksum WriteRecord(const RecordKey& key, const RecordFields& fields, ByteView payload,
                     std::uint8_t* out) {
  std::uint8_t* covered = out + sizeof(Checksum);
  std::uint8_t* next = std::copy(fields.link.begin(), fields.link.end(), covered);
  next = PutBig(next, static_cast<std::uint64_t>(fields.time_ms));
  next = PutBig(next, std::to_underlying(fields.origin));
  next = std::copy(payload.begin(), payload.end(), next);
  const Checksum checksum = ChecksumOf(key, ByteView(covered, next));
  std::copy(checksum.begin(), checksum.end(), out);
  return checksum;
}

std::optional<StoredRecord> DecodeRecord(ByteView value) {
  if (value.size() < kRecordHeaderBytes) return {};
  const std::uint8_t* in = value.data();
  return StoredRecord{
      .checksum = GetArray<16>(in),
      .fields = {.link = GetArray<8>(in + 16),
                 .time_ms = static_cast<std::int64_t>(GetBig<std::uint64_t>(in + 24)),
                 .origin = OriginId{GetBig<std::uint64_t>(in + 32)}},
      .payload = value.subspan(kRecordHeaderBytes)};
}

bool IsIntact(const RecordKey& key, ByteView value) {
  return GetArray<16>(value.data()) == ChecksumOf(key, value.subspan(sizeof(Checksum)));
}

void WriteSnapshot(const RecordKey& key, const SnapshotFields& fields, ByteView payload,
                   std::uint8_t* out) {
  std::uint8_t* covered = out + sizeof(Checksum);
  std::uint8_t* next = std::copy(fields.tie.begin(), fields.tie.end(), covered);
  next = PutBig(next, static_cast<std::uint64_t>(fields.time_ms));
  next = PutBig(next, std::to_underlying(fields.generation));
  next = std::copy(payload.begin(), payload.end(), next);
  const Checksum checksum = SnapshotChecksum(key, ByteView(covered, next));
  std::copy(checksum.begin(), checksum.end(), out);
}

std::optional<StoredSnapshot> DecodeSnapshot(const RecordKey& key, ByteView value) {
  if (value.size() < kSnapshotHeaderBytes) return {};
  Fields fields(value);
  if (fields.TakeChecksum() != SnapshotChecksum(key, value.subspan(sizeof(Checksum)))) return {};
  StoredSnapshot snapshot;
  snapshot.fields.tie = fields.TakeChecksum();
  snapshot.fields.time_ms = fields.TakeTime();
  snapshot.fields.generation = Generation{fields.Take()};
  snapshot.payload = value.subspan(kSnapshotHeaderBytes);
  return snapshot;
}

std::int64_t PeekSnapshotTime(ByteView value) {
  return static_cast<std::int64_t>(GetBig<std::uint64_t>(value.data() + 32));
}

std::string EncodeVersionKey(RoomId room, std::string_view name) {
  std::string key;
  AppendBig(key, std::to_underlying(room));
  key.append(name);
  return key;
}

std::string EncodeVersion(std::string_view key, const Version& version) {
  std::string covered;
  AppendBig(covered, version.sequence);
  AppendBig(covered, static_cast<std::uint64_t>(version.made_ms));
  covered.append(version.note);
  return WithCheck(crdt::AsBytes(key), covered);
}

std::optional<PlacedVersion> DecodeVersion(ByteView key, ByteView value) {
  if (key.size() <= sizeof(RoomKey) || value.size() < 24 || !HasCheck(key, value)) return {};
  Fields fields(value.subspan(8));
  PlacedVersion placed;
  placed.room = RoomId{GetBig<std::uint32_t>(key.data())};
  placed.version.name = crdt::AsText(key.subspan(sizeof(RoomKey)));
  placed.version.sequence = fields.Take();
  placed.version.made_ms = fields.TakeTime();
  placed.version.note = crdt::AsText(value.subspan(24));
  return placed;
}

std::string EncodeQuarantined(const RecordKey& key, const QuarantinedRecord& record) {
  std::string covered;
  covered.push_back(static_cast<char>(record.kind));
  AppendBig(covered, static_cast<std::uint64_t>(record.found_ms));
  covered.append(crdt::AsText(record.value));
  return WithCheck(key, covered);
}

std::optional<QuarantinedRecord> DecodeQuarantined(const RecordKey& key, ByteView value) {
  if (value.size() < 17 || !HasCheck(key, value)) return {};
  Fields fields(value.subspan(9));
  return QuarantinedRecord{.kind = static_cast<DamageKind>(value[8]),
                           .found_ms = fields.TakeTime(),
                           .value = value.subspan(17)};
}

}  // namespace weft::store
