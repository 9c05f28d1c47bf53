// The end of a transaction, in the order of Yjs, on which the bytes of later updates depend:
// content of deleted items is dropped, neighbours are merged where they may be, the update is
// emitted.

#include <algorithm>
#include <ranges>
#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

void DocCore::Transact(std::string_view origin, bool local, absl::FunctionRef<void()> edit) {
  if (transaction_ != nullptr) return edit();
  StopTyping();
  cleanups_.push_back(spare_transaction_ != nullptr ? std::move(spare_transaction_)
                                                    : std::make_unique<Transaction>());
  Transaction& transaction = *cleanups_.back();
  transaction.origin = origin;
  transaction.local = local;
  transaction_ = &transaction;
  CallTransactionObservers(on_before_transaction_, transaction);
  edit();
  transaction_ = nullptr;
  // Edits that observers make are transactions of their own; the outer one sees to them in turn.
  if (!cleaning_) RunCleanups();
}

void DocCore::RunCleanups() {
  StopTyping();
  cleaning_ = true;
  while (!cleanups_.empty()) {
    Transaction& transaction = *cleanups_.front();
    transaction.deletes.SortAndMerge();
    const std::optional<ClientIndex> own = FindClient(client_id_);
    const bool id_is_taken = !transaction.local && own.has_value() &&
                             transaction.touched.Before(*own, clients_[*own].blocks.end()) !=
                                 clients_[*own].blocks.end();
    CallObservers(transaction);
    if (gc_) CollectGarbage(transaction.deletes);
    MergeDeleted(transaction);
    if (!transaction.nothing_new_merges || !transaction.deletes.empty()) MergeTouched(transaction);
    MergeCandidates(transaction);
    if (has_transaction_observers() || !on_update_v1_.empty() || !on_update_v2_.empty()) {
      transaction.AddSettledDeletes();
    }
    for (const auto& [client, before] : transaction.touched.entries()) CompactText(client);
    for (const DeleteSet::ClientRanges& ranges : transaction.deletes.clients()) {
      CompactText(*FindClient(ranges.client));
    }
    if (id_is_taken) client_id_ = RandomClientId();
    CallTransactionObservers(on_cleaned_transaction_, transaction);
    EmitUpdate(transaction);
    EmitSubdocuments(transaction);
    CallTransactionObservers(on_emitted_transaction_, transaction);
    if (transaction.is_small()) {
      transaction.Clear();
      spare_transaction_ = std::move(cleanups_.front());
    }
    cleanups_.pop_front();
  }
  cleaning_ = false;
  on_settled_.Call();
}

bool DocCore::IsAdded(const Item& item) const {
  const ClientIndex client = item.id.client();
  const Clock now = clients_[client].blocks.end();
  for (const auto& transaction : cleanups_) {
    if (transaction->touched.Before(client, now) != now) {
      return transaction->touched.IsNew(client, item.clock(), now);
    }
  }
  return false;
}

std::vector<std::pair<ClientIndex, Clock>> DocCore::TouchedSince() const {
  std::vector<std::pair<ClientIndex, Clock>> touched;
  for (const auto& transaction : cleanups_) {
    for (const auto& entry : transaction->touched.entries()) {
      if (transaction == cleanups_.front() ||
          std::ranges::find(touched, entry.first, [](const auto& known) { return known.first; }) ==
              touched.end()) {
        touched.push_back(entry);
      }
    }
  }
  return touched;
}

void DocCore::EmitUpdate(Transaction& transaction) {
  if (transaction.deletes.empty() && transaction.touched.entries().empty()) return;
  for (const UpdateFormat format : {UpdateFormat::kV1, UpdateFormat::kV2}) {
    const ObserverList<const UpdateEvent&>& observers =
        format == UpdateFormat::kV1 ? on_update_v1_ : on_update_v2_;
    if (observers.empty()) continue;
    const Bytes update = EncodeTransaction(transaction, format);
    observers.Call({.update = update, .origin = transaction.origin, .local = transaction.local});
  }
}

void DocCore::CollectGarbage(const DeleteSet& deletes) {
  for (const DeleteSet::ClientRanges& ranges : deletes.clients()) {
    BlockList& blocks = clients_[*FindClient(ranges.client)].blocks;
    for (const IdRange& range : ranges.ranges | std::views::reverse) {
      BlockList::Cursor cursor = blocks.Find(range.clock);
      do {
        const ItemRef ref = blocks.At(cursor);
        const Item& item = At(ref);
        if (item.clock() >= range.end()) break;
        if (item.is_gc() || !item.deleted || item.keep) continue;
        if (gc_filter_ &&
            !gc_filter_(SharedType(HandleTo(item.parent)), Unpack(item.id), item.length())) {
          continue;
        }
        Collect(ref, /*parent_collected=*/false);
      } while (blocks.Next(cursor));
    }
  }
}

void DocCore::Collect(ItemRef first, bool parent_collected) {
  // What is in a collected type is collected with it; the types wait here instead of on the stack.
  std::vector<TypeRef> types;
  const auto collect = [&](ItemRef ref, bool with_parent) {
    Item& item = At(ref);
    if (!item.deleted) {
      // A value under a key that was cut apart, and whose rest alone went with its type: no replica makes
      // one, but an update may hold it. It goes now.
      CHECK(with_parent);
      clients_[item.id.client()].deleted.reset();
    }
    if (item.kind == ContentKind::kType) {
      types.push_back(item.content);
    } else {
      FreeContent(item);
    }
    if (with_parent) {
      // Nothing links to it any more: its siblings are collected too.
      const PackedId id = item.id;
      const Clock length = item.length();
      if (item.redone) redone_.erase(ref);
      item = Item{};
      item.id = id;
      item.kind = ContentKind::kGc;
      item.set_length(length);
      item.deleted = true;
    } else {
      item.kind = ContentKind::kDeleted;
      item.content = 0;
      item.wide = false;
    }
  };
  collect(first, parent_collected);
  while (!types.empty()) {
    const TypeRef type = types.back();
    types.pop_back();
    for (ItemRef ref = types_.At(type).start; ref != kNoItem;) {
      const ItemRef right = At(ref).right;
      collect(ref, true);
      ref = right;
    }
    for (const auto& [key, newest] : types_.At(type).entries.entries()) {
      for (ItemRef ref = newest; ref != kNoItem;) {
        const ItemRef left = At(ref).left;
        collect(ref, true);
        ref = left;
      }
    }
    types_.Free(type);
  }
}

void DocCore::FreeContent(Item& item) {
  switch (item.kind) {
    case ContentKind::kString:
      clients_[item.id.client()].text.Drop(RunOf(item));
      return;
    case ContentKind::kJson:
    case ContentKind::kAny:
    case ContentKind::kBinary:
    case ContentKind::kEmbed:
    case ContentKind::kFormat:
    case ContentKind::kDoc:
      contents_.Free(item.content);
      return;
    default:
      return;
  }
}

bool DocCore::MayMerge(const Item& left, ItemRef, const Item& right, ItemRef right_ref) const {
  if (left.is_gc() || right.is_gc()) {
    return left.kind == ContentKind::kGc && right.kind == ContentKind::kGc;
  }
  return left.right == right_ref && right.origin == left.last_id() &&
         left.right_origin == right.right_origin && left.deleted == right.deleted &&
         left.kind == right.kind && !left.redone && !right.redone &&
         (left.kind == ContentKind::kString || left.kind == ContentKind::kDeleted ||
          left.kind == ContentKind::kAny || left.kind == ContentKind::kJson);
}

void DocCore::MergeInto(ItemRef left_ref, ItemRef right_ref) {
  Item& left = At(left_ref);
  Item& right = At(right_ref);
  if (left.is_gc()) {
    left.set_length(left.length() + right.length());
    return items_.Free(right_ref);
  }
  TypeNode& parent = types_.At(left.parent);
  if (left.key() == kNoKey && parent.index != nullptr) parent.index->Remove(right_ref);
  if (parent.markers != nullptr) parent.markers->Merge(items_, left_ref, right_ref);
  if (left.kind == ContentKind::kString) {
    const TextRun run = clients_[left.id.client()].text.Join(RunOf(left), RunOf(right));
    left.content = run.offset;
    left.wide = run.wide;
  } else if (left.kind != ContentKind::kDeleted) {
    contents_.JoinValues(left.content, right.content);
  }
  left.keep |= right.keep;
  left.set_length(left.length() + right.length());
  left.right = right.right;
  if (left.right != kNoItem) At(left.right).left = left_ref;
  if (left.key() == kNoKey) {
    if (parent.index != nullptr) parent.index->Update(left_ref);
  } else if (parent.entries.Find(left.key()) == right_ref) {
    parent.entries.Set(left.key(), left_ref);
  }
  items_.Free(right_ref);
}

std::size_t DocCore::MergeWithLefts(ClientIndex client, BlockList::Cursor& cursor) {
  BlockList& blocks = clients_[client].blocks;
  // First how far it goes, then joining from the left: appending to the left part moves each piece
  // once, while joining from the right would move the growing tail again and again.
  std::size_t count = 0;
  for (BlockList::Cursor left = cursor;; ++count) {
    const ItemRef right_ref = blocks.At(left);
    if (!blocks.Previous(left)) break;
    if (!MayMerge(At(blocks.At(left)), blocks.At(left), At(right_ref), right_ref)) break;
    cursor = left;
  }
  if (count == 0) return 0;
  BlockList::Cursor right = cursor;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.Next(right);
    MergeInto(blocks.At(cursor), blocks.At(right));
  }
  blocks.EraseAfter(cursor, count);
  return count;
}

void DocCore::MergeDeleted(const Transaction& transaction) {
  for (const DeleteSet::ClientRanges& ranges : transaction.deletes.clients()) {
    const ClientIndex client = *FindClient(ranges.client);
    BlockList& blocks = clients_[client].blocks;
    const Clock first_new = transaction.touched.Before(client, blocks.end());
    for (const IdRange& range : ranges.ranges | std::views::reverse) {
      if (range.clock >= first_new) continue;  // merges with all that is new
      // From the block behind the range to its beginning, right to left.
      BlockList::Cursor cursor = blocks.Find(range.end() - 1);
      blocks.Next(cursor);
      while (!blocks.is_first(cursor) && At(blocks.At(cursor)).clock() >= range.clock) {
        MergeWithLefts(client, cursor);
        if (!blocks.Previous(cursor)) break;
      }
    }
  }
}

void DocCore::MergeTouched(const Transaction& transaction) {
  for (const auto& [client, before] : transaction.touched.entries()) {
    BlockList& blocks = clients_[client].blocks;
    // Blocks that are new, and the first of them with its neighbour before.
    BlockList::Cursor cursor = blocks.last();
    for (BlockList::Cursor left = cursor; blocks.Previous(left); left = cursor) {
      const ItemRef right_ref = blocks.At(cursor);
      if (At(right_ref).end() <= before) break;
      const Item& item = At(blocks.At(left));
      if (item.right != right_ref && item.kind != ContentKind::kGc) {
        cursor = left;  // as a rule; MayMerge would tell the same
      } else {
        MergeWithLefts(client, cursor);
        if (!blocks.Previous(cursor)) break;
      }
    }
  }
}

void DocCore::MergeCandidates(const Transaction& transaction) {
  for (const PackedId id : transaction.merge_candidates | std::views::reverse) {
    const ClientIndex client = id.client();
    BlockList& blocks = clients_[client].blocks;
    BlockList::Cursor cursor = blocks.Find(id.clock());
    BlockList::Cursor next = cursor;
    if (blocks.Next(next) && MergeWithLefts(client, next) > 1) continue;  // both sides are done
    cursor = blocks.Find(id.clock());
    MergeWithLefts(client, cursor);
  }
}

void DocCore::CompactText(ClientIndex client) {
  TextBuffer& text = clients_[client].text;
  const BlockList& blocks = clients_[client].blocks;
  if (!text.wasteful(blocks.size())) return;
  TextBuffer compact;
  BlockList::Cursor cursor = blocks.first();
  do {
    Item& item = At(blocks.At(cursor));
    if (item.kind == ContentKind::kString) item.content = text.CopyTo(RunOf(item), compact).offset;
  } while (blocks.Next(cursor));
  // A short string that is moved into a long one leaves it its memory.
  std::swap(text, compact);
}

}  // namespace weft::crdt::internal
