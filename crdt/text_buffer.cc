#include "crdt/text_buffer.h"

#include <algorithm>
#include <cstring>

#include "crdt/base/check.h"
#include "crdt/base/huge_pages.h"
#include "crdt/base/utf.h"

namespace weft::crdt::internal {

std::u16string_view TextBuffer::Wide(TextRun run) const {
  DCHECK(run.wide && run.offset % 2 == 0 && run.end() <= bytes_.size());
  return {reinterpret_cast<const char16_t*>(bytes_.data() + run.offset), run.units};
}

void TextBuffer::AlignForWide() {
  if (bytes_.size() % 2 == 1) {
    bytes_.push_back(0);
    ++dropped_;
  }
}

void TextBuffer::Shrink() {
  if (dropped_ == bytes_.size()) {
    bytes_.clear();
    dropped_ = 0;
  }
  if (bytes_.size() * 4 < bytes_.capacity()) bytes_.shrink_to_fit();
}

void TextBuffer::Reserve(std::size_t bytes) {
  bytes_.reserve(bytes);
  AdviseHugePages(bytes_.data(), bytes_.capacity());
}

TextRun TextBuffer::Append(std::string_view utf8) {
  if (!IsAscii(utf8)) return AppendUnits(Utf8ToUtf16(utf8));
  CHECK(bytes_.size() + utf8.size() <= kMaxBytes);
  return AppendAscii(utf8);
}

TextRun TextBuffer::AppendUnits(std::u16string_view units) {
  is_ascii_ = false;  // as far as anybody knows
  CHECK(bytes_.size() + units.size() * 2 + 1 <= kMaxBytes);
  const bool wide = std::ranges::any_of(units, [](char16_t unit) { return unit > 0xFF; });
  if (wide) AlignForWide();
  const TextRun run{.offset = static_cast<std::uint32_t>(bytes_.size()),
                    .units = static_cast<std::uint32_t>(units.size()),
                    .wide = wide};
  if (wide) {
    const char* begin = reinterpret_cast<const char*>(units.data());
    bytes_.insert(bytes_.end(), begin, begin + units.size() * 2);
  } else {
    for (const char16_t unit : units) bytes_.push_back(static_cast<char>(unit));
  }
  return run;
}

TextRun TextBuffer::AppendWidened(TextRun run) {
  is_ascii_ = false;
  AlignForWide();
  const TextRun result{
      .offset = static_cast<std::uint32_t>(bytes_.size()), .units = run.units, .wide = true};
  CHECK(result.end() <= kMaxBytes);
  bytes_.resize(bytes_.size() + result.bytes());
  char* target = bytes_.data() + result.offset;
  const char* source = bytes_.data() + run.offset;
  if (run.wide) {
    std::memcpy(target, source, result.bytes());
  } else {
    for (std::uint32_t i = 0; i < run.units; ++i) {
      const char16_t unit = static_cast<unsigned char>(source[i]);
      std::memcpy(target + std::size_t{i} * 2, &unit, 2);
    }
  }
  return result;
}

TextRun TextBuffer::Join(TextRun left, TextRun right) {
  const bool wide = left.wide || right.wide;
  if (left.wide == right.wide && left.end() == right.offset) {
    return {.offset = left.offset, .units = left.units + right.units, .wide = wide};
  }
  is_ascii_ &= !wide;
  if (left.wide && !right.wide && left.end() == right.offset && right.end() == bytes_.size()) {
    // The new run stands behind the wide one that it continues: widen it where it is.
    std::u16string widened(right.units, u'\0');
    std::ranges::transform(Narrow(right), widened.begin(),
                           [](char byte) { return static_cast<unsigned char>(byte); });
    CHECK(left.end() + widened.size() * 2 <= kMaxBytes);
    bytes_.resize(left.end());
    const char* begin = reinterpret_cast<const char*>(widened.data());
    bytes_.insert(bytes_.end(), begin, begin + widened.size() * 2);
    return {.offset = left.offset, .units = left.units + right.units, .wide = true};
  }
  if (wide) {
    TextRun run = left;
    if (!left.wide || left.end() != bytes_.size()) {
      run = AppendWidened(left);
      Drop(left);
    }
    AppendWidened(right);
    Drop(right);
    return {.offset = run.offset, .units = left.units + right.units, .wide = true};
  }
  TextRun run = left;
  if (left.end() != bytes_.size()) {
    run = CopyTo(left, *this);
    Drop(left);
  }
  CopyTo(right, *this);
  Drop(right);
  return {.offset = run.offset, .units = left.units + right.units};
}

bool TextBuffer::IsAsciiText(TextRun run, std::string_view ascii) const {
  return !run.wide && Narrow(run) == ascii && crdt::IsAscii(ascii);
}

char16_t TextBuffer::UnitAt(TextRun run, std::uint32_t index) const {
  DCHECK(index < run.units);
  if (run.wide) return Wide(run)[index];
  return static_cast<unsigned char>(Narrow(run)[index]);
}

void TextBuffer::SetUnit(TextRun run, std::uint32_t index, char16_t unit) {
  DCHECK(run.wide && index < run.units);
  std::memcpy(bytes_.data() + run.offset + std::size_t{index} * 2, &unit, 2);
}

void TextBuffer::AppendUtf8(TextRun run, std::uint32_t begin, std::uint32_t count,
                            std::string& out) const {
  DCHECK(begin + count <= run.units);
  if (is_ascii_) {
    out.append(Narrow(run).substr(begin, count));
  } else if (run.wide) {
    AppendUtf16AsUtf8(out, Wide(run).substr(begin, count));
  } else {
    AppendLatin1AsUtf8(out, Narrow(run).substr(begin, count));
  }
}

void TextBuffer::AppendWtf8(TextRun run, std::uint32_t begin, std::uint32_t count,
                            std::string& out) const {
  if (!run.wide) return AppendUtf8(run, begin, count, out);
  DCHECK(begin + count <= run.units);
  AppendUtf16AsWtf8(out, Wide(run).substr(begin, count));
}

TextRun TextBuffer::CopyTo(TextRun run, TextBuffer& target) const {
  target.is_ascii_ &= is_ascii_;
  if (run.wide) target.AlignForWide();
  CHECK(target.bytes_.size() + run.bytes() <= kMaxBytes);
  const TextRun copy{.offset = static_cast<std::uint32_t>(target.bytes_.size()),
                     .units = run.units,
                     .wide = run.wide};
  target.bytes_.resize(target.bytes_.size() + run.bytes());
  std::memcpy(target.bytes_.data() + copy.offset, bytes_.data() + run.offset, run.bytes());
  return copy;
}

}  // namespace weft::crdt::internal
