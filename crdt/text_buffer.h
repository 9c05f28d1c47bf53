#pragma once

// The text that one client has written, in the order of its clocks.
//
// A string item holds a byte offset into its client's buffer. Since a client's blocks are
// integrated in clock order, two string items that may be merged are neighbours here too: splitting
// and merging items moves no text. A unit takes one byte while the run has none above U+00FF, else
// two.
//
// Cost: appending is amortized O(length). Joining runs of different width widens the narrow one,
// once for each unit. Dropped text leaves holes; the owner compacts when holes prevail
// (wasteful()). What was taken for text that is gone is given back: a document has a buffer for
// everybody who ever wrote in it, and most of them never come again. Threads: one.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/allocated.h"
#include "crdt/base/check.h"

namespace weft::crdt::internal {

// A run of text in a buffer.
struct TextRun {
  std::uint32_t offset = 0;  // bytes
  std::uint32_t units = 0;   // UTF-16 code units
  bool wide = false;

  std::uint64_t bytes() const { return wide ? std::uint64_t{units} * 2 : units; }
  std::uint64_t end() const { return offset + bytes(); }
};

class TextBuffer {
 public:
  // The bytes that one buffer can hold.
  static constexpr std::uint64_t kMaxBytes = (std::uint64_t{1} << 32) - 1;

  // About so many bytes will be appended.
  void Reserve(std::size_t bytes);
  // Appends text. Requires: valid UTF-8; the buffer stays below kMaxBytes.
  TextRun Append(std::string_view utf8);
  // Appends text of bytes below 0x80. Requires: the buffer stays below kMaxBytes.
  TextRun AppendAscii(std::string_view ascii) {
    const TextRun run{.offset = static_cast<std::uint32_t>(bytes_.size()),
                      .units = static_cast<std::uint32_t>(ascii.size())};
    bytes_.append(ascii);
    return run;
  }
  // Appends units. Requires: the buffer stays below kMaxBytes.
  TextRun AppendUnits(std::u16string_view units);

  // Appends one ASCII character to the run that ends the buffer. False, and nothing happened, when it
  // does not end it or takes two bytes a unit. Requires: the buffer stays below kMaxBytes.
  bool Extend(TextRun run, char ascii) {
    if (run.wide || run.end() != bytes_.size() || bytes_.size() == kMaxBytes) return false;
    bytes_.push_back(ascii);
    return true;
  }

  // Makes one run of `left` and `right`, in place when they are neighbours of one width.
  TextRun Join(TextRun left, TextRun right);

  // The bytes of the run may be reused. Amortized O(1).
  void Drop(TextRun run) {
    if (run.end() == bytes_.size()) {
      bytes_.resize(run.offset);
    } else {
      dropped_ += run.bytes();
    }
    if (bytes_.capacity() > kKept && (bytes_.size() - dropped_) * 4 < bytes_.capacity()) Shrink();
  }
  // Whether holes take more than half of the buffer, and enough for it to be worth a walk over the
  // client's `blocks`: an eighth of what these take themselves, 4 KiB at most.
  bool wasteful(std::size_t blocks) const {
    return dropped_ * 2 > bytes_.size() &&
           dropped_ > std::min<std::size_t>(4096, kKept + blocks * 8);
  }

  // Whether the run takes one byte a unit and holds these units, all below 0x80. False for any other
  // text, equal or not.
  bool IsAsciiText(TextRun run, std::string_view ascii) const;
  // The run, one byte a unit (Latin-1), until the buffer is changed. Requires: not wide.
  std::string_view NarrowText(TextRun run) const { return Narrow(run); }
  // Whether all of it is below 0x80, for certain.
  bool is_ascii() const { return is_ascii_; }
  char16_t UnitAt(TextRun run, std::uint32_t index) const;
  void SetUnit(TextRun run, std::uint32_t index, char16_t unit);

  // Appends units [begin, begin + count) of the run to `out` as UTF-8, lone surrogates as U+FFFD.
  void AppendUtf8(TextRun run, std::uint32_t begin, std::uint32_t count, std::string& out) const;

  // As above, lone surrogates as they are (WTF-8).
  void AppendWtf8(TextRun run, std::uint32_t begin, std::uint32_t count, std::string& out) const;

  // Copies the run as it is to the end of `target`.
  TextRun CopyTo(TextRun run, TextBuffer& target) const;

  std::size_t bytes() const { return Allocated(bytes_); }
  std::size_t size() const { return bytes_.size(); }
  // Gives back what was taken in advance, where that is much.
  void Trim() {
    if (bytes_.capacity() - bytes_.size() > bytes_.size() / 8) bytes_.shrink_to_fit();
  }

 private:
  // Not worth giving back.
  static constexpr std::size_t kKept = 64;

  std::u16string_view Wide(TextRun run) const;
  std::string_view Narrow(TextRun run) const {
    DCHECK(!run.wide && run.end() <= bytes_.size());
    return {bytes_.data() + run.offset, run.units};
  }
  void AlignForWide();
  // Gives back what was taken and is not used, as far as no run has to move.
  void Shrink();
  // Copies a run to the end as wide units and returns it there.
  TextRun AppendWidened(TextRun run);

  std::string bytes_;
  std::uint64_t dropped_ = 0;  // bytes of holes: runs and holes together are bytes_
  bool is_ascii_ = true;       // all that was ever in it, for certain
};

}  // namespace weft::crdt::internal
