// A document without any blocks takes its first update: what a server does with each room and a
// client with each document. Blocks are integrated as they are decoded, without a decoded update
// in between; when one turns out to be malformed the document is emptied again. The common block, an
// item of a sequence whose neighbours are there, takes a short way; all others go through
// IntegrateBlock. From the first block on that needs a later one, the rest of the update is decoded
// before it is placed; what then cannot be placed, with what follows, takes the general way
// (apply_update.cc).

#include <algorithm>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "crdt/block_stream.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

// About which block covers a clock, for one client: for every 2^k-th clock the number of its block
// among those that came, which is its place unless some were cut since. From there it is a step or
// two, where a search takes ten that cannot be foretold. Memory: at most two words for a block.
class BlockGuide {
 public:
  // For the next client.
  void Clear() {
    numbers_.clear();
    shift_ = kFirstShift;
    blocks_ = 0;
  }

  // The next block ends at `end`.
  void Add(Clock end) {
    if ((Clock{numbers_.size()} << shift_) < end) Reach(end);
    ++blocks_;
  }
  // Requires: the clock is covered.
  std::uint32_t Near(Clock clock) const { return numbers_[clock >> shift_]; }

 private:
  static constexpr unsigned kFirstShift = 5;

  [[gnu::noinline]] void Reach(Clock end) {
    while ((Clock{numbers_.size()} << shift_) < end) {
      if (numbers_.size() < 2 * blocks_ + 64) {
        numbers_.push_back(static_cast<std::uint32_t>(blocks_));
        continue;
      }
      // Blocks are longer than that: every other clock will do.
      for (std::size_t i = 0; i < numbers_.size() / 2; ++i) numbers_[i] = numbers_[2 * i];
      numbers_.resize((numbers_.size() + 1) / 2);
      ++shift_;
    }
  }

  std::vector<std::uint32_t> numbers_;
  unsigned shift_ = kFirstShift;
  std::size_t blocks_ = 0;
};

}  // namespace

class Loader {
 public:
  enum class Outcome : std::uint8_t { kLoaded, kMalformed, kOutOfOrder };

  Loader(DocCore& doc, BlockStream& stream)
      : doc_(doc),
        stream_(stream),
        wants_deletes_(!doc.on_update_v1_.empty() || !doc.on_update_v2_.empty()) {}

  // Loads all of it. Where it is malformed or its clients are not in descending order, the document
  // holds a part of it.
  Outcome Run() {
    Block block{};
    PlainBlock plain;
    for (;;) {
      if (client_ != nullptr && stream_.NextPlain(plain)) {
        if (PlacePlain(plain)) continue;
        block = plain.ToBlock();
      } else {
        if (!stream_.Next(block, scratch_.values)) break;
        if (stream_.sections().size() != sections_seen_ && !BeginSections()) {
          return Outcome::kOutOfOrder;
        }
        if (block.parent == Block::Parent::kRoot) doc_.EnsureRoot(block.root_name);
      }
      if (!Place(block)) {
        if (!DecodeRest(block)) return Outcome::kOutOfOrder;
        break;
      }
      if (!scratch_.values.empty()) scratch_.values.clear();
    }
    EndSection();
    rest_.deletes = stream_.ReadDeletes();
    if (!stream_.status().ok()) return Outcome::kMalformed;
    if (!rest_.blocks.empty() && !PlaceRest()) may_merge_ = true;
    if (doc_.pending_.any) may_merge_ = true;
    LeaveOutKnownDeletes();
    stream_.TakeOwnedStrings(rest_.owned);
    const bool retry = doc_.ApplyDecoded(rest_);
    CHECK(!retry && "nothing waited before");
    doc_.transaction_->nothing_new_merges = !MayMergeAny();
    return Outcome::kLoaded;
  }

 private:
  using Parent = Block::Parent;

  // What is known of a client's blocks while they come.
  struct Section {
    BlockGuide guide;
    ItemRef previous = kNoItem;    // the latest one
    std::vector<IdRange> deleted;  // what came deleted in the short way

    // For the next client: memory is kept, since there may be thousands.
    void Clear() {
      guide.Clear();
      previous = kNoItem;
      deleted.clear();
    }
  };
  // What is left of a client's section, in `rest_`.
  struct RestOfSection {
    std::size_t next = 0;
    std::size_t end = 0;
    Section section{};
    bool waits = false;  // for another client's blocks
  };

  // Clients are integrated in descending order; of one that is named twice the last section counts.
  bool BeginSections() {
    const std::vector<ClientId>& sections = stream_.sections();
    for (; sections_seen_ < sections.size(); ++sections_seen_) {
      if (sections_seen_ > 0 && sections[sections_seen_] >= sections[sections_seen_ - 1]) {
        return false;
      }
    }
    EndSection();
    client_id_ = sections.back();
    client_ = nullptr;
    section_.Clear();
    return true;
  }

  // What was deleted of a client is known when its blocks are there.
  void EndSection() {
    if (!section_.deleted.empty()) known_deletes_.AddMerged(client_id_, section_.deleted);
    section_.deleted.clear();
  }

  void NoteDeleted(IdRange range) {
    std::vector<IdRange>& deleted = section_.deleted;
    if (!deleted.empty() && deleted.back().end() == range.clock) {
      deleted.back().length += range.length;
    } else {
      deleted.push_back(range);
    }
  }

  // An update that was made of a document deletes mostly what came deleted.
  void LeaveOutKnownDeletes() {
    known_deletes_.SortAndMerge();
    auto known = known_deletes_.clients().begin();
    const auto known_end = known_deletes_.clients().end();
    DeleteSet others;
    for (const DeleteSet::ClientRanges& client : rest_.deletes.clients()) {
      while (known != known_end && known->client < client.client) ++known;
      if (known == known_end || known->client != client.client) {
        others.AddMerged(client.client, client.ranges);
        continue;
      }
      auto here = known->ranges.begin();
      for (const IdRange& range : client.ranges) {
        while (here != known->ranges.end() && here->end() < range.end()) ++here;
        if (here == known->ranges.end() || range.clock < here->clock) {
          others.Add(client.client, range);
        }
      }
    }
    rest_.deletes = std::move(others);
  }

  // Whether two blocks that came may be one: an update that was made of a document has none.
  bool MayMergeAny() const {
    return may_merge_ || std::ranges::any_of(merge_candidates_, [&](ItemRef ref) {
             const Item& item = doc_.At(ref);
             return doc_.MayMerge(doc_.At(item.left), item.left, item, ref);
           });
  }

  // Decodes what is left from `block` on.
  [[gnu::noinline]] bool DecodeRest(const Block& block) {
    rest_.values = std::move(scratch_.values);
    rest_.blocks.push_back(block);
    rest_.sections.push_back({.client = client_id_, .begin = 0, .end = 1});
    rests_.push_back({.section = std::exchange(section_, Section())});
    Block next{};
    while (stream_.Next(next, rest_.values)) {
      if (stream_.sections().size() != sections_seen_) {
        if (!BeginSections()) return false;
        rest_.sections.push_back(
            {.client = client_id_, .begin = rest_.blocks.size(), .end = rest_.blocks.size()});
        rests_.emplace_back();
      }
      if (next.parent == Block::Parent::kRoot) doc_.EnsureRoot(next.root_name);
      rest_.blocks.push_back(next);
      rest_.sections.back().end = rest_.blocks.size();
    }
    return true;
  }

  // Places what DecodeRest has read, in the order of Yjs: client by client, and where a block needs
  // another client's, first of that as much as it needs. False when some is left, for all of the same
  // steps to be tried in general.
  [[gnu::noinline]] bool PlaceRest() {
    source_ = &rest_;
    for (std::size_t i = 0; i < rests_.size(); ++i) {
      rests_[i].next = rest_.sections[i].begin;
      rests_[i].end = rest_.sections[i].end;
    }
    bool all = true;
    for (std::size_t i = 0; i < rests_.size() && all; ++i) all = PlaceRestOf(i);
    if (all) {
      rest_.blocks.clear();
      rest_.sections.clear();
    }
    for (std::size_t i = 0; i < rest_.sections.size(); ++i) {
      rest_.sections[i].begin = rests_[i].next;
      Resume(i);
      EndSection();
    }
    return all;
  }
  bool PlaceRestOf(std::size_t first) {
    struct Task {
      std::size_t section;
      Clock clock;  // place its blocks until this one is there
    };
    std::vector<Task> tasks{{.section = first, .clock = kMaxSafeInteger}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      RestOfSection& rest = rests_[task.section];
      Resume(task.section);
      const auto needs_more = [&] {
        return rest.next < rest.end && (client_ == nullptr || client_->blocks.end() <= task.clock);
      };
      while (needs_more() && Place(rest_.blocks[rest.next])) ++rest.next;
      const bool waits = needs_more();
      if (rest.next == rest.end) EndSection();
      rest.section = std::move(section_);
      rest.waits = waits;
      if (!waits) {
        tasks.pop_back();
        continue;
      }
      const std::optional<Id> missing = MissingId(rest_.blocks[rest.next]);
      if (!missing.has_value()) return false;
      const auto found = std::ranges::lower_bound(rest_.sections, missing->client,
                                                  std::ranges::greater{}, &Update::Section::client);
      if (found == rest_.sections.end() || found->client != missing->client) return false;
      const auto index = static_cast<std::size_t>(found - rest_.sections.begin());
      if (rests_[index].waits || rests_[index].next == rests_[index].end) return false;
      tasks.push_back({.section = index, .clock = missing->clock});
    }
    return true;
  }
  // Goes on with a section of the rest.
  void Resume(std::size_t index) {
    client_id_ = rest_.sections[index].client;
    const std::optional<ClientIndex> client = doc_.FindClient(client_id_);
    index_ = client.value_or(0);
    const bool has_blocks = client.has_value() && !doc_.clients_[index_].blocks.empty();
    client_ = has_blocks ? &doc_.clients_[index_] : nullptr;
    section_ = std::move(rests_[index].section);
    // Others may have cut the latest one.
    if (client_ != nullptr) section_.previous = client_->blocks.At(client_->blocks.last());
  }
  // The first element of another client that the block needs and that is not there. None too where
  // it waits for its own client, or for ever: then nothing is placed for its sake.
  std::optional<Id> MissingId(const Block& block) const {
    if (block.id.clock > doc_.StateOf(block.id.client) || block.end() >= kClockEnd) {
      return std::nullopt;
    }
    const auto is_missing = [&](Id id) {
      return id.client != block.id.client && id.clock >= doc_.StateOf(id.client);
    };
    if (block.has_origin && is_missing(block.origin)) return block.origin;
    if (block.has_right_origin && is_missing(block.right_origin)) return block.right_origin;
    if (block.parent == Block::Parent::kItem && is_missing(block.parent_item)) {
      return block.parent_item;
    }
    return std::nullopt;
  }

  // False, and nothing happened, when the block has to wait or may have to.
  bool Place(const Block& block) {
    if (block.kind == ContentKind::kSkip || block.end() >= kClockEnd) return false;
    if (client_ == nullptr && block.id.clock != 0) return false;
    if (block.kind == ContentKind::kGc) {
      if (client_ == nullptr) UseClient();
      doc_.IntegrateGc(PackedId::Make(index_, block.id.clock), block.length);
      return Placed(block.end());
    }
    if (client_ == nullptr || (!block.has_origin && !block.has_right_origin)) {
      return PlaceInGeneral(block);
    }
    Item item;
    switch (FindNeighbours(block, item)) {
      case Neighbours::kUnknown:
        return false;
      case Neighbours::kOthers:
        return PlaceInGeneral(block);
      case Neighbours::kApart:
        if (!FindPlace(item)) return false;
        break;
      case Neighbours::kFound:
        break;
    }
    item.kind = block.kind;
    if (block.kind == ContentKind::kDeleted) {
      LinkPlain(item, {.id = block.id, .length = block.length});
      return true;
    }
    const ItemRef ref = Link(item);
    FillContent(block, ref);
    Count(ref, block.id.clock, block.length);
    return true;
  }

  // The same in short, where that is possible; else false, and nothing happened. Inlined, with what
  // it calls, since nearly all blocks of nearly all updates come here.
  [[gnu::always_inline]] bool PlacePlain(const PlainBlock& block) {
    if (block.end() >= kClockEnd) return false;
    const bool is_deleted = block.text.empty();
    if (!is_deleted && !block.is_ascii) return false;
    Item item;
    if (FindNeighbours(block, item) != Neighbours::kFound) return false;
    LinkPlain(item, block);
    return true;
  }
  // Places an item whose neighbours are known.
  [[gnu::always_inline]] void LinkPlain(Item& item, const PlainBlock& block) {
    const bool is_deleted = block.text.empty();
    if (is_deleted) {
      item.kind = ContentKind::kDeleted;
      item.deleted = true;
      NoteDeleted({block.id.clock, block.length});
    } else {
      item.kind = ContentKind::kString;
      item.content = client_->text.AppendAscii(block.text).offset;
    }
    item.set_length(block.length);
    const ItemRef ref = Link(item);
    if (is_deleted && parent_->has_formats) {
      doc_.NoteDeleted(item);
    } else if (is_deleted && wants_deletes_) {
      doc_.transaction_->settled_deletes.Add(client_id_, {block.id.clock, block.length});
    }
    Count(ref, block.id.clock, block.length);
  }

  enum class Neighbours : std::uint8_t {
    kFound,    // they are ends of blocks, and nothing stands between them
    kApart,    // the same, but something does
    kOthers,   // another case
    kUnknown,  // one is not there
  };

  // Sets id, neighbours and parent of an item of a sequence, when they are `kFound` or `kApart`.
  template <typename AnyBlock>
  [[gnu::always_inline]] Neighbours FindNeighbours(const AnyBlock& block, Item& item) {
    item.id = PackedId::Make(index_, block.id.clock);
    if (block.has_origin) {
      const ItemRef left = FindBlock(block.origin);
      if (left == kNoItem) return Neighbours::kUnknown;
      const Item& before = doc_.At(left);
      if (before.end() != block.origin.clock + 1 || before.keyed || before.is_gc()) {
        return Neighbours::kOthers;
      }
      item.left = left;
      item.right = before.right;
      item.origin = before.last_id();
      item.parent = before.parent;
    }
    const ItemRef right = item.right;
    if (!block.has_right_origin) {
      item.right = kNoItem;
      return right == kNoItem ? Neighbours::kFound : Neighbours::kApart;
    }
    if (block.has_origin && right != kNoItem) {
      const Item& behind = doc_.At(right);
      if (Begins(behind, block.right_origin)) {
        if (behind.is_gc()) return Neighbours::kOthers;
        item.right_origin = behind.id;
        return Neighbours::kFound;
      }
    }
    const ItemRef found = FindBlock(block.right_origin);
    if (found == kNoItem) return Neighbours::kUnknown;
    const Item& behind = doc_.At(found);
    if (behind.clock() != block.right_origin.clock || behind.keyed || behind.is_gc() ||
        (block.has_origin && behind.parent != item.parent)) {
      return Neighbours::kOthers;
    }
    item.right = found;
    item.right_origin = behind.id;
    item.parent = behind.parent;
    return block.has_origin || behind.left != kNoItem ? Neighbours::kApart : Neighbours::kFound;
  }

  // Finds the place of an item between neighbours that are `kApart`: they become those that it gets.
  // False when that takes too many steps.
  bool FindPlace(Item& item) {
    DocCore::NewItem fields;
    fields.id = item.id;
    fields.origin = item.origin;
    fields.right_origin = item.right_origin;
    fields.left = item.left;
    fields.right = item.right;
    fields.parent = item.parent;
    const std::optional<ItemRef> left = doc_.ResolveConflicts(fields);
    if (!left.has_value()) return false;
    item.left = *left;
    item.right =
        *left != kNoItem ? ItemRef{doc_.At(*left).right} : doc_.types_.At(item.parent).start;
    return true;
  }

  bool Begins(const Item& item, Id id) const {
    if (item.clock() != id.clock) return false;
    const ClientIndex client = item.id.client();
    return id.client == client_id_ ? client == index_ : doc_.clients_[client].id == id.client;
  }

  // kNoItem when it is not there.
  [[gnu::always_inline]] ItemRef FindBlock(Id id) {
    if (id.client == client_id_) {
      // Of its own client a block names only earlier ones.
      const BlockList& blocks = client_->blocks;
      if (id.clock + 1 == blocks.end()) return section_.previous;
      return blocks.At(
          blocks.FindNear<16>(BlockList::PlaceOf(section_.guide.Near(id.clock)), id.clock));
    }
    const std::optional<ClientIndex> index = doc_.FindClient(id.client);
    if (!index.has_value() || id.clock >= doc_.clients_[*index].blocks.end()) return kNoItem;
    return doc_.FindBlock(PackedId::Make(*index, id.clock));
  }

  // Puts an item of a sequence between its neighbours.
  ItemRef Link(const Item& item) {
    if (item.parent != parent_ref_) UseParent(item.parent);
    const ItemRef ref = doc_.items_.Add(item);
    if (item.left != kNoItem) {
      Item& before = doc_.At(item.left);
      before.right = ref;
      // Nothing leaves the sequence: what does not stand together now never will.
      if (item.left == section_.previous && before.kind == item.kind &&
          before.deleted == item.deleted && before.right_origin == item.right_origin) {
        merge_candidates_.push_back(ref);
      }
    } else {
      parent_->start = ref;
    }
    if (item.right != kNoItem) doc_.At(item.right).left = ref;
    if (!doc_.conflict_groups_.empty()) [[unlikely]]
      doc_.JoinConflictGroup(item);
    return ref;
  }

  // Counts a linked item, whose content is there, in.
  void Count(ItemRef ref, Clock clock, Clock length) {
    client_->blocks.PushBack(ref, clock, length);
    parent_->length += doc_.At(ref).visible_length();
    if (parent_->index != nullptr) parent_->index->Insert(doc_.At(ref).left, ref);
    if (parent_is_watched_) doc_.AddChanged(parent_ref_, kNoKey);
    section_.guide.Add(clock + length);
    section_.previous = ref;
    if (parent_is_deleted_) {
      doc_.Delete(ref);
      Forget();
    }
  }

  void FillContent(const Block& block, ItemRef ref) {
    DocCore::NewItem fields;
    fields.id = doc_.At(ref).id;
    const std::uint32_t content = doc_.StoreContent(*source_, block, fields);
    Item& item = doc_.At(ref);
    item.content = content;
    item.wide = fields.wide;
    item.set_length(block.length);
    doc_.NoteContent(ref);
    UseParent(item.parent);  // it may have changed
  }

  bool PlaceInGeneral(const Block& block) {
    if (doc_.MissingClient(block).has_value()) return false;
    if (!doc_.IntegrateBlock(*source_, block, 0)) return false;
    UseClient();
    return Placed(block.end());
  }

  // A block was placed in general.
  bool Placed(Clock end) {
    const BlockList& blocks = client_->blocks;
    const ItemRef ref = blocks.At(blocks.last());
    if (section_.previous != kNoItem) {
      may_merge_ |= doc_.MayMerge(doc_.At(section_.previous), section_.previous, doc_.At(ref), ref);
    }
    section_.previous = ref;
    section_.guide.Add(end);
    Forget();
    return true;
  }

  void UseClient() {
    index_ = doc_.EnsureClient(client_id_);
    client_ = &doc_.clients_[index_];
  }

  void UseParent(TypeRef type) {
    parent_ref_ = type;
    parent_ = &doc_.types_.At(type);
    parent_is_deleted_ = doc_.IsDeleted(type);
    parent_is_watched_ = parent_->has_formats || parent_->markers != nullptr;
  }
  // What is known of the parent may have changed.
  void Forget() { parent_ref_ = kNoType; }

  DocCore& doc_;
  BlockStream& stream_;
  const bool wants_deletes_;
  Update scratch_;  // the values of one block
  Update rest_;     // what takes the general way, and the deletes

  std::size_t sections_seen_ = 0;
  ClientId client_id_{};
  Client* client_ = nullptr;  // none before its first block
  ClientIndex index_ = 0;
  Section section_;                        // of that client
  std::vector<RestOfSection> rests_;       // for each section of `rest_`
  Update* source_ = &scratch_;             // of the values of the block that is being placed
  DeleteSet known_deletes_;                // what came deleted in the short way
  bool may_merge_ = false;                 // two blocks that came may be one, for all that is known
  std::vector<ItemRef> merge_candidates_;  // blocks that came right behind the one before them

  TypeRef parent_ref_ = kNoType;
  TypeNode* parent_ = nullptr;
  bool parent_is_deleted_ = false;
  bool parent_is_watched_ = false;
};

bool DocCore::MayLoad(ByteView update) const {
  // Limits within which an update of these bytes keeps the bounds of a document.
  return clients_.empty() && items_.size() == 1 && !has_pending() && may_take_short_ways() &&
         hole_mode_ == HoleMode::kWait && update.size() < TextBuffer::kMaxBytes / 4 &&
         update.size() <= limits_.pending_bytes && limits_.update_clients < kMaxClients &&
         limits_.update_blocks < kMaxBlocks / 6 && limits_.delete_ranges < kMaxBlocks / 6;
}

std::optional<absl::Status> DocCore::Load(ByteView bytes, std::string_view origin,
                                          UpdateFormat format) {
  DecodeBudget budget(limits_, bytes.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(bytes, format, limits_, budget);
  auto outcome = Loader::Outcome::kLoaded;
  conflict_steps_left_ = limits_.conflict_steps;
  const std::size_t roots = root_order_.size();
  const std::size_t keys = keys_.size();
  Transact(origin, /*local=*/false, [&] {
    outcome = Loader(*this, *stream).Run();
    if (outcome != Loader::Outcome::kLoaded) Unload(roots, keys);
  });
  conflict_steps_left_ = kUnboundedSteps;
  if (outcome == Loader::Outcome::kOutOfOrder) return std::nullopt;
  if (outcome == Loader::Outcome::kMalformed) return stream->status();
  for (Client& client : clients_) TrimLoaded(client, bytes.size());
  return absl::OkStatus();
}

void DocCore::Unload(std::size_t roots, std::size_t keys) {
  items_ = ItemPool();
  contents_ = ContentStore();
  clients_.clear();
  client_indices_.clear();
  known_clients_.fill({});
  clients_descending_.clear();
  conflict_groups_ = ConflictGroups();
  pending_ = PendingBlocks();
  pending_deletes_.Clear();
  for (const TypeRef root : root_order_ | std::views::drop(roots)) {
    roots_.erase(types_.At(root).name);
  }
  root_order_.resize(roots);
  types_.Empty(roots);  // there was nothing in them
  keys_.Truncate(keys);
  transaction_->Clear();
}

}  // namespace weft::crdt::internal
