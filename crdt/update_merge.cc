#include "crdt/update_merge.h"

#include <algorithm>
#include <cstdint>
#include <queue>
#include <vector>

namespace weft::crdt {

namespace {

// Walks over the blocks of one input, holes left out.
class BlockReader {
 public:
  explicit BlockReader(const Update& update) : update_(&update) { PassSkips(); }

  bool done() const { return next_ == update_->blocks.size(); }
  const Update& update() const { return *update_; }
  const Block& current() const { return update_->blocks[next_]; }
  void Advance() {
    ++next_;
    PassSkips();
  }

 private:
  void PassSkips() {
    while (!done() && current().kind == ContentKind::kSkip) ++next_;
  }

  const Update* update_;
  std::size_t next_ = 0;
};

// Chooses the input whose next block comes first: higher clients first, then lower clocks. Between
// equals it is the one that was chosen last; but where one is collected and the other is not, the
// other way round: Yjs sorts its inputs before each choice, with a comparison that prefers either to
// the other.
struct Candidate {
  BlockReader* reader;
  std::int64_t rank;  // lower is more recent

  bool operator<(const Candidate& other) const {  // std::priority_queue puts the largest first
    const Id a = reader->current().id;
    const Id b = other.reader->current().id;
    if (a.client != b.client) return a.client < b.client;
    if (a.clock != b.clock) return a.clock > b.clock;
    const bool collected = reader->current().kind == ContentKind::kGc;
    const bool other_collected = other.reader->current().kind == ContentKind::kGc;
    return collected == other_collected ? rank > other.rank : rank < other.rank;
  }
};

class Merger {
 public:
  Merger(std::span<const Update> updates, UpdateFormat format) : builder_(format) {
    readers_.reserve(updates.size());
    for (const Update& update : updates) readers_.emplace_back(update);
    for (BlockReader& reader : readers_) Enqueue(reader, static_cast<std::int64_t>(queue_.size()));
  }

  void Run() {
    while (!queue_.empty()) {
      BlockReader& reader = *queue_.top().reader;
      queue_.pop();
      Consume(reader);
      Enqueue(reader, --last_rank_);
    }
    if (pending_) Write();
  }

  Bytes Finish(const DeleteSet& deletes) && { return std::move(builder_).Finish(deletes); }

 private:
  void Enqueue(BlockReader& reader, std::int64_t rank) {
    if (!reader.done()) queue_.push({&reader, rank});
  }

  void Write() { builder_.Add(*source_, block_); }

  void Hold(const BlockReader& reader, const Block& block) {
    source_ = &reader.update();
    block_ = block;
    pending_ = true;
  }

  // Takes blocks of one client from `reader` as far as they follow one another.
  void Consume(BlockReader& reader) {
    const ClientId client = reader.current().id.client;
    if (!pending_) {
      Hold(reader, reader.current());
      reader.Advance();
    } else if (!Join(reader, client)) {
      return;
    }
    while (!reader.done() && reader.current().id.client == client &&
           reader.current().id.clock == block_.end()) {
      Write();
      Hold(reader, reader.current());
      reader.Advance();
    }
  }

  // Puts the reader's next block behind the one that is held. False when another input goes first.
  bool Join(BlockReader& reader, ClientId client) {
    bool passed = false;
    while (!reader.done() && reader.current().end() <= block_.end() &&
           reader.current().id.client >= block_.id.client) {
      reader.Advance();  // known already
      passed = true;
    }
    if (reader.done() || reader.current().id.client != client) return false;
    if (passed && reader.current().id.clock > block_.end()) return false;

    Block next = reader.current();
    if (client != block_.id.client) {
      Write();
      Hold(reader, next);
      reader.Advance();
      return true;
    }
    if (block_.end() < next.id.clock) {
      // A hole. The block behind it is taken by the caller.
      Write();
      const Clock begin = block_.end();
      block_ =
          Block{.id = {client, begin}, .length = next.id.clock - begin, .kind = ContentKind::kSkip};
      return true;
    }
    if (block_.end() > next.id.clock) next.CutFront(block_.end() - next.id.clock);
    if (block_.kind == ContentKind::kGc && next.kind == ContentKind::kGc) {
      block_.length += next.length;
      return true;
    }
    Write();
    Hold(reader, next);
    reader.Advance();
    return true;
  }

  std::vector<BlockReader> readers_;
  std::priority_queue<Candidate> queue_;
  std::int64_t last_rank_ = 0;

  // The block that is written once it is known that nothing extends it.
  Block block_;
  const Update* source_ = nullptr;
  bool pending_ = false;
  UpdateBuilder builder_;
};

}  // namespace

absl::StatusOr<Bytes> MergeUpdates(std::span<const ByteView> updates, const DecodeLimits& limits,
                                   UpdateFormat format) {
  std::vector<Update> decoded;
  decoded.reserve(updates.size());
  for (const ByteView bytes : updates) {
    absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, format);
    if (!update.ok()) return update.status();
    decoded.push_back(*std::move(update));
  }
  if (updates.size() == 1) return Bytes(updates[0].begin(), updates[0].end());
  DeleteSet deletes;
  for (const Update& update : decoded) {
    for (const DeleteSet::ClientRanges& client : update.deletes.clients()) {
      for (const IdRange& range : client.ranges) deletes.Add(client.client, range);
    }
  }
  deletes.SortAndMerge();
  Merger merger(decoded, format);
  merger.Run();
  return std::move(merger).Finish(deletes);
}

absl::StatusOr<Bytes> DiffUpdate(ByteView bytes, const StateVector& known,
                                 const DecodeLimits& limits, UpdateFormat format) {
  const absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, format);
  if (!update.ok()) return update.status();
  UpdateBuilder builder(format);
  std::size_t next = 0;
  const std::vector<Block>& blocks = update->blocks;
  while (next < blocks.size()) {
    const ClientId client = blocks[next].id.client;
    const Clock clock = known.Get(client);
    // What is known, and holes in front, are left out.
    if (blocks[next].kind == ContentKind::kSkip || blocks[next].end() <= clock) {
      ++next;
      continue;
    }
    Block first = blocks[next++];
    if (first.id.clock < clock) first.CutFront(clock - first.id.clock);
    builder.Add(*update, first);
    while (next < blocks.size() && blocks[next].id.client == client) {
      builder.Add(*update, blocks[next++]);
    }
  }
  return std::move(builder).Finish(update->deletes);
}

absl::StatusOr<Bytes> ConvertUpdate(ByteView bytes, UpdateFormat from, UpdateFormat to,
                                    const DecodeLimits& limits) {
  const absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, from);
  if (!update.ok()) return update.status();
  UpdateBuilder builder(to);
  for (const Block& block : update->blocks) builder.Add(*update, block);
  return std::move(builder).Finish(update->deletes);
}

absl::StatusOr<StateVector> StateVectorOfUpdate(ByteView bytes, const DecodeLimits& limits,
                                                UpdateFormat format) {
  const absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, format);
  if (!update.ok()) return update.status();
  StateVector vector;
  for (const Update::Section& section : update->sections) {
    Clock clock = 0;
    for (std::size_t i = section.begin; i < section.end; ++i) {
      const Block& block = update->blocks[i];
      if (block.kind == ContentKind::kSkip || block.id.clock != clock) break;
      clock = block.end();
    }
    vector.Set(section.client, clock);
  }
  return vector;
}

}  // namespace weft::crdt
