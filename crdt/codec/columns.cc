#include "crdt/codec/columns.h"

#include "crdt/base/utf.h"

namespace weft::crdt {

namespace {

// The code point of the four bytes of UTF-8 at `text`.
char32_t DecodeFour(std::string_view text) {
  const auto bits = [&](std::size_t i) { return static_cast<unsigned char>(text[i]) & 0x3fu; };
  return (static_cast<unsigned char>(text[0]) & 0x07u) << 18 | bits(1) << 12 | bits(2) << 6 |
         bits(3);
}

std::size_t SizeOfCharacter(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

}  // namespace

void StringColumnWriter::Write(std::string_view wtf8) {
  const std::uint64_t units = Utf16Length(wtf8);
  is_ascii_ = is_ascii_ && units == wtf8.size();
  lengths_.Write(units);
  text_.WriteBytes(AsBytes(wtf8));
}

void StringColumnWriter::FinishTo(ByteWriter& out) {
  std::string_view text = AsText(text_.view());
  std::string mended;
  if (!is_ascii_ && !IsValidUtf8(text)) {
    // Halves that stand side by side are one character in a JavaScript string.
    AppendUtf16AsUtf8(mended, Utf8ToUtf16(text));
    text = mended;
  }
  const ByteView lengths = lengths_.Finish();
  out.WriteVarUint(ByteWriter::SizeOfVarUint(text.size()) + text.size() + lengths.size());
  out.WriteString(text);
  out.WriteBytes(lengths);
}

void DiffColumnReader::Refuse() {
  in_.Fail("a number that runs out of the range 0 to 2^53 - 1");
  value_ = 0;
  left_ = 0;
}

StringColumnReader::StringColumnReader(ByteView column, std::deque<std::string>& owned)
    : in_(column), lengths_({}), owned_(owned) {
  text_ = in_.ReadString();
  if (!IsValidUtf8(text_)) {
    in_.Fail("a string that is not UTF-8");
    text_ = {};
  }
  is_ascii_ = IsAscii(text_);
  lengths_ = UintColumnReader(in_.ReadBytes(in_.remaining()));
}

std::string_view StringColumnReader::ReadUnits(std::uint64_t units) {
  std::string prefix;  // the second half of a pair whose first half went to the string before
  if (half_consumed_ && units > 0) {
    const char16_t low =
        static_cast<char16_t>(0xDC00 + ((DecodeFour(text_.substr(next_)) - 0x10000) & 0x3ff));
    AppendUtf16AsWtf8(prefix, std::u16string_view(&low, 1));
    next_ += 4;
    half_consumed_ = false;
    --units;
  }
  const std::size_t begin = next_;
  char16_t cut = 0;  // the first half of a pair whose second half is for the next string
  while (units > 0 && next_ < text_.size()) {
    const std::size_t size = SizeOfCharacter(static_cast<unsigned char>(text_[next_]));
    if (size == 4 && units == 1) {
      cut = static_cast<char16_t>(0xD800 + ((DecodeFour(text_.substr(next_)) - 0x10000) >> 10));
      half_consumed_ = true;
      break;
    }
    next_ += size;
    units -= size == 4 ? 2 : 1;
  }
  const std::string_view whole = text_.substr(begin, next_ - begin);
  if (prefix.empty() && cut == 0) return whole;
  std::string& owned = owned_.emplace_back(std::move(prefix));
  owned += whole;
  if (cut != 0) AppendUtf16AsWtf8(owned, std::u16string_view(&cut, 1));
  return owned;
}

}  // namespace weft::crdt
