#pragma once

// The columns of update format v2: each field of all blocks in a stream of its own, in runs.
//
//   ByteColumn   := (byte repeats:varuint)* byte        repeats + 1 times each; the last one for
//   ever UintColumn   := (varint | -varint more:varuint)*    negative (-0 too): the value more + 2
//   times DiffColumn   := (varint [more:varuint])*            twice the difference to the value
//   before, plus 1
//                                                       when it is applied more + 2 times
//   StringColumn := buffer string  UintColumn           all text in one string; then the lengths,
//   UTF-16
//
// Readers fail through the ByteReader of their column, which is asked once, at the end: see ok().
// Source: lib0, RleEncoder, UintOptRleEncoder, IntDiffOptRleEncoder, StringEncoder.
// Threads: one.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "crdt/base/bytes.h"

namespace weft::crdt {

class ByteColumnWriter {
 public:
  void Write(std::uint8_t value) {
    if (value == value_ && count_ > 0) {
      ++count_;
      return;
    }
    std::uint8_t* next = out_.Room(ByteWriter::kMaxVarUint + 1);
    if (count_ > 0) next = ByteWriter::PutVarUint(next, count_ - 1);
    *next++ = value;
    out_.Written(next);
    value_ = value;
    count_ = 1;
  }
  // The run that is open needs no count.
  ByteView view() const { return out_.view(); }
  void Reserve(std::size_t size) { out_.Reserve(size); }

 private:
  ByteWriter out_;
  std::uint8_t value_ = 0;
  std::uint64_t count_ = 0;
};

class UintColumnWriter {
 public:
  void Write(std::uint64_t value) {
    if (value == value_ && count_ > 0) {
      ++count_;
      return;
    }
    Flush();
    value_ = value;
    count_ = 1;
  }
  // Ends the column; nothing may be written after it.
  ByteView Finish() {
    Flush();
    count_ = 0;
    return out_.view();
  }
  void Reserve(std::size_t size) { out_.Reserve(size); }

 private:
  void Flush() {
    if (count_ == 0) return;
    std::uint8_t* next = out_.Room(2 * ByteWriter::kMaxVarUint);
    next = ByteWriter::PutVarInt(next, value_, count_ > 1);
    if (count_ > 1) next = ByteWriter::PutVarUint(next, count_ - 2);
    out_.Written(next);
  }

  ByteWriter out_;
  std::uint64_t value_ = 0;
  std::uint64_t count_ = 0;
};

class DiffColumnWriter {
 public:
  void Write(std::uint64_t value) {
    const std::int64_t difference = static_cast<std::int64_t>(value - value_);
    value_ = value;
    if (difference == difference_ && count_ > 0) {
      ++count_;
      return;
    }
    Flush();
    difference_ = difference;
    count_ = 1;
  }
  ByteView Finish() {
    Flush();
    count_ = 0;
    return out_.view();
  }
  void Reserve(std::size_t size) { out_.Reserve(size); }

 private:
  void Flush() {
    if (count_ == 0) return;
    const std::int64_t coded = difference_ * 2 + (count_ > 1 ? 1 : 0);
    const bool negative = coded < 0;
    const std::uint64_t magnitude = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(coded)
                                             : static_cast<std::uint64_t>(coded);
    std::uint8_t* next = out_.Room(2 * ByteWriter::kMaxVarUint);
    next = ByteWriter::PutVarInt(next, magnitude, negative);
    if (count_ > 1) next = ByteWriter::PutVarUint(next, count_ - 2);
    out_.Written(next);
  }

  ByteWriter out_;
  std::uint64_t value_ = 0;
  std::int64_t difference_ = 0;
  std::uint64_t count_ = 0;
};

class StringColumnWriter {
 public:
  // WTF-8: halves of a pair that meet in two neighbouring strings make a character, others become
  // U+FFFD, as where JavaScript encodes the joined string.
  void Write(std::string_view wtf8);
  // The same for text that is all below 0x80.
  void WriteAscii(std::string_view ascii) {
    lengths_.Write(ascii.size());
    text_.WriteBytes(AsBytes(ascii));
  }
  void Reserve(std::size_t count, std::size_t text_bytes) {
    lengths_.Reserve(count);
    text_.Reserve(text_bytes);
  }
  // Appends the whole column as a buffer. Nothing may be written after it.
  void FinishTo(ByteWriter& out);
  // About what FinishTo will append.
  std::size_t size() const { return text_.size(); }

 private:
  ByteWriter text_;
  bool is_ascii_ = true;
  UintColumnWriter lengths_;
};

class ByteColumnReader {
 public:
  explicit ByteColumnReader(ByteView column) : in_(column) {}

  std::uint8_t Read() {
    if (left_ == 0) {
      value_ = in_.ReadByte();
      left_ = in_.at_end() ? kForEver : in_.ReadVarUint() + 1;
    }
    if (left_ != kForEver) --left_;
    return value_;
  }
  // What Read would answer; 0 behind the end.
  std::uint8_t Peek() const { return left_ == 0 ? in_.PeekByte() : value_; }
  const ByteReader& in() const { return in_; }

 private:
  static constexpr std::uint64_t kForEver = ~std::uint64_t{0};

  ByteReader in_;
  std::uint8_t value_ = 0;
  std::uint64_t left_ = 0;
};

class UintColumnReader {
 public:
  explicit UintColumnReader(ByteView column) : in_(column) {}

  std::uint64_t Read() {
    if (left_ == 0) {
      const ByteReader::SignedInteger value = in_.ReadVarInt();
      value_ = value.magnitude;
      left_ = value.negative ? in_.ReadVarUint() + 2 : 1;
    }
    --left_;
    return value_;
  }
  const ByteReader& in() const { return in_; }

 private:
  ByteReader in_;
  std::uint64_t value_ = 0;
  std::uint64_t left_ = 0;
};

class DiffColumnReader {
 public:
  explicit DiffColumnReader(ByteView column) : in_(column) {}

  // Fails: below 0, above 2^53 - 1.
  std::uint64_t Read() {
    if (left_ == 0) {
      const ByteReader::SignedInteger coded = in_.ReadVarInt();
      const auto magnitude = static_cast<std::int64_t>(coded.magnitude);
      const bool repeats = (magnitude & 1) != 0;
      // Half of it, rounded down.
      difference_ = coded.negative ? -((magnitude + 1) / 2) : magnitude / 2;
      left_ = repeats ? in_.ReadVarUint() + 2 : 1;
    }
    --left_;
    value_ += difference_;
    if (value_ < 0 || value_ > static_cast<std::int64_t>(kMaxSafeInteger)) [[unlikely]]
      Refuse();
    return static_cast<std::uint64_t>(value_);
  }
  const ByteReader& in() const { return in_; }

 private:
  void Refuse();

  ByteReader in_;
  std::int64_t value_ = 0;
  std::int64_t difference_ = 0;
  std::uint64_t left_ = 0;
};

class StringColumnReader {
 public:
  // `owned` keeps what is no plain part of the column: strings cut inside a pair.
  StringColumnReader(ByteView column, std::deque<std::string>& owned);

  // UTF-8 (WTF-8 where a pair was cut); a view into the column, or into `owned`.
  std::string_view Read() {
    const std::uint64_t units = lengths_.Read();
    if (!is_ascii_) return ReadUnits(units);
    const std::string_view text = text_.substr(next_, units);
    next_ += text.size();
    return text;
  }
  const ByteReader& in() const { return in_; }
  const UintColumnReader& lengths() const { return lengths_; }

 private:
  std::string_view ReadUnits(std::uint64_t units);

  ByteReader in_;  // only for its error
  std::string_view text_;
  bool is_ascii_ = false;  // all of it
  UintColumnReader lengths_;
  std::deque<std::string>& owned_;
  std::size_t next_ = 0;        // byte of the next character
  bool half_consumed_ = false;  // the first half of the character at next_ was given out
};

}  // namespace weft::crdt
