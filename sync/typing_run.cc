#include "sync/typing_run.h"

#include <array>
#include <cstring>
#include <utility>

#include "crdt/base/utf.h"
#include "sync/message.h"

namespace weft::sync {
namespace {

constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kUpdate = 2;

// The first byte of a block: what it holds, and which fields it has.
constexpr std::uint8_t kContent = 0x1F;
constexpr std::uint8_t kString = 4;
constexpr std::uint8_t kHasParentKey = 0x20;
constexpr std::uint8_t kHasRightOrigin = 0x40;
constexpr std::uint8_t kHasOrigin = 0x80;
constexpr std::uint64_t kParentIsRoot = 1;

// Lengths below this are one byte.
constexpr std::size_t kOneByteLengths = 0x80;

}  // namespace

std::optional<TypingRun::Piece> TypingRun::Read(crdt::ByteView frame) {
  crdt::ByteReader message(frame);
  if (message.ReadVarUint() != kSync || message.ReadVarUint() != kUpdate) return std::nullopt;
  const crdt::ByteView update = message.ReadBuffer();
  // What follows a message is ignored; here it would be lost from what is told to others.
  if (!message.ok() || !message.at_end()) return std::nullopt;

  crdt::ByteReader in(update);
  if (in.ReadVarUint() != 1 || in.ReadVarUint() != 1) return std::nullopt;
  Piece piece;
  piece.client = in.ReadVarUint();
  piece.clock = in.ReadVarUint();
  const std::uint8_t info = in.ReadByte();
  if ((info & kContent) != kString || (info & kHasParentKey) != 0) return std::nullopt;
  const auto read_id = [&in] {
    const std::uint64_t client = in.ReadVarUint();
    return OriginId{client, in.ReadVarUint()};
  };
  if ((info & kHasOrigin) != 0) piece.origin = read_id();
  if ((info & kHasRightOrigin) != 0) piece.right_origin = read_id();
  if ((info & (kHasOrigin | kHasRightOrigin)) == 0) {
    if (in.ReadVarUint() == kParentIsRoot) {
      in.ReadBuffer();
    } else {
      read_id();
    }
  }
  piece.head = update.first(in.offset());
  piece.text = in.ReadString();
  constexpr std::uint64_t kNoDeletions = 0;
  if (in.ReadVarUint() != kNoDeletions || !in.ok() || !in.at_end()) return std::nullopt;
  if (piece.text.empty()) return std::nullopt;
  if (crdt::IsAscii(piece.text)) {
    piece.length_utf16 = piece.text.size();
  } else if (crdt::IsValidUtf8(piece.text)) {
    piece.length_utf16 = crdt::Utf16Length(piece.text);
  } else {
    return std::nullopt;
  }
  // Beyond what a clock can be: for the engine to refuse.
  if (piece.length_utf16 > crdt::kMaxSafeInteger - piece.clock) return std::nullopt;
  return piece;
}

// The next keystroke, nearly always: all of it but its text is known beforehand, so that a comparison
// does for parsing. False: whatever it is, it is to be parsed.
bool TypingRun::AddExpected(crdt::ByteView frame) {
  // Sync, Update, length, one section of one block, four ids, what the block is.
  constexpr std::size_t kMaxHead = 6 + 6 * crdt::ByteWriter::kMaxVarUint;
  const auto put = crdt::ByteWriter::PutVarUint;
  const auto put_client = [this](std::uint8_t* next) {
    // All of the array, whose size the compiler knows: what follows is written over the rest.
    std::memcpy(next, written_client_.data(), written_client_.size());
    return next + written_client_bytes_;
  };
  if (frame.size() < 3 || frame.size() - 3 >= kOneByteLengths) return false;
  std::array<std::uint8_t, kMaxHead> head;
  head[0] = static_cast<std::uint8_t>(kSync);
  head[1] = static_cast<std::uint8_t>(kUpdate);
  head[2] = static_cast<std::uint8_t>(frame.size() - 3);
  head[3] = head[4] = 1;
  std::uint8_t* next = put(put_client(head.data() + 5), end_);
  *next++ = kString | kHasOrigin | (right_origin_ ? kHasRightOrigin : 0);
  next = put(put_client(next), end_ - 1);
  if (right_origin_) next = put(put(next, right_origin_->client), right_origin_->clock);
  const auto head_size = static_cast<std::size_t>(next - head.data());
  // Behind it come the length of the text, the text, and no deletions.
  if (frame.size() < head_size + 3 || std::memcmp(frame.data(), head.data(), head_size) != 0) {
    return false;
  }
  const std::string_view text = crdt::AsText(frame.subspan(head_size + 1));
  const std::size_t length = frame[head_size];
  if (length + 1 != text.size() || frame.back() != 0) return false;
  const std::string_view typed = text.substr(0, length);
  if (!crdt::IsAscii(typed) || text_.size() + length > kMaxBytes ||
      length > crdt::kMaxSafeInteger - end_) {
    return false;
  }
  Append(typed, length);
  return true;
}

void TypingRun::Append(std::string_view text, std::uint64_t length_utf16) {
  only_ = {};
  text_.WriteBytes(crdt::AsBytes(text));
  end_ += length_utf16;
  ++count_;
}

bool TypingRun::Add(crdt::ByteView frame) {
  if (count_ > 0 && AddExpected(frame)) return true;
  const std::optional<Piece> piece = Read(frame);
  if (!piece) return false;
  if (count_ == 0) {
    Begin(frame, *piece);
    return true;
  }
  const bool continues = piece->client == client_ && piece->clock == end_ &&
                         piece->origin == OriginId{client_, end_ - 1} &&
                         piece->right_origin == right_origin_ &&
                         text_.size() + piece->text.size() <= kMaxBytes;
  if (!continues) return false;
  Append(piece->text, piece->length_utf16);
  return true;
}

void TypingRun::Begin(crdt::ByteView frame, const Piece& piece) {
  count_ = 1;
  only_ = frame;
  client_ = piece.client;
  const std::uint8_t* written = crdt::ByteWriter::PutVarUint(written_client_.data(), piece.client);
  written_client_bytes_ = static_cast<std::size_t>(written - written_client_.data());
  end_ = piece.clock + piece.length_utf16;
  right_origin_ = piece.right_origin;
  head_.assign(piece.head.begin(), piece.head.end());
  text_.Clear();
  text_.WriteBytes(crdt::AsBytes(piece.text));
}

crdt::ByteView TypingRun::Take() {
  const std::size_t count = std::exchange(count_, 0);
  if (count == 1) return only_;
  crdt::ByteWriter update;
  update.Reserve(head_.size() + text_.size() + 16);
  update.WriteBytes(head_);
  update.WriteBuffer(text_.view());
  update.WriteVarUint(0);
  joined_ = EncodeMessage(Update{update.view()});
  return joined_;
}

}  // namespace weft::sync
