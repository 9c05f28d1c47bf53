#pragma once

// Joins the Update messages of somebody who types into one message.
//
// A burst is mostly one person's keystrokes, an update each: 20 bytes of ids around one character.
// Where each continues the one before, they are what Yjs would have sent had the whole run been
// typed in one transaction:
//
//   client clock "a" ← origin o, right origin r      client clock "abc" ← origin o, right origin r
//   client clock+1 "b" ← origin clock, r         =
//   client clock+2 "c" ← origin clock+1, r
//
// because Yjs cuts the right side into the left one whenever somebody types in between. Anything
// else (deletions, other content, text that is no UTF-8) ends the run and goes its own way.
//
// Memory: that of the joined message, at most kMaxBytes of text; it is kept for the next run. Threads:
// one.
// Source: Yjs INTERNALS.md; ContentString and Item.mergeWith of Yjs 13.6.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "crdt/base/bytes.h"
#include "crdt/id.h"

namespace weft::sync {

class TypingRun {
 public:
  // Text of a run past which a new one begins: others shall not wait for a long one.
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 10;

  // Whether `frame` begins or continues the run. Its bytes have to stay where they are until Take.
  // False: it is to be handled after what Take answers, and has to be offered again to begin a run.
  bool Add(crdt::ByteView frame);

  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }

  // The run as one frame, byte for byte the one that came if it is just one; the run is empty then.
  // Valid until the next Add. Requires: not empty.
  crdt::ByteView Take();

 private:
  struct OriginId {
    std::uint64_t client = 0;
    std::uint64_t clock = 0;
    bool operator==(const OriginId&) const = default;
  };
  // An update of one string, taken apart.
  struct Piece {
    std::uint64_t client = 0;
    std::uint64_t clock = 0;
    std::optional<OriginId> origin;
    std::optional<OriginId> right_origin;
    crdt::ByteView head;  // of the update: up to the string
    std::string_view text;
    std::uint64_t length_utf16 = 0;
  };

  // Sync, Update, a length of one byte, one section of one block, a client and a clock, what the block
  // is, and two ids.
  static constexpr std::size_t kMaxExpected = 6 + 6 * crdt::ByteWriter::kMaxVarUint;

  static std::optional<Piece> Read(crdt::ByteView frame);
  void Begin(crdt::ByteView frame, const Piece& piece);
  bool AddExpected(crdt::ByteView frame);
  void Expect();
  void ExpectAfter(std::size_t length);
  void Append(std::string_view text, std::uint64_t length_utf16);
  std::size_t text_bytes() const {
    return count_ == 1 ? first_text_.size() : joined_.size() - text_at_;
  }

  std::size_t count_ = 0;
  crdt::ByteView first_;  // the frame that began the run
  crdt::ByteView head_;   // of its update: up to the string
  std::string_view first_text_;
  std::uint64_t client_ = 0;
  std::uint64_t end_ = 0;  // the clock that continues the run
  std::optional<OriginId> right_origin_;
  // How the next keystroke begins, up to its text, once a second one has come; else empty.
  std::array<std::uint8_t, kMaxExpected> expected_;
  std::size_t expected_bytes_ = 0;
  // Where in it stand the lowest bytes of its clock and of that of its origin.
  std::size_t clock_at_ = 0;
  std::size_t origin_clock_at_ = 0;
  // The joined frame, from a second piece on: space for all that comes before the text, which is written
  // last, and the text.
  crdt::Bytes joined_;
  std::size_t text_at_ = 0;
};

}  // namespace weft::sync
