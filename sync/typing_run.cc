#include "sync/typing_run.h"

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

bool TypingRun::Add(crdt::ByteView frame) {
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
  only_ = {};
  const crdt::ByteView text = crdt::AsBytes(piece->text);
  text_.insert(text_.end(), text.begin(), text.end());
  end_ += piece->length_utf16;
  ++count_;
  return true;
}

void TypingRun::Begin(crdt::ByteView frame, const Piece& piece) {
  count_ = 1;
  only_ = frame;
  client_ = piece.client;
  end_ = piece.clock + piece.length_utf16;
  right_origin_ = piece.right_origin;
  head_.assign(piece.head.begin(), piece.head.end());
  const crdt::ByteView text = crdt::AsBytes(piece.text);
  text_.assign(text.begin(), text.end());
}

crdt::ByteView TypingRun::Take() {
  const std::size_t count = std::exchange(count_, 0);
  if (count == 1) return only_;
  crdt::ByteWriter update;
  update.Reserve(head_.size() + text_.size() + 16);
  update.WriteBytes(head_);
  update.WriteBuffer(text_);
  update.WriteVarUint(0);
  joined_ = EncodeMessage(Update{update.view()});
  return joined_;
}

}  // namespace weft::sync
