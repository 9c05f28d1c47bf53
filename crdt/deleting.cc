// The common deletion: a few characters of one run of text, deleted here or heard of. In Yjs the run
// is cut, what is deleted becomes an item of its own, and the end of the transaction drops its
// content and merges it with what was deleted beside it; here that is one step, which mostly moves
// the boundary between the run and its deleted neighbour. Whoever needs to know of transactions or
// of what they change gets the long way (typing.cc does the same for insertions).

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

bool DocCore::DeleteShortly(TypeRef type, std::uint64_t index, std::uint64_t count) {
  if (count == 0 || !may_take_short_ways() || !gc_) return false;
  const TypeNode& node = types_.At(type);
  CHECK(count <= node.length && index <= node.length - count && "a range is inside the type");
  if (node.holds_formats) return false;
  ItemRef ref = typing_.item;
  Clock offset;
  if (ref != kNoItem && typing_.type == type && index + count == typing_.end &&
      count < At(ref).length()) {
    offset = At(ref).length() - count;  // backwards from where this replica wrote or deleted last
  } else {
    const SequenceIndex::Place place = IndexOf(type).Find(index);
    ref = place.item;
    offset = place.offset;
    if (IsDeleted(type)) return false;
  }
  if (!MayDeleteWithin(At(ref), offset, count)) return false;
  const ClientIndex client = At(ref).id.client();
  const IdRange range{At(ref).clock() + offset, count};
  DeleteWithin(ref, offset, count);
  CompactText(client);
  if (offset > 0) {
    // What follows is likely to be deleted from here on backwards; what is typed now stands behind
    // what was deleted.
    typing_ = {.type = type,
               .item = ref,
               .client = client,
               .end = index,
               .open = false,
               .stale = typing_.stale};
  } else {
    StopTyping();
  }
  if (transaction_ != nullptr) {
    transaction_->settled_deletes.Add(clients_[client].id, range);
  } else {
    EmitDeleted(clients_[client].id, range, {.update = {}, .origin = "", .local = true});
  }
  return true;
}

bool DocCore::HearDeleted(ByteView update, std::string_view origin) {
  if (!may_take_short_ways() || has_pending() || hole_mode_ != HoleMode::kWait || !gc_) {
    return false;
  }
  // No blocks, and one range of one client.
  ByteReader in(update);
  if (in.ReadVarUint() != 0 || in.ReadVarUint() != 1) return false;
  const ClientId client_id{in.ReadVarUint()};
  if (in.ReadVarUint() != 1) return false;
  const Clock clock = in.ReadVarUint();
  const Clock count = in.ReadVarUint();
  if (!in.ok() || !in.at_end() || count == 0) return false;
  const std::optional<ClientIndex> client = FindClient(client_id);
  if (!client.has_value() || limits_.delete_ranges == 0 || update.size() > limits_.update_bytes) {
    return false;
  }
  const BlockList& blocks = clients_[*client].blocks;
  if (clock >= blocks.end() || count > blocks.end() - clock) return false;
  const ItemRef ref = blocks.At(blocks.Find(clock));
  const Item& item = At(ref);
  if (!MayDeleteWithin(item, clock - item.clock(), count)) return false;
  if (types_.At(item.parent).holds_formats || IsDeleted(item.parent)) return false;
  StopTyping();
  DeleteWithin(ref, clock - item.clock(), count);
  CompactText(*client);
  EmitDeleted(client_id, {clock, count}, {.update = {}, .origin = origin, .local = false});
  return true;
}

bool DocCore::MayDeleteWithin(const Item& item, Clock offset, Clock count) const {
  if (item.kind != ContentKind::kString || item.deleted || item.keyed || item.keep || item.redone ||
      count > item.length() - offset) {
    return false;
  }
  if (!item.wide) return true;
  // Where a pair is cut in two, both halves change.
  const TextBuffer& text = clients_[item.id.client()].text;
  const auto cuts_pair = [&](Clock at) {
    return at > 0 && at < item.length() &&
           IsHighSurrogate(text.UnitAt(RunOf(item), static_cast<std::uint32_t>(at - 1)));
  };
  return !cuts_pair(offset) && !cuts_pair(offset + count);
}

void DocCore::DeleteWithin(ItemRef ref, Clock offset, Clock count) {
  Item& item = At(ref);
  const ClientIndex client_index = item.id.client();
  Client& client = clients_[client_index];
  TypeNode& parent = types_.At(item.parent);
  const unsigned width = item.wide ? 2 : 1;
  parent.length -= count;
  client.deleted.reset();
  const TextRun dropped{.offset = item.content + static_cast<std::uint32_t>(offset * width),
                        .units = static_cast<std::uint32_t>(count),
                        .wide = item.wide};
  BlockList::Cursor cursor = client.blocks.Find(item.clock());
  if (offset > 0 && offset + count == item.length()) {
    // The end of the run goes over to what is deleted behind it.
    BlockList::Cursor behind = cursor;
    if (client.blocks.Next(behind)) {
      const ItemRef next_ref = client.blocks.At(behind);
      Item& next = At(next_ref);
      if (next.kind == ContentKind::kDeleted && item.right == next_ref && !next.redone &&
          next.origin == item.last_id() && next.right_origin == item.right_origin) {
        next.id = item.id.Plus(offset);
        next.origin = item.id.Plus(offset - 1);
        next.set_length(next.length() + count);
        client.blocks.MoveBoundary(behind, next.clock());
        item.set_length(offset);
        client.text.Drop(dropped);
        return ItemShrank(ref);
      }
    }
  } else if (offset == 0 && count < item.length() && !client.blocks.is_first(cursor)) {
    // The beginning of the run goes over to what is deleted in front of it.
    BlockList::Cursor before = cursor;
    client.blocks.Previous(before);
    const ItemRef previous_ref = client.blocks.At(before);
    Item& previous = At(previous_ref);
    if (previous.kind == ContentKind::kDeleted && previous.right == ref && !previous.redone &&
        item.origin == previous.last_id() && previous.right_origin == item.right_origin) {
      previous.set_length(previous.length() + count);
      client.blocks.MoveBoundary(cursor, item.clock() + count);
      item.origin = previous.last_id();
      item.id = item.id.Plus(count);
      item.content += static_cast<std::uint32_t>(count * width);
      item.set_length(item.length() - count);
      client.text.Drop(dropped);
      return ItemShrank(ref);
    }
  }
  StopTyping();
  if (offset > 0) CutBlock(cursor, client_index, offset);
  const ItemRef deleted_ref = client.blocks.At(cursor);
  if (count < At(deleted_ref).length()) {
    BlockList::Cursor rest = cursor;
    CutBlock(rest, client_index, count);
    cursor = client.blocks.Find(At(deleted_ref).clock());
  }
  Item& deleted = At(deleted_ref);
  deleted.deleted = true;
  deleted.kind = ContentKind::kDeleted;
  deleted.wide = false;
  deleted.set_length(count);
  client.text.Drop(dropped);
  if (parent.index != nullptr) parent.index->Update(deleted_ref);
  // As at the end of a transaction: what stands behind joins with it, then it with what stands
  // before.
  if (BlockList::Cursor behind = cursor; client.blocks.Next(behind)) {
    if (MergeWithLefts(client_index, behind) > 0) cursor = behind;
  }
  MergeWithLefts(client_index, cursor);
}

void DocCore::ItemShrank(ItemRef ref) {
  if (typing_.item == ref) {
    typing_.stale = true;
    return;
  }
  StopTyping();
  SequenceIndex* index = types_.At(At(ref).parent).index.get();
  if (index != nullptr) index->Update(ref);
}

void DocCore::EmitDeleted(ClientId client, IdRange range, UpdateEvent event) {
  if (on_update_v1_.empty() && on_update_v2_.empty()) return;
  cleaning_ = true;  // what observers edit becomes transactions that are cleaned up below
  if (!on_update_v1_.empty()) {
    ByteWriter& writer = typed_update_;
    writer.Clear();
    writer.WriteByte(0);  // sections
    writer.WriteByte(1);  // clients
    writer.WriteVarUint(ToNumber(client));
    writer.WriteByte(1);  // ranges
    writer.WriteVarUint(range.clock);
    writer.WriteVarUint(range.length);
    event.update = writer.view();
    on_update_v1_.Call(event);
  }
  if (!on_update_v2_.empty()) {
    DeleteSet deletes;
    deletes.Add(client, range);
    const Bytes update = EncodeBlocks({}, deletes, UpdateFormat::kV2);
    event.update = update;
    on_update_v2_.Call(event);
  }
  cleaning_ = false;
  if (!cleanups_.empty()) RunCleanups();
}

}  // namespace weft::crdt::internal
