#pragma once

// Which clocks an update speaks of, told without decoding it into a document.
// Source: Yjs, parseUpdateMeta.

#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/limits.h"
#include "crdt/update_format.h"

namespace weft::crdt {

struct UpdateMeta {
  // The blocks of `client` begin at `from` and end before `to`, with holes perhaps.
  struct ClientClocks {
    ClientId client{};
    Clock from = 0;
    Clock to = 0;
    friend bool operator==(const ClientClocks&, const ClientClocks&) = default;
  };
  // In the order of the update. Of a client that an update names in several places, which no writer
  // does, the last place counts, as in Yjs; where they follow each other, `from` is that of the first
  // and may be larger than `to`.
  std::vector<ClientClocks> clients;
};

// Fails: as DecodeUpdate.
absl::StatusOr<UpdateMeta> ParseUpdateMeta(ByteView update, UpdateFormat format = UpdateFormat::kV1,
                                           const DecodeLimits& limits = {});

}  // namespace weft::crdt
