#include "sync/state_checksum.h"

#include <utility>

namespace weft::sync {

crdt::Bytes CanonicalState(const crdt::Snapshot& state) {
  std::uint64_t known = 0;
  for (const auto& entry : state.state().entries()) known += entry.clock > 0 ? 1 : 0;
  crdt::ByteWriter writer;
  writer.WriteVarUint(known);
  for (const auto& entry : state.state().entries()) {
    if (entry.clock == 0) continue;
    writer.WriteVarUint(std::to_underlying(entry.client));
    writer.WriteVarUint(entry.clock);
  }
  writer.WriteVarUint(state.deletes().clients().size());
  for (const auto& deleted : state.deletes().clients()) {
    writer.WriteVarUint(std::to_underlying(deleted.client));
    writer.WriteVarUint(deleted.ranges.size());
    for (const crdt::IdRange& range : deleted.ranges) {
      writer.WriteVarUint(range.clock);
      writer.WriteVarUint(range.length);
    }
  }
  return writer.Take();
}

std::uint64_t StateChecksum(const crdt::Snapshot& state) {
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = kOffset;
  for (const std::uint8_t byte : CanonicalState(state)) hash = (hash ^ byte) * kPrime;
  return hash;
}

}  // namespace weft::sync
