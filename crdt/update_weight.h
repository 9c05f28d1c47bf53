#pragma once

// What makes an update large: by root type, by client, and what was deleted. And, on the way, of what
// kind each root probably is, which an update does not say.
//
// Bytes are those of the blocks in format v1, each by itself; format v2 packs many together and has no
// such sums.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/limits.h"
#include "crdt/type_kind.h"
#include "crdt/update_format.h"

namespace weft::crdt {

struct UpdateWeight {
  struct Share {
    std::size_t bytes = 0;
    std::uint64_t blocks = 0;
    std::uint64_t elements = 0;  // characters, values, ...
    std::uint64_t deleted = 0;   // of the elements: known to the delete set
  };
  struct Root {
    std::string name;
    // What its elements suggest: characters a text, XML nodes a fragment, other elements an array,
    // entries alone a map; kUndefined when nothing is left to tell.
    TypeKind kind = TypeKind::kUndefined;
    Share share;  // with everything nested in it
  };
  struct Client {
    ClientId id{};
    Share share;
  };

  std::vector<Root> roots;  // the largest first
  Share elsewhere;          // what was collected, and what builds on blocks that the update lacks
  std::vector<Client> clients;  // the largest first
  Share tombstones;             // blocks whose content is gone: deleted or collected
  std::size_t delete_set_bytes = 0;
  std::size_t bytes = 0;  // of the whole update, as it is
};

// Fails: as DecodeUpdate.
absl::StatusOr<UpdateWeight> WeighUpdate(ByteView update, UpdateFormat format = UpdateFormat::kV1,
                                         const DecodeLimits& limits = {});

}  // namespace weft::crdt
