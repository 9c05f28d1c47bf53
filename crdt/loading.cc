// A document takes its first update, or one that brings much: what a server does with each room and a
// client with each document. The blocks of a first one are integrated as they are decoded, without a decoded update
// in between; when one turns out to be malformed the document is emptied again. The common block, an
// item of a sequence whose neighbours are there, takes a short way; all others go through
// IntegrateBlock. From the first block on that needs a later one, the rest of the update is decoded
// before it is placed; what then cannot be placed, with what follows, takes the general way
// (apply_update.cc). An update that comes to other blocks is decoded like that from its beginning.

#include <algorithm>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "crdt/codec/decode_budget.h"
#include "crdt/doc_core.h"
#include "crdt/typed_block_stream.h"

namespace weft::crdt::internal {

namespace {

// About which block covers a clock, for one client: for every 2^k-th clock behind `base` the place of
// its block when that came, where it still is unless some were cut since. From there it is a step or
// two, where a search takes ten that cannot be foretold. Memory: about two words for a block at most.
class BlockGuide {
 public:
  // For a client whose blocks end at `base`.
  void Begin(Clock base) {
    places_.clear();
    base_ = base;
    shift_ = kFirstShift;
    blocks_ = 0;
  }

  // The next block ends at `end`, and is the last of the list now.
  void Add(Clock end, const BlockList& blocks) {
    if ((Clock{places_.size()} << shift_) + base_ < end) Reach(end, blocks.last());
    ++blocks_;
  }
  bool Covers(Clock clock) const { return clock >= base_; }
  // Requires: it covers the clock, and so does a block.
  BlockList::Cursor Near(Clock clock) const {
    const std::uint32_t place = places_[(clock - base_) >> shift_];
    return {.chunk = place >> kSlotBits, .slot = place & ((1u << kSlotBits) - 1)};
  }

 private:
  static constexpr unsigned kFirstShift = 3;
  // A place in one word. It is a guess for whoever reads it: what does not fit is one as well.
  static constexpr unsigned kSlotBits = 8;
  static std::uint32_t NumberOf(BlockList::Cursor place) {
    return place.chunk << kSlotBits | place.slot;
  }

  [[gnu::noinline]] void Reach(Clock end, BlockList::Cursor place) {
    const std::uint32_t number = NumberOf(place);
    while ((Clock{places_.size()} << shift_) + base_ < end) {
      if (places_.size() < blocks_ + 64) {
        places_.push_back(number);
        continue;
      }
      // Blocks are longer than that: every other clock will do.
      for (std::size_t i = 0; i < places_.size() / 2; ++i) places_[i] = places_[2 * i];
      places_.resize((places_.size() + 1) / 2);
      ++shift_;
    }
  }

  std::vector<std::uint32_t> places_;
  Clock base_ = 0;
  unsigned shift_ = kFirstShift;
  std::size_t blocks_ = 0;
};

enum class Outcome : std::uint8_t { kLoaded, kMalformed, kOutOfOrder };

}  // namespace

template <typename Stream>
class Loader {
 public:
  // Of an update of so many bytes.
  Loader(DocCore& doc, Stream& stream, std::size_t bytes)
      : doc_(doc),
        stream_(stream),
        bytes_(bytes),
        is_new_(doc.is_empty()),
        wants_deletes_(!doc.on_update_v1_.empty() || !doc.on_update_v2_.empty()) {}

  // Loads all of it into a document without blocks. Where it is malformed or its clients are not in
  // descending order, the document holds a part of it.
  [[gnu::flatten]] Outcome Run() {
    Block block{};
    for (;;) {
      PlainBlock plain;
      if (client_ != nullptr && stream_.TakePlain(plain)) {
        if (PlacePlain(plain)) continue;
        block = ToBlock(plain);
      } else {
        if (!stream_.Next(block, scratch_.values)) break;
        if (stream_.sections().size() != sections_seen_) {
          if (!BeginSections()) return Outcome::kOutOfOrder;
          ExpectSection();
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
    Finish();
    return Outcome::kLoaded;
  }

  // Decodes all of it, and leaves the document as it is. kOutOfOrder too where it cannot be placed in
  // the short way.
  Outcome Decode() {
    if (!DecodeSections()) return Outcome::kOutOfOrder;
    rest_.deletes = stream_.ReadDeletes();
    if (!stream_.status().ok()) return Outcome::kMalformed;
    return Fits() ? Outcome::kLoaded : Outcome::kOutOfOrder;
  }
  // Places what was decoded in a document that has blocks.
  void PlaceDecoded() {
    doc_.StopTyping();
    doc_.forgets_positions_ = doc_.BringsMuch(rest_blocks_.size());
    for (RestOfSection& rest : rests_) {
      const std::optional<ClientIndex> client = doc_.FindClient(rest.client);
      if (!client.has_value()) continue;
      rest.section.guide.Begin(doc_.clients_[*client].blocks.end());
      doc_.clients_[*client].deleted.reset();
    }
    Finish();
    doc_.forgets_positions_ = false;
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
      guide.Begin(0);
      previous = kNoItem;
      deleted.clear();
    }
  };
  // A block of the rest: a plain one, or where it stands in `rest_`.
  struct RestBlock {
    PlainBlock plain{};
    std::uint32_t general = kPlain;

    static constexpr std::uint32_t kPlain = ~std::uint32_t{0};
    bool is_plain() const { return general == kPlain; }
  };
  // What is left of a client's section, in `rest_blocks_`.
  struct RestOfSection {
    ClientId client{};
    std::size_t next = 0;
    std::size_t end = 0;
    Section section{};
    bool waits = false;  // for another client's blocks
  };

  // Clients are integrated in descending order; of one that is named twice the last section counts.
  [[gnu::noinline]] bool BeginSections() {
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
    rests_.push_back({.client = client_id_, .section = std::exchange(section_, Section())});
    ReserveRest();
    AddToRest(block);
    return DecodeSections();
  }
  // Decodes all blocks that the stream has left.
  bool DecodeSections() {
    for (;;) {
      PlainBlock plain;
      if (stream_.TakePlain(plain)) {
        rest_blocks_.push_back({.plain = plain});
        continue;
      }
      Block next{};
      if (!stream_.Next(next, rest_.values)) break;
      if (stream_.sections().size() != sections_seen_) {
        if (!rests_.empty()) rests_.back().end = rest_blocks_.size();
        if (!BeginSections()) return false;
        rests_.push_back({.client = client_id_, .next = rest_blocks_.size()});
        if (rests_.size() == 1) ReserveRest();
        ExpectSection();
      }
      AddToRest(next);
    }
    if (!rests_.empty()) rests_.back().end = rest_blocks_.size();
    return true;
  }
  // The first block of a section was read, of a first update.
  void ExpectSection() {
    if (is_new_) doc_.items_.Expect(stream_.blocks_left() + 1);
  }
  void ReserveRest() {
    // A claim, and so is the size: a block that somebody parted from its neighbours takes eight bytes.
    rest_blocks_.reserve(std::min<std::uint64_t>(stream_.blocks_left() + 1, bytes_ / 8));
  }
  // Whether each section begins where its client's blocks end, and the document has room for it.
  bool Fits() const {
    std::size_t cuts = 0;
    for (const DeleteSet::ClientRanges& client : rest_.deletes.clients()) {
      cuts += client.ranges.size() * 2;
    }
    if (doc_.items_.size() + rest_blocks_.size() * 3 + cuts > kMaxBlocks ||
        doc_.clients_.size() + rests_.size() > kMaxClients) {
      return false;
    }
    return std::ranges::all_of(rests_, [&](const RestOfSection& rest) {
      const std::optional<ClientIndex> client = doc_.FindClient(rest.client);
      const Clock begin = BlockOf(rest_blocks_[rest.next]).id.clock;
      if (!client.has_value()) return begin == 0;
      return begin == doc_.clients_[*client].blocks.end() &&
             doc_.clients_[*client].text.size() + bytes_ * 2 + 2 <= TextBuffer::kMaxBytes;
    });
  }

  // Places the rest, and does what is to be done when all blocks are there.
  [[gnu::noinline]] void Finish() {
    for (const Block& block : rest_.blocks) {
      if (block.parent == Block::Parent::kRoot) doc_.EnsureRoot(block.root_name);
    }
    if (!rest_blocks_.empty() && !PlaceRest()) may_merge_ = true;
    if (doc_.pending_.any) may_merge_ = true;
    LeaveOutKnownDeletes();
    stream_.TakeOwnedStrings(rest_.owned);
    const bool retry = doc_.ApplyDecoded(rest_);
    CHECK(!retry && "nothing waited before");
    doc_.transaction_->nothing_new_merges = !MayMergeAny();
  }

  void AddToRest(const Block& block) {
    rest_blocks_.push_back({.general = static_cast<std::uint32_t>(rest_.blocks.size())});
    rest_.blocks.push_back(block);
  }
  Block BlockOf(const RestBlock& rest) const {
    return rest.is_plain() ? ToBlock(rest.plain) : rest_.blocks[rest.general];
  }
  [[gnu::noinline]] static Block ToBlock(PlainBlock plain) { return plain.ToBlock(); }

  // Places what DecodeRest has read, in the order of Yjs: client by client, and where a block needs
  // another client's, first of that as much as it needs. False when some is left, for all of the same
  // steps to be tried in general.
  [[gnu::noinline]] bool PlaceRest() {
    source_ = &rest_;
    bool all = true;
    for (std::size_t i = 0; i < rests_.size() && all; ++i) all = PlaceRestOf(i);
    if (!all) {
      for (std::size_t i = 0; i < rests_.size(); ++i) {
        Resume(i);
        EndSection();
      }
    }
    LeaveToTheGeneralWay();
    return all;
  }
  // What was not placed becomes the blocks of `rest_`.
  void LeaveToTheGeneralWay() {
    std::vector<Block> blocks;
    for (const RestOfSection& rest : rests_) {
      if (rest.next == rest.end) continue;
      const std::size_t begin = blocks.size();
      for (std::size_t i = rest.next; i < rest.end; ++i) blocks.push_back(BlockOf(rest_blocks_[i]));
      rest_.sections.push_back({.client = rest.client, .begin = begin, .end = blocks.size()});
    }
    rest_.blocks = std::move(blocks);
  }
  bool PlaceRestOf(std::size_t section) {
    struct Task {
      std::size_t section;
      Clock clock;  // place its blocks until this one is there
    };
    std::vector<Task> tasks{{.section = section, .clock = kMaxSafeInteger}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      RestOfSection& rest = rests_[task.section];
      Resume(task.section);
      const auto needs_more = [&] {
        return rest.next < rest.end && (client_ == nullptr || client_->blocks.end() <= task.clock);
      };
      const auto place_next = [&] {
        if (!needs_more() || !Place(rest_blocks_[rest.next])) return false;
        ++rest.next;
        return true;
      };
      const Clock before = client_ == nullptr ? 0 : client_->blocks.end();
      if (place_next()) {
        // At once: of a client the first call counts, and who places in general calls too.
        doc_.transaction_->touched.Touch(index_, before);
        while (place_next()) {
        }
      }
      const bool waits = needs_more();
      if (rest.next == rest.end) EndSection();
      rest.section = std::move(section_);
      rest.waits = waits;
      if (!waits) {
        tasks.pop_back();
        continue;
      }
      const std::optional<Id> missing = MissingId(BlockOf(rest_blocks_[rest.next]));
      if (!missing.has_value()) return false;
      const auto found = std::ranges::lower_bound(rests_, missing->client, std::ranges::greater{},
                                                  &RestOfSection::client);
      if (found == rests_.end() || found->client != missing->client) return false;
      const auto index = static_cast<std::size_t>(found - rests_.begin());
      if (rests_[index].waits || rests_[index].next == rests_[index].end) return false;
      tasks.push_back({.section = index, .clock = missing->clock});
    }
    return true;
  }
  // Goes on with a section of the rest.
  void Resume(std::size_t index) {
    client_id_ = rests_[index].client;
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
  [[gnu::flatten]] bool Place(const RestBlock& block) {
    if (!block.is_plain()) return Place(rest_.blocks[block.general]);
    if (client_ != nullptr && PlacePlain</*kMayBeApart=*/true>(block.plain)) return true;
    return Place(ToBlock(block.plain));
  }
  [[gnu::noinline]] bool Place(const Block& block) {
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
  template <bool kMayBeApart = false>
  [[gnu::always_inline]] bool PlacePlain(const PlainBlock& block) {
    if (block.end() >= kClockEnd) return false;
    const bool is_deleted = block.text.empty();
    if (!is_deleted && !block.is_ascii) return false;
    Item item;
    const Neighbours neighbours = FindNeighbours(block, item);
    if (neighbours != Neighbours::kFound &&
        !(kMayBeApart && neighbours == Neighbours::kApart && FindPlace(item))) {
      return false;
    }
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
  [[gnu::noinline]] bool FindPlace(Item& item) {
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
      if (!section_.guide.Covers(id.clock)) {
        return doc_.FindBlock(PackedId::Make(index_, id.clock));
      }
      return blocks.At(blocks.FindNear<16>(section_.guide.Near(id.clock), id.clock));
    }
    const std::optional<ClientIndex> index = doc_.FindClient(id.client);
    if (!index.has_value() || id.clock >= doc_.clients_[*index].blocks.end()) return kNoItem;
    return doc_.FindBlock(PackedId::Make(*index, id.clock));
  }

  // Puts an item of a sequence between its neighbours.
  ItemRef Link(const Item& item) {
    if (item.parent != parent_ref_) UseParent(item.parent);
    const ItemRef ref = doc_.items_.Allocate(item);
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
  [[gnu::always_inline]] void Count(ItemRef ref, Clock clock, Clock length) {
    client_->blocks.PushBack(ref, clock, length);
    parent_->length += doc_.At(ref).visible_length();
    if (parent_->index != nullptr) [[unlikely]]
      parent_->index->Insert(doc_.At(ref).left, ref);
    if (parent_is_watched_) doc_.AddChanged(parent_ref_, kNoKey);
    section_.guide.Add(clock + length, client_->blocks);
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
    section_.guide.Add(end, blocks);
    Forget();
    return true;
  }

  void UseClient() {
    const bool is_first = client_ == nullptr;
    index_ = doc_.EnsureClient(client_id_);
    client_ = &doc_.clients_[index_];
    if (is_first) ReserveText();
  }
  // For a section of some size, which mostly brings ten bytes a block.
  void ReserveText() {
    constexpr std::uint64_t kMany = 256;
    constexpr std::uint64_t kBytes = 16;
    const std::uint64_t blocks = stream_.blocks_left();
    if (blocks >= kMany) client_->text.Reserve(std::min<std::uint64_t>(blocks * kBytes, bytes_));
  }

  void UseParent(TypeRef type) {
    parent_ref_ = type;
    parent_ = &doc_.types_.At(type);
    if (doc_.forgets_positions_) parent_->index.reset();
    parent_is_deleted_ = doc_.IsDeleted(type);
    parent_is_watched_ = parent_->has_formats || parent_->markers != nullptr;
  }
  // What is known of the parent may have changed.
  void Forget() { parent_ref_ = kNoType; }

  DocCore& doc_;
  Stream& stream_;
  const std::size_t bytes_;
  const bool is_new_;  // the document has no blocks
  const bool wants_deletes_;
  Update scratch_;  // the values of one block
  Update rest_;     // what takes the general way, and the deletes
  std::vector<RestBlock> rest_blocks_;

  std::size_t sections_seen_ = 0;
  ClientId client_id_{};
  Client* client_ = nullptr;  // none before its first block
  ClientIndex index_ = 0;
  Section section_;                        // of that client
  std::vector<RestOfSection> rests_;       // for each section of `rest_blocks_`
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
  // Less is not worth the preparations, where there is something already.
  constexpr std::size_t kMuch = 1024;
  if (!is_empty() && update.size() < kMuch) return false;
  // Limits within which an update of these bytes keeps the bounds of a document.
  return !has_pending() && may_take_short_ways() && hole_mode_ == HoleMode::kWait &&
         update.size() < TextBuffer::kMaxBytes / 4 && update.size() <= limits_.pending_bytes &&
         limits_.update_clients < kMaxClients && limits_.update_blocks < kMaxBlocks / 6 &&
         limits_.delete_ranges < kMaxBlocks / 6;
}

std::optional<absl::Status> DocCore::Load(ByteView bytes, std::string_view origin,
                                          UpdateFormat format) {
  return format == UpdateFormat::kV1 ? LoadFrom<UpdateReaderV1>(bytes, origin)
                                     : LoadFrom<UpdateReaderV2>(bytes, origin);
}

template <typename Reader>
std::optional<absl::Status> DocCore::LoadFrom(ByteView bytes, std::string_view origin) {
  using Stream = TypedBlockStream<Reader>;
  DecodeBudget budget(limits_, bytes.size());
  Stream stream(bytes, limits_, budget);
  auto outcome = Outcome::kLoaded;
  conflict_steps_left_ = limits_.conflict_steps;
  const std::size_t roots = root_order_.size();
  const std::size_t keys = keys_.size();
  if (is_empty()) {
    Transact(origin, /*local=*/false, [&] {
      outcome = Loader<Stream>(*this, stream, bytes.size()).Run();
      if (outcome != Outcome::kLoaded) Unload(roots, keys);
    });
  } else {
    Loader<Stream> loader(*this, stream, bytes.size());
    outcome = loader.Decode();
    if (outcome == Outcome::kLoaded)
      Transact(origin, /*local=*/false, [&] { loader.PlaceDecoded(); });
  }
  conflict_steps_left_ = kUnboundedSteps;
  if (outcome == Outcome::kOutOfOrder) return std::nullopt;
  if (outcome == Outcome::kMalformed) return stream.status();
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
