#pragma once

// UTF-8 and UTF-16, with the tolerance that JavaScript strings need: a lone surrogate may stand in
// UTF-16, and in WTF-8 as its three generalized bytes.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/base/bytes.h"

namespace weft::crdt {

inline constexpr char16_t kReplacementCharacter = u'\uFFFD';

constexpr bool IsHighSurrogate(char16_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool IsLowSurrogate(char16_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Whether every byte is below 0x80. Fast (words at a time).
inline bool IsAscii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const char* const begin = text.data();
  const std::size_t size = text.size();
  const auto high = [](const char* from, std::size_t bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, bytes);
    return word & kHighBits;
  };
  // The last word overlaps the one before it.
  if (size >= 8) {
    std::uint64_t found = high(begin + size - 8, 8);
    for (std::size_t i = 0; i + 8 < size && found == 0; i += 8) found = high(begin + i, 8);
    return found == 0;
  }
  if (size >= 4) return (high(begin, 4) | high(begin + size - 4, 4)) == 0;
  if (size >= 2) return (high(begin, 2) | high(begin + size - 2, 2)) == 0;
  return size == 0 || high(begin, 1) == 0;
}

// Strict UTF-8: no surrogates, no overlong forms, at most U+10FFFF. ASCII runs are fast.
bool IsValidUtf8(std::string_view text);

// As IsValidUtf8, but lone surrogates may stand. Two that make a pair may not: WTF-8 writes a pair
// as the four bytes of its character, so that equal strings have equal bytes.
bool IsValidWtf8(std::string_view text);

// UTF-16 code units of `text`. Requires: valid UTF-8 or WTF-8 (else the answer means nothing, but
// nothing outside of `text` is read; this holds for the functions below too).
std::size_t Utf16Length(std::string_view text);

// Requires: valid UTF-8 or WTF-8.
std::u16string Utf8ToUtf16(std::string_view text);

// Appends UTF-16 as UTF-8, each lone surrogate as U+FFFD (what a UTF-8 encoder of JavaScript
// writes).
void AppendUtf16AsUtf8(std::string& out, std::u16string_view text);
// As above for one byte a unit (Latin-1).
void AppendLatin1AsUtf8(std::string& out, std::string_view latin1);
// Appends UTF-16 as WTF-8: lone surrogates keep their value, and a low one at the front of `text`
// joins a high one at the end of `out`.
void AppendUtf16AsWtf8(std::string& out, std::u16string_view text);

// Appends WTF-8; a low surrogate at its front joins a high one at the end of `out`.
void AppendWtf8(std::string& out, std::string_view wtf8);

// WTF-8 as UTF-8, each lone surrogate as U+FFFD: of the same length, so `text` is changed in place.
// Whether anything had to be changed.
bool ReplaceLoneSurrogates(std::string& text);
// Whether `text` holds a lone surrogate. Requires: valid UTF-8 or WTF-8.
bool HasLoneSurrogate(std::string_view text);

// The UTF-16 code units of valid UTF-8 or WTF-8, one at a time. A view: the text must outlive it.
class Utf16Reader {
 public:
  explicit Utf16Reader(std::string_view text = {}) : text_(text) {}

  // Requires: there are units left.
  char16_t Next() {
    if (low_ != 0) return std::exchange(low_, u'\0');
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text_[next_ + i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) {
      ++next_;
      return first;
    }
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t point = first & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3fu);
    next_ += size;
    if (point < 0x10000) return static_cast<char16_t>(point);
    low_ = static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3ff));
    return static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10));
  }

 private:
  std::string_view text_;
  std::size_t next_ = 0;
  char16_t low_ = 0;  // the second half of the pair that was begun
};

}  // namespace weft::crdt
