#pragma once

// How targets take the bytes of an input apart. Any bytes are an input, so that mutations never
// make one that a target has no use for.
//
//   Pack   := flags:byte Part*                    what targets of several byte strings get
//   Part   := size:2 bytes, little-endian  bytes  of the last part as many as are left
//   Script := bytes that are read from the front, zeros behind the end

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::fuzz {

using crdt::Bytes;
using crdt::ByteView;

struct Pack {
  std::uint8_t flags = 0;
  std::vector<ByteView> parts;  // views into the input

  bool flag(unsigned bit) const { return (flags >> bit & 1) != 0; }
};

inline Pack ReadPack(ByteView input) {
  Pack pack;
  if (input.empty()) return pack;
  pack.flags = input[0];
  for (ByteView rest = input.subspan(1); rest.size() >= 2;) {
    const std::size_t claimed = rest[0] | static_cast<std::size_t>(rest[1]) << 8;
    rest = rest.subspan(2);
    const std::size_t size = std::min(claimed, rest.size());
    pack.parts.push_back(rest.first(size));
    rest = rest.subspan(size);
  }
  return pack;
}

// Of each part at most 65,535 bytes.
template <typename Parts>
Bytes WritePack(std::uint8_t flags, const Parts& parts) {
  Bytes out{flags};
  for (const auto& part : parts) {
    const std::size_t size = std::min<std::size_t>(part.size(), 0xffff);
    out.push_back(static_cast<std::uint8_t>(size));
    out.push_back(static_cast<std::uint8_t>(size >> 8));
    out.insert(out.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

class Script {
 public:
  explicit Script(ByteView input) : rest_(input) {}

  bool at_end() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  // In [0, end). Requires: 0 < end.
  std::uint64_t Below(std::uint64_t end) {
    std::uint64_t value = Byte();
    if (end > 0xff) value = value << 8 | Byte();
    return value % end;
  }
  // Up to `size` bytes, as many as are left.
  ByteView Take(std::size_t size) {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  // A size of a byte, and that many bytes.
  ByteView String() { return Take(Byte()); }
  std::string_view Text() { return crdt::AsText(String()); }

 private:
  ByteView rest_;
};

}  // namespace weft::fuzz
