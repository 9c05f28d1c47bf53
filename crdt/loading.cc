// A document without any blocks takes its first update: what a server does with each room and a
// client with each document. Blocks are integrated as they are decoded, without a decoded update
// in between; when one turns out to be malformed the document is emptied again. The common block, an
// item of a sequence whose neighbours are there, takes a short way; all others go through
// IntegrateBlock, and from the first one on that has to wait the rest of the update is decoded and
// takes the general way (apply_update.cc).

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
    while (stream_.Next(block, scratch_.values)) {
      if (stream_.sections().size() != sections_seen_ && !BeginSections()) {
        return Outcome::kOutOfOrder;
      }
      if (block.parent == Block::Parent::kRoot) doc_.EnsureRoot(block.root_name);
      if (!Place(block)) {
        if (!DecodeRest(block)) return Outcome::kOutOfOrder;
        break;
      }
      if (!scratch_.values.empty()) scratch_.values.clear();
    }
    rest_.deletes = stream_.ReadDeletes();
    if (!stream_.status().ok()) return Outcome::kMalformed;
    stream_.TakeOwnedStrings(rest_.owned);
    const bool retry = doc_.ApplyDecoded(rest_);
    CHECK(!retry && "nothing waited before");
    return Outcome::kLoaded;
  }

 private:
  using Parent = Block::Parent;

  // Clients are integrated in descending order; of one that is named twice the last section counts.
  bool BeginSections() {
    const std::vector<ClientId>& sections = stream_.sections();
    for (; sections_seen_ < sections.size(); ++sections_seen_) {
      if (sections_seen_ > 0 && sections[sections_seen_] >= sections[sections_seen_ - 1]) {
        return false;
      }
    }
    client_id_ = sections.back();
    client_ = nullptr;
    guide_.Clear();
    return true;
  }

  // Decodes what is left from `block` on.
  bool DecodeRest(const Block& block) {
    rest_.values = std::move(scratch_.values);
    rest_.blocks.push_back(block);
    rest_.sections.push_back({.client = client_id_, .begin = 0, .end = 1});
    Block next{};
    while (stream_.Next(next, rest_.values)) {
      if (stream_.sections().size() != sections_seen_) {
        if (!BeginSections()) return false;
        rest_.sections.push_back(
            {.client = client_id_, .begin = rest_.blocks.size(), .end = rest_.blocks.size()});
      }
      rest_.blocks.push_back(next);
      rest_.sections.back().end = rest_.blocks.size();
    }
    return true;
  }

  // False, and nothing happened, when the block has to wait or may have to.
  bool Place(const Block& block) {
    if (block.kind == ContentKind::kSkip || block.end() > kClockEnd) return false;
    if (client_ == nullptr && block.id.clock != 0) return false;
    if (block.kind == ContentKind::kGc) {
      if (client_ == nullptr) UseClient();
      doc_.IntegrateGc(PackedId::Make(index_, block.id.clock), block.length);
      guide_.Add(block.end());
      return true;
    }
    if (client_ == nullptr || (!block.has_origin && !block.has_right_origin)) {
      return PlaceInGeneral(block);
    }
    // The neighbours, when they are ends of blocks.
    ItemRef left = kNoItem;
    ItemRef right = kNoItem;
    if (block.has_origin) {
      left = FindBlock(block.origin);
      if (left == kNoItem) return false;
      const Item& item = doc_.At(left);
      if (item.end() != block.origin.clock + 1 || item.keyed || item.is_gc()) {
        return PlaceInGeneral(block);
      }
      right = item.right;
    }
    if (block.has_right_origin) {
      if (!block.has_origin || right == kNoItem || !Begins(right, block.right_origin)) {
        const ItemRef found = FindBlock(block.right_origin);
        if (found == kNoItem) return false;
        if (block.has_origin) return PlaceInGeneral(block);  // something came in between
        const Item& item = doc_.At(found);
        if (item.clock() != block.right_origin.clock || item.left != kNoItem || item.keyed ||
            item.is_gc()) {
          return PlaceInGeneral(block);
        }
        right = found;
      } else if (doc_.At(right).is_gc()) {
        return PlaceInGeneral(block);
      }
    } else if (right != kNoItem) {
      return PlaceInGeneral(block);
    }
    Link(block, left, right);
    return true;
  }

  bool Begins(ItemRef ref, Id id) const {
    const PackedId begin = doc_.At(ref).id;
    return begin.clock() == id.clock && doc_.clients_[begin.client()].id == id.client;
  }

  // kNoItem when it is not there.
  ItemRef FindBlock(Id id) {
    if (id.client == client_id_) {
      // Of its own client a block names only earlier ones.
      const BlockList& blocks = client_->blocks;
      return blocks.At(blocks.FindNear<16>(BlockList::PlaceOf(guide_.Near(id.clock)), id.clock));
    }
    const std::optional<ClientIndex> index = doc_.FindClient(id.client);
    if (!index.has_value() || id.clock >= doc_.clients_[*index].blocks.end()) return kNoItem;
    return doc_.FindBlock(PackedId::Make(*index, id.clock));
  }

  // Puts an item of a sequence between two neighbours.
  void Link(const Block& block, ItemRef left, ItemRef right) {
    Item item;
    item.id = PackedId::Make(index_, block.id.clock);
    item.kind = block.kind;
    item.left = left;
    item.right = right;
    TypeRef parent_ref;
    if (left != kNoItem) {
      const Item& before = doc_.At(left);
      item.origin = before.last_id();
      parent_ref = before.parent;
    } else {
      parent_ref = doc_.At(right).parent;
    }
    if (right != kNoItem) {
      const Item& behind = doc_.At(right);
      if (block.has_right_origin) item.right_origin = behind.id;
    }
    if (parent_ref != parent_ref_) UseParent(parent_ref);
    TypeNode& parent = *parent_;
    item.parent = parent_ref;
    const bool is_plain = FillPlainContent(block, item);
    const ItemRef ref = doc_.items_.Add(item);
    if (left != kNoItem) {
      doc_.At(left).right = ref;
    } else {
      parent.start = ref;
    }
    if (right != kNoItem) doc_.At(right).left = ref;
    if (!is_plain) FillContent(block, ref);
    client_->blocks.PushBack(ref, block.id.clock, block.length);
    parent.length += doc_.At(ref).visible_length();
    if (parent.index != nullptr) parent.index->Insert(left, ref);
    if (parent_is_watched_) doc_.AddChanged(parent_ref, kNoKey);
    guide_.Add(block.end());
    if (parent_is_deleted_) {
      doc_.Delete(ref);
      Forget();
    }
  }

  // Text of ASCII, and deleted content. False for any other.
  bool FillPlainContent(const Block& block, Item& item) {
    if (block.kind == ContentKind::kString && block.length == block.text.size()) {
      item.content = client_->text.AppendAscii(block.text).offset;
    } else if (block.kind == ContentKind::kDeleted) {
      item.deleted = true;
    } else {
      return false;
    }
    item.set_length(block.length);
    if (item.deleted && parent_->has_formats) {
      doc_.NoteDeleted(item);
    } else if (item.deleted && wants_deletes_) {
      doc_.transaction_->settled_deletes.Add(client_id_, {block.id.clock, block.length});
    }
    return true;
  }

  void FillContent(const Block& block, ItemRef ref) {
    DocCore::NewItem fields;
    fields.id = doc_.At(ref).id;
    const std::uint32_t content = doc_.StoreContent(scratch_, block, fields);
    Item& item = doc_.At(ref);
    item.content = content;
    item.wide = fields.wide;
    item.set_length(block.length);
    doc_.NoteContent(ref);
    Forget();
  }

  bool PlaceInGeneral(const Block& block) {
    if (doc_.MissingClient(block).has_value()) return false;
    if (!doc_.IntegrateBlock(scratch_, block, 0)) return false;
    UseClient();
    guide_.Add(block.end());
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
  BlockGuide guide_;  // to its blocks

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
