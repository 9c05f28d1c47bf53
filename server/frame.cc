#include "server/frame.h"

#include <algorithm>
#include <cstring>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"

namespace weft::server {
namespace {

constexpr std::size_t kMaxControlBytes = 125;
// A message buffer above this size is given back as soon as the message is delivered.
constexpr std::size_t kKeptBufferBytes = 4096;

bool IsControl(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

// The codes that may stand in a close frame (RFC 6455, section 7.4).
bool IsSendableCloseCode(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

// `phase` is the offset of `bytes` in the payload.
void Unmask(std::span<std::uint8_t> bytes, const std::array<std::uint8_t, 4>& mask,
            std::uint64_t phase) {
  std::array<std::uint8_t, 8> rotated;
  if (phase % 4 == 0) [[likely]] {
    std::memcpy(rotated.data(), mask.data(), 4);
    std::memcpy(rotated.data() + 4, mask.data(), 4);
  } else {
    for (std::size_t i = 0; i < 8; ++i) rotated[i] = mask[(phase + i) % 4];
  }
  std::uint64_t wide = 0;
  std::memcpy(&wide, rotated.data(), 8);
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    word ^= wide;
    std::memcpy(bytes.data() + at, &word, 8);
  }
  for (std::size_t i = 0; at < bytes.size(); ++at, ++i) bytes[at] ^= rotated[i];
}

// The longest prefix of at most `limit` bytes that does not end within a character.
std::string_view CutAtCharacter(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<std::uint8_t>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

}  // namespace

void AppendFrameHead(crdt::Bytes& out, Opcode opcode, std::size_t payload_bytes) {
  CHECK(!IsControl(opcode) || payload_bytes <= kMaxControlBytes);
  std::array<std::uint8_t, 10> header;
  std::size_t size = 2;
  header[0] = static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(opcode));
  if (payload_bytes <= 125) {
    header[1] = static_cast<std::uint8_t>(payload_bytes);
  } else {
    const bool wide = payload_bytes > 0xFFFF;
    const std::size_t length_bytes = wide ? 8 : 2;
    header[1] = wide ? 127 : 126;
    for (std::size_t i = 0; i < length_bytes; ++i) {
      header[2 + i] = static_cast<std::uint8_t>(payload_bytes >> (8 * (length_bytes - 1 - i)));
    }
    size += length_bytes;
  }
  out.insert(out.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
}

void AppendFrame(crdt::Bytes& out, Opcode opcode, crdt::ByteView payload) {
  AppendFrameHead(out, opcode, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
}

void AppendCloseFrame(crdt::Bytes& out, CloseCode code, std::string_view reason) {
  const auto number = static_cast<std::uint16_t>(code);
  crdt::Bytes payload = {static_cast<std::uint8_t>(number >> 8),
                         static_cast<std::uint8_t>(number & 0xFF)};
  const crdt::ByteView text = crdt::AsBytes(CutAtCharacter(reason, kMaxControlBytes - 2));
  payload.insert(payload.end(), text.begin(), text.end());
  AppendFrame(out, Opcode::kClose, payload);
}

std::optional<FrameParser::Event> FrameParser::Fail(CloseCode code, const char* reason) {
  error_ = Error{code, reason};
  input_ = {};
  return std::nullopt;
}

std::optional<FrameParser::Event> FrameParser::Next() {
  if (message_taken_) {
    message_taken_ = false;
    message_.clear();
    if (message_.capacity() > kKeptBufferBytes) crdt::Bytes().swap(message_);
  }
  if (std::optional<Event> whole = NextWhole()) return whole;
  while (!error_) {
    if (!in_payload_ && !ReadHeader()) return std::nullopt;
    const bool control = IsControl(opcode_);
    std::optional<Event> event = control ? ReadControl() : ReadData();
    if (event || in_payload_) return event;
  }
  return std::nullopt;
}

// What nearly all frames are: one message of up to 125 bytes that lies in the input from end to end.
// Nothing: it is something else, of which nothing was taken.
std::optional<FrameParser::Event> FrameParser::NextWhole() {
  constexpr std::uint8_t kWholeBinary = 0x82;
  constexpr std::size_t kHeaderBytes = 6;
  constexpr std::size_t kMaxLength = 125;
  if (kind_ != Opcode::kBinary || error_ || in_payload_ || in_message_ || header_size_ > 0 ||
      input_.size() < kHeaderBytes || input_[0] != kWholeBinary) {
    return std::nullopt;
  }
  const std::size_t length = std::size_t{input_[1]} - 0x80;  // huge without a mask
  if (length > kMaxLength || length > max_message_bytes_ || input_.size() - kHeaderBytes < length) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 4> mask;
  std::memcpy(mask.data(), input_.data() + 2, mask.size());
  const std::span<std::uint8_t> payload = input_.subspan(kHeaderBytes, length);
  Unmask(payload, mask, 0);
  input_ = input_.subspan(kHeaderBytes + length);
  return Event{Opcode::kBinary, payload, 0};
}

// Collects the header; true when it is whole, valid, and the payload begins.
bool FrameParser::ReadHeader() {
  std::size_t wanted = 2;
  for (;;) {
    if (header_size_ >= 2) {
      const std::uint8_t length = header_[1] & 0x7F;
      wanted = 2 + (length == 126 ? 2U : length == 127 ? 8U : 0U) + 4;
    }
    if (header_size_ == wanted) break;
    const std::size_t take = std::min(wanted - header_size_, input_.size());
    if (take == 0) return false;
    std::memcpy(header_.data() + header_size_, input_.data(), take);
    header_size_ += take;
    input_ = input_.subspan(take);
    if (header_size_ == 2 && wanted == 2 && !CheckHeader(header_[0], header_[1])) return false;
  }
  std::uint64_t length = header_[1] & 0x7F;
  const std::size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (length_bytes > 0) {
    length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) length = length << 8 | header_[2 + i];
    if (length < (length_bytes == 2 ? 126U : 65536U)) {
      Fail(CloseCode::kProtocolError, "a frame length is not in its shortest form");
      return false;
    }
  }
  std::copy_n(header_.begin() + 2 + static_cast<std::ptrdiff_t>(length_bytes), 4, mask_.begin());
  header_size_ = 0;
  if (!IsControl(opcode_) &&
      length > max_message_bytes_ - std::min(max_message_bytes_, message_.size())) {
    Fail(CloseCode::kTooBig, "a message is larger than this server accepts");
    return false;
  }
  in_payload_ = true;
  payload_left_ = length;
  payload_read_ = 0;
  control_size_ = 0;
  return true;
}

bool FrameParser::CheckHeader(std::uint8_t first, std::uint8_t second) {
  const std::uint8_t opcode = first & 0x0F;
  final_ = (first & 0x80) != 0;
  opcode_ = static_cast<Opcode>(opcode);
  const char* reason = nullptr;
  if ((first & 0x70) != 0) {
    reason = "reserved bits are set, but no extension was agreed on";
  } else if ((opcode > 2 && opcode < 8) || opcode > 10) {
    reason = "a frame has an unknown opcode";
  } else if ((second & 0x80) == 0) {
    reason = "a client's frame is not masked";
  } else if (IsControl(opcode_) && (!final_ || (second & 0x7F) > kMaxControlBytes)) {
    reason = "a control frame is fragmented or longer than 125 bytes";
  } else if (opcode_ == Opcode::kContinuation && !in_message_) {
    reason = "a continuation comes without a message to continue";
  } else if (!IsControl(opcode_) && opcode_ != Opcode::kContinuation && in_message_) {
    reason = "a message begins within another one";
  }
  if (reason != nullptr) {
    Fail(CloseCode::kProtocolError, reason);
    return false;
  }
  if (!IsControl(opcode_) && opcode_ != Opcode::kContinuation && opcode_ != kind_) {
    Fail(CloseCode::kUnsupported,
         kind_ == Opcode::kBinary ? "text messages are not part of the protocol; send binary ones"
                                  : "binary messages are not part of the protocol; send text ones");
    return false;
  }
  return true;
}

// Takes at most `limit` bytes of the present payload, without their mask.
std::span<std::uint8_t> FrameParser::TakeUnmasked(std::size_t limit) {
  const std::size_t take =
      static_cast<std::size_t>(std::min<std::uint64_t>({payload_left_, input_.size(), limit}));
  const std::span<std::uint8_t> bytes = input_.first(take);
  Unmask(bytes, mask_, payload_read_);
  input_ = input_.subspan(take);
  payload_left_ -= take;
  payload_read_ += take;
  return bytes;
}

std::optional<FrameParser::Event> FrameParser::ReadControl() {
  const std::span<std::uint8_t> bytes = TakeUnmasked(kMaxControlBytes);
  std::copy(bytes.begin(), bytes.end(),
            control_.begin() + static_cast<std::ptrdiff_t>(control_size_));
  control_size_ += bytes.size();
  if (payload_left_ > 0) return std::nullopt;
  in_payload_ = false;
  return MakeControlEvent();
}

std::optional<FrameParser::Event> FrameParser::MakeControlEvent() {
  const crdt::ByteView payload(control_.data(), control_size_);
  if (opcode_ != Opcode::kClose) return Event{opcode_, payload, 0};
  if (payload.empty()) return Event{opcode_, payload, 1005};
  if (payload.size() == 1) return Fail(CloseCode::kProtocolError, "a close code is cut short");
  const auto code = static_cast<std::uint16_t>(payload[0] << 8 | payload[1]);
  if (!IsSendableCloseCode(code)) {
    return Fail(CloseCode::kProtocolError, "a close code is none that may be sent");
  }
  if (!crdt::IsValidUtf8(crdt::AsText(payload.subspan(2)))) {
    return Fail(CloseCode::kBadText, "a close reason is not UTF-8");
  }
  return Event{opcode_, payload.subspan(2), code};
}

std::optional<FrameParser::Event> FrameParser::ReadData() {
  const bool whole_in_input =
      final_ && !in_message_ && payload_read_ == 0 && payload_left_ <= input_.size();
  const std::span<std::uint8_t> bytes = TakeUnmasked(input_.size());
  if (whole_in_input) {
    in_payload_ = false;
    return MakeMessage(bytes);
  }
  message_.insert(message_.end(), bytes.begin(), bytes.end());
  if (payload_left_ > 0) return std::nullopt;
  in_payload_ = false;
  in_message_ = !final_;
  if (!final_) return std::nullopt;
  message_taken_ = true;
  return MakeMessage(message_);
}

std::optional<FrameParser::Event> FrameParser::MakeMessage(crdt::ByteView payload) {
  if (kind_ == Opcode::kText && !crdt::IsValidUtf8(crdt::AsText(payload))) {
    return Fail(CloseCode::kBadText, "a text message is not UTF-8");
  }
  return Event{kind_, payload, 0};
}

}  // namespace weft::server
