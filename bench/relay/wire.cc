#include "bench/relay/wire.h"

#include <array>

namespace weft::bench {
namespace {

// Any but zero: the server has to take it off.
constexpr std::array<std::uint8_t, 4> kMask = {0x5A, 0xC3, 0x17, 0x9E};
constexpr std::string_view kRootName = "text";

void PutText(Buffer& out, std::string_view text) {
  PutVarUint(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

void PutMasked(Buffer& out, std::uint8_t opcode, View payload) {
  out.push_back(static_cast<std::uint8_t>(0x80 | opcode));
  const std::size_t size = payload.size();
  if (size < 126) {
    out.push_back(static_cast<std::uint8_t>(0x80 | size));
  } else {
    const std::size_t wide = size <= 0xFFFF ? 2 : 8;
    out.push_back(static_cast<std::uint8_t>(0x80 | (wide == 2 ? 126 : 127)));
    for (std::size_t i = wide; i > 0; --i) {
      out.push_back(static_cast<std::uint8_t>(std::uint64_t{size} >> (8 * (i - 1))));
    }
  }
  out.insert(out.end(), kMask.begin(), kMask.end());
  const std::size_t begin = out.size();
  out.insert(out.end(), payload.begin(), payload.end());
  for (std::size_t i = 0; i < size; ++i) out[begin + i] ^= kMask[i % 4];
}

}  // namespace

void PutVarUint(Buffer& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

void PutFrame(Buffer& out, View payload) { PutMasked(out, 2, payload); }

void PutCloseFrame(Buffer& out) { PutMasked(out, 8, std::array<std::uint8_t, 2>{0x03, 0xE8}); }

void PutKeystroke(Buffer& out, std::uint64_t client, std::uint64_t clock) {
  out.push_back(1);
  out.push_back(1);
  PutVarUint(out, client);
  PutVarUint(out, clock);
  if (clock == 0) {
    out.push_back(0x04);
    out.push_back(1);
    PutText(out, kRootName);
  } else {
    out.push_back(0x84);
    PutVarUint(out, client);
    PutVarUint(out, clock - 1);
  }
  PutText(out, "x");
  out.push_back(0);
}

void PutCursor(Buffer& out, std::uint64_t client, std::uint64_t clock) {
  PutVarUint(out, 1);
  PutVarUint(out, client);
  PutVarUint(out, clock);
  PutText(out, R"({"user":{"name":"Somebody","color":"#30bced"},"cursor":{"anchor":)" +
                   std::to_string(clock) + R"(,"head":)" + std::to_string(clock) + "}}");
}

Messages::Messages(Dialect dialect, std::string_view document) : dialect_(dialect) {
  if (dialect == Dialect::kHocuspocus) PutText(prefix_, document);
}

void Messages::Put(Buffer& out, std::uint8_t type, std::uint8_t subtype, View body) const {
  out.insert(out.end(), prefix_.begin(), prefix_.end());
  out.push_back(type);
  out.push_back(subtype);
  PutVarUint(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
}

Buffer Messages::Token() const {
  Buffer out = prefix_;
  out.push_back(2);
  out.push_back(0);
  PutText(out, "token");
  PutText(out, "4.7.0");  // the provider's version
  return out;
}

Buffer Messages::Step1() const {
  Buffer out;
  Put(out, 0, 0, std::array<std::uint8_t, 1>{0});
  return out;
}

Buffer Messages::Step2OfNothing() const {
  Buffer out;
  Put(out, 0, 1, std::array<std::uint8_t, 2>{0, 0});
  return out;
}

void Messages::PutAwareness(Buffer& out, View update) const {
  out.insert(out.end(), prefix_.begin(), prefix_.end());
  out.push_back(1);
  PutVarUint(out, update.size());
  out.insert(out.end(), update.begin(), update.end());
}

Received Messages::Read(View message) const {
  Reader in(message);
  if (dialect_ == Dialect::kHocuspocus) in.Sized();
  const std::uint64_t type = in.VarUint();
  Received received;
  constexpr std::uint64_t kSyncReply = 4;  // of Hocuspocus
  if (type == 0 || (type == kSyncReply && dialect_ == Dialect::kHocuspocus)) {
    const std::uint64_t step = in.VarUint();
    received.kind = step == 0   ? Kind::kStep1
                    : step == 1 ? Kind::kStep2
                    : step == 2 ? Kind::kUpdate
                                : Kind::kOther;
    received.body = in.Sized();
  } else if (type == 1) {
    received.kind = Kind::kAwareness;
    received.body = in.Sized();
  } else if (type == 2 && dialect_ == Dialect::kHocuspocus) {
    constexpr std::uint64_t kGranted = 2;
    received.kind = in.VarUint() == kGranted ? Kind::kAuthenticated : Kind::kMalformed;
  }
  if (!in.ok()) received.kind = Kind::kMalformed;
  return received;
}

}  // namespace weft::bench
