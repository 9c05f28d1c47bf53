#include "sync/typing_run.h"

#include <algorithm>
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
// Of each byte of a number.
constexpr std::size_t kLowBits = 0x7F;

// Whether `frame` begins with `expected`, word by word. Requires: that it has as many bytes, and a word.
bool Begins(crdt::ByteView frame, crdt::ByteView expected) {
  const auto differs = [&](std::size_t at) {
    std::uint64_t ours = 0;
    std::uint64_t theirs = 0;
    std::memcpy(&ours, expected.data() + at, sizeof ours);
    std::memcpy(&theirs, frame.data() + at, sizeof theirs);
    return ours ^ theirs;
  };
  const std::size_t last = expected.size() - sizeof(std::uint64_t);
  std::uint64_t difference = differs(last);
  for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) difference |= differs(at);
  return difference == 0;
}

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

// Writes down how the next keystroke begins, nearly always: all of it but its text is known beforehand,
// so that a comparison does for parsing.
void TypingRun::Expect() {
  const auto put = crdt::ByteWriter::PutVarUint;
  expected_[0] = static_cast<std::uint8_t>(kSync);
  expected_[1] = static_cast<std::uint8_t>(kUpdate);
  expected_[2] = 0;  // the length, which AddExpected puts there
  expected_[3] = expected_[4] = 1;
  std::uint8_t* next = put(expected_.data() + 5, client_);
  clock_at_ = static_cast<std::size_t>(next - expected_.data());
  next = put(next, end_);
  *next++ = kString | kHasOrigin | (right_origin_ ? kHasRightOrigin : 0);
  next = put(next, client_);
  origin_clock_at_ = static_cast<std::size_t>(next - expected_.data());
  next = put(next, end_ - 1);
  if (right_origin_) next = put(put(next, right_origin_->client), right_origin_->clock);
  expected_bytes_ = static_cast<std::size_t>(next - expected_.data());
}

// The same after `length` more elements, for which the lowest bytes of two clocks mostly have room.
void TypingRun::ExpectAfter(std::size_t length) {
  std::uint8_t& clock = expected_[clock_at_];
  std::uint8_t& origin_clock = expected_[origin_clock_at_];
  const std::size_t highest = std::max(clock & kLowBits, origin_clock & kLowBits);
  if (length > kLowBits - highest) return Expect();
  clock = static_cast<std::uint8_t>(clock + length);
  origin_clock = static_cast<std::uint8_t>(origin_clock + length);
}

// False: whatever it is, it is to be parsed.
bool TypingRun::AddExpected(crdt::ByteView frame) {
  if (expected_bytes_ == 0) Expect();
  // Behind the head come the length of the text, the text, and no deletions.
  if (frame.size() < expected_bytes_ + 3 || frame.size() - 3 >= kOneByteLengths) return false;
  expected_[2] = static_cast<std::uint8_t>(frame.size() - 3);
  if (!Begins(frame, {expected_.data(), expected_bytes_})) return false;
  const std::string_view text = crdt::AsText(frame.subspan(expected_bytes_ + 1));
  const std::size_t length = frame[expected_bytes_];
  if (length + 1 != text.size() || frame.back() != 0) return false;
  const std::string_view typed = text.substr(0, length);
  if (!crdt::IsAscii(typed) || text_bytes() + length > kMaxBytes ||
      length > crdt::kMaxSafeInteger - end_) {
    return false;
  }
  Append(typed, length);
  ExpectAfter(length);
  return true;
}

void TypingRun::Append(std::string_view text, std::uint64_t length_utf16) {
  const crdt::ByteView bytes = crdt::AsBytes(text);
  if (count_ == 1) {
    // Sync, Update, the lengths of the update and of its text.
    text_at_ = 2 + 2 * crdt::ByteWriter::kMaxVarUint + head_.size();
    joined_.resize(text_at_);
    const crdt::ByteView first = crdt::AsBytes(first_text_);
    joined_.insert(joined_.end(), first.begin(), first.end());
  }
  if (bytes.size() == 1) {
    joined_.push_back(bytes[0]);
  } else {
    joined_.insert(joined_.end(), bytes.begin(), bytes.end());
  }
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
                         text_bytes() + piece->text.size() <= kMaxBytes;
  if (!continues) return false;
  Append(piece->text, piece->length_utf16);
  expected_bytes_ = 0;
  return true;
}

void TypingRun::Begin(crdt::ByteView frame, const Piece& piece) {
  count_ = 1;
  first_ = frame;
  head_ = piece.head;
  first_text_ = piece.text;
  client_ = piece.client;
  end_ = piece.clock + piece.length_utf16;
  right_origin_ = piece.right_origin;
  expected_bytes_ = 0;
  joined_.clear();
  text_at_ = 0;
}

// What comes before the text is written from its end, since its lengths are known only now.
crdt::ByteView TypingRun::Take() {
  if (std::exchange(count_, 0) == 1) return first_;
  constexpr std::uint8_t kNoDeletions = 0;
  std::size_t begin = text_at_;
  const auto prepend = [&](crdt::ByteView bytes) {
    begin -= bytes.size();
    std::ranges::copy(bytes, joined_.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  const auto prepend_number = [&](std::uint64_t number) {
    std::array<std::uint8_t, crdt::ByteWriter::kMaxVarUint> written;
    const std::uint8_t* end = crdt::ByteWriter::PutVarUint(written.data(), number);
    prepend({written.data(), end});
  };
  prepend_number(joined_.size() - text_at_);
  prepend(head_);
  joined_.push_back(kNoDeletions);
  prepend_number(joined_.size() - begin);
  prepend_number(kUpdate);
  prepend_number(kSync);
  return crdt::ByteView(joined_).subspan(begin);
}

}  // namespace weft::sync
