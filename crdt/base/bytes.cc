#include "crdt/base/bytes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace weft::crdt {

absl::Status ByteReader::status() const {
  if (error_ == nullptr) return absl::OkStatus();
  std::string reason = error_;
  if (error_code_ == absl::StatusCode::kResourceExhausted) {
    reason = absl::StrCat("more than the limit ", error_, " of ", exceeded_, " allows");
  }
  return absl::Status(error_code_, absl::StrCat(reason, ", at byte ", error_offset_, " of ",
                                                static_cast<std::size_t>(end_ - begin_)));
}

void ByteReader::Stop(const char* reason, absl::StatusCode code) {
  if (error_ != nullptr) return;
  error_ = reason;
  error_code_ = code;
  error_offset_ = offset();
  next_ = end_;
}

std::uint64_t ByteReader::ReadLongVarUint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; next_ != end_; shift += 7) {
    const std::uint8_t byte = *next_;
    const std::uint64_t bits = byte & 0x7f;
    if (shift > 49 || (shift == 49 && bits > 0x0f)) {
      Fail("an integer above 2^53 - 1");
      return 0;
    }
    value |= bits << shift;
    ++next_;
    if (byte < 0x80) return value;
  }
  Fail("the input ends in the middle of an integer");
  return 0;
}

ByteReader::SignedInteger ByteReader::ReadLongVarInt() {
  const std::uint8_t first = ReadByte();
  SignedInteger value{.magnitude = first & 0x3fu, .negative = (first & 0x40) != 0};
  if (first < 0x80) return value;
  for (unsigned shift = 6; next_ != end_; shift += 7) {
    const std::uint8_t byte = *next_;
    const std::uint64_t bits = byte & 0x7f;
    if (shift > 48 || (shift == 48 && bits > 0x1f)) {
      Fail("an integer above 2^53 - 1");
      return {};
    }
    value.magnitude |= bits << shift;
    ++next_;
    if (byte < 0x80) return value;
  }
  Fail("the input ends in the middle of an integer");
  return {};
}

ByteView ByteReader::ReadBytes(std::uint64_t size) {
  if (size > remaining()) {
    Fail("a length that reaches past the end of the input");
    return {};
  }
  const ByteView bytes(next_, static_cast<std::size_t>(size));
  next_ += size;
  return bytes;
}

std::uint32_t ByteReader::ReadBigEndian32() {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : ReadBytes(4)) value = value << 8 | byte;
  return value;
}

std::uint64_t ByteReader::ReadBigEndian64() {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : ReadBytes(8)) value = value << 8 | byte;
  return value;
}

void ByteWriter::Grow(std::size_t count) {
  constexpr std::size_t kLeast = 32;
  bytes_.resize(std::max({kLeast, bytes_.size() * 2, size_ + count}));
}

void ByteWriter::WriteBigEndian32(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) WriteByte(static_cast<std::uint8_t>(value >> shift));
}

void ByteWriter::WriteBigEndian64(std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) WriteByte(static_cast<std::uint8_t>(value >> shift));
}

}  // namespace weft::crdt
