#include "crdt/doc_core.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "crdt/base/random.h"
#include "crdt/base/utf.h"

namespace weft::crdt::internal {

ClientId RandomClientId() { return ClientId{RandomNumber<std::uint32_t>()}; }

std::string RandomGuid() {
  std::string guid;
  for (const std::uint32_t part : RandomNumber<std::array<std::uint32_t, 4>>()) {
    absl::StrAppend(&guid, absl::Hex(part, absl::kZeroPad8));
  }
  guid[12] = '4';
  guid[16] = "89ab"[static_cast<unsigned>(guid[16]) % 4];
  for (const std::size_t place : {20, 16, 12, 8}) guid.insert(place, "-");
  return guid;
}

DocCore::DocCore(Doc::Options options)
    : client_id_(options.client_id.has_value() ? *options.client_id : RandomClientId()),
      guid_(std::move(options.guid)),
      gc_(options.gc),
      gc_filter_(std::move(options.gc_filter)),
      limits_(options.limits),
      hole_mode_(options.holes),
      collision_policy_(options.collisions) {}

ClientIndex DocCore::AddClient(ClientId id) {
  CHECK(clients_.size() < kMaxClients);
  const auto index = static_cast<ClientIndex>(clients_.size());
  client_indices_.emplace(ToNumber(id), index);
  clients_.emplace_back().id = id;
  return index;
}

std::optional<ClientIndex> DocCore::LookUpClient(ClientId id) const {
  const auto found = client_indices_.find(ToNumber(id));
  if (found == client_indices_.end()) return std::nullopt;
  known_clients_[ToNumber(id) % kKnownClients] = {.id = ToNumber(id), .index = found->second};
  return found->second;
}

const std::vector<ClientIndex>& DocCore::ClientsDescending() const {
  if (clients_descending_.size() != clients_.size()) {
    clients_descending_.resize(clients_.size());
    for (ClientIndex i = 0; i < clients_.size(); ++i) clients_descending_[i] = i;
    std::ranges::sort(clients_descending_, [&](ClientIndex a, ClientIndex b) {
      return clients_[a].id > clients_[b].id;
    });
  }
  return clients_descending_;
}

TypeRef DocCore::EnsureRoot(std::string_view name) {
  const KeyRef key = keys_.Intern(name);
  const auto [entry, added] = roots_.try_emplace(key, kNoType);
  if (added) {
    entry->second = types_.Allocate(TypeKind::kUndefined, key);
    root_order_.push_back(entry->second);
  }
  return entry->second;
}

TypeRef DocCore::Root(std::string_view name, TypeKind kind) {
  const TypeRef type = EnsureRoot(name);
  TypeNode& node = types_.At(type);
  if (node.kind == TypeKind::kUndefined) {
    node.kind = kind;
    // Yjs makes a new object of the type here, which does not know of formatting that came before.
    node.has_formats = false;
    if (IsText(kind) && node.holds_formats) node.markers = std::make_unique<SearchMarkers>();
    if (kind == TypeKind::kArray || kind == TypeKind::kXmlFragment ||
        kind == TypeKind::kXmlElement) {
      // In Yjs these take what they were made with, nothing, into the document.
      if (WantsChanges() || has_transaction_observers()) Transact("", /*local=*/true, [] {});
    }
  }
  CHECK(node.kind == kind && "a root keeps the kind that it was first asked for");
  return type;
}

std::vector<std::pair<std::string, TypeKind>> DocCore::Roots() const {
  std::vector<std::pair<std::string, TypeKind>> roots;
  roots.reserve(root_order_.size());
  for (const TypeRef root : root_order_) {
    roots.emplace_back(keys_.Text(types_.At(root).name), types_.At(root).kind);
  }
  return roots;
}

TypeRef DocCore::ParentOf(TypeRef type) const {
  const ItemRef item = types_.At(type).item;
  return item == kNoItem ? kNoType : At(item).parent;
}

std::optional<Id> DocCore::ItemIdOf(TypeRef type) const {
  const ItemRef item = types_.At(type).item;
  if (item == kNoItem) return std::nullopt;
  return IdOf(item);
}

TypeRef DocCore::Resolve(const TypeHandle& handle) const {
  const TypeNode& node = types_.At(handle.type);
  return node.alive && node.generation == handle.generation ? handle.type : kNoType;
}

StateVector DocCore::GetStateVector() const {
  StateVector vector;
  const std::vector<ClientIndex>& descending = ClientsDescending();
  for (auto client = descending.rbegin(); client != descending.rend(); ++client) {
    const std::vector<IdRange>& holes = clients_[*client].holes;
    if (holes.empty()) {
      vector.Set(clients_[*client].id, clients_[*client].blocks.end());
    } else {
      vector.SetKnown(clients_[*client].id, holes.front().clock);
    }
  }
  return vector;
}

ItemRef DocCore::FindBlock(PackedId id) const {
  const BlockList& blocks = clients_[id.client()].blocks;
  return blocks.At(blocks.Find(id.clock()));
}

ItemRef DocCore::BlockStartingAt(PackedId id) {
  BlockList& blocks = clients_[id.client()].blocks;
  BlockList::Cursor cursor = blocks.Find(id.clock());
  const ItemRef ref = blocks.At(cursor);
  const Item& item = At(ref);
  if (item.clock() == id.clock() || item.is_gc()) return ref;
  return Split(cursor, id.client(), id.clock() - item.clock());
}

ItemRef DocCore::BlockEndingAt(PackedId id) {
  BlockList& blocks = clients_[id.client()].blocks;
  BlockList::Cursor cursor = blocks.Find(id.clock());
  const ItemRef ref = blocks.At(cursor);
  const Item& item = At(ref);
  if (item.end() != id.clock() + 1 && !item.is_gc()) {
    Split(cursor, id.client(), id.clock() + 1 - item.clock());
  }
  return ref;
}

ItemRef DocCore::Split(BlockList::Cursor& cursor, ClientIndex client, Clock offset) {
  StopTyping();
  const ItemRef right = CutBlock(cursor, client, offset);
  // An undo manager that records a transaction splits in the one that is being cleaned up.
  Transaction& transaction = transaction_ != nullptr ? *transaction_ : *cleanups_.front();
  transaction.merge_candidates.push_back(At(right).id);
  return right;
}

ItemRef DocCore::CutBlock(BlockList::Cursor& cursor, ClientIndex client, Clock offset) {
  BlockList& blocks = clients_[client].blocks;
  const ItemRef left_ref = blocks.At(cursor);
  const ItemRef right_ref = items_.Allocate();
  Item& left = At(left_ref);
  Item& right = At(right_ref);
  DCHECK(offset > 0 && offset < left.length() && !left.is_gc());
  right = left;
  if (!right.keyed) right.set_leaf(0);
  right.id = left.id.Plus(offset);
  right.origin = left.id.Plus(offset - 1);
  right.left = left_ref;
  right.set_length(left.length() - offset);
  if (left.redone) redone_[right_ref] = redone_.at(left_ref).Plus(offset);
  SplitContent(left, right, offset);
  left.set_length(offset);
  left.right = right_ref;
  TypeNode& parent = types_.At(left.parent);
  if (right.right != kNoItem) {
    At(right.right).left = right_ref;
  } else if (right.key() != kNoKey) {
    parent.entries.Set(right.key(), right_ref);
  }
  if (right.key() == kNoKey && parent.index != nullptr) {
    parent.index->Update(left_ref);
    parent.index->Insert(left_ref, right_ref);
  }
  cursor = blocks.InsertAfter(cursor, right_ref, right.clock());
  return right_ref;
}

void DocCore::SplitContent(Item& left, Item& right, Clock offset) {
  switch (left.kind) {
    case ContentKind::kString: {
      right.content = left.content + static_cast<std::uint32_t>(left.wide ? offset * 2 : offset);
      if (!left.wide) return;
      // Half of a surrogate pair is no character: both halves become U+FFFD, as in Yjs.
      TextBuffer& text = clients_[left.id.client()].text;
      const TextRun run = RunOf(left);
      const auto at = static_cast<std::uint32_t>(offset);
      if (IsHighSurrogate(text.UnitAt(run, at - 1))) {
        text.SetUnit(run, at - 1, kReplacementCharacter);
        text.SetUnit(run, at, kReplacementCharacter);
      }
      return;
    }
    case ContentKind::kAny:
    case ContentKind::kJson:
      right.content = contents_.CutValues(left.content, offset);
      return;
    case ContentKind::kDeleted:
      return;
    default:
      CHECK(false && "content of one element is never split");
  }
}

}  // namespace weft::crdt::internal
