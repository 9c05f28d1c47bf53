#include "crdt/snapshot.h"

#include "crdt/codec/update_v2.h"
#include "crdt/update.h"

namespace weft::crdt {

bool Snapshot::Shows(Id id) const {
  return state_.Get(id.client) > id.clock && !deletes_.Contains(id);
}

absl::StatusOr<bool> Snapshot::Contains(ByteView update, UpdateFormat format,
                                        const DecodeLimits& limits) const {
  const absl::StatusOr<Update> decoded = DecodeUpdate(update, limits, format);
  if (!decoded.ok()) return decoded.status();
  for (const Block& block : decoded->blocks) {
    if (block.kind != ContentKind::kSkip && block.end() > state_.Get(block.id.client)) return false;
  }
  DeleteSet merged = deletes_;
  for (const DeleteSet::ClientRanges& client : decoded->deletes.clients()) {
    for (const IdRange& range : client.ranges) merged.Add(client.client, range);
  }
  merged.SortAndMerge();
  return merged == deletes_;
}

Bytes Snapshot::Encode(UpdateFormat format) const {
  ByteWriter writer;
  if (format == UpdateFormat::kV1) {
    WriteDeleteSet(writer, deletes_);
  } else {
    WriteDeleteSetV2(writer, deletes_);
  }
  writer.WriteBytes(EncodeStateVector(state_));
  return writer.Take();
}

absl::StatusOr<Snapshot> Snapshot::Decode(ByteView bytes, UpdateFormat format,
                                          const DecodeLimits& limits) {
  if (bytes.size() > limits.update_bytes) {
    return absl::ResourceExhaustedError("a snapshot larger than the limit of an update");
  }
  ByteReader reader(bytes);
  DeleteSet deletes = format == UpdateFormat::kV1 ? ReadDeleteSet(reader) : ReadDeleteSetV2(reader);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<StateVector> state =
      DecodeStateVector(bytes.subspan(reader.offset()), limits.state_vector_entries);
  if (!state.ok()) return state.status();
  return Snapshot(std::move(deletes), *std::move(state));
}

}  // namespace weft::crdt
