#include "crdt/update_merge.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "crdt/block_stream.h"
#include "crdt/update_builder.h"

namespace weft::crdt {

namespace {

// Walks over the blocks of one input, holes left out.
class BlockReader {
 public:
  explicit BlockReader(std::unique_ptr<BlockStream> stream) : stream_(std::move(stream)) {
    Advance();
  }

  void Reopen(ByteView update) {
    stream_->Reopen(update);
    next_ = kFirst;
    Advance();
  }

  // At the end, or at an error.
  bool done() const { return done_; }
  const Block& current() const { return block_; }
  void Advance() {
    do {
      values_.clear();
      done_ = !stream_->Next(block_, values_);
    } while (!done_ && block_.kind == ContentKind::kSkip);
    if (done_) return;
    const Id id = block_.id;
    is_in_order_ &= id.client != next_.client ? id.client < next_.client : id.clock >= next_.clock;
    next_ = {id.client, block_.end()};
  }
  // Whether in all that was read the clients came from the highest down, and the blocks of each by clock.
  bool is_in_order() const { return is_in_order_; }
  // The values of the current block go to `values`.
  void TakeValues(std::vector<Any>& values) { values.swap(values_); }

  BlockStream& stream() { return *stream_; }

 private:
  std::unique_ptr<BlockStream> stream_;
  Block block_{};
  std::vector<Any> values_;
  bool done_ = false;

  static constexpr Id kFirst{ClientId{~std::uint64_t{0}}, 0};  // no client has that number
  Id next_ = kFirst;                                           // where the last block ended
  bool is_in_order_ = true;
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

// Inputs are opened when their turn comes, and their readers used again: of many small updates few
// are open at a time.
class Merger {
 public:
  Merger(std::span<const ByteView> updates, const DecodeLimits& limits, UpdateFormat format,
         DecodeBudget& budget)
      : updates_(updates), limits_(limits), format_(format), budget_(budget), builder_(format) {}

  // Reads all inputs to their ends.
  absl::Status Run() {
    absl::Status status = FindFirstBlocks();
    auto next = inputs_.begin();
    while (status.ok() && (next != inputs_.end() || !queue_.empty())) {
      while (next != inputs_.end() && (queue_.empty() || !StandsBehind(*next))) {
        queue_.push({Open(updates_[next->index]), static_cast<std::int64_t>(next->index)});
        ++next;
      }
      BlockReader* reader = queue_.top().reader;
      queue_.pop();
      Consume(*reader);
      if (reader->done()) {
        status = Close(reader);
      } else {
        queue_.push({reader, --last_rank_});
      }
    }
    if (status.ok() && pending_) Write();
    return status;
  }

  // Whether every input was as merging takes it; else something may have been left out.
  bool is_in_order() const { return std::ranges::all_of(readers_, &BlockReader::is_in_order); }

  Bytes Finish() && {
    deletes_.SortAndMerge();
    return std::move(builder_).Finish(deletes_);
  }

 private:
  // Where the blocks of an input begin.
  struct Input {
    ClientId client{};
    Clock clock = 0;
    std::size_t index = 0;
  };

  // Puts the inputs in the order of their first blocks. Those without any are done with here.
  absl::Status FindFirstBlocks() {
    inputs_.reserve(updates_.size());
    DecodeBudget budget = budget_;  // all is read once more
    std::unique_ptr<BlockReader> reader;
    for (std::size_t i = 0; i < updates_.size(); ++i) {
      if (reader == nullptr) {
        reader =
            std::make_unique<BlockReader>(BlockStream::Open(updates_[i], format_, limits_, budget));
      } else {
        reader->Reopen(updates_[i]);
      }
      if (reader->done()) {
        const absl::Status status = TakeDeletes(reader->stream());
        if (!status.ok()) return status;
      } else {
        inputs_.push_back({reader->current().id.client, reader->current().id.clock, i});
      }
    }
    const auto before = [](const Input& a, const Input& b) {
      return a.client != b.client ? a.client > b.client : a.clock < b.clock;
    };
    if (!std::ranges::is_sorted(inputs_, before)) std::ranges::stable_sort(inputs_, before);
    return absl::OkStatus();
  }

  // Whether the input's turn comes only after the one that is first in the queue.
  bool StandsBehind(const Input& input) const {
    const Id first = queue_.top().reader->current().id;
    return input.client != first.client ? input.client < first.client : input.clock > first.clock;
  }

  BlockReader* Open(ByteView update) {
    if (spare_.empty()) {
      readers_.push_back(
          std::make_unique<BlockReader>(BlockStream::Open(update, format_, limits_, budget_)));
      return readers_.back().get();
    }
    BlockReader* reader = spare_.back();
    spare_.pop_back();
    reader->Reopen(update);
    return reader;
  }

  absl::Status Close(BlockReader* reader) {
    // The block that is held may have its strings there.
    if (reader == holder_) {
      holder_is_closed_ = true;
    } else {
      spare_.push_back(reader);
    }
    return TakeDeletes(reader->stream());
  }

  absl::Status TakeDeletes(BlockStream& stream) {
    const DeleteSet deletes = stream.ReadDeletes();
    for (const DeleteSet::ClientRanges& client : deletes.clients()) {
      for (const IdRange& range : client.ranges) deletes_.Add(client.client, range);
    }
    return stream.status();
  }

  void Write() { builder_.Add(block_, values_); }

  // Takes the reader's block, of which `block` is what is left to write.
  void Hold(BlockReader& reader, const Block& block) {
    if (holder_ != &reader) {
      if (holder_is_closed_) spare_.push_back(holder_);
      holder_ = &reader;
      holder_is_closed_ = false;
    }
    block_ = block;
    reader.TakeValues(values_);
    pending_ = true;
    reader.Advance();
  }

  // Takes blocks of one client from `reader` as far as they follow one another.
  void Consume(BlockReader& reader) {
    const ClientId client = reader.current().id.client;
    if (!pending_) {
      Hold(reader, Block(reader.current()));
    } else if (!Join(reader, client)) {
      return;
    }
    while (!reader.done() && reader.current().id.client == client &&
           reader.current().id.clock == block_.end()) {
      Write();
      Hold(reader, Block(reader.current()));
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
    return true;
  }

  const std::span<const ByteView> updates_;
  const DecodeLimits& limits_;
  const UpdateFormat format_;
  DecodeBudget& budget_;

  std::vector<Input> inputs_;
  std::vector<std::unique_ptr<BlockReader>> readers_;
  std::vector<BlockReader*> spare_;
  std::priority_queue<Candidate> queue_;
  std::int64_t last_rank_ = 0;

  // The block that is written once it is known that nothing extends it.
  Block block_{};
  std::vector<Any> values_;
  bool pending_ = false;
  BlockReader* holder_ = nullptr;  // the reader that it came from
  bool holder_is_closed_ = false;

  DeleteSet deletes_;
  UpdateBuilder builder_;
};

// One block of each input is held at a time, so what bounds them together is what they can make the
// result grow: with their bytes, however many they are.
DecodeBudget BudgetOf(std::span<const ByteView> updates, const DecodeLimits& limits) {
  std::size_t bytes = 0;
  for (const ByteView update : updates) bytes += update.size();
  DecodeLimits together = limits;
  const std::size_t grown = limits.update_memory_floor + bytes * DecodeBudget::kMemoryPerByte;
  if (together.update_memory < grown) together.update_memory = grown;
  return DecodeBudget(together, bytes);
}

// The update in parts, each with its clients from the highest down and the blocks of each by clock, and
// with its deletes in one of them.
absl::StatusOr<std::vector<Bytes>> InOrder(ByteView bytes, const DecodeLimits& limits,
                                           UpdateFormat format) {
  absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, format);
  if (!update.ok()) return update.status();
  std::erase_if(update->sections, [](const auto& section) { return section.begin == section.end; });
  const auto first = [&](const Update::Section& section) { return update->blocks[section.begin]; };
  std::ranges::stable_sort(update->sections, [&](const auto& a, const auto& b) {
    return a.client != b.client ? a.client > b.client : first(a).id.clock < first(b).id.clock;
  });
  std::vector<UpdateBuilder> parts;
  std::size_t part = 0;
  Id end;  // of the last section
  for (const Update::Section& section : update->sections) {
    if (section.client != end.client) {
      part = 0;
    } else if (first(section).id.clock < end.clock) {
      ++part;
    }
    if (part == parts.size()) parts.emplace_back(format);
    for (std::size_t i = section.begin; i < section.end; ++i) {
      parts[part].Add(*update, update->blocks[i]);
    }
    end = {section.client, update->blocks[section.end - 1].end()};
  }
  if (parts.empty()) parts.emplace_back(format);
  std::vector<Bytes> ordered;
  for (UpdateBuilder& builder : parts) {
    ordered.push_back(std::move(builder).Finish(ordered.empty() ? update->deletes : DeleteSet()));
  }
  return ordered;
}

absl::StatusOr<Bytes> MergeOutOfOrder(std::span<const ByteView> updates, const DecodeLimits& limits,
                                      UpdateFormat format) {
  std::vector<Bytes> ordered;
  for (const ByteView update : updates) {
    absl::StatusOr<std::vector<Bytes>> parts = InOrder(update, limits, format);
    if (!parts.ok()) return parts.status();
    std::ranges::move(*parts, std::back_inserter(ordered));
  }
  const std::vector<ByteView> views(ordered.begin(), ordered.end());
  // They were within the limits before each section had a head of its own.
  DecodeLimits roomy = limits;
  roomy.update_bytes = roomy.update_clients = ~std::size_t{0};
  DecodeBudget budget = BudgetOf(views, roomy);
  Merger merger(views, roomy, format, budget);
  const absl::Status status = merger.Run();
  if (!status.ok()) return status;
  return std::move(merger).Finish();
}

}  // namespace

absl::StatusOr<Bytes> MergeUpdates(std::span<const ByteView> updates, const DecodeLimits& limits,
                                   UpdateFormat format) {
  DecodeBudget budget = BudgetOf(updates, limits);
  Merger merger(updates, limits, format, budget);
  // To the end, even if there is but one.
  const absl::Status status = merger.Run();
  if (!status.ok()) return status;
  if (updates.size() == 1) return Bytes(updates[0].begin(), updates[0].end());
  if (!merger.is_in_order()) return MergeOutOfOrder(updates, limits, format);
  return std::move(merger).Finish();
}

absl::StatusOr<Bytes> DiffUpdate(ByteView update, const StateVector& known,
                                 const DecodeLimits& limits, UpdateFormat format) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  UpdateBuilder builder(format);
  // What is known of a client, and holes in front of what is not, are left out; all that follows is
  // kept. A client that an update names in two places is looked at in each.
  std::optional<Id> next_kept;
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    if (next_kept != block.id) {
      const Clock clock = known.Get(block.id.client);
      if (block.kind == ContentKind::kSkip || block.end() <= clock) {
        next_kept.reset();
        continue;
      }
      if (block.id.clock < clock) block.CutFront(clock - block.id.clock);
    }
    next_kept = {block.id.client, block.end()};
    builder.Add(block, values);
  }
  const DeleteSet deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return std::move(builder).Finish(deletes);
}

absl::StatusOr<Bytes> ConvertUpdate(ByteView update, UpdateFormat from, UpdateFormat to,
                                    const DecodeLimits& limits) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, from, limits, budget);
  UpdateBuilder builder(to);
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) builder.Add(block, values);
  const DeleteSet deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return std::move(builder).Finish(deletes);
}

absl::StatusOr<StateVector> StateVectorOfUpdate(ByteView update, const DecodeLimits& limits,
                                                UpdateFormat format) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  StateVector vector;
  ClientId client{};
  Clock clock = 0;
  bool counting = false;
  Block block{};
  std::vector<Any> values;
  for (bool first = true; stream->Next(block, values); values.clear(), first = false) {
    if (first || block.id.client != client) {
      if (clock > 0) vector.Set(client, clock);
      client = block.id.client;
      clock = 0;
      counting = true;
    }
    counting &= block.kind != ContentKind::kSkip && block.id.clock == clock;
    if (counting) clock = block.end();
  }
  if (clock > 0) vector.Set(client, clock);
  stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return vector;
}

}  // namespace weft::crdt
