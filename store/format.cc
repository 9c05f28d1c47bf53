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
constexpr std::uint8_t kDeletedFlag = 1;
constexpr std::uint8_t kHeadChecksumFlag = 2;
constexpr std::uint8_t kBaseChecksumFlag = 4;
// Behind the check: flags and generation.
constexpr std::size_t kRoomRowFixedBytes = 17;
constexpr std::size_t kProofBytes = 8;
constexpr std::size_t kSizesOffset = 16;  // in a record

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

// Signed integers of either sign that are small numbers when they are near 0.
std::uint64_t ZigZag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

// Bytes of a number without zeros in front; 0 has none.
std::size_t BytesOf(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value)) + 7) / 8;
}

std::uint8_t* PutShort(std::uint8_t* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i, value >>= 8)
    out[i - 1] = static_cast<std::uint8_t>(value);
  return out + bytes;
}

// Nothing when it has a zero in front. Requires: at most 8 bytes.
std::optional<std::uint64_t> GetShort(ByteView bytes) {
  if (!bytes.empty() && bytes[0] == 0) return {};
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

constexpr std::size_t kMaxVarintBytes = 10;

std::uint8_t* PutVarint(std::uint8_t* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::uint8_t>(value | 0x80);
  *out++ = static_cast<std::uint8_t>(value);
  return out;
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

// Takes big-endian fields off the front. Requires: they are there, but for those that say otherwise.
class Fields {
 public:
  explicit Fields(ByteView bytes) : next_(bytes.data()), end_(next_ + bytes.size()) {}
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

  // 0, and ok() is over, when none is there.
  std::uint64_t TakeVarint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && next_ != end_; shift += 7) {
      const std::uint8_t byte = *next_++;
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) {
        if (byte == 0 && shift > 0) break;
        return value;
      }
    }
    ok_ = false;
    return 0;
  }
  std::int64_t TakeSignedVarint() { return UnZigZag(TakeVarint()); }
  // Zeros, and ok() is over, when the rest is too short.
  Checksum TakeChecksumIfThere() {
    ok_ = ok_ && end_ - next_ >= 16;
    return ok_ ? TakeChecksum() : Checksum{};
  }
  bool ok() const { return ok_; }
  ByteView rest() const { return {next_, end_}; }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
  bool ok_ = true;
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

std::string EncodeSeal(const Seal& seal) {
  std::string value(kSealMagic);
  AppendBig(value, seal.transaction);
  if (seal.journal) {
    AppendBig(value, seal.journal->begin);
    AppendBig(value, seal.journal->end);
  }
  AppendBig(value, CheckOf(crdt::AsBytes(kSealKey), crdt::AsBytes(value)));
  return value;
}

std::optional<Seal> DecodeSeal(ByteView value) {
  constexpr std::size_t kShort = kSealMagic.size() + 8;
  constexpr std::size_t kLong = kShort + 16;
  const std::size_t covered = value.size() == kShort + 8 ? kShort : kLong;
  if (value.size() != covered + 8 || !crdt::AsText(value).starts_with(kSealMagic)) return {};
  if (GetBig<std::uint64_t>(value.data() + covered) !=
      CheckOf(crdt::AsBytes(kSealKey), value.first(covered))) {
    return {};
  }
  Fields fields(value.subspan(kSealMagic.size()));
  Seal seal;
  seal.transaction = fields.Take();
  if (covered == kShort) return seal;
  seal.journal.emplace();
  seal.journal->begin = fields.Take();
  seal.journal->end = fields.Take();
  if (seal.journal->begin > seal.journal->end) return {};
  return seal;
}

JournalKey EncodeJournalKey(std::uint64_t entry) {
  JournalKey key;
  PutBig(key.data(), entry);
  return key;
}

std::optional<std::uint64_t> DecodeJournalKey(ByteView key) {
  if (key.size() != sizeof(JournalKey)) return {};
  return GetBig<std::uint64_t>(key.data());
}

std::optional<JournalEntry> DecodeJournalEntry(ByteView value) {
  constexpr std::size_t kFixedBytes = sizeof(RoomKey) + 1;
  if (value.size() < kFixedBytes) return {};
  const std::size_t place_bytes = kFixedBytes + value[sizeof(RoomKey)];
  if (place_bytes > value.size()) return {};
  const auto place = DecodeRecordKey(value.first(place_bytes));
  if (!place) return {};
  return JournalEntry{.place = *place, .record = value.subspan(place_bytes)};
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

RecordKey::RecordKey(RoomId room, Sequence sequence) {
  const std::size_t bytes = BytesOf(sequence);
  std::uint8_t* next = PutBig(bytes_.data(), std::to_underlying(room));
  *next++ = static_cast<std::uint8_t>(bytes);
  PutShort(next, sequence, bytes);
  size_ = static_cast<std::uint8_t>(sizeof(RoomKey) + 1 + bytes);
}

RecordKey EncodeRecordKey(RoomId room, Sequence sequence) { return {room, sequence}; }

std::optional<RecordPlace> DecodeRecordKey(ByteView key) {
  constexpr std::size_t kFixedBytes = sizeof(RoomKey) + 1;
  if (key.size() < kFixedBytes || key.size() > RecordKey::kMaxBytes) return {};
  if (key[sizeof(RoomKey)] != key.size() - kFixedBytes) return {};
  const auto sequence = GetShort(key.subspan(kFixedBytes));
  if (!sequence) return {};
  return RecordPlace{.room = RoomId{GetBig<std::uint32_t>(key.data())}, .sequence = *sequence};
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
  if (key.empty() || key.size() > 1 + kNameKeyBytes || key[0] != kNameTag) return {};
  constexpr std::size_t kRoomOffset = kNameRestBytes + 1;
  if (value.size() != kRoomOffset + sizeof(RoomKey) + sizeof(Generation)) return {};
  const std::size_t rest_size = value[kNameRestBytes];
  if (rest_size > kNameRestBytes) return {};
  if (rest_size > 0 && key.size() != 1 + kNameKeyBytes) return {};
  const ByteView padding = value.subspan(rest_size, kNameRestBytes - rest_size);
  if (std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; })) return {};
  NamedRoom named;
  named.name.append(crdt::AsText(key.subspan(1)));
  named.name.append(crdt::AsText(value.first(rest_size)));
  named.room = RoomId{GetBig<std::uint32_t>(value.data() + kRoomOffset)};
  named.generation =
      Generation{GetBig<std::uint64_t>(value.data() + kRoomOffset + sizeof(RoomKey))};
  return named;
}

std::string EncodeRoomRow(RoomId room, const RoomRow& row) {
  constexpr std::size_t kCheckBytes = sizeof(std::uint64_t);
  constexpr std::size_t kNumbers = 13;
  std::array<std::uint8_t, kRoomRowFixedBytes + kNumbers * kMaxVarintBytes + 2 * sizeof(Checksum)>
      bytes;
  const bool has_head = row.head_checksum != Checksum{};
  const bool has_base = row.base_checksum != Checksum{};
  std::uint8_t* next = bytes.data() + kCheckBytes;
  *next++ = static_cast<std::uint8_t>((row.deleted ? kDeletedFlag : 0) |
                                      (has_head ? kHeadChecksumFlag : 0) |
                                      (has_base ? kBaseChecksumFlag : 0));
  next = PutBig(next, std::to_underlying(row.generation));
  const std::array<std::uint64_t, kNumbers> numbers = {row.head,
                                                       row.first,
                                                       row.records,
                                                       row.payload_bytes,
                                                       row.appended_bytes,
                                                       row.snapshot,
                                                       row.snapshot_bytes,
                                                       row.tail_bytes,
                                                       row.quarantined,
                                                       ZigZag(row.created_ms),
                                                       ZigZag(row.last_ms),
                                                       row.policy.quota_bytes,
                                                       ZigZag(row.policy.retention_ms)};
  for (const std::uint64_t number : numbers) next = PutVarint(next, number);
  if (has_head) next = std::ranges::copy(row.head_checksum, next).out;
  if (has_base) next = std::ranges::copy(row.base_checksum, next).out;
  const ByteView front(bytes.data(), next);
  std::string value;
  value.reserve(front.size() + row.name.size());
  value.append(crdt::AsText(front));
  value.append(row.name);
  const ByteView covered = crdt::AsBytes(value).subspan(kCheckBytes);
  PutBig(reinterpret_cast<std::uint8_t*>(value.data()), CheckOf(EncodeRoomKey(room), covered));
  return value;
}

std::optional<RoomRow> DecodeRoomRow(RoomId room, ByteView value) {
  if (value.size() < kRoomRowFixedBytes || !HasCheck(EncodeRoomKey(room), value)) return {};
  Fields fields(value.subspan(8));
  RoomRow row;
  const auto flags = fields.Take<std::uint8_t>();
  if ((flags & ~(kDeletedFlag | kHeadChecksumFlag | kBaseChecksumFlag)) != 0) return {};
  row.deleted = (flags & kDeletedFlag) != 0;
  row.generation = Generation{fields.Take()};
  row.head = fields.TakeVarint();
  row.first = fields.TakeVarint();
  row.records = fields.TakeVarint();
  row.payload_bytes = fields.TakeVarint();
  row.appended_bytes = fields.TakeVarint();
  row.snapshot = fields.TakeVarint();
  row.snapshot_bytes = fields.TakeVarint();
  row.tail_bytes = fields.TakeVarint();
  row.quarantined = fields.TakeVarint();
  row.created_ms = fields.TakeSignedVarint();
  row.last_ms = fields.TakeSignedVarint();
  row.policy.quota_bytes = fields.TakeVarint();
  row.policy.retention_ms = fields.TakeSignedVarint();
  if ((flags & kHeadChecksumFlag) != 0) row.head_checksum = fields.TakeChecksumIfThere();
  if ((flags & kBaseChecksumFlag) != 0) row.base_checksum = fields.TakeChecksumIfThere();
  if (!fields.ok()) return {};
  row.name = crdt::AsText(fields.rest());
  return row;
}

Link LinkTo(const Checksum& previous) { return GetArray<8>(previous.data() + kProofBytes); }

std::size_t RecordBytes(const RecordFields& fields, std::size_t payload_bytes) {
  return kMinRecordHeaderBytes + BytesOf(ZigZag(fields.time_ms)) +
         BytesOf(std::to_underlying(fields.origin)) + payload_bytes;
}

Checksum WriteRecord(const RecordKey& key, const RecordFields& fields, ByteView payload,
                     std::uint8_t* out) {
  const std::uint64_t time = ZigZag(fields.time_ms);
  const std::uint64_t origin = std::to_underlying(fields.origin);
  const std::size_t time_bytes = BytesOf(time);
  const std::size_t origin_bytes = BytesOf(origin);
  std::uint8_t* covered = out + kProofBytes;
  std::uint8_t* next = std::copy(fields.link.begin(), fields.link.end(), covered);
  *next++ = static_cast<std::uint8_t>(time_bytes << 4 | origin_bytes);
  next = PutShort(next, time, time_bytes);
  next = PutShort(next, origin, origin_bytes);
  next = std::copy(payload.begin(), payload.end(), next);
  const Checksum checksum = ChecksumOf(key, ByteView(covered, next));
  std::copy_n(checksum.begin(), kProofBytes, out);
  return checksum;
}

std::optional<StoredRecord> DecodeRecord(ByteView value) {
  if (value.size() < kMinRecordHeaderBytes) return {};
  const std::size_t time_bytes = value[kSizesOffset] >> 4;
  const std::size_t origin_bytes = value[kSizesOffset] & 0xf;
  const ByteView rest = value.subspan(kMinRecordHeaderBytes);
  if (time_bytes > 8 || origin_bytes > 8 || rest.size() < time_bytes + origin_bytes) return {};
  const auto time = GetShort(rest.first(time_bytes));
  const auto origin = GetShort(rest.subspan(time_bytes, origin_bytes));
  if (!time || !origin) return {};
  return StoredRecord{.fields = {.link = GetArray<8>(value.data() + kProofBytes),
                                 .time_ms = UnZigZag(*time),
                                 .origin = OriginId{*origin}},
                      .payload = rest.subspan(time_bytes + origin_bytes)};
}

std::optional<Checksum> ProveRecord(const RecordKey& key, ByteView value) {
  if (!DecodeRecord(value)) return {};
  const Checksum checksum = ChecksumOf(key, value.subspan(kProofBytes));
  if (!std::equal(value.begin(), value.begin() + kProofBytes, checksum.begin())) return {};
  return checksum;
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
