#pragma once

// WebSocket frames of the server's side: what clients send is parsed strictly, what we send is
// written without a mask.
//
//   frame := first:byte second:byte extended-length? mask:4 bytes  payload
//     first  := FIN(1) RSV(3, zero) opcode(4)
//     second := MASK(1, set by clients, clear by us) length(7; 126: 16 bits follow, 127: 64 bits)
// Source: RFC 6455, section 5.
//
// Threads: one.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crdt/base/bytes.h"
#include "server/close_code.h"

namespace weft::server {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10
};

// Appends one whole frame. Requires: control frames carry at most 125 bytes.
void AppendFrame(crdt::Bytes& out, Opcode opcode, crdt::ByteView payload);

// Appends what comes before a payload of that size.
void AppendFrameHead(crdt::Bytes& out, Opcode opcode, std::size_t payload_bytes);

// Appends a close frame; a reason past 123 bytes is cut at a character.
void AppendCloseFrame(crdt::Bytes& out, CloseCode code, std::string_view reason);

// Turns the bytes of one client into messages, whatever the sizes in which they arrive. A message
// that lies within one Feed is unmasked where it lies and not copied.
//
// Memory: between calls only the incomplete part of a message is held; the length that a header
// claims reserves nothing.
class FrameParser {
 public:
  struct Event {
    Opcode opcode = Opcode::kBinary;  // of whole messages their kind; kClose, kPing or kPong
    crdt::ByteView payload;           // valid until the next call; of kClose the reason alone
    std::uint16_t close_code = 0;     // of kClose: what the client named, 1005 when nothing
  };
  struct Error {
    CloseCode code;
    const char* reason;
  };

  // `max_message_bytes` bounds one message, all its fragments together. Messages are of one kind, kBinary
  // or kText (then they are valid UTF-8); the other is an error.
  explicit FrameParser(std::size_t max_message_bytes, Opcode kind = Opcode::kBinary)
      : max_message_bytes_(max_message_bytes), kind_(kind) {}

  // Hands over the next bytes, which are changed in place. Requires: Next() returned nothing since
  // the last Feed, and the bytes outlive the calls of Next() until it does again.
  void Feed(std::span<std::uint8_t> bytes) { input_ = bytes; }

  // The next message or control frame; nothing when more bytes are needed or the input is
  // malformed.
  std::optional<Event> Next();

  // Bytes that are held of a message that is not whole yet.
  std::size_t held_bytes() const { return message_taken_ ? 0 : message_.size(); }

  // What was malformed, if anything. It stays: such a connection can only be closed.
  const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<Event> NextWhole();
  bool ReadHeader();
  bool CheckHeader(std::uint8_t first, std::uint8_t second);
  std::optional<Event> ReadControl();
  std::optional<Event> ReadData();
  std::optional<Event> MakeControlEvent();
  std::optional<Event> MakeMessage(crdt::ByteView payload);
  std::span<std::uint8_t> TakeUnmasked(std::size_t limit);
  std::optional<Event> Fail(CloseCode code, const char* reason);

  std::size_t max_message_bytes_;
  Opcode kind_;
  std::span<std::uint8_t> input_;
  std::optional<Error> error_;

  std::array<std::uint8_t, 14> header_{};
  std::size_t header_size_ = 0;
  bool in_payload_ = false;

  Opcode opcode_ = Opcode::kContinuation;  // of the frame being read
  bool final_ = false;
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t payload_left_ = 0;
  std::uint64_t payload_read_ = 0;

  bool in_message_ = false;  // a message has begun and its last fragment has not come
  crdt::Bytes message_;      // its payload so far
  bool message_taken_ = false;
  std::array<std::uint8_t, 125> control_{};
  std::size_t control_size_ = 0;
};

}  // namespace weft::server
