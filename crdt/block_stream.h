#pragma once

// An update read block by block, with memory for one block: what merging, cutting and inspecting
// work on, however long the update is.
//
//   std::unique_ptr<BlockStream> stream = BlockStream::Open(bytes, format, limits, budget);
//   Block block;
//   std::vector<Any> values;
//   while (stream->Next(block, values)) { ...; values.clear(); }
//   DeleteSet deletes = stream->ReadDeletes();
//   if (!stream->status().ok()) return stream->status();
//
// What is read before an error stands; callers that must not act on half an update keep what they
// make until the end. The bytes, the limits and the budget must outlive the stream.
// Threads: one.

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/limits.h"
#include "crdt/update.h"
#include "crdt/update_format.h"

namespace weft::crdt {

// An item that names a neighbour, of text or of deleted content: what most blocks are.
struct PlainBlock {
  Id id;
  Clock length = 0;
  Id origin;              // if has_origin
  Id right_origin;        // if has_right_origin
  std::string_view text;  // as in Block; empty: deleted content
  bool has_origin = false;
  bool has_right_origin = false;
  bool is_ascii = false;

  Clock end() const { return id.clock + length; }
  Block ToBlock() const;
};

class BlockStream {
 public:
  // Several streams may share a budget, which then bounds them together.
  static std::unique_ptr<BlockStream> Open(ByteView bytes, UpdateFormat format,
                                           const DecodeLimits& limits, DecodeBudget& budget);
  virtual ~BlockStream() = default;

  // Begins anew with another update of that format; all that was read, strings included, is gone.
  virtual void Reopen(ByteView bytes) = 0;

  // Reads the next block into `block` and appends its values to `values`. False at the end of the
  // blocks and after an error. Strings of the block are views into the bytes or into the stream.
  virtual bool Next(Block& block, std::vector<Any>& values) = 0;

  // Reads the next block if it is plain and not the first of its section. False, and nothing was
  // read, when it is another; false after an error too, which may be found some blocks late: then
  // what was read in between means nothing.
  virtual bool NextPlain(PlainBlock& block) = 0;

  // The client of each section begun so far, those without blocks too.
  virtual const std::vector<ClientId>& sections() const = 0;

  // Requires: Next answered false. Empty after an error.
  virtual DeleteSet ReadDeletes() = 0;

  // OK, or the first error: kInvalidArgument with the offset, kResourceExhausted past a limit.
  virtual absl::Status status() const = 0;

  // Strings that are no plain part of the bytes move to `strings`, which keeps them alive in the
  // place of the stream.
  virtual void TakeOwnedStrings(std::deque<std::string>& strings) = 0;
};

}  // namespace weft::crdt
