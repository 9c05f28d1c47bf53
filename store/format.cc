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
constexpr char kNameTag = 'n';
constexpr std::size_t kNameKeyBytes = 500;
constexpr std::size_t kNameRestBytes = kMaxRoomNameBytes - kNameKeyBytes;
constexpr std::size_t kRoomRowHeaderBytes = 56;

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

Checksum ChecksumOf(const RecordKey& key, ByteView covered) {
  const std::uint64_t seed = XXH3_64bits(key.data(), key.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSeed(covered.data(), covered.size(), seed));
  return GetArray<16>(canonical.digest);
}

std::uint64_t RowCheck(RoomId room, ByteView covered) {
  return XXH3_64bits_withSeed(covered.data(), covered.size(), std::to_underlying(room));
}

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

std::string EncodeNameValue(const NameEntry& entry, RoomId room) {
  std::string value = entry.rest;
  AppendBig(value, std::to_underlying(room));
  return value;
}

std::optional<NamedRoom> DecodeNameEntry(ByteView key, ByteView value) {
  if (key.empty() || key[0] != kNameTag) return {};
  if (value.size() != kNameRestBytes + 1 + sizeof(RoomKey)) return {};
  const std::size_t rest_size = value[kNameRestBytes];
  if (rest_size > kNameRestBytes) return {};
  NamedRoom named;
  named.name.append(crdt::AsText(key.subspan(1)));
  named.name.append(crdt::AsText(value.first(rest_size)));
  named.room = RoomId{GetBig<std::uint32_t>(value.data() + kNameRestBytes + 1)};
  return named;
}

std::string EncodeRoomRow(RoomId room, const RoomRow& row) {
  std::string value(sizeof(std::uint64_t), '\0');
  AppendBig(value, row.head);
  AppendBig(value, row.records);
  AppendBig(value, row.payload_bytes);
  AppendBig(value, static_cast<std::uint64_t>(row.created_ms));
  value.append(reinterpret_cast<const char*>(row.head_checksum.data()), row.head_checksum.size());
  value.append(row.name);
  const ByteView covered = crdt::AsBytes(value).subspan(sizeof(std::uint64_t));
  PutBig(reinterpret_cast<std::uint8_t*>(value.data()), RowCheck(room, covered));
  return value;
}

std::optional<RoomRow> DecodeRoomRow(RoomId room, ByteView value) {
  if (value.size() < kRoomRowHeaderBytes) return {};
  const std::uint8_t* in = value.data();
  if (GetBig<std::uint64_t>(in) != RowCheck(room, value.subspan(8))) return {};
  return RoomRow{.head = GetBig<std::uint64_t>(in + 8),
                 .records = GetBig<std::uint64_t>(in + 16),
                 .payload_bytes = GetBig<std::uint64_t>(in + 24),
                 .created_ms = static_cast<std::int64_t>(GetBig<std::uint64_t>(in + 32)),
                 .head_checksum = GetArray<16>(in + 40),
                 .name = std::string(crdt::AsText(value.subspan(kRoomRowHeaderBytes)))};
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

}  // namespace weft::store
