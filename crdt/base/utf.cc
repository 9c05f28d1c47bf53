#include "crdt/base/utf.h"

#include <bit>
#include <cstring>

namespace weft::crdt {
namespace {

static_assert(std::endian::native == std::endian::little, "the first byte must be a word's lowest");

constexpr std::uint64_t kLowBits = 0x0101010101010101;
constexpr std::uint64_t kHighBits = 0x8080808080808080;

std::uint64_t LoadWord(const void* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// The number of bytes below 0x80 at the front of [begin, end).
std::size_t AsciiRun(const std::uint8_t* begin, const std::uint8_t* end) {
  const std::uint8_t* next = begin;
  for (; end - next >= 32; next += 32) {
    const std::uint64_t all =
        LoadWord(next) | LoadWord(next + 8) | LoadWord(next + 16) | LoadWord(next + 24);
    if ((all & kHighBits) != 0) break;
  }
  for (; end - next >= 8; next += 8) {
    const std::uint64_t high = LoadWord(next) & kHighBits;
    if (high != 0) return static_cast<std::size_t>(next - begin + std::countr_zero(high) / 8);
  }
  while (next != end && *next < 0x80) ++next;
  return static_cast<std::size_t>(next - begin);
}

// The number of units below 0x80 at the front of [begin, end).
std::size_t AsciiRun(const char16_t* begin, const char16_t* end) {
  const char16_t* next = begin;
  while (end - next >= 4 && (LoadWord(next) & 0xff80ff80ff80ff80) == 0) next += 4;
  while (next != end && *next < 0x80) ++next;
  return static_cast<std::size_t>(next - begin);
}

bool IsContinuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

enum class Surrogates { kForbidden, kAlone };

// Bytes of the character that [next, end) begins with, 0 when it begins with none. Requires: not
// empty.
std::size_t CharacterSize(const std::uint8_t* next, const std::uint8_t* end,
                          Surrogates surrogates) {
  const std::uint8_t lead = *next;
  const std::size_t left = static_cast<std::size_t>(end - next);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;  // a continuation, or an overlong form
  if (left < 2 || !IsContinuation(next[1])) return 0;
  if (lead < 0xe0) return 2;
  if (left < 3 || !IsContinuation(next[2])) return 0;
  if (lead < 0xf0) {
    if (lead == 0xe0 && next[1] < 0xa0) return 0;
    if (lead == 0xed && next[1] >= 0xa0 && surrogates == Surrogates::kForbidden) return 0;
    return 3;
  }
  if (left < 4 || !IsContinuation(next[3])) return 0;
  if (lead == 0xf0 && next[1] < 0x90) return 0;
  if (lead > 0xf4 || (lead == 0xf4 && next[1] >= 0x90)) return 0;
  return 4;
}

bool IsValid(std::string_view text, Surrogates surrogates) {
  const ByteView bytes = AsBytes(text);
  const std::uint8_t* next = bytes.data();
  const std::uint8_t* const end = next + bytes.size();
  bool after_high = false;
  while (true) {
    const std::size_t ascii = AsciiRun(next, end);
    if (ascii > 0) after_high = false;
    next += ascii;
    if (next == end) return true;
    // Characters beyond ASCII mostly come in runs.
    while (next != end && *next >= 0x80) {
      const std::size_t size = CharacterSize(next, end, surrogates);
      if (size == 0) return false;
      if (surrogates == Surrogates::kAlone) {
        const bool surrogate = *next == 0xed && next[1] >= 0xa0;
        if (surrogate && next[1] >= 0xb0 && after_high) return false;
        after_high = surrogate && next[1] < 0xb0;
      }
      next += size;
    }
  }
}

// The bytes that stand for one character of UTF-8 or WTF-8, written from `out`; the end of them.
char* WriteCharacter(char* out, char32_t character) {
  if (character < 0x80) {
    *out++ = static_cast<char>(character);
    return out;
  }
  if (character < 0x800) {
    *out++ = static_cast<char>(0xc0 | character >> 6);
  } else {
    if (character < 0x10000) {
      *out++ = static_cast<char>(0xe0 | character >> 12);
    } else {
      *out++ = static_cast<char>(0xf0 | character >> 18);
      *out++ = static_cast<char>(0x80 | (character >> 12 & 0x3f));
    }
    *out++ = static_cast<char>(0x80 | (character >> 6 & 0x3f));
  }
  *out++ = static_cast<char>(0x80 | (character & 0x3f));
  return out;
}

char32_t JoinSurrogates(char16_t high, char16_t low) {
  return 0x10000 + (static_cast<char32_t>(high - 0xD800) << 10) + (low - 0xDC00u);
}

bool IsPairAt(std::u16string_view text, std::size_t index) {
  return IsHighSurrogate(text[index]) && index + 1 < text.size() && IsLowSurrogate(text[index + 1]);
}

// Bytes of UTF-8, or WTF-8, for `text`: a lone surrogate takes three in both.
std::size_t Utf8Size(std::u16string_view text) {
  std::size_t size = text.size();
  for (const char16_t unit : text) size += (unit >= 0x80) + (unit >= 0x800);
  for (std::size_t i = 1; i < text.size(); ++i) {
    size -= 2 * static_cast<std::size_t>(IsHighSurrogate(text[i - 1]) & IsLowSurrogate(text[i]));
  }
  return size;
}

// Appends `size` bytes to `out`, which `write` fills from the pointer that it is given.
template <typename Write>
void AppendBytes(std::string& out, std::size_t size, Write write) {
  const std::size_t before = out.size();
  const std::size_t after = before + size;
  // The size that the operation is given is not to be used: libstdc++ 12 passes the capacity.
  out.resize_and_overwrite(after, [&](char* data, std::size_t) {
    write(data + before);
    return after;
  });
}

void AppendUtf16(std::string& out, std::u16string_view text, Surrogates surrogates) {
  AppendBytes(out, Utf8Size(text), [&](char* next) {
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t ascii = AsciiRun(text.data() + i, text.data() + text.size());
      for (const std::size_t run_end = i + ascii; i < run_end; ++i) {
        *next++ = static_cast<char>(text[i]);
      }
      for (; i < text.size() && text[i] >= 0x80; ++i) {
        const char16_t unit = text[i];
        if (IsPairAt(text, i)) {
          next = WriteCharacter(next, JoinSurrogates(unit, text[++i]));
        } else {
          const bool lone = IsHighSurrogate(unit) || IsLowSurrogate(unit);
          next = WriteCharacter(
              next, lone && surrogates == Surrogates::kForbidden ? kReplacementCharacter : unit);
        }
      }
    }
  });
}

// Where the next surrogate begins in WTF-8, from `from` on; npos when there is none.
std::size_t FindSurrogate(std::string_view text, std::size_t from) {
  while (true) {
    from = text.find('\xed', from);
    if (from == std::string_view::npos || from + 2 >= text.size()) return std::string_view::npos;
    if (static_cast<std::uint8_t>(text[from + 1]) >= 0xa0) return from;
    from += 3;
  }
}

}  // namespace

bool IsValidUtf8(std::string_view text) { return IsValid(text, Surrogates::kForbidden); }

bool IsValidWtf8(std::string_view text) { return IsValid(text, Surrogates::kAlone); }

std::size_t Utf16Length(std::string_view text) {
  // One unit for each byte that begins a character, and one more where it begins four bytes.
  std::size_t length = 0;
  const char* next = text.data();
  const char* const end = next + text.size();
  for (; end - next >= 8; next += 8) {
    const std::uint64_t word = LoadWord(next);
    if ((word & kHighBits) == 0) {
      length += 8;
      continue;
    }
    const std::uint64_t begins = ~(word >> 7) | word >> 6;
    const std::uint64_t four = word >> 7 & word >> 6 & word >> 5 & word >> 4;
    // The product's top byte is the sum of the bytes.
    length += ((begins & kLowBits) + (four & kLowBits)) * kLowBits >> 56;
  }
  for (; next != end; ++next) {
    const std::uint8_t byte = static_cast<std::uint8_t>(*next);
    length += static_cast<std::size_t>(!IsContinuation(byte)) + (byte >= 0xf0);
  }
  return length;
}

std::u16string Utf8ToUtf16(std::string_view text) {
  std::u16string units;
  units.resize_and_overwrite(Utf16Length(text), [&](char16_t* out, std::size_t) {
    char16_t* const begin = out;
    const ByteView bytes = AsBytes(text);
    const std::uint8_t* next = bytes.data();
    const std::uint8_t* const end = next + bytes.size();
    while (next != end) {
      for (const std::uint8_t* run_end = next + AsciiRun(next, end); next != run_end;) {
        *out++ = *next++;
      }
      while (next != end && *next >= 0x80) {
        const std::uint8_t lead = *next;
        const std::ptrdiff_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (end - next < size) return out - begin;
        if (size == 2) {
          *out++ = static_cast<char16_t>((lead & 0x1f) << 6 | (next[1] & 0x3f));
        } else if (size == 3) {
          *out++ =
              static_cast<char16_t>((lead & 0x0f) << 12 | (next[1] & 0x3f) << 6 | (next[2] & 0x3f));
        } else if (size == 4) {
          const std::uint32_t above = ((lead & 0x07u) << 18 | (next[1] & 0x3fu) << 12 |
                                       (next[2] & 0x3fu) << 6 | (next[3] & 0x3fu)) -
                                      0x10000;
          *out++ = static_cast<char16_t>(0xD800 | (above >> 10 & 0x3ff));
          *out++ = static_cast<char16_t>(0xDC00 | (above & 0x3ff));
        }
        next += size;
      }
    }
    return out - begin;
  });
  return units;
}

void AppendUtf16AsUtf8(std::string& out, std::u16string_view text) {
  AppendUtf16(out, text, Surrogates::kForbidden);
}

void AppendLatin1AsUtf8(std::string& out, std::string_view latin1) {
  std::size_t size = latin1.size();
  for (const char byte : latin1) size += static_cast<std::uint8_t>(byte) >> 7;
  if (size == latin1.size()) {
    out.append(latin1);
    return;
  }
  AppendBytes(out, size, [&](char* next) {
    for (const char byte : latin1) next = WriteCharacter(next, static_cast<std::uint8_t>(byte));
  });
}

void AppendUtf16AsWtf8(std::string& out, std::u16string_view text) {
  if (!text.empty() && IsLowSurrogate(text.front()) && out.size() >= 3) {
    const std::u16string last = Utf8ToUtf16(std::string_view(out).substr(out.size() - 3));
    if (last.size() == 1 && IsHighSurrogate(last.front())) {
      out.resize(out.size() - 3);
      const char16_t pair[] = {last.front(), text.front()};
      AppendUtf16(out, {pair, 2}, Surrogates::kAlone);
      text.remove_prefix(1);
    }
  }
  AppendUtf16(out, text, Surrogates::kAlone);
}

void AppendWtf8(std::string& out, std::string_view wtf8) {
  const auto is_surrogate = [](std::string_view bytes, bool low) {
    return bytes.size() >= 3 && bytes[0] == '\xed' &&
           (low ? bytes[1] >= '\xb0' : bytes[1] >= '\xa0' && bytes[1] < '\xb0');
  };
  const std::size_t tail = out.size() - std::min<std::size_t>(out.size(), 3);
  if (is_surrogate(wtf8, /*low=*/true) &&
      is_surrogate(std::string_view(out).substr(tail), /*low=*/false)) {
    AppendUtf16AsWtf8(out, Utf8ToUtf16(wtf8.substr(0, 3)));
    wtf8.remove_prefix(3);
  }
  out += wtf8;
}

bool HasLoneSurrogate(std::string_view text) {
  return FindSurrogate(text, 0) != std::string_view::npos;
}

bool ReplaceLoneSurrogates(std::string& text) {
  bool found = false;
  for (std::size_t at = 0; (at = FindSurrogate(text, at)) != std::string_view::npos; at += 3) {
    text.replace(at, 3, "\xef\xbf\xbd");
    found = true;
  }
  return found;
}

}  // namespace weft::crdt
