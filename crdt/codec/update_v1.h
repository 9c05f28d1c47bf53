#pragma once

// Update format v1: how the fields of an update are laid out. One stream, fields in order.
//
//   Update    := count Section*  DeleteSet                 sections by client, descending
//   Section   := count client clock Block{count}           clocks follow from the lengths
//   Block     := Gc | Skip | Item                          (see crdt/update.h for the fields)
//   info      := byte: kind in the low 5 bits, 0x80 origin, 0x40 right origin, 0x20 key
//   id        := client clock
//   json      := string of JSON text
// All integers are varuint. Source: Yjs, UpdateEncoderV1 and UpdateDecoderV1.

#include <string_view>

#include "crdt/any.h"
#include "crdt/any_codec.h"
#include "crdt/base/bytes.h"
#include "crdt/base/utf.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/delete_set.h"
#include "crdt/id.h"
#include "crdt/json.h"
#include "crdt/limits.h"

namespace weft::crdt {

class UpdateWriterV1 {
 public:
  void WriteCount(std::uint64_t count) { out_.WriteVarUint(count); }
  void WriteClock(Clock clock) { out_.WriteVarUint(clock); }
  void WriteSkipLength(Clock length) { out_.WriteVarUint(length); }

  void WriteClient(ClientId client) { out_.WriteVarUint(ToNumber(client)); }
  void WriteInfo(std::uint8_t info) { out_.WriteByte(info); }
  void WriteLength(Clock length) { out_.WriteVarUint(length); }
  void WriteLeftId(Id id) { WriteId(id); }
  void WriteRightId(Id id) { WriteId(id); }
  void WriteParentInfo(bool is_root) { out_.WriteVarUint(is_root ? 1 : 0); }
  // UTF-8.
  void WriteString(std::string_view text) { out_.WriteString(text); }
  // WTF-8, for names of roots, keys of entries and the like.
  void WriteName(std::string_view name) {
    if (!HasLoneSurrogate(name)) return out_.WriteString(name);
    std::string utf8(name);
    ReplaceLoneSurrogates(utf8);
    out_.WriteString(utf8);
  }
  void WriteKey(std::string_view key) { WriteName(key); }
  void WriteBuffer(ByteView bytes) { out_.WriteBuffer(bytes); }
  void WriteTypeRef(std::uint64_t type) { out_.WriteVarUint(type); }
  void WriteAny(const Any& value) { crdt::WriteAny(out_, value); }
  void WriteJson(const Any& value) { out_.WriteString(ToJsonText(value)); }
  // Requires: merged.
  void WriteDeletes(const DeleteSet& set) { WriteDeleteSet(out_, set); }

  // Where counts and first clocks go: the whole update.
  ByteWriter& rest() { return out_; }
  Bytes Finish() && { return out_.Take(); }

  // Whether strings are encoded each for itself, so that half a pair must be replaced at once.
  static constexpr bool kStringsStandAlone = true;

 private:
  void WriteId(Id id) {
    out_.WriteVarUint(ToNumber(id.client));
    out_.WriteVarUint(id.clock);
  }

  ByteWriter out_;
};

// The value of JSON text that stood in `in`, within the limits; else fails through `in`.
inline Any ReadJsonText(ByteReader& in, std::string_view text, const DecodeLimits& limits,
                        DecodeBudget& budget) {
  if (!in.ok()) return Any();
  const JsonShape shape = MeasureJson(text);
  if (shape.depth > limits.value_depth) in.Exceed("value_depth", limits.value_depth);
  if (!budget.Spend(shape.values * kEntryMemory + 2 * text.size())) {
    in.Exceed("update_memory", budget.limit());
  }
  if (!in.ok()) return Any();
  std::optional<Any> value = ParseJson(text, limits.value_depth);
  if (!value.has_value()) in.Fail("a value that is not JSON");
  return value.has_value() ? *std::move(value) : Any();
}

class UpdateReaderV1 {
 public:
  // Whether strings may be made that are no plain part of the input.
  static constexpr bool kOwnsStrings = false;
  // The most blocks that so many bytes can hold.
  static std::uint64_t MaxBlocksIn(std::size_t bytes) { return bytes / 2; }
  // After how many plain blocks `ok` is asked.
  static constexpr std::size_t kBlocksPerCheck = 1;

  UpdateReaderV1(ByteReader& in, const DecodeLimits& limits, DecodeBudget& budget)
      : in_(in), limits_(limits), budget_(budget) {}

  bool ok() const { return in_.ok(); }

  std::uint64_t ReadCount() { return in_.ReadVarUint(); }
  Clock ReadClock() { return in_.ReadVarUint(); }
  Clock ReadSkipLength() { return in_.ReadVarUint(); }

  ClientId ReadClient() { return ClientId{in_.ReadVarUint()}; }
  std::uint8_t ReadInfo() { return in_.ReadByte(); }
  // What ReadInfo would answer; 0 at the end.
  std::uint8_t PeekInfo() const { return in_.PeekByte(); }
  Clock ReadLength() { return in_.ReadVarUint(); }
  Id ReadLeftId() { return ReadId(); }
  Id ReadRightId() { return ReadId(); }
  bool ReadParentInfo() { return in_.ReadVarUint() == 1; }
  std::string_view ReadString() {
    const std::string_view text = in_.ReadString();
    if (text.size() > limits_.string_bytes) in_.Exceed("string_bytes", limits_.string_bytes);
    if (!IsAscii(text) && !IsValidUtf8(text)) in_.Fail("a string that is not UTF-8");
    return text;
  }
  std::string_view ReadName() {
    const std::string_view name = ReadString();
    if (name.size() > limits_.key_bytes) in_.Exceed("key_bytes", limits_.key_bytes);
    return name;
  }
  std::string_view ReadKey() { return ReadName(); }
  ByteView ReadBuffer() { return in_.ReadBuffer(); }
  std::uint64_t ReadTypeRef() { return in_.ReadVarUint(); }
  Any ReadAny() { return crdt::ReadAny(in_, limits_, budget_); }
  DeleteSet ReadDeletes() { return ReadDeleteSet(in_, limits_, budget_); }
  Any ReadJson() { return ReadJsonText(in_, ReadString(), limits_, budget_); }

 private:
  Id ReadId() {
    const ClientId client = ReadClient();
    return {client, ReadClock()};
  }

  ByteReader& in_;
  const DecodeLimits& limits_;
  DecodeBudget& budget_;
};

}  // namespace weft::crdt
