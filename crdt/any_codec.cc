#include "crdt/any_codec.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"

namespace weft::crdt {
namespace {

enum Tag : std::uint8_t {
  kBuffer = 116,
  kArray = 117,
  kObject = 118,
  kString = 119,
  kTrue = 120,
  kFalse = 121,
  kBigInt = 122,
  kFloat64 = 123,
  kFloat32 = 124,
  kInteger = 125,
  kNull = 126,
  kUndefined = 127,
};

constexpr double kMaxInteger = 0x7fffffff;

void WriteText(ByteWriter& writer, const std::string& text) {
  if (!HasLoneSurrogate(text)) {
    writer.WriteString(text);
    return;
  }
  std::string replaced = text;
  ReplaceLoneSurrogates(replaced);
  writer.WriteString(replaced);
}

bool IsFloat32(double value) {
  if (std::isinf(value)) return true;
  // NaN fails the comparison.
  if (!(std::abs(value) <= std::numeric_limits<float>::max())) return false;
  return static_cast<float>(value) == value;
}

void WriteNumber(ByteWriter& writer, double value) {
  if (std::abs(value) <= kMaxInteger &&
      static_cast<double>(static_cast<std::int32_t>(value)) == value) {
    const auto magnitude = static_cast<std::uint32_t>(std::abs(static_cast<std::int32_t>(value)));
    std::uint8_t* next = writer.Room(1 + ByteWriter::kMaxVarUint);
    *next++ = kInteger;
    writer.Written(ByteWriter::PutVarInt(next, magnitude, std::signbit(value)));
  } else if (IsFloat32(value)) {
    writer.WriteByte(kFloat32);
    writer.WriteBigEndian32(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  } else {
    writer.WriteByte(kFloat64);
    writer.WriteBigEndian64(std::bit_cast<std::uint64_t>(value));
  }
}

// An array or object of which the elements before `next` are written.
struct OpenContainer {
  const Any* container;
  std::size_t next = 0;
};

// Writes a leaf whole; of an array or object the head, and opens it.
class ValueWriter {
 public:
  ValueWriter(ByteWriter& writer, std::vector<OpenContainer>& open)
      : writer_(writer), open_(open) {}

  void Write(const Any& value) {
    value_ = &value;
    std::visit(*this, value.value());
  }

  void operator()(Any::Undefined) { writer_.WriteByte(kUndefined); }
  void operator()(Any::Null) { writer_.WriteByte(kNull); }
  void operator()(bool value) { writer_.WriteByte(value ? kTrue : kFalse); }
  void operator()(double value) { WriteNumber(writer_, value); }
  void operator()(Any::BigInt value) {
    writer_.WriteByte(kBigInt);
    writer_.WriteBigEndian64(static_cast<std::uint64_t>(value.value));
  }
  void operator()(const std::string& text) {
    writer_.WriteByte(kString);
    WriteText(writer_, text);
  }
  void operator()(const Bytes& bytes) {
    writer_.WriteByte(kBuffer);
    writer_.WriteBuffer(bytes);
  }
  void operator()(const Any::Array& elements) { Open(kArray, elements.size()); }
  void operator()(const AnyObject& object) { Open(kObject, object.size()); }

 private:
  void Open(Tag tag, std::size_t count) {
    writer_.WriteByte(tag);
    writer_.WriteVarUint(count);
    if (count > 0) open_.push_back({value_});
  }

  ByteWriter& writer_;
  std::vector<OpenContainer>& open_;
  const Any* value_ = nullptr;
};

// An array or object of which `missing` elements are still to be read.
struct PartialContainer {
  bool is_object = false;
  std::uint64_t missing = 0;
  Any::Array elements;
  std::vector<AnyObject::Entry> entries;
  std::string key;  // of the value to be read next
};

class ValueReader {
 public:
  ValueReader(ByteReader& reader, const DecodeLimits& limits, DecodeBudget& budget)
      : reader_(reader), limits_(limits), budget_(budget) {}

  Any Read() {
    Spend(kValueMemory);
    while (true) {
      Any value = ReadLeafOrOpen();
      if (!reader_.ok()) return Any();
      if (opened_) continue;
      // The value completes the containers that miss nothing else.
      while (true) {
        if (open_.empty()) return value;
        Put(std::move(value));
        if (open_.back().missing > 0) break;
        value = Close();
      }
      if (open_.back().is_object) open_.back().key = ReadKey();
    }
  }

 private:
  void Spend(std::uint64_t memory) {
    if (!budget_.Spend(memory)) reader_.Exceed("update_memory", budget_.limit());
  }

  std::string ReadText() {
    const std::string_view text = reader_.ReadString();
    if (text.size() > limits_.string_bytes) reader_.Exceed("string_bytes", limits_.string_bytes);
    if (!IsValidUtf8(text)) reader_.Fail("a string that is not UTF-8");
    Spend(2 * text.size());
    return reader_.ok() ? std::string(text) : std::string();
  }
  std::string ReadKey() {
    std::string key = ReadText();
    if (key.size() > limits_.key_bytes) reader_.Exceed("key_bytes", limits_.key_bytes);
    return key;
  }

  // A leaf or an empty container; or opens a container, says so in `opened_` and answers nothing.
  Any ReadLeafOrOpen() {
    opened_ = false;
    if (!open_.empty()) --promised_;
    switch (reader_.ReadByte()) {
      case kUndefined:
        return Any();
      case kNull:
        return Any::Null();
      case kTrue:
        return true;
      case kFalse:
        return false;
      case kInteger: {
        const ByteReader::SignedInteger integer = reader_.ReadVarInt();
        const double magnitude = static_cast<double>(integer.magnitude);
        return integer.negative ? -magnitude : magnitude;
      }
      case kFloat32:
        return static_cast<double>(std::bit_cast<float>(reader_.ReadBigEndian32()));
      case kFloat64:
        return std::bit_cast<double>(reader_.ReadBigEndian64());
      case kBigInt:
        return Any::BigInt{static_cast<std::int64_t>(reader_.ReadBigEndian64())};
      case kString:
        return ReadText();
      case kBuffer: {
        const ByteView bytes = reader_.ReadBuffer();
        Spend(2 * bytes.size());
        if (!reader_.ok()) return Any();
        return Bytes(bytes.begin(), bytes.end());
      }
      case kObject:
        return Open(/*is_object=*/true);
      case kArray:
        return Open(/*is_object=*/false);
      default:
        reader_.Fail("a value of a kind that does not exist");
        return Any();
    }
  }

  Any Open(bool is_object) {
    const std::uint64_t count = reader_.ReadVarUint();
    if (open_.size() >= limits_.value_depth) reader_.Exceed("value_depth", limits_.value_depth);
    // An element takes a byte at least, an entry two. All that was promised must fit in what is
    // left, so that no more is reserved than the input pays for, however it is nested.
    const std::uint64_t room = reader_.remaining() / (is_object ? 2 : 1);
    if (count > room || promised_ > reader_.remaining() - count) {
      reader_.Fail("a count of elements that reaches past the end of the input");
    }
    if (reader_.ok()) Spend(count * (is_object ? kEntryMemory : kValueMemory));
    if (!reader_.ok()) return Any();
    if (count == 0) return is_object ? Any(AnyObject()) : Any(Any::Array());
    opened_ = true;
    promised_ += count;
    PartialContainer& container = open_.emplace_back();
    container.is_object = is_object;
    container.missing = count;
    if (is_object) {
      container.entries.reserve(count);
      container.key = ReadKey();
    } else {
      container.elements.reserve(count);
    }
    return Any();
  }

  void Put(Any value) {
    PartialContainer& container = open_.back();
    --container.missing;
    if (!container.is_object) {
      container.elements.push_back(std::move(value));
    } else if (container.key != "__proto__") {
      container.entries.emplace_back(std::move(container.key), std::move(value));
    }
  }

  Any Close() {
    PartialContainer container = std::move(open_.back());
    open_.pop_back();
    if (!container.is_object) return std::move(container.elements);
    return AnyObject::FromEntries(std::move(container.entries));
  }

  ByteReader& reader_;
  const DecodeLimits& limits_;
  DecodeBudget& budget_;
  std::vector<PartialContainer> open_;
  std::uint64_t promised_ = 0;  // elements of open containers that have not begun
  bool opened_ = false;
};

}  // namespace

void WriteAny(ByteWriter& writer, const Any& value) {
  if (const double* number = value.AsNumber()) return WriteNumber(writer, *number);
  std::vector<OpenContainer> open;
  ValueWriter values(writer, open);
  values.Write(value);
  while (!open.empty()) {
    OpenContainer& top = open.back();
    const std::size_t i = top.next++;
    if (const Any::Array* elements = top.container->AsArray()) {
      if (top.next == elements->size()) open.pop_back();
      values.Write((*elements)[i]);
    } else {
      const std::vector<AnyObject::Entry>& entries = top.container->AsObject()->entries();
      if (top.next == entries.size()) open.pop_back();
      WriteText(writer, entries[i].first);
      values.Write(entries[i].second);
    }
  }
}

Any ReadAny(ByteReader& reader, std::size_t max_depth) {
  DecodeLimits limits;
  limits.value_depth = max_depth;
  DecodeBudget budget(limits, reader.remaining());
  return ReadAny(reader, limits, budget);
}

Any ReadAny(ByteReader& reader, const DecodeLimits& limits, DecodeBudget& budget) {
  return ValueReader(reader, limits, budget).Read();
}

}  // namespace weft::crdt
