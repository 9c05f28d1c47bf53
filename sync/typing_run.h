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
// Memory: that of the joined message, at most kMaxBytes. Threads: one.
// Source: Yjs INTERNALS.md; ContentString and Item.mergeWith of Yjs 13.6.

#include <array>
#include <cstdint>
#include <optional>

#include "crdt/base/bytes.h"
#include "crdt/id.h"

namespace weft::sync {

class TypingRun {
 public:
  // Text of a run past which a new one begins: others shall not wait for a long one.
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 10;

  // Whether `frame` begins or continues the run. It is not kept beyond Take. False: it is to be
  // handled after what Take answers, and has to be offered again to begin a run.
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

  static std::optional<Piece> Read(crdt::ByteView frame);
  void Begin(crdt::ByteView frame, const Piece& piece);
  bool AddExpected(crdt::ByteView frame);
  void Append(std::string_view text, std::uint64_t length_utf16);

  std::size_t count_ = 0;
  crdt::ByteView only_;  // the frame, while it is the only one
  std::uint64_t client_ = 0;
  // The same as it is written.
  std::array<std::uint8_t, crdt::ByteWriter::kMaxVarUint> written_client_{};
  std::size_t written_client_bytes_ = 0;
  std::uint64_t end_ = 0;  // the clock that continues the run
  std::optional<OriginId> right_origin_;
  crdt::Bytes head_;
  crdt::ByteWriter text_;
  crdt::Bytes joined_;
};

}  // namespace weft::sync
