#include "tests/sync/awareness_peer.h"

#include "crdt/base/check.h"

namespace weft::sync {

crdt::Bytes EncodeEntries(const std::vector<AwarenessEntry>& entries) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(entries.size());
  for (const AwarenessEntry& entry : entries) {
    writer.WriteVarUint(entry.client);
    writer.WriteVarUint(entry.clock);
    writer.WriteString(entry.json);
  }
  return writer.Take();
}

std::vector<AwarenessEntry> DecodeEntries(crdt::ByteView update) {
  std::vector<AwarenessEntry> entries;
  if (update.empty()) return entries;
  crdt::ByteReader reader(update);
  const std::uint64_t count = reader.ReadVarUint();
  for (std::uint64_t i = 0; i < count; ++i) {
    AwarenessEntry entry;
    entry.client = reader.ReadVarUint();
    entry.clock = reader.ReadVarUint();
    entry.json = std::string(reader.ReadString());
    CHECK(reader.ok());
    entries.push_back(std::move(entry));
  }
  CHECK(reader.ok() && reader.at_end());
  return entries;
}

void ListeningPeer::Hear(crdt::ByteView update) {
  for (const AwarenessEntry& entry : DecodeEntries(update)) {
    Known& known = known_[entry.client];
    const bool newer = known.clock < entry.clock;
    const bool leaves =
        known.clock == entry.clock && entry.json == "null" && known.json.has_value();
    if (!newer && !leaves) continue;
    known.clock = entry.clock;
    known.json = entry.json == "null" ? std::nullopt : std::optional(entry.json);
  }
}

std::map<std::uint64_t, std::string> ListeningPeer::Shown() const {
  std::map<std::uint64_t, std::string> shown;
  for (const auto& [client, known] : known_) {
    if (known.json.has_value()) shown.emplace(client, *known.json);
  }
  return shown;
}

}  // namespace weft::sync
