#pragma once

// WebSocket frames as clients write them, and as they should not.

#include "crdt/base/bytes.h"
#include "server/frame.h"

namespace weft::server {

struct ClientFrameOptions {
  bool final = true;
  bool masked = true;
  std::uint8_t reserved = 0;  // bits of the first byte
};

inline crdt::Bytes ClientFrame(Opcode opcode, crdt::ByteView payload,
                               const ClientFrameOptions& options = {}) {
  crdt::Bytes out;
  out.push_back(static_cast<std::uint8_t>((options.final ? 0x80 : 0) | options.reserved |
                                          static_cast<std::uint8_t>(opcode)));
  const std::uint8_t mask_bit = options.masked ? 0x80 : 0;
  if (payload.size() <= 125) {
    out.push_back(static_cast<std::uint8_t>(mask_bit | payload.size()));
  } else {
    const int bytes = payload.size() <= 0xFFFF ? 2 : 8;
    out.push_back(static_cast<std::uint8_t>(mask_bit | (bytes == 2 ? 126 : 127)));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::uint8_t>(payload.size() >> shift));
    }
  }
  const std::uint8_t mask[4] = {0x1B, 0xC4, 0x00, 0x7F};
  if (options.masked) out.insert(out.end(), mask, mask + 4);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(
        static_cast<std::uint8_t>(options.masked ? payload[i] ^ mask[i % 4] : payload[i]));
  }
  return out;
}

inline void Append(crdt::Bytes& out, crdt::ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace weft::server
