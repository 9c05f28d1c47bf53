// One new item finds its place among those that were inserted at the same place concurrently (YATA,
// with the exact rules of Yjs), and deletion.

#include <algorithm>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

// Items that a walk passes until a group is made of them.
constexpr std::size_t kLongWalk = 32;

// The items passed so far by ResolveConflicts, in order. A scan over the ids of a few dozen, latest
// first, beats a hash table by far, and the search for the block that an id is in.
class PassedItems {
 public:
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  std::size_t size() const { return size_; }
  void Add(ItemRef ref, const Item& item) {
    if (size_ < kLinearSize) {
      ids_[size_++] = {item.id.bits, item.length()};
    } else {
      places_.emplace(ref, size_++);
    }
  }
  // Where the item stands that has the element; `find_block` names the block of an id.
  template <typename FindBlock>
  std::size_t PlaceOf(PackedId id, const FindBlock& find_block) const {
    if (!places_.empty()) {
      const auto found = places_.find(find_block(id));
      if (found != places_.end()) return found->second;
    }
    for (std::size_t i = std::min(size_, kLinearSize); i-- > 0;) {
      if (id.bits - ids_[i].first < ids_[i].length) return i;
    }
    return kNowhere;
  }

 private:
  static constexpr std::size_t kLinearSize = 64;
  struct Range {
    std::uint64_t first;  // a PackedId
    Clock length;
  };
  std::size_t size_ = 0;
  Range ids_[kLinearSize];                            // of the first so many
  absl::flat_hash_map<ItemRef, std::size_t> places_;  // from kLinearSize on
};

}  // namespace

ItemRef DocCore::FirstOfKey(TypeRef parent, KeyRef key) {
  const ConflictGroups::Place place{.parent = parent, .key = key, .origin = PackedId()};
  if (const ConflictGroups::Group* group = conflict_groups_.Find(place)) {
    if (group->usable && !group->members.empty()) {
      const ItemRef first = FindMember(place, *group, group->members.begin()->second);
      if (first != kNoItem && At(first).left == kNoItem) return first;
    }
  }
  ItemRef ref = types_.At(parent).entries.Find(key);
  while (ref != kNoItem && At(ref).left != kNoItem) ref = At(ref).left;
  return ref;
}

std::optional<ItemRef> DocCore::PlaceOf(const NewItem& item) {
  const bool adjacent = item.left != kNoItem
                            ? At(item.left).right == item.right
                            : item.right != kNoItem && At(item.right).left == kNoItem;
  return adjacent ? item.left : ResolveConflicts(item);
}

ItemRef DocCore::FindMember(const ConflictGroups::Place& place, const ConflictGroups::Group& group,
                            PackedId id) const {
  const ItemRef ref = FindBlock(id);
  const Item& item = At(ref);
  const bool is_member = item.id == id && !item.is_gc() && item.parent == place.parent &&
                         item.key() == place.key && item.origin == place.origin &&
                         item.right_origin == group.right_origin;
  return is_member ? ref : kNoItem;
}

void DocCore::MakeConflictGroup(const ConflictGroups::Place& place, const NewItem& item) {
  ConflictGroups::Group group{.right_origin = item.right_origin, .members = {}};
  ItemRef ref = item.left != kNoItem ? ItemRef{At(item.left).right}
                : item.key != kNoKey ? FirstOfKey(item.parent, item.key)
                                     : types_.At(item.parent).start;
  absl::flat_hash_set<ItemRef> passed;
  for (; ref != kNoItem && ref != item.right && group.usable; ref = At(ref).right) {
    const Item& other = At(ref);
    if (other.origin == item.origin) {
      const std::uint64_t client = ToNumber(clients_[other.id.client()].id);
      const bool is_next = group.members.empty() || group.members.rbegin()->first < client;
      group.usable = is_next && other.right_origin == item.right_origin;
      group.members.emplace_hint(group.members.end(), client, other.id);
    } else if (!other.origin.has_value() || !passed.contains(FindBlock(other.origin))) {
      break;  // no walk goes beyond
    }
    passed.insert(ref);
  }
  if (!group.usable) group.members.clear();
  conflict_groups_.Put(place, std::move(group));
}

std::optional<ItemRef> DocCore::ResolveConflicts(const NewItem& item) {
  const ConflictGroups::Place place{.parent = item.parent, .key = item.key, .origin = item.origin};
  ItemRef left = item.left;
  ItemRef other = kNoItem;
  PassedItems passed;
  std::size_t first_conflict = 0;
  std::size_t walked = 0;  // to where the conflicts begin
  bool has_begun = false;
  if (!conflict_groups_.empty()) {
    if (item.right != kNoItem && At(item.right).origin != item.origin) {
      // It may come to stand among the members of another group, which are not looked at.
      conflict_groups_.Drop(
          {.parent = item.parent, .key = item.key, .origin = At(item.right).origin});
    }
    const ConflictGroups::Group* group = conflict_groups_.Find(place);
    if (group != nullptr && group->usable && group->right_origin == item.right_origin) {
      const std::uint64_t client = ToNumber(clients_[item.id.client()].id);
      const auto larger = group->members.lower_bound(client);
      if (larger == group->members.end()) {
        // Behind the largest member and what was inserted there.
        left = FindMember(place, *group, group->members.rbegin()->second);
        if (left != kNoItem) {
          passed.Add(left, At(left));
          first_conflict = 1;
          other = At(left).right;
          has_begun = true;
        }
      } else if (larger->first != client) {
        const ItemRef next = FindMember(place, *group, larger->second);
        if (next != kNoItem) return ItemRef{At(next).left};
      }
      if (!has_begun) {
        conflict_groups_.Drop(place);
        left = item.left;
      }
    }
  }
  if (has_begun) {
    // The walk goes on from there.
  } else if (left != kNoItem) {
    other = At(left).right;
  } else if (item.key != kNoKey) {
    other = types_.At(item.parent).entries.Find(item.key);
    while (other != kNoItem && At(other).left != kNoItem) {
      other = At(other).left;
      ++walked;
      if (!TakeConflictStep()) return std::nullopt;
    }
  } else {
    other = types_.At(item.parent).start;
  }
  // Everything passed lies between the origin and the new item; what was passed since the last time
  // that `left` moved conflicts with it.
  while (other != kNoItem && other != item.right) {
    if (!TakeConflictStep()) return std::nullopt;
    const Item& o = At(other);
    passed.Add(other, o);
    if (o.origin == item.origin) {
      if (clients_[o.id.client()].id < clients_[item.id.client()].id) {
        left = other;
        first_conflict = passed.size();
      } else if (o.right_origin == item.right_origin) {
        break;  // same place, and the client id decides: the new item stands before this one
      }
    } else if (o.origin.has_value()) {
      const std::size_t origin_place =
          passed.PlaceOf(o.origin, [&](PackedId id) { return FindBlock(id); });
      if (origin_place == PassedItems::kNowhere) break;
      if (origin_place < first_conflict) {
        left = other;
        first_conflict = passed.size();
      }
    } else {
      break;
    }
    other = o.right;
  }
  if (!has_begun && walked + passed.size() > kLongWalk && conflict_groups_.Find(place) == nullptr) {
    MakeConflictGroup(place, item);
  }
  return left;
}

ItemRef DocCore::Integrate(const NewItem& fields) {
  const std::optional<ItemRef> left = PlaceOf(fields);
  CHECK(left.has_value() && "only updates have their steps counted");
  return Link(fields, *left);
}

void DocCore::JoinConflictGroup(const Item& item) {
  ConflictGroups::Group* group =
      conflict_groups_.Find({.parent = item.parent, .key = item.key(), .origin = item.origin});
  if (group == nullptr || !group->usable) return;
  const std::uint64_t client = ToNumber(clients_[item.id.client()].id);
  if (group->right_origin == item.right_origin && group->members.emplace(client, item.id).second) {
    return;
  }
  group->usable = false;
  group->members.clear();
}

ItemRef DocCore::Link(const NewItem& fields, ItemRef left) {
  StopTyping();
  const ItemRef ref = items_.Allocate(fields.ToItem());
  Item& item = At(ref);
  TypeNode& parent = types_.At(item.parent);
  ItemRef right = kNoItem;
  if (left != kNoItem) {
    right = At(left).right;
    At(left).right = ref;
  } else if (item.key() != kNoKey) {
    const bool is_first = fields.right != kNoItem && At(fields.right).left == kNoItem;
    right = is_first ? fields.right : FirstOfKey(item.parent, item.key());
  } else {
    right = parent.start;
    parent.start = ref;
  }
  item.left = left;
  item.right = right;
  if (right != kNoItem) {
    At(right).left = ref;
  } else if (item.key() != kNoKey) {
    parent.entries.Set(item.key(), ref);
    if (left != kNoItem) Delete(left);
  }

  PlaceBlock(ref);
  if (item.kind == ContentKind::kDeleted) clients_[item.id.client()].deleted.reset();
  if (!conflict_groups_.empty()) JoinConflictGroup(item);

  if (item.kind == ContentKind::kDeleted) {
    if (may_take_short_ways() && !parent.has_formats) {
      // There is nothing to collect, and it merges as all that is new.
      transaction_->settled_deletes.Add(clients_[item.id.client()].id,
                                        {item.clock(), item.length()});
    } else {
      NoteDeleted(item);
    }
    item.deleted = true;
  } else if (item.kind != ContentKind::kString) {
    NoteContent(ref);
  }
  if (item.key() == kNoKey) {
    parent.length += item.visible_length();
    if (parent.index != nullptr) {
      if (forgets_positions_) {
        parent.index.reset();
      } else {
        parent.index->Insert(left, ref);
      }
    }
  }
  AddChanged(parent, item.parent, item.key());
  if (IsDeleted(parent) || (item.key() != kNoKey && right != kNoItem)) Delete(ref);
  return ref;
}

void DocCore::NoteContent(ItemRef ref) {
  const Item& item = At(ref);
  if (item.kind == ContentKind::kType) {
    types_.At(item.content).item = ref;
  } else if (item.kind == ContentKind::kFormat) {
    TypeNode& parent = types_.At(item.parent);
    parent.holds_formats = true;
    parent.has_formats = true;
    parent.markers.reset();
  } else if (item.kind == ContentKind::kDoc) {
    transaction_->subdocuments_added.push_back(SubdocumentIn(item));
    if (contents_.subdocument(item.content).should_load) {
      transaction_->subdocuments_loaded.push_back(SubdocumentIn(item));
    }
  }
}

void DocCore::IntegrateGc(PackedId id, Clock length) {
  const ItemRef ref = items_.Allocate();
  Item& block = At(ref);
  block.id = id;
  block.kind = ContentKind::kGc;
  block.deleted = true;
  block.set_length(length);
  PlaceBlock(ref);
  clients_[id.client()].deleted.reset();
}

void DocCore::PlaceBlock(ItemRef ref) {
  const Item& item = At(ref);
  Client& client = clients_[item.id.client()];
  const Clock end = client.blocks.end();
  if (item.clock() < end) return FillHole(ref);
  transaction_->touched.Touch(item.id.client(), end);
  if (item.clock() > end) {
    const Clock missing = item.clock() - end;
    client.holes.push_back({end, missing});
    client.blocks.PushBack(AllocateHole(PackedId::Make(item.id.client(), end), missing), end,
                           missing);
  }
  client.blocks.PushBack(ref, item.clock(), item.length());
}

void DocCore::FillHole(ItemRef ref) {
  const IdRange range{At(ref).clock(), At(ref).length()};
  const ClientIndex index = At(ref).id.client();
  Client& client = clients_[index];
  transaction_->touched.Fill(index, range, client.blocks.end());
  BlockList::Cursor cursor = client.blocks.Find(range.clock);
  const ItemRef hole_ref = client.blocks.At(cursor);
  Item& hole = At(hole_ref);
  const Clock hole_end = hole.end();
  DCHECK(hole.is_hole() && range.end() <= hole_end);
  auto place = std::ranges::lower_bound(client.holes, range.end(), {},
                                        [](const IdRange& known) { return known.end(); });
  if (hole.clock() < range.clock) {
    place->length = range.clock - hole.clock();
    hole.set_length(place->length);
    cursor = client.blocks.InsertAfter(cursor, ref, range.clock);
    ++place;
  } else {
    client.blocks.Replace(cursor, ref);
    items_.Free(hole_ref);
    place = client.holes.erase(place);
  }
  if (range.end() < hole_end) {
    const IdRange rest{range.end(), hole_end - range.end()};
    client.holes.insert(place, rest);
    const ItemRef rest_ref = AllocateHole(PackedId::Make(index, rest.clock), rest.length);
    client.blocks.InsertAfter(cursor, rest_ref, rest.clock);
  }
}

ItemRef DocCore::AllocateHole(PackedId id, Clock length) {
  const ItemRef ref = items_.Allocate();
  Item& hole = At(ref);
  hole.id = id;
  hole.kind = ContentKind::kSkip;
  hole.deleted = true;
  hole.set_length(length);
  return ref;
}

void DocCore::NoteDeleted(const Item& item) {
  const ClientId client = clients_[item.id.client()].id;
  transaction_->deletes.Add(client, {item.clock(), item.length()});
  if (transaction_->local && after_transaction_.empty()) return;
  transaction_->deleted_clients.Add(client);
}

void DocCore::Delete(ItemRef first) {
  // Deleting a type deletes what is in it, each item with all that it holds before the next one, as
  // in Yjs: an undo brings items back in the order of their going. A level of types each.
  struct Level {
    TypeRef type;
    ItemRef next;           // of the sequence
    std::size_t entry = 0;  // the next one, behind the sequence
  };
  std::vector<Level> levels;
  const auto mark = [&](ItemRef ref) {
    Item& item = At(ref);
    if (item.deleted) {
      // It is no part of this transaction's deletes but will be collected with its parent.
      const ClientIndex client = item.id.client();
      if (!transaction_->touched.IsNew(client, item.clock(), clients_[client].blocks.end())) {
        transaction_->merge_candidates.push_back(item.id);
      }
      return;
    }
    TypeNode& parent = types_.At(item.parent);
    if (item.key() == kNoKey) parent.length -= item.visible_length();
    item.deleted = true;
    clients_[item.id.client()].deleted.reset();
    if (item.key() == kNoKey && parent.index != nullptr) parent.index->Update(ref);
    NoteDeleted(item);
    AddChanged(item.parent, item.key());
    if (item.kind == ContentKind::kType) {
      TypeNode& type = types_.At(item.content);
      type.index.reset();
      levels.push_back({.type = item.content, .next = type.start});
    }
    if (item.kind == ContentKind::kDoc) {
      // What came and went in one transaction was never there.
      const Subdocument subdocument = SubdocumentIn(item);
      if (std::erase(transaction_->subdocuments_added, subdocument) == 0) {
        transaction_->subdocuments_removed.push_back(subdocument);
      }
    }
  };
  if (At(first).deleted) return;
  StopTyping();
  mark(first);
  while (!levels.empty()) {
    Level& level = levels.back();
    const auto& entries = types_.At(level.type).entries.entries();
    if (level.next != kNoItem) {
      const ItemRef ref = level.next;
      level.next = At(ref).right;
      At(ref).set_leaf(0);
      mark(ref);
    } else if (level.entry < entries.size()) {
      mark(entries[level.entry++].second);
    } else {
      levels.pop_back();
    }
  }
}

}  // namespace weft::crdt::internal
