#pragma once

// Byte strings, and the variable-length integers that everything on the wire is made of.
//
// Grammar (lib0 encoding):
//   varuint := (0x80 | 7 low bits)* 7 high bits        at most 2^53 - 1
//   varint  := first byte: 0x80 more, 0x40 sign, 6 low bits; then as varuint
//   string  := length:varuint  length bytes of UTF-8
//   buffer  := length:varuint  length bytes

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace weft::crdt {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// The largest integer of the format: what a JavaScript number holds exactly.
inline constexpr std::uint64_t kMaxSafeInteger = (std::uint64_t{1} << 53) - 1;

inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Reads from a view that may lie. The first error is remembered with its offset; after it every
// read answers zero or empty, so that decoders look like grammars and ask once. Never reads past
// the end, allocates nothing, and returns views into the input.
// Threads: one.
class ByteReader {
 public:
  explicit ByteReader(ByteView input)
      : begin_(input.data()), next_(input.data()), end_(input.data() + input.size()) {}

  bool ok() const { return error_ == nullptr; }
  // OK, or the reason and the offset of the first error: kInvalidArgument after Fail; after Exceed
  // kResourceExhausted, with the limit's name and number.
  absl::Status status() const;

  std::size_t offset() const { return static_cast<std::size_t>(next_ - begin_); }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }
  bool at_end() const { return next_ == end_; }

  // The bytes that are left, for who reads many small things at once; then MoveTo where that ended.
  // None after an error. Requires: a place in the bytes that are left.
  const std::uint8_t* here() const { return next_; }
  void MoveTo(const std::uint8_t* next) { next_ = next; }

  std::uint8_t ReadByte() {
    if (next_ == end_) [[unlikely]] {
      Fail("the input ends in the middle of a value");
      return 0;
    }
    return *next_++;
  }

  // The next byte, which stays; 0 at the end.
  std::uint8_t PeekByte() const { return next_ == end_ ? 0 : *next_; }

  // Fails: past the end, or above kMaxSafeInteger.
  std::uint64_t ReadVarUint() {
    if (end_ - next_ >= 3) [[likely]] {
      // The first three bytes, of which mostly one is all.
      const std::uint32_t first = next_[0];
      if (first < 0x80) {
        next_ += 1;
        return first;
      }
      const std::uint32_t second = next_[1];
      if (second < 0x80) {
        next_ += 2;
        return (first & 0x7f) | second << 7;
      }
      const std::uint32_t third = next_[2];
      if (third < 0x80) {
        next_ += 3;
        return (first & 0x7f) | (second & 0x7f) << 7 | third << 14;
      }
    }
    return ReadLongVarUint();
  }

  // The magnitude and the sign apart, because the format tells -0 from 0.
  struct SignedInteger {
    std::uint64_t magnitude = 0;
    bool negative = false;
  };
  SignedInteger ReadVarInt() {
    if (next_ != end_ && *next_ < 0x80) [[likely]] {
      const std::uint8_t only = *next_++;
      return {.magnitude = only & 0x3fu, .negative = (only & 0x40) != 0};
    }
    return ReadLongVarInt();
  }

  ByteView ReadBytes(std::uint64_t size);
  // A varuint length and that many bytes.
  ByteView ReadBuffer() { return ReadBytes(ReadVarUint()); }
  // As ReadBuffer; the bytes are not checked to be UTF-8 (crdt/base/utf.h does that).
  std::string_view ReadString() { return AsText(ReadBuffer()); }

  // Big-endian, as lib0 writes them.
  std::uint32_t ReadBigEndian32();
  std::uint64_t ReadBigEndian64();

  // Marks the input as malformed at the present offset. `reason` must be a literal; the first one
  // stays.
  void Fail(const char* reason) { Stop(reason, absl::StatusCode::kInvalidArgument); }
  // The same for input that passes a limit (crdt/limits.h), whose name must be a literal.
  void Exceed(const char* limit, std::uint64_t number) {
    if (error_ == nullptr) exceeded_ = number;
    Stop(limit, absl::StatusCode::kResourceExhausted);
  }

 private:
  void Stop(const char* reason, absl::StatusCode code);
  std::uint64_t ReadLongVarUint();
  SignedInteger ReadLongVarInt();

  const std::uint8_t* begin_;
  const std::uint8_t* next_;
  const std::uint8_t* end_;
  const char* error_ = nullptr;
  absl::StatusCode error_code_ = absl::StatusCode::kOk;
  std::size_t error_offset_ = 0;
  std::uint64_t exceeded_ = 0;  // the limit, of kResourceExhausted
};

// Builds a byte string. Threads: one.
class ByteWriter {
 public:
  std::size_t size() const { return size_; }
  // Held, for what was written and for more.
  std::size_t bytes() const { return bytes_.capacity(); }
  ByteView view() const { return {bytes_.data(), size_}; }
  Bytes Take() {
    bytes_.resize(size_);
    size_ = 0;
    return std::exchange(bytes_, Bytes());
  }
  // Memory is kept.
  void Clear() { size_ = 0; }
  void Reserve(std::size_t size) {
    if (size > bytes_.size()) bytes_.resize(size);
  }

  void WriteByte(std::uint8_t byte) {
    if (size_ == bytes_.size()) [[unlikely]]
      Grow(1);
    bytes_[size_++] = byte;
  }
  void WriteVarUint(std::uint64_t value) { Written(PutVarUint(Room(kMaxVarUint), value)); }
  void WriteVarInt(std::uint64_t magnitude, bool negative) {
    Written(PutVarInt(Room(kMaxVarUint), magnitude, negative));
  }
  void WriteBytes(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void WriteBuffer(ByteView bytes) {
    WriteVarUint(bytes.size());
    WriteBytes(bytes);
  }
  void WriteString(std::string_view text) { WriteBuffer(AsBytes(text)); }
  void WriteBigEndian32(std::uint32_t value);
  void WriteBigEndian64(std::uint64_t value);

  // Where `count` bytes may be written next, for who writes many small things at once. What was
  // written there counts once `Written` is told its end.
  std::uint8_t* Room(std::size_t count) {
    if (bytes_.size() - size_ < count) [[unlikely]]
      Grow(count);
    return bytes_.data() + size_;
  }
  void Written(const std::uint8_t* end) { size_ = static_cast<std::size_t>(end - bytes_.data()); }
  // The bytes that a varuint takes at most.
  static constexpr std::size_t kMaxVarUint = 10;
  // Writes `value` to `next` and returns what is behind it. Requires: room for kMaxVarUint.
  static std::uint8_t* PutVarUint(std::uint8_t* next, std::uint64_t value) {
    while (value >= 0x80) {
      *next++ = static_cast<std::uint8_t>(value | 0x80);
      value >>= 7;
    }
    *next++ = static_cast<std::uint8_t>(value);
    return next;
  }
  // The same for a varint.
  static std::uint8_t* PutVarInt(std::uint8_t* next, std::uint64_t magnitude, bool negative) {
    const auto first = static_cast<std::uint8_t>((negative ? 0x40u : 0u) | (magnitude & 0x3f));
    if (magnitude < 0x40) {
      *next++ = first;
      return next;
    }
    *next++ = first | 0x80;
    return PutVarUint(next, magnitude >> 6);
  }
  // The bytes that PutVarUint writes.
  static std::size_t SizeOfVarUint(std::uint64_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7) ++size;
    return size;
  }

 private:
  void Grow(std::size_t count);

  Bytes bytes_;  // longer than what was written
  std::size_t size_ = 0;
};

}  // namespace weft::crdt
