#include "sync/awareness_news.h"

namespace weft::sync {

absl::Status AwarenessNews::Add(crdt::ByteView update) {
  crdt::ByteReader reader(update);
  const std::uint64_t count = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::size_t begin = reader.offset();
    const std::uint64_t client = reader.ReadVarUint();
    reader.ReadVarUint();
    reader.ReadBuffer();
    if (!reader.ok()) break;
    const crdt::ByteView entry = update.subspan(begin, reader.offset() - begin);
    const auto [place, is_new] = place_.try_emplace(client, entries_.size());
    if (is_new) entries_.emplace_back();
    crdt::Bytes& kept = entries_[place->second];
    bytes_ = bytes_ - kept.size() + entry.size();
    kept.assign(entry.begin(), entry.end());
  }
  return reader.status();
}

Frame AwarenessNews::Take() {
  crdt::ByteWriter writer;
  writer.Reserve(bytes_ + 8);
  writer.WriteVarUint(entries_.size());
  for (const crdt::Bytes& entry : entries_) writer.WriteBytes(entry);
  Clear();
  return MakeFrame(AwarenessUpdate{writer.view()});
}

void AwarenessNews::Clear() {
  std::vector<crdt::Bytes>().swap(entries_);
  absl::flat_hash_map<std::uint64_t, std::size_t>().swap(place_);
  bytes_ = 0;
}

}  // namespace weft::sync
