// Every invariant of a document, checked one after the other. Slow, complete, never aborts.

#include "absl/strings/str_cat.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

absl::Status Broken(std::string_view what, ItemRef ref) {
  return absl::InternalError(absl::StrCat(std::string(what), " (item ", ref, ")"));
}

}  // namespace

// Whether the rest of the same value is a block of its own, which is deleted: no replica makes values
// of several elements, but an update may hold one, and delete a part of it or put something in between,
// as in Yjs.
bool DocCore::IsCut(const Item& item) const {
  const Client& client = clients_[item.id.client()];
  if (item.end() >= client.blocks.end()) return false;
  const Item& rest = At(FindBlock(item.id.Plus(item.length())));
  return !rest.is_gc() && rest.origin == item.last_id() && rest.right_origin == item.right_origin;
}

absl::Status DocCore::ValidateClient(ClientIndex index) const {
  const Client& client = clients_[index];
  if (client.deleted.has_value() && *client.deleted != FindDeleted(client)) {
    return absl::InternalError("what is remembered as deleted of a client is not what is");
  }
  if (client.blocks.empty()) return absl::OkStatus();
  Clock clock = 0;
  std::size_t count = 0;
  std::size_t holes = 0;
  BlockList::Cursor cursor = client.blocks.first();
  do {
    const ItemRef ref = client.blocks.At(cursor);
    const Item& item = At(ref);
    ++count;
    if (item.free) return Broken("a block list names a block that was freed", ref);
    if (item.id.client() != index) return Broken("a block stands in another client's list", ref);
    if (item.clock() != clock)
      return Broken("the blocks of a client have a hole or an overlap", ref);
    if (item.length() == 0) return Broken("a block covers nothing", ref);
    if (client.blocks.At(client.blocks.Find(clock)) != ref) {
      return Broken("a block is not found by its clock", ref);
    }
    clock = item.end();
    if (item.is_gc()) {
      if (!item.deleted) return Broken("a collected block is not deleted", ref);
      if (item.is_hole()) {
        const IdRange range{item.clock(), item.length()};
        if (holes == client.holes.size() || client.holes[holes] != range) {
          return Broken("a hole is not among the client's holes", ref);
        }
        ++holes;
      }
      continue;
    }
    if (item.kind == ContentKind::kDeleted && !item.deleted) {
      return Broken("a block without content is not deleted", ref);
    }
    if (item.parent == kNoType || !types_.At(item.parent).alive) {
      return Broken("an item is in no type", ref);
    }
    if (item.left != kNoItem && At(item.left).right != ref) {
      return Broken("an item's left neighbour has another right neighbour", ref);
    }
    if (item.right != kNoItem && At(item.right).left != ref) {
      return Broken("an item's right neighbour has another left neighbour", ref);
    }
    const TypeNode& parent = types_.At(item.parent);
    if (item.key() == kNoKey && item.left == kNoItem && parent.start != ref) {
      return Broken("an item without a left neighbour is not the first of its type", ref);
    }
    if (item.key() != kNoKey && item.right == kNoItem && parent.entries.Find(item.key()) != ref) {
      return Broken("the last item of a key is not the one that the type names", ref);
    }
    if (item.key() != kNoKey && item.right != kNoItem && !item.deleted && !IsCut(item)) {
      return Broken("a replaced value is not deleted", ref);
    }
    if (!item.deleted && IsDeleted(item.parent)) {
      return Broken("an item of a deleted type is not deleted", ref);
    }
    if (item.kind == ContentKind::kType &&
        (!types_.At(item.content).alive || types_.At(item.content).item != ref)) {
      return Broken("a type does not name the item that holds it", ref);
    }
    if (item.kind == ContentKind::kString && RunOf(item).end() > client.text.size()) {
      return Broken("an item's text reaches past its buffer", ref);
    }
    if ((item.kind == ContentKind::kAny || item.kind == ContentKind::kJson) &&
        contents_.values(item.content).size() != item.length()) {
      return Broken("an item holds more or fewer values than its length", ref);
    }
  } while (client.blocks.Next(cursor));
  if (clock != client.blocks.end())
    return absl::InternalError("a client's state is not where its last block ends");
  if (count != client.blocks.size())
    return absl::InternalError("a client has lost count of its blocks");
  return absl::OkStatus();
}

absl::Status DocCore::ValidateType(TypeRef ref) const {
  const TypeNode& type = types_.At(ref);
  std::uint64_t length = 0;
  for (ItemRef item = type.start; item != kNoItem; item = At(item).right) {
    if (At(item).parent != ref || At(item).key() != kNoKey) {
      return Broken("a sequence holds an item of another", item);
    }
    length += At(item).visible_length();
  }
  if (length != type.length) {
    return absl::InternalError(
        absl::StrCat("type ", ref, " has length ", type.length, " but its items make up ", length));
  }
  // While somebody types the index may lag behind by what was typed.
  if (type.index != nullptr && !(typing_.stale && typing_.type == ref)) {
    return type.index->Validate(type.start);
  }
  return absl::OkStatus();
}

absl::Status DocCore::Validate() const {
  for (ClientIndex i = 0; i < clients_.size(); ++i) {
    absl::Status status = ValidateClient(i);
    if (!status.ok()) return status;
  }
  for (TypeRef i = 1; i < types_.size(); ++i) {
    if (!types_.At(i).alive) continue;
    absl::Status status = ValidateType(i);
    if (!status.ok()) return status;
  }
  return pending_deletes_.Validate();
}

}  // namespace weft::crdt::internal
