#pragma once

// Update format v2: the fields of v1 in columns (codec/columns.h), so that runs of like values cost
// next to nothing.
//
//   Update := 0  key-clocks:buffer clients:buffer left-clocks:buffer right-clocks:buffer
//   infos:buffer
//             strings:buffer parent-infos:buffer type-refs:buffer lengths:buffer  rest
//   rest   := count Section*  DeleteSet2          what has no column: counts, first clocks, skip
//                                                 lengths, buffers, values (JSON too, as any)
//   DeleteSet2 := count (client count (gap length-1)*)*     gap: from the end of the range before
//
// Keys of formats, and names of elements, have an index each; Yjs never finds one that it wrote
// before, so every key is written out under a new index. That is copied, not mended.
// Source: Yjs, UpdateEncoderV2 and UpdateDecoderV2.

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any.h"
#include "crdt/any_codec.h"
#include "crdt/base/bytes.h"
#include "crdt/base/utf.h"
#include "crdt/codec/columns.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/delete_set.h"
#include "crdt/id.h"
#include "crdt/limits.h"

namespace weft::crdt {

// Requires: merged.
inline void WriteDeleteSetV2(ByteWriter& writer, const DeleteSet& set) {
  writer.WriteVarUint(set.clients().size());
  for (auto client = set.clients().rbegin(); client != set.clients().rend(); ++client) {
    writer.WriteVarUint(ToNumber(client->client));
    writer.WriteVarUint(client->ranges.size());
    Clock end = 0;
    for (const IdRange& range : client->ranges) {
      writer.WriteVarUint(range.clock - end);
      writer.WriteVarUint(range.length - 1);
      end = range.end();
    }
  }
}

// As ReadDeleteSet.
inline DeleteSet ReadDeleteSetV2(ByteReader& reader, const DecodeLimits& limits,
                                 DecodeBudget& budget) {
  DeleteSet set;
  std::size_t count = 0;
  const std::uint64_t clients = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < clients && reader.ok(); ++i) {
    const ClientId client{reader.ReadVarUint()};
    const std::uint64_t ranges = reader.ReadVarUint();
    Clock end = 0;
    for (std::uint64_t j = 0; j < ranges && reader.ok(); ++j) {
      const Clock clock = end + reader.ReadVarUint();
      const Clock length = reader.ReadVarUint() + 1;
      if (clock > kMaxSafeInteger || length > kMaxSafeInteger - clock) {
        reader.Fail("a range that ends above 2^53 - 1");
      }
      if (++count > limits.delete_ranges) reader.Exceed("delete_ranges", limits.delete_ranges);
      if (!budget.Spend(kDeleteRangeMemory)) reader.Exceed("update_memory", budget.limit());
      if (!reader.ok()) break;
      set.Add(client, {clock, length});
      end = clock + length;
    }
  }
  set.SortAndMerge();
  return set;
}
inline DeleteSet ReadDeleteSetV2(ByteReader& reader) {
  const DecodeLimits limits;
  DecodeBudget budget(limits, reader.remaining());
  return ReadDeleteSetV2(reader, limits, budget);
}

class UpdateWriterV2 {
 public:
  void WriteCount(std::uint64_t count) { rest_.WriteVarUint(count); }
  void WriteClock(Clock clock) { rest_.WriteVarUint(clock); }
  void WriteSkipLength(Clock length) { rest_.WriteVarUint(length); }

  void WriteClient(ClientId client) { clients_.Write(ToNumber(client)); }
  void WriteInfo(std::uint8_t info) { infos_.Write(info); }
  void WriteLength(Clock length) { lengths_.Write(length); }
  void WriteLeftId(Id id) {
    clients_.Write(ToNumber(id.client));
    left_clocks_.Write(id.clock);
  }
  void WriteRightId(Id id) {
    clients_.Write(ToNumber(id.client));
    right_clocks_.Write(id.clock);
  }
  void WriteParentInfo(bool is_root) { parent_infos_.Write(is_root ? 1 : 0); }
  void WriteString(std::string_view wtf8) { strings_.Write(wtf8); }
  void WriteName(std::string_view wtf8) { strings_.Write(wtf8); }
  void WriteKey(std::string_view key) {
    key_clocks_.Write(next_key_++);
    strings_.Write(key);
  }
  void WriteBuffer(ByteView bytes) { rest_.WriteBuffer(bytes); }
  void WriteTypeRef(std::uint64_t type) { type_refs_.Write(type); }
  void WriteAny(const Any& value) { crdt::WriteAny(rest_, value); }
  void WriteJson(const Any& value) { crdt::WriteAny(rest_, value); }

  // Requires: merged.
  void WriteDeletes(const DeleteSet& set) { WriteDeleteSetV2(rest_, set); }

  // Where counts and first clocks go: all that has no column.
  ByteWriter& rest() { return rest_; }

  static constexpr bool kStringsStandAlone = false;

  // For a string that is all below 0x80.
  void WriteAscii(std::string_view ascii) { strings_.WriteAscii(ascii); }

  // About so many blocks, with about so much text, will come.
  void Reserve(std::size_t blocks, std::size_t text_bytes) {
    constexpr std::size_t kOfClock = 4;
    left_clocks_.Reserve(kOfClock * blocks);
    right_clocks_.Reserve(kOfClock * blocks);
    infos_.Reserve(blocks);
    lengths_.Reserve(blocks);
    strings_.Reserve(blocks, text_bytes);
  }

  // The whole update.
  Bytes Finish() && {
    const ByteView key_clocks = key_clocks_.Finish();
    const ByteView clients = clients_.Finish();
    const ByteView left_clocks = left_clocks_.Finish();
    const ByteView right_clocks = right_clocks_.Finish();
    const ByteView type_refs = type_refs_.Finish();
    const ByteView lengths = lengths_.Finish();
    ByteWriter out;
    out.Reserve(key_clocks.size() + clients.size() + left_clocks.size() + right_clocks.size() +
                infos_.view().size() + 2 * strings_.size() + type_refs.size() + lengths.size() +
                rest_.size() + 64);
    out.WriteVarUint(0);
    out.WriteBuffer(key_clocks);
    out.WriteBuffer(clients);
    out.WriteBuffer(left_clocks);
    out.WriteBuffer(right_clocks);
    out.WriteBuffer(infos_.view());
    strings_.FinishTo(out);
    out.WriteBuffer(parent_infos_.view());
    out.WriteBuffer(type_refs);
    out.WriteBuffer(lengths);
    out.WriteBytes(rest_.view());
    return out.Take();
  }

 private:
  DiffColumnWriter key_clocks_;
  UintColumnWriter clients_;
  DiffColumnWriter left_clocks_;
  DiffColumnWriter right_clocks_;
  ByteColumnWriter infos_;
  StringColumnWriter strings_;
  ByteColumnWriter parent_infos_;
  UintColumnWriter type_refs_;
  UintColumnWriter lengths_;
  ByteWriter rest_;
  std::uint64_t next_key_ = 0;
};

class UpdateReaderV2 {
 public:
  // Whether strings may be made that are no plain part of the input.
  static constexpr bool kOwnsStrings = true;
  // The most blocks that so many bytes of the rest can hold: any number, all of it in columns.
  static std::uint64_t MaxBlocksIn(std::size_t) { return kMaxSafeInteger; }
  // After how many plain blocks `ok` is asked: it looks at every column.
  static constexpr std::size_t kBlocksPerCheck = 64;

  // `in` is the whole update and becomes its rest. `owned` keeps strings that are no plain part of
  // the input; it must live as long as what is read.
  UpdateReaderV2(ByteReader& in, const DecodeLimits& limits, DecodeBudget& budget,
                 std::deque<std::string>& owned)
      : flag_(in.ReadVarUint()),
        key_clocks_(in.ReadBuffer()),
        clients_(in.ReadBuffer()),
        left_clocks_(in.ReadBuffer()),
        right_clocks_(in.ReadBuffer()),
        infos_(in.ReadBuffer()),
        strings_(in.ReadBuffer(), owned),
        parent_infos_(in.ReadBuffer()),
        type_refs_(in.ReadBuffer()),
        lengths_(in.ReadBuffer()),
        in_(in),
        limits_(limits),
        budget_(budget) {}

  // Whether the rest and every column are whole so far; an error of a column becomes one of the
  // rest.
  bool ok() {
    if (!in_.ok()) return false;
    for (const ByteReader* column :
         {&key_clocks_.in(), &clients_.in(), &left_clocks_.in(), &right_clocks_.in(), &infos_.in(),
          &strings_.in(), &strings_.lengths().in(), &parent_infos_.in(), &type_refs_.in(),
          &lengths_.in()}) {
      if (!column->ok()) {
        in_.Fail("a column that is malformed or too short");
        return false;
      }
    }
    return true;
  }

  std::uint64_t ReadCount() { return in_.ReadVarUint(); }
  Clock ReadClock() { return in_.ReadVarUint(); }
  Clock ReadSkipLength() { return in_.ReadVarUint(); }

  ClientId ReadClient() { return ClientId{clients_.Read()}; }
  std::uint8_t ReadInfo() { return infos_.Read(); }
  // What ReadInfo would answer; 0 behind the end.
  std::uint8_t PeekInfo() { return infos_.Peek(); }
  Clock ReadLength() { return lengths_.Read(); }
  Id ReadLeftId() {
    const ClientId client = ReadClient();
    return {client, left_clocks_.Read()};
  }
  Id ReadRightId() {
    const ClientId client = ReadClient();
    return {client, right_clocks_.Read()};
  }
  bool ReadParentInfo() { return parent_infos_.Read() == 1; }
  std::string_view ReadString() {
    const std::string_view text = strings_.Read();
    if (text.size() > limits_.string_bytes) in_.Exceed("string_bytes", limits_.string_bytes);
    return text;
  }
  std::string_view ReadKey() {
    const std::uint64_t index = key_clocks_.Read();
    if (index < keys_.size()) return keys_[index];
    keys_.push_back(CheckKey(strings_.Read()));
    return keys_.back();
  }
  std::string_view ReadName() { return CheckKey(ReadString()); }
  ByteView ReadBuffer() { return in_.ReadBuffer(); }
  std::uint64_t ReadTypeRef() { return type_refs_.Read(); }
  Any ReadAny() { return crdt::ReadAny(in_, limits_, budget_); }
  // Undefined has no JSON text: a document that took it could not say its state in format v1, and Yjs
  // writes there what no Yjs reads.
  Any ReadJson() {
    Any value = crdt::ReadAny(in_, limits_, budget_);
    if (in_.ok() && value.is_undefined()) in_.Fail("undefined where JSON has to stand");
    return value;
  }

  DeleteSet ReadDeletes() { return ReadDeleteSetV2(in_, limits_, budget_); }

 private:
  std::string_view CheckKey(std::string_view key) {
    if (key.size() > limits_.key_bytes) in_.Exceed("key_bytes", limits_.key_bytes);
    return key;
  }

  std::uint64_t flag_;  // kept by the format for later use
  DiffColumnReader key_clocks_;
  UintColumnReader clients_;
  DiffColumnReader left_clocks_;
  DiffColumnReader right_clocks_;
  ByteColumnReader infos_;
  StringColumnReader strings_;
  ByteColumnReader parent_infos_;
  UintColumnReader type_refs_;
  UintColumnReader lengths_;
  ByteReader& in_;
  const DecodeLimits& limits_;
  DecodeBudget& budget_;
  std::vector<std::string_view> keys_;
};

}  // namespace weft::crdt
