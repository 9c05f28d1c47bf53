#pragma once

// Limit programs: what no implementation of the wire format can leave out of a piece of work, and
// nothing beside it, so that a row tells how far the engine is from the end of the road.
//
//   write   blocks that lie in memory one behind the other become an update
//   read    an update becomes blocks in memory one behind the other, with a copy of each text and value
//
// They order no characters, look for no position, merge nothing, and believe their input: nothing is
// checked, not even that it ends. Memory is taken once for all. Format v1 is read and written by plain
// pointers; format v2 goes through the columns of crdt/codec.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/crdt_benchmarks.h"
#include "bench/sample.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/update_format.h"

namespace weft::bench {

// An update as it lies in memory.
struct FlatUpdate {
  struct Section {
    crdt::ClientId client{};
    crdt::Clock clock = 0;
    std::size_t blocks = 0;
  };
  struct Name {
    std::uint32_t begin = 0;  // into `text`
    std::uint32_t size = 0;
  };
  struct FlatBlock {
    std::uint8_t info = 0;  // as in the format
    bool of_root = false;   // without origins: `name` is the root, else `origin` the parent
    crdt::Clock length = 0;
    crdt::Id origin;
    crdt::Id right_origin;
    Name name;
    Name key;
    Name text;
  };
  struct Deletes {
    crdt::ClientId client{};
    std::size_t ranges = 0;
  };

  std::vector<Section> sections;
  std::vector<FlatBlock> blocks;
  std::string text;
  std::vector<crdt::Any> values;  // of all blocks, in order
  std::vector<Deletes> deleting;
  std::vector<crdt::IdRange> deleted;
};

// The least that a row of crdt-benchmarks takes. B1: what each edit inserts is kept and its update
// written; B2: so are both updates, and each is read by the other; B3: the updates are read.
// `updates`: those of the row, in order.
absl::StatusOr<Sample> LimitOfWork(const CrdtBenchmark& benchmark,
                                   const std::vector<crdt::Bytes>& updates);

// The least that writing and reading a state takes; `state` says which. Fails: kInternal when what
// comes out is not the state; kUnimplemented for content that no row has.
absl::StatusOr<Sample> LimitOfEncode(const crdt::Bytes& state, crdt::UpdateFormat format);
absl::StatusOr<Sample> LimitOfParse(const crdt::Bytes& state, crdt::UpdateFormat format);

}  // namespace weft::bench
