// A decoded update becomes blocks of the document. What depends on blocks not seen yet waits
// (pending.cc), and is tried again when a client that it waits for has moved on.
//
// The order of integration is that of Yjs: higher clients first, and where a block needs another
// client's, that client's blocks up to there. The order decides which pieces remain pending.

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <ranges>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/doc_core.h"
#include "crdt/update_builder.h"

namespace weft::crdt::internal {

namespace {

// The blocks of one client in an update, and how far they have been taken.
struct Source {
  ClientId client{};
  std::size_t next = 0;  // into Update::blocks
  std::size_t end = 0;
  bool parked = false;  // what was left of it is in the rest

  bool done() const { return next == end; }
};

// Sources by client, ascending; of a client named twice the last section counts, as in Yjs.
std::vector<Source> SourcesOf(const Update& update) {
  std::vector<Source> sources;
  sources.reserve(update.sections.size());
  for (const Update::Section& section : update.sections) {
    sources.push_back({.client = section.client, .next = section.begin, .end = section.end});
  }
  std::ranges::stable_sort(sources, {}, &Source::client);
  const auto same = [](const Source& a, const Source& b) { return a.client == b.client; };
  // Unique from the back keeps the last of equals.
  std::ranges::reverse(sources);
  const auto repeated = std::ranges::unique(sources, same);
  sources.erase(repeated.begin(), repeated.end());
  std::ranges::reverse(sources);
  return sources;
}

// Blocks that could not be integrated: for each client a suffix of its section, or a lone block.
class Rest {
 public:
  // [begin, end) of the update's blocks, in place of what was put for the client before.
  void Put(ClientId client, std::size_t begin, std::size_t end) { runs_[client] = {begin, end}; }

  bool empty() const { return runs_.empty(); }

  // Tells `pending` which ids it encodes.
  Bytes Encode(const Update& source, PendingBlocks& pending) const {
    UpdateBuilder builder;
    for (const auto& [client, run] : runs_) {
      for (std::size_t i = run.first; i < run.second; ++i) {
        const Block& block = source.blocks[i];
        // What is known was taken out from between (DocCore::ExcludeKnown).
        const Clock end = i == run.first ? block.id.clock : source.blocks[i - 1].end();
        if (end < block.id.clock) {
          builder.Add(
              Block{
                  .id = {client, end}, .length = block.id.clock - end, .kind = ContentKind::kSkip},
              {});
        }
        if (block.kind != ContentKind::kSkip) {
          pending.AddIds(client, {block.id.clock, block.length});
        }
        pending.collected |= block.kind == ContentKind::kGc;
        // A block that took all values with it has left none, not even an empty range of them.
        builder.Add(block,
                    block.values_count == 0 ? std::span<const Any>() : source.ValuesOf(block));
      }
    }
    return std::move(builder).Finish(DeleteSet());
  }

 private:
  std::map<ClientId, std::pair<std::size_t, std::size_t>, std::greater<>> runs_;
};

}  // namespace

absl::Status DocCore::ApplyUpdate(ByteView bytes, std::string_view origin, UpdateFormat format) {
  CHECK(transaction_ == nullptr && "updates are applied outside of transactions");
  if (format == UpdateFormat::kV1 && (HearTyped(bytes, origin) || HearDeleted(bytes, origin))) {
    return absl::OkStatus();
  }
  if (MayLoad(bytes)) {
    const std::optional<absl::Status> loaded = Load(bytes, origin, format);
    if (loaded.has_value()) return *loaded;
  }
  absl::StatusOr<Update> update = DecodeUpdate(bytes, limits_, format);
  if (!update.ok()) return update.status();
  if (clients_.size() + update->sections.size() > kMaxClients) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a document of more than ", kMaxClients, " clients"));
  }
  // Each origin and each end of a deleted range may cut a block in two.
  std::size_t cuts = 0;
  for (const DeleteSet::ClientRanges& client : update->deletes.clients()) {
    cuts += client.ranges.size() * 2;
  }
  if (items_.size() + update->blocks.size() * 3 + cuts > kMaxBlocks) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a document of more than ", kMaxBlocks, " blocks"));
  }
  for (const Update::Section& section : update->sections) {
    const std::optional<ClientIndex> client = FindClient(section.client);
    if (client.has_value() &&
        clients_[*client].text.size() + bytes.size() * 2 + 2 > TextBuffer::kMaxBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than 4 GiB of text by client ", ToNumber(section.client)));
    }
  }
  if (collision_policy_ != CollisionPolicy::kIgnore) {
    std::optional<Collision> collision = FindCollision(*update);
    if (collision.has_value()) {
      const absl::Status status = absl::FailedPreconditionError(
          absl::StrCat("two replicas write as client ", ToNumber(collision->id.client),
                       ": its element at clock ", collision->id.clock, " is in the document, and ",
                       collision->what));
      ++collisions_.updates;
      collisions_.latest = std::move(collision);
      if (collision_policy_ == CollisionPolicy::kRefuse) return status;
    }
  }
  if (PendingBytes() + bytes.size() > limits_.pending_bytes && MayWait(*update)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "more than the limit pending_bytes of ", limits_.pending_bytes, " allows: ", PendingBytes(),
        " bytes wait for missing blocks already, and ", bytes.size(), " bytes more would"));
  }
  if (hole_mode_ == HoleMode::kIntegrate) ExcludeKnown(*update);
  conflict_steps_left_ = limits_.conflict_steps;
  Transact(origin, /*local=*/false, [&] {
    forgets_positions_ = BringsMuch(update->blocks.size());
    for (bool retry = ApplyDecoded(*update); retry;) retry = RetryPending();
    conflict_steps_left_ = kUnboundedSteps;
    forgets_positions_ = false;
  });
  for (const Update::Section& section : update->sections) {
    const std::optional<ClientIndex> client = FindClient(section.client);
    if (client.has_value()) TrimLoaded(clients_[*client], bytes.size());
  }
  return absl::OkStatus();
}

bool DocCore::BringsMuch(std::size_t blocks) const {
  // A new index takes a few steps an item, an insertion into an old one some hundred. The quarter is
  // an estimate on the safe side.
  constexpr std::size_t kFew = 64;
  return blocks >= kFew && blocks * 4 >= items_.size();
}

void DocCore::TrimLoaded(Client& client, std::size_t update_bytes) {
  // What loads a document is mostly not followed by as much again.
  constexpr std::size_t kLoad = 4096;
  if (update_bytes >= kLoad && client.text.size() / 4 <= update_bytes) client.text.Trim();
}

DecodeLimits DocCore::LimitsOfOwnBytes() const {
  constexpr std::size_t kAny = ~std::size_t{0};
  return {.update_bytes = kAny,
          .update_blocks = kAny,
          .update_clients = kAny,
          .delete_ranges = kAny,
          .update_memory = kAny,
          .update_memory_floor = kAny,
          .value_depth = kAny,
          .string_bytes = kAny,
          .key_bytes = kAny,
          .pending_bytes = kAny,
          .conflict_steps = kAny,
          .state_vector_entries = kAny};
}

bool DocCore::ApplyDecoded(Update& update) {
  // A root exists as soon as an update has named it.
  for (const Block& block : update.blocks) {
    if (block.parent == Block::Parent::kRoot) EnsureRoot(block.root_name);
  }
  PendingBlocks rest = IntegrateBlocks(update);
  bool retry = false;
  if (pending_.any) {
    const auto has_moved = [&](ClientId client) {
      const auto found = pending_.missing.find(ToNumber(client));
      return found != pending_.missing.end() && found->second < StateOf(client);
    };
    // Of many, those that can have moved since they were looked at last.
    if (pending_.missing.size() > update.sections.size()) {
      retry = has_moved(client_id_) ||
              std::ranges::any_of(update.sections, has_moved, &Update::Section::client);
    } else {
      retry = std::ranges::any_of(pending_.missing, [&](const auto& entry) {
        return entry.second < StateOf(ClientId{entry.first});
      });
    }
    if (hole_mode_ == HoleMode::kIntegrate) {
      // Filling a hole raises no state.
      retry |= std::ranges::any_of(update.sections, [&](const Update::Section& section) {
        return section.begin < section.end && pending_.missing.contains(ToNumber(section.client));
      });
    }
    if (rest.any) AddPending(std::move(rest));
  } else {
    pending_ = std::move(rest);
  }

  DeleteSet unknown = ApplyDeletes(update.deletes);
  const auto is_here = [&](const DeleteSet::ClientRanges& client) {
    return client.ranges.front().clock < StateOf(client.client);
  };
  if (unknown.empty() && std::ranges::none_of(pending_deletes_.clients(), is_here)) return retry;
  if (!pending_deletes_.empty()) {
    const DeleteSet still_unknown = ApplyDeletes(pending_deletes_);
    for (const DeleteSet::ClientRanges& client : still_unknown.clients()) {
      for (const IdRange& range : client.ranges) unknown.Add(client.client, range);
    }
  }
  unknown.SortAndMerge();
  pending_deletes_ = std::move(unknown);
  return retry;
}

bool DocCore::IsKnown(Id id) const {
  const std::optional<ClientIndex> index = FindClient(id.client);
  if (!index.has_value() || id.clock >= clients_[*index].blocks.end()) return false;
  const std::vector<IdRange>& holes = clients_[*index].holes;
  const auto after = std::ranges::upper_bound(holes, id.clock, {}, &IdRange::clock);
  return after == holes.begin() || id.clock >= std::prev(after)->end();
}

void DocCore::ExcludeKnown(Update& update) const {
  std::vector<Block> blocks;
  blocks.reserve(update.blocks.size());
  // Appends what of the block lies in [begin, end).
  const auto keep = [&](const Block& block, Clock begin, Clock end) {
    begin = std::max(begin, block.id.clock);
    end = std::min(end, block.end());
    if (begin >= end) return;
    Block part = block;
    part.CutFront(begin - block.id.clock);
    part.CutBack(part.end() - end);
    blocks.push_back(part);
  };
  for (Update::Section& section : update.sections) {
    const std::size_t begin = blocks.size();
    const std::optional<ClientIndex> client = FindClient(section.client);
    for (std::size_t i = section.begin; i < section.end; ++i) {
      const Block& block = update.blocks[i];
      if (client.has_value()) {
        const std::vector<IdRange>& holes = clients_[*client].holes;
        auto hole = std::ranges::upper_bound(holes, block.id.clock, {},
                                             [](const IdRange& range) { return range.end(); });
        for (; hole != holes.end() && hole->clock < block.end(); ++hole) {
          keep(block, hole->clock, hole->end());
        }
      }
      keep(block, StateOf(section.client), kMaxSafeInteger);
    }
    section.begin = begin;
    section.end = blocks.size();
  }
  update.blocks = std::move(blocks);
}

std::optional<ClientId> DocCore::MissingClient(const Block& block) const {
  if (block.kind == ContentKind::kGc) return std::nullopt;
  const auto missing = [&](Id id) {
    if (hole_mode_ == HoleMode::kIntegrate) return !IsKnown(id);
    return id.client != block.id.client && id.clock >= StateOf(id.client);
  };
  if (block.has_origin && missing(block.origin)) return block.origin.client;
  if (block.has_right_origin && missing(block.right_origin)) return block.right_origin.client;
  if (block.parent == Block::Parent::kItem && missing(block.parent_item)) {
    return block.parent_item.client;
  }
  return std::nullopt;
}

PendingBlocks DocCore::IntegrateBlocks(Update& update) {
  std::vector<Source> sources = SourcesOf(update);
  PendingBlocks pending;
  Rest rest;
  std::vector<std::size_t> stack;  // blocks that wait for the one being looked at
  const bool waits_for_gaps = hole_mode_ == HoleMode::kWait;

  const auto source_of = [&](ClientId client) -> Source* {
    const auto found = std::ranges::lower_bound(sources, client, {}, &Source::client);
    return found == sources.end() || found->client != client ? nullptr : &*found;
  };
  // Gives up on all blocks of the stack, and on what follows them in their sections.
  const auto park_stack = [&] {
    for (const std::size_t index : stack) {
      const Block& block = update.blocks[index];
      Source* source = source_of(block.id.client);
      CHECK(source != nullptr);
      if (source->parked) {
        rest.Put(block.id.client, index, index + 1);
        continue;
      }
      rest.Put(block.id.client, source->next - 1, source->end);
      source->next = source->end;
      source->parked = true;
    }
    stack.clear();
  };

  std::size_t current_source =
      sources.size();  // one past the section in work; highest client first
  while (true) {
    std::size_t index;
    if (!stack.empty()) {
      index = stack.back();
      stack.pop_back();
    } else {
      while (current_source > 0 && sources[current_source - 1].done()) --current_source;
      if (current_source == 0) break;
      index = sources[current_source - 1].next++;
    }
    while (true) {
      const Block& block = update.blocks[index];
      if (block.kind == ContentKind::kSkip) break;
      const Clock state = StateOf(block.id.client);
      const bool waits = waits_for_gaps && block.id.clock > state;
      if (waits || block.end() >= kClockEnd) {
        stack.push_back(index);
        pending.Need(block.id.client, waits ? block.id.clock - 1 : kMaxSafeInteger);
        park_stack();
        break;
      }
      const std::optional<ClientId> missing = MissingClient(block);
      if (missing.has_value()) {
        stack.push_back(index);
        Source* source = source_of(*missing);
        // Around holes a block may miss one of its own client, or of one that waits for it.
        const auto is_missing = [&](std::size_t waiting) {
          return update.blocks[waiting].id.client == *missing;
        };
        if (source == nullptr || source->done() ||
            (!waits_for_gaps && std::ranges::any_of(stack, is_missing))) {
          pending.Need(*missing, StateOf(*missing));
          park_stack();
          break;
        }
        index = source->next++;
        continue;
      }
      if (!IntegrateBlock(update, block, waits_for_gaps ? state - block.id.clock : 0)) {
        // Nothing that could still come makes it cheaper: it waits for ever.
        stack.push_back(index);
        pending.Need(block.id.client, kMaxSafeInteger);
        park_stack();
      }
      break;
    }
  }
  if (!rest.empty()) {
    pending.any = true;
    pending.Add(rest.Encode(update, pending));
  }
  return pending;
}

bool DocCore::IntegrateBlock(Update& update, const Block& whole, Clock offset) {
  Block rest{};  // where the beginning is known
  const Block& block = offset == 0 ? whole : rest;
  if (offset > 0) rest = whole;
  const ClientIndex client = EnsureClient(block.id.client);
  if (block.kind == ContentKind::kGc) {
    if (offset < block.length) {
      IntegrateGc(PackedId::Make(client, block.id.clock + offset), block.length - offset);
    }
    return true;
  }
  NewItem item;
  bool collected = false;  // its place is gone: it becomes a Gc block itself
  if (block.has_origin) {
    const PackedId origin = PackedId::Make(EnsureClient(block.origin.client), block.origin.clock);
    item.left = BlockEndingAt(origin);
    item.origin = At(item.left).last_id();
    collected |= At(item.left).is_gc();
  }
  if (block.has_right_origin) {
    const PackedId origin =
        PackedId::Make(EnsureClient(block.right_origin.client), block.right_origin.clock);
    // As a rule nothing has come in between.
    const ItemRef next = item.left == kNoItem ? kNoItem : ItemRef{At(item.left).right};
    item.right = next != kNoItem && At(next).id == origin ? next : BlockStartingAt(origin);
    item.right_origin = At(item.right).id;
    collected |= At(item.right).is_gc();
  }
  if (offset >= block.length) return true;
  if (!collected) {
    switch (block.parent) {
      case Block::Parent::kOfOrigin: {
        const Item& neighbour = At(item.left != kNoItem ? item.left : item.right);
        item.parent = neighbour.parent;
        item.key = neighbour.key();
        break;
      }
      case Block::Parent::kRoot:
        item.parent = EnsureRoot(block.root_name);
        if (block.has_key) item.key = keys_.Intern(block.key);
        break;
      case Block::Parent::kItem: {
        const Item& holder = At(FindBlock(
            PackedId::Make(*FindClient(block.parent_item.client), block.parent_item.clock)));
        if (holder.kind == ContentKind::kType) {
          item.parent = holder.content;
          if (block.has_key) item.key = keys_.Intern(block.key);
        }
        break;
      }
    }
  }
  if (offset > 0) {
    rest.CutFront(offset);
    const PackedId origin = PackedId::Make(client, block.id.clock - 1);
    item.left = BlockEndingAt(origin);
    item.origin = origin;
    collected |= At(item.left).is_gc();
    if (!collected) {
      // As when the rest had come alone: what it says of its place is not told by a diff. In a
      // collision (crdt/collision.h) the beginning may stand elsewhere than the block says.
      item.parent = At(item.left).parent;
      item.key = At(item.left).key();
    }
  }
  item.id = PackedId::Make(client, block.id.clock);
  if (collected || item.parent == kNoType) {
    IntegrateGc(item.id, block.length);
    return true;
  }
  const std::optional<ItemRef> left = PlaceOf(item);
  if (!left.has_value()) return false;
  item.kind = block.kind;
  item.length = block.length;
  item.content = StoreContent(update, block, item);
  Link(item, *left);
  return true;
}

std::uint32_t DocCore::StoreContent(Update& update, const Block& block, NewItem& item) {
  switch (block.kind) {
    case ContentKind::kString: {
      TextBuffer& text = clients_[item.id.client()].text;
      TextRun run;
      if (!block.is_cut) {
        run = text.Append(block.text);
      } else {
        std::u16string units = Utf8ToUtf16(block.text).substr(block.skipped, block.length);
        // The other half of a pair is in the document already: this half alone is no character.
        if (IsLowSurrogate(units.front())) units.front() = kReplacementCharacter;
        if (IsHighSurrogate(units.back())) units.back() = kReplacementCharacter;
        run = text.AppendUnits(units);
      }
      item.wide = run.wide;
      return run.offset;
    }
    case ContentKind::kAny:
    case ContentKind::kJson:
    case ContentKind::kEmbed: {
      const auto first = update.values.begin() + block.values_begin + block.skipped;
      if (block.length == 1) return contents_.AddValue(std::move(*first));
      if (block.length == update.values.size() && block.length == update.values.capacity()) {
        return contents_.AddValues(std::move(update.values));  // they are all of its own
      }
      const auto end = first + static_cast<std::ptrdiff_t>(block.length);
      return contents_.AddValues(
          Values(std::make_move_iterator(first), std::make_move_iterator(end)));
    }
    case ContentKind::kBinary: {
      const ByteView bytes = AsBytes(block.text);
      return contents_.AddValue(Any(Bytes(bytes.begin(), bytes.end())));
    }
    case ContentKind::kFormat:
      return contents_.AddFormat(
          {.key = keys_.Intern(block.text),
           .value = std::make_shared<const Any>(std::move(update.values[block.values_begin]))});
    case ContentKind::kDoc:
      return AddSubdocument(std::string(block.text), std::move(update.values[block.values_begin]));
    case ContentKind::kType: {
      return types_.Allocate(block.type, IsNamed(block.type) ? keys_.Intern(block.text) : kNoKey);
    }
    default:
      return 0;
  }
}

DeleteSet DocCore::ApplyDeletes(const DeleteSet& deletes) {
  DeleteSet unknown;
  // Higher clients first, as updates have them: which blocks merge later depends on the order.
  for (const DeleteSet::ClientRanges& ranges : deletes.clients() | std::views::reverse) {
    const std::optional<ClientIndex> client = FindClient(ranges.client);
    const Clock state = client.has_value() ? clients_[*client].blocks.end() : 0;
    for (const IdRange& range : ranges.ranges) {
      if (range.end() > state) {
        const Clock begin = std::max(range.clock, state);
        unknown.Add(ranges.client, {begin, range.end() - begin});
      }
      if (range.clock >= state) continue;
      BlockList& blocks = clients_[*client].blocks;
      BlockList::Cursor cursor = blocks.Find(range.clock);
      const Item& first = At(blocks.At(cursor));
      if (!first.deleted && first.clock() < range.clock) {
        Split(cursor, *client, range.clock - first.clock());
      }
      do {
        const ItemRef ref = blocks.At(cursor);
        const Item& item = At(ref);
        if (item.clock() >= range.end()) break;
        if (item.is_hole()) {
          const Clock begin = std::max(range.clock, item.clock());
          unknown.Add(ranges.client, {begin, std::min(range.end(), item.end()) - begin});
        }
        if (item.deleted) continue;
        if (range.end() < item.end()) {
          BlockList::Cursor tail = cursor;
          Split(tail, *client, range.end() - item.clock());
          // The list may have been rearranged.
          cursor = blocks.Find(item.clock());
        }
        Delete(ref);
      } while (blocks.Next(cursor));
    }
  }
  unknown.SortAndMerge();
  return unknown;
}

}  // namespace weft::crdt::internal
