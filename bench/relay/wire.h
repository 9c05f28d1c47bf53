#pragma once

// The client's side of the wire, as a load generator needs it: frames with a mask, messages of the
// two dialects, updates of one character, and a reader of updates that looks at clocks alone.
//
// The updates are those of Yjs for somebody who types "x" at the end of what they typed before:
//   1 client, 1 block: client clock, string item with its origin; no deletions
// What a server sends back may be merged in any way that Yjs merges.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::bench {

using Buffer = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

void PutVarUint(Buffer& out, std::uint64_t value);

// Appends a whole binary frame with a mask.
void PutFrame(Buffer& out, View payload);
void PutCloseFrame(Buffer& out);

// The update that types one character: `clock` is 0 for the first one of a client.
void PutKeystroke(Buffer& out, std::uint64_t client, std::uint64_t clock);

// An awareness update of one client, about 100 bytes; the clock is in the state too.
void PutCursor(Buffer& out, std::uint64_t client, std::uint64_t clock);

// Reads a received message; after an error everything is zero.
class Reader {
 public:
  explicit Reader(View bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }
  View rest() const { return {at_, end_}; }
  std::uint64_t VarUint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_ && shift < 64; shift += 7) {
      const std::uint8_t byte = *at_++;
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    at_ = end_;
    return 0;
  }
  View Take(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) {
      ok_ = false;
      at_ = end_;
      return {};
    }
    const View taken(at_, size);
    at_ += size;
    return taken;
  }
  std::uint8_t Byte() {
    const View one = Take(1);
    return one.empty() ? 0 : one[0];
  }
  View Sized() { return Take(VarUint()); }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

// Calls run(client, clock, length) for each block of an update of typed text. False when the update
// holds anything else.
template <typename Run>
bool ForEachRun(View update, Run run) {
  Reader in(update);
  const std::uint64_t clients = in.VarUint();
  for (std::uint64_t c = 0; c < clients && in.ok(); ++c) {
    const std::uint64_t blocks = in.VarUint();
    const std::uint64_t client = in.VarUint();
    std::uint64_t clock = in.VarUint();
    for (std::uint64_t b = 0; b < blocks && in.ok(); ++b) {
      const std::uint8_t info = in.Byte();
      constexpr std::uint8_t kString = 4;
      if ((info & 0x1F) != kString) return false;
      if ((info & 0x80) != 0) in.VarUint(), in.VarUint();
      if ((info & 0x40) != 0) in.VarUint(), in.VarUint();
      if ((info & 0xC0) == 0) {
        if (in.VarUint() != 1) return false;
        in.Sized();
      }
      const std::uint64_t length = in.Sized().size();  // ASCII: bytes are UTF-16 code units
      if (!in.ok()) return false;
      run(client, clock, length);
      clock += length;
    }
  }
  return in.ok();
}

// Calls state(client, clock) for each entry of an awareness update that is no departure.
template <typename State>
bool ForEachCursor(View update, State state) {
  Reader in(update);
  const std::uint64_t count = in.VarUint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t client = in.VarUint();
    const std::uint64_t clock = in.VarUint();
    const View json = in.Sized();
    if (in.ok() && !json.empty() && json[0] == '{') state(client, clock);
  }
  return in.ok();
}

enum class Dialect { kYWebsocket, kHocuspocus };
enum class Kind { kStep1, kStep2, kUpdate, kAwareness, kAuthenticated, kOther, kMalformed };

struct Received {
  Kind kind = Kind::kOther;
  View body;
};

// How messages are written and read in a dialect. Hocuspocus puts the name of the document in front
// and wants a token first.
class Messages {
 public:
  Messages(Dialect dialect, std::string_view document);

  bool wants_token() const { return dialect_ == Dialect::kHocuspocus; }
  Buffer Token() const;
  Buffer Step1() const;
  Buffer Step2OfNothing() const;
  void PutUpdate(Buffer& out, View update) const { Put(out, 0, 2, update); }
  void PutAwareness(Buffer& out, View update) const;
  Received Read(View message) const;

 private:
  void Put(Buffer& out, std::uint8_t type, std::uint8_t subtype, View body) const;

  Dialect dialect_;
  Buffer prefix_;
};

// Finds the next whole frame of a server in `bytes` from `at`, which it moves behind it.
struct ServerFrame {
  std::uint8_t opcode = 0;
  View payload;
};
inline std::optional<ServerFrame> NextFrame(View bytes, std::size_t& at) {
  const std::size_t left = bytes.size() - at;
  if (left < 2) return std::nullopt;
  const std::uint8_t* head = bytes.data() + at;
  std::size_t header = 2;
  std::uint64_t size = head[1] & 0x7F;
  if (size >= 126) {
    const std::size_t wide = size == 126 ? 2 : 8;
    if (left < 2 + wide) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < wide; ++i) size = size << 8 | head[2 + i];
    header += wide;
  }
  if (left - header < size) return std::nullopt;
  at += header + size;
  return ServerFrame{static_cast<std::uint8_t>(head[0] & 0x0F), {head + header, size}};
}

}  // namespace weft::bench
