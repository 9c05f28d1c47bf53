#include "bench/format_limit.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "crdt/any_codec.h"
#include "crdt/base/utf.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/codec/update_v2.h"
#include "crdt/item.h"
#include "crdt/limits.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;
using crdt::ClientId;
using crdt::Clock;
using crdt::Id;
using crdt::UpdateFormat;
using crdt::internal::ContentKind;
using FlatBlock = FlatUpdate::FlatBlock;
using Name = FlatUpdate::Name;

constexpr std::uint8_t kKindMask = 0x1f;
constexpr std::uint8_t kOriginBit = 0x80;
constexpr std::uint8_t kRightOriginBit = 0x40;
constexpr std::uint8_t kKeyBit = 0x20;
constexpr std::uint8_t kStringTag = 119;   // of crdt/any_codec.h
constexpr std::uint8_t kIntegerTag = 125;  // likewise

ContentKind KindOf(std::uint8_t info) { return static_cast<ContentKind>(info & kKindMask); }

// --- format v1 by plain pointers ----------------------------------------------------------------

class PlainReader {
 public:
  explicit PlainReader(ByteView bytes) : next_(bytes.data()), end_(next_ + bytes.size()) {}

  std::uint64_t ReadCount() {
    std::uint64_t value = *next_++;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (unsigned shift = 7;; shift += 7) {
      const std::uint64_t byte = *next_++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  Clock ReadClock() { return ReadCount(); }
  Clock ReadLength() { return ReadCount(); }
  Clock ReadSkipLength() { return ReadCount(); }
  ClientId ReadClient() { return ClientId{ReadCount()}; }
  std::uint8_t ReadInfo() { return *next_++; }
  Id ReadLeftId() {
    const ClientId client = ReadClient();
    return {client, ReadCount()};
  }
  Id ReadRightId() { return ReadLeftId(); }
  bool ReadParentInfo() { return ReadCount() == 1; }
  std::string_view ReadString() {
    const std::uint64_t size = ReadCount();
    next_ += size;
    return {reinterpret_cast<const char*>(next_ - size), size};
  }
  std::string_view ReadName() { return ReadString(); }
  Any ReadAny() {
    if (*next_ == kIntegerTag) {
      ++next_;
      const std::uint8_t first = *next_++;
      std::uint64_t magnitude = first & 0x3f;
      if (first >= 0x80) magnitude |= ReadCount() << 6;
      const auto number = static_cast<double>(magnitude);
      return (first & 0x40) != 0 ? -number : number;
    }
    if (*next_ == kStringTag) {
      ++next_;
      return std::string(ReadString());
    }
    crdt::ByteReader reader(ByteView(next_, end_));
    Any value = crdt::ReadAny(reader, /*max_depth=*/64);
    next_ += reader.offset();
    return value;
  }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
};

// Requires: as much memory as the update takes.
class PlainWriter {
 public:
  explicit PlainWriter(std::uint8_t* out) : begin_(out), next_(out) {}
  std::size_t size() const { return static_cast<std::size_t>(next_ - begin_); }

  void WriteCount(std::uint64_t value) { next_ = ByteWriter::PutVarUint(next_, value); }
  void WriteClock(Clock clock) { WriteCount(clock); }
  void WriteLength(Clock length) { WriteCount(length); }
  void WriteSkipLength(Clock length) { WriteCount(length); }
  void WriteClient(ClientId client) { WriteCount(ToNumber(client)); }
  void WriteInfo(std::uint8_t info) { *next_++ = info; }
  void WriteLeftId(Id id) {
    WriteClient(id.client);
    WriteCount(id.clock);
  }
  void WriteRightId(Id id) { WriteLeftId(id); }
  void WriteParentInfo(bool is_root) { WriteCount(is_root ? 1 : 0); }
  void WriteString(std::string_view text) {
    WriteCount(text.size());
    std::memcpy(next_, text.data(), text.size());
    next_ += text.size();
  }
  void WriteName(std::string_view name) { WriteString(name); }
  void WriteAny(const Any& value) {
    const double* number = value.AsNumber();
    const auto whole = number == nullptr ? 0 : static_cast<std::int64_t>(*number);
    if (number != nullptr && static_cast<double>(whole) == *number && whole > 0) {
      *next_++ = kIntegerTag;
      next_ = ByteWriter::PutVarInt(next_, static_cast<std::uint64_t>(whole), /*negative=*/false);
      return;
    }
    if (const std::string* text = value.AsString()) {
      *next_++ = kStringTag;
      return WriteString(*text);
    }
    ByteWriter other;
    crdt::WriteAny(other, value);
    std::memcpy(next_, other.view().data(), other.size());
    next_ += other.size();
  }

 private:
  std::uint8_t* begin_;
  std::uint8_t* next_;
};

// --- blocks in either format ----------------------------------------------------------------------

Name Keep(std::string& text, std::string_view added) {
  const auto begin = static_cast<std::uint32_t>(text.size());
  text.append(added);
  return {.begin = begin, .size = static_cast<std::uint32_t>(added.size())};
}

template <typename Reader>
bool ReadContent(Reader& reader, FlatUpdate& out, FlatBlock& block) {
  switch (KindOf(block.info)) {
    case ContentKind::kDeleted:
      block.length = reader.ReadLength();
      return true;
    case ContentKind::kString: {
      const std::string_view text = reader.ReadString();
      block.text = Keep(out.text, text);
      block.length = crdt::IsAscii(text) ? text.size() : crdt::Utf16Length(text);
      return true;
    }
    case ContentKind::kAny:
      block.length = reader.ReadLength();
      for (Clock i = 0; i < block.length; ++i) out.values.push_back(reader.ReadAny());
      return true;
    default:
      return false;
  }
}

template <typename Reader>
bool ReadBlock(Reader& reader, FlatUpdate& out) {
  FlatBlock& block = out.blocks.emplace_back();
  block.info = reader.ReadInfo();
  if (KindOf(block.info) == ContentKind::kGc) {
    block.length = reader.ReadLength();
    return true;
  }
  const bool has_origin = (block.info & kOriginBit) != 0;
  const bool has_right_origin = (block.info & kRightOriginBit) != 0;
  if (has_origin) block.origin = reader.ReadLeftId();
  if (has_right_origin) block.right_origin = reader.ReadRightId();
  if (!has_origin && !has_right_origin) {
    block.of_root = reader.ReadParentInfo();
    if (block.of_root) {
      block.name = Keep(out.text, reader.ReadName());
    } else {
      block.origin = reader.ReadLeftId();
    }
    if ((block.info & kKeyBit) != 0) block.key = Keep(out.text, reader.ReadName());
  }
  return ReadContent(reader, out, block);
}

// False for content that no row has.
template <bool kGaps, typename Reader>
bool Read(Reader& reader, FlatUpdate& out) {
  for (std::uint64_t sections = reader.ReadCount(); sections > 0; --sections) {
    FlatUpdate::Section& section = out.sections.emplace_back();
    section.blocks = reader.ReadCount();
    section.client = reader.ReadClient();
    section.clock = reader.ReadClock();
    for (std::size_t i = 0; i < section.blocks; ++i) {
      if (!ReadBlock(reader, out)) return false;
    }
  }
  for (std::uint64_t clients = reader.ReadCount(); clients > 0; --clients) {
    FlatUpdate::Deletes& deletes = out.deleting.emplace_back();
    deletes.client = ClientId{reader.ReadCount()};
    deletes.ranges = reader.ReadCount();
    Clock end = 0;
    for (std::size_t i = 0; i < deletes.ranges; ++i) {
      crdt::IdRange range;
      range.clock = reader.ReadCount() + (kGaps ? end : 0);
      range.length = reader.ReadCount() + (kGaps ? 1 : 0);
      end = range.end();
      out.deleted.push_back(range);
    }
  }
  return true;
}

template <typename Writer>
void WriteBlock(Writer& writer, const FlatUpdate& update, const FlatBlock& block,
                std::size_t& next_value) {
  const auto text = [&](Name name) {
    return std::string_view(update.text).substr(name.begin, name.size);
  };
  writer.WriteInfo(block.info);
  const ContentKind kind = KindOf(block.info);
  if (kind == ContentKind::kGc) return writer.WriteLength(block.length);
  const bool has_origin = (block.info & kOriginBit) != 0;
  const bool has_right_origin = (block.info & kRightOriginBit) != 0;
  if (has_origin) writer.WriteLeftId(block.origin);
  if (has_right_origin) writer.WriteRightId(block.right_origin);
  if (!has_origin && !has_right_origin) {
    writer.WriteParentInfo(block.of_root);
    if (block.of_root) {
      writer.WriteName(text(block.name));
    } else {
      writer.WriteLeftId(block.origin);
    }
    if ((block.info & kKeyBit) != 0) writer.WriteName(text(block.key));
  }
  if (kind == ContentKind::kString) return writer.WriteString(text(block.text));
  writer.WriteLength(block.length);
  if (kind == ContentKind::kDeleted) return;
  for (Clock i = 0; i < block.length; ++i) writer.WriteAny(update.values[next_value++]);
}

template <bool kGaps, typename Writer>
void Write(Writer& writer, const FlatUpdate& update) {
  std::size_t block = 0;
  std::size_t value = 0;
  writer.WriteCount(update.sections.size());
  for (const FlatUpdate::Section& section : update.sections) {
    writer.WriteCount(section.blocks);
    writer.WriteClient(section.client);
    writer.WriteClock(section.clock);
    for (const std::size_t end = block + section.blocks; block < end; ++block) {
      WriteBlock(writer, update, update.blocks[block], value);
    }
  }
  std::size_t range = 0;
  writer.WriteCount(update.deleting.size());
  for (const FlatUpdate::Deletes& deletes : update.deleting) {
    writer.WriteCount(ToNumber(deletes.client));
    writer.WriteCount(deletes.ranges);
    Clock end = 0;
    for (std::size_t i = 0; i < deletes.ranges; ++i) {
      const crdt::IdRange& deleted = update.deleted[range++];
      writer.WriteCount(deleted.clock - (kGaps ? end : 0));
      writer.WriteCount(deleted.length - (kGaps ? 1 : 0));
      end = deleted.end();
    }
  }
}

// --- what is measured -----------------------------------------------------------------------------

bool ReadInto(ByteView bytes, UpdateFormat format, FlatUpdate& out) {
  if (format == UpdateFormat::kV1) {
    PlainReader reader(bytes);
    return Read</*kGaps=*/false>(reader, out);
  }
  crdt::ByteReader in(bytes);
  const crdt::DecodeLimits limits;
  crdt::DecodeBudget budget(limits, bytes.size());
  std::deque<std::string> owned;
  crdt::UpdateReaderV2 reader(in, limits, budget, owned);
  return Read</*kGaps=*/true>(reader, out);
}

Bytes WriteV2(const FlatUpdate& update) {
  crdt::UpdateWriterV2 writer;
  writer.Reserve(update.blocks.size(), update.text.size());
  Write</*kGaps=*/true>(writer, update);
  return std::move(writer).Finish();
}

// Memory is kept.
void Empty(FlatUpdate& update) {
  update.sections.clear();
  update.blocks.clear();
  update.text.clear();
  update.values.clear();
  update.deleting.clear();
  update.deleted.clear();
}

// Memory for updates in format v1 of up to so many bytes.
class Paper {
 public:
  explicit Paper(std::size_t size) : bytes_(std::make_unique<std::uint8_t[]>(size + 16)) {}
  ByteView Write(const FlatUpdate& update) {
    PlainWriter writer(bytes_.get());
    bench::Write</*kGaps=*/false>(writer, update);
    return {bytes_.get(), writer.size()};
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
};

absl::StatusOr<FlatUpdate> Flat(const Bytes& bytes, UpdateFormat format) {
  FlatUpdate update;
  if (!ReadInto(bytes, format, update)) {
    return absl::UnimplementedError("content that the limit programs do not know");
  }
  const bool same = format == UpdateFormat::kV2
                        ? WriteV2(update) == bytes
                        : std::ranges::equal(Paper(bytes.size()).Write(update), bytes);
  if (!same) return Wrong("the limit program reads or writes something else");
  return update;
}

// What edits insert, kept.
struct Kept {
  std::string text;
  std::vector<Any> values;

  void Add(const std::vector<Edit>& edits) {
    for (const Edit& edit : edits) {
      text += edit.text;
      values.insert(values.end(), edit.values.begin(), edit.values.end());
    }
  }
};

}  // namespace

absl::StatusOr<Sample> LimitOfWork(const CrdtBenchmark& benchmark,
                                   const std::vector<Bytes>& updates) {
  std::vector<FlatUpdate> flat;
  std::size_t largest = 0;
  std::size_t all = 0;
  for (const Bytes& update : updates) {
    absl::StatusOr<FlatUpdate> one = Flat(update, UpdateFormat::kV1);
    if (!one.ok()) return one.status();
    flat.push_back(*std::move(one));
    largest = std::max(largest, update.size());
    all += update.size();
  }
  Paper paper(largest);
  Kept kept;
  FlatUpdate received;  // the latest; each was compared with its bytes above
  std::size_t written = 0;
  std::size_t blocks = 0;
  const bool writes = benchmark.kind != CrdtBenchmark::Kind::kManyWriters;
  const bool reads = benchmark.kind != CrdtBenchmark::Kind::kOneWriter;
  const double seconds = Seconds([&] {
    if (writes) {
      for (const std::vector<Edit>& edits : benchmark.writers) kept.Add(edits);
      for (const FlatUpdate& update : flat) written += paper.Write(update).size();
    }
    if (reads) {
      for (const Bytes& update : updates) {
        Empty(received);
        if (ReadInto(update, UpdateFormat::kV1, received)) blocks += received.blocks.size();
      }
    }
  });
  if (writes && written != all) return Wrong("updates are not whole");
  for (const FlatUpdate& update : flat) blocks -= reads ? update.blocks.size() : 0;
  if (blocks != 0) return Wrong("blocks are missing");
  return Sample{.seconds = seconds, .bytes = all};
}

absl::StatusOr<Sample> LimitOfEncode(const Bytes& state, UpdateFormat format) {
  const absl::StatusOr<FlatUpdate> update = Flat(state, format);
  if (!update.ok()) return update.status();
  Sample sample{.bytes = state.size()};
  bool same = false;
  if (format == UpdateFormat::kV1) {
    Paper paper(state.size());
    ByteView written;
    sample.seconds = Seconds([&] { written = paper.Write(*update); });
    same = std::ranges::equal(written, state);
  } else {
    Bytes written;
    sample.seconds = Seconds([&] { written = WriteV2(*update); });
    same = written == state;
  }
  if (!same) return Wrong("what was written is not the state");
  return sample;
}

absl::StatusOr<Sample> LimitOfParse(const Bytes& state, UpdateFormat format) {
  absl::StatusOr<FlatUpdate> update = Flat(state, format);
  if (!update.ok()) return update.status();
  Empty(*update);
  bool read = false;
  const double seconds = Seconds([&] { read = ReadInto(state, format, *update); });
  const bool same = read && (format == UpdateFormat::kV2
                                 ? WriteV2(*update) == state
                                 : std::ranges::equal(Paper(state.size()).Write(*update), state));
  if (!same) return Wrong("what was read is not the state");
  return Sample{.seconds = seconds, .bytes = state.size()};
}

}  // namespace weft::bench
