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

  std::uint8_t ReadByte() {
    if (next_ == end_) [[unlikely]] {
      Fail("the input ends in the middle of a value");
      return 0;
    }
    return *next_++;
  }

  // Fails: past the end, or above kMaxSafeInteger.
  std::uint64_t ReadVarUint() {
    if (next_ != end_ && *next_ < 0x80) [[likely]]
      return *next_++;
    return ReadLongVarUint();
  }

  // The magnitude and the sign apart, because the format tells -0 from 0.
  struct SignedInteger {
    std::uint64_t magnitude = 0;
    bool negative = false;
  };
  SignedInteger ReadVarInt();

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
  std::size_t size() const { return bytes_.size(); }
  ByteView view() const { return bytes_; }
  Bytes Take() { return std::move(bytes_); }
  void Clear() { bytes_.clear(); }
  void Reserve(std::size_t size) { bytes_.reserve(size); }

  void WriteByte(std::uint8_t byte) { bytes_.push_back(byte); }
  void WriteVarUint(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }
  void WriteVarInt(std::uint64_t magnitude, bool negative);
  void WriteBytes(ByteView bytes) {
    if (bytes.empty()) return;
    const std::size_t size = bytes_.size();
    bytes_.resize(size + bytes.size());
    std::memcpy(bytes_.data() + size, bytes.data(), bytes.size());
  }
  void WriteBuffer(ByteView bytes) {
    WriteVarUint(bytes.size());
    WriteBytes(bytes);
  }
  void WriteString(std::string_view text) { WriteBuffer(AsBytes(text)); }
  void WriteBigEndian32(std::uint32_t value);
  void WriteBigEndian64(std::uint64_t value);

 private:
  Bytes bytes_;
};

}  // namespace weft::crdt
