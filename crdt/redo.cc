// Deleted items are brought back, as new items with the old content that stand where the old ones
// stood. An old item remembers what it was brought back as (redone_).

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

void DocCore::ForEachItem(const DeleteSet& ids, std::span<const ClientId> first_clients,
                          const std::function<void(ItemRef)>& visit) {
  const auto visit_client = [&](const DeleteSet::ClientRanges& ranges) {
    const std::optional<ClientIndex> client = FindClient(ranges.client);
    if (!client.has_value()) return;
    for (const IdRange& range : ranges.ranges) {
      BlockList& blocks = clients_[*client].blocks;
      if (range.clock >= blocks.end()) break;
      Clock clock = range.clock;
      while (clock < range.end() && clock < blocks.end()) {
        ItemRef ref = BlockStartingAt(PackedId::Make(*client, clock));
        const Item& item = At(ref);
        clock = item.end();
        if (item.is_gc()) continue;
        if (item.end() > range.end()) {
          BlockStartingAt(PackedId::Make(*client, range.end()));
          clock = range.end();
        }
        visit(ref);
      }
    }
  };
  // In the order asked for, then the others.
  const auto is_first = [&](ClientId client) {
    return std::ranges::find(first_clients, client) != first_clients.end();
  };
  for (const ClientId client : first_clients) {
    const auto found = std::ranges::find(ids.clients(), client, &DeleteSet::ClientRanges::client);
    if (found != ids.clients().end()) visit_client(*found);
  }
  for (const DeleteSet::ClientRanges& ranges : ids.clients()) {
    if (!is_first(ranges.client)) visit_client(ranges);
  }
}

bool DocCore::IsWithin(ItemRef item, std::span<const TypeRef> scope) const {
  for (TypeRef type = At(item).parent; type != kNoType; type = ParentOf(type)) {
    if (std::ranges::find(scope, type) != scope.end()) return true;
  }
  return false;
}

void DocCore::Keep(ItemRef item, bool keep) {
  while (item != kNoItem && At(item).keep != keep) {
    At(item).keep = keep;
    item = types_.At(At(item).parent).item;
  }
}

void DocCore::SetRedone(ItemRef item, PackedId as) {
  At(item).redone = true;
  redone_[item] = as;
}

ItemRef DocCore::LatestOf(ItemRef item) {
  while (!At(item).is_gc() && At(item).redone) item = BlockStartingAt(redone_.at(item));
  return item;
}

std::uint32_t DocCore::CopyContent(const Item& item, bool& wide) {
  switch (item.kind) {
    case ContentKind::kString: {
      std::string text;
      AppendText(item, text);
      const TextRun run = clients_[EnsureClient(client_id_)].text.AppendUnits(Utf8ToUtf16(text));
      wide = run.wide;
      return run.offset;
    }
    case ContentKind::kAny:
    case ContentKind::kJson:
    case ContentKind::kBinary:
    case ContentKind::kEmbed: {
      const std::span<const Any> values = contents_.values(item.content);
      return contents_.AddValues(Values(values.begin(), values.end()));
    }
    case ContentKind::kFormat:
      return contents_.AddFormat(contents_.format(item.content));
    case ContentKind::kDoc: {
      const SubdocumentContent& content = contents_.subdocument(item.content);
      return AddSubdocument(content.guid, content.options);
    }
    case ContentKind::kType: {
      const TypeNode& type = types_.At(item.content);
      return types_.Allocate(type.kind, type.name);
    }
    default:
      return 0;
  }
}

DocCore::Position DocCore::OldPlaceOf(ItemRef item, TypeRef parent) {
  // A neighbour, or what it was brought back as, that stands in `parent`.
  const ItemRef holder = types_.At(parent).item;
  const auto trace = [&](ItemRef neighbour) {
    while (neighbour != kNoItem && types_.At(At(neighbour).parent).item != holder) {
      neighbour = At(neighbour).redone ? BlockStartingAt(redone_.at(neighbour)) : kNoItem;
      if (neighbour != kNoItem && At(neighbour).is_gc()) return kNoItem;
    }
    return neighbour;
  };
  Position place;
  for (ItemRef left = At(item).left; left != kNoItem; left = At(left).left) {
    place.left = trace(left);
    if (place.left != kNoItem) break;
  }
  for (ItemRef right = item; right != kNoItem; right = At(right).right) {
    place.right = trace(right);
    if (place.right != kNoItem) break;
  }
  return place;
}

ItemRef DocCore::RedoOne(ItemRef ref, const RedoRules& rules) {
  if (At(ref).redone) return BlockStartingAt(redone_.at(ref));
  TypeRef parent = At(ref).parent;
  ItemRef holder = types_.At(parent).item;
  if (holder != kNoItem && At(holder).deleted) {
    holder = LatestOf(holder);
    if (At(holder).kind != ContentKind::kType) return kNoItem;
    parent = At(holder).content;
  }
  Position place;
  const KeyRef key = At(ref).key();
  if (key == kNoKey) {
    place = OldPlaceOf(ref, parent);
  } else {
    if (At(ref).right != kNoItem && !rules.ignore_remote_map_changes) {
      // Values that this user set since, or that are about to go, may be replaced.
      ItemRef left = ref;
      while (At(left).right != kNoItem) {
        const Item& right = At(At(left).right);
        const Id id = Unpack(right.id);
        if (!right.redone && !rules.insertions->Contains(id) && !rules.deleted_by_other_steps(id)) {
          return kNoItem;  // somebody else has set it since
        }
        left = LatestOf(At(left).right);
      }
      place.left = left;
    } else {
      place.left = types_.At(parent).entries.Find(key);
    }
    if (place.left != kNoItem && types_.At(At(place.left).parent).item != holder) {
      place.left = types_.At(parent).entries.Find(key);
    }
  }
  const Item& item = At(ref);
  bool wide = false;
  const std::uint32_t content = CopyContent(item, wide);
  const ClientIndex own = EnsureClient(client_id_);
  SetRedone(ref, PackedId::Make(own, clients_[own].blocks.end()));
  Keep(types_.At(parent).item, true);  // the new item is kept, and so is what it stands in
  const ItemRef made =
      InsertLocal(parent, key, place, item.kind, item.length(), content, wide, /*keep=*/true);
  return made;
}

ItemRef DocCore::RedoItem(ItemRef item, const absl::flat_hash_set<ItemRef>& items,
                          const RedoRules& rules) {
  // What it stands in first, from the outside in.
  std::vector<ItemRef> chain{item};
  while (!At(chain.back()).redone) {
    const ItemRef holder = types_.At(At(chain.back()).parent).item;
    if (holder == kNoItem || !At(holder).deleted || At(holder).redone) break;
    if (!items.contains(holder)) return kNoItem;
    chain.push_back(holder);
  }
  ItemRef made = kNoItem;
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    made = RedoOne(*link, rules);
    if (made == kNoItem) return kNoItem;
  }
  return made;
}

bool DocCore::RedoItems(std::span<const ItemRef> items, const RedoRules& rules) {
  const absl::flat_hash_set<ItemRef> set(items.begin(), items.end());
  bool any = false;
  for (const ItemRef item : items) {
    if (RedoItem(item, set, rules) != kNoItem) any = true;
  }
  return any;
}

void DocCore::ForgetMarkers() {
  for (const auto& [type, key] : transaction_->changed) {
    if (key == kNoKey && types_.At(type).markers != nullptr) types_.At(type).markers->Clear();
  }
}

std::optional<DocCore::ItemPlace> DocCore::PlaceOfId(Id id, bool follow_redone) const {
  while (true) {
    const std::optional<ClientIndex> client = FindClient(id.client);
    if (!client.has_value() || id.clock >= clients_[*client].blocks.end()) return std::nullopt;
    const ItemRef ref = FindBlock(PackedId::Make(*client, id.clock));
    const Clock offset = id.clock - At(ref).clock();
    if (!follow_redone || !At(ref).redone) return ItemPlace{.item = ref, .offset = offset};
    id = Unpack(redone_.at(ref).Plus(offset));
  }
}

}  // namespace weft::crdt::internal
