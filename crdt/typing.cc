// The common keystroke: text that goes on where this replica's last item ends. In Yjs it becomes an
// item of its own, which the end of the transaction merges into that one; here it extends it in
// place, and its update is written without a transaction's machinery. Whoever needs to know of
// transactions or of what they change gets the long way.

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

bool DocCore::TypeOn(TypeRef type, std::uint64_t index, std::string_view utf8) {
  if (utf8.empty() || cleaning_ || WantsChanges() || has_transaction_observers()) return false;
  if (typing_.item == kNoItem || typing_.type != type || typing_.end != index) {
    if (!FindTyping(type, index)) return false;
  }
  const bool alone = transaction_ == nullptr;
  Client& client = clients_[typing_.client];
  const Clock before = client.blocks.end();
  CHECK(IsValidUtf8(utf8));
  const TextRun added = client.text.Append(utf8);
  Item& item = At(typing_.item);
  if (item.length() + added.units > Item::kMaxRun || before + added.units >= kClockEnd) {
    StopTyping();
    return false;  // what was appended to the buffer is a hole in it
  }
  const TextRun joined = client.text.Join(RunOf(item), added);
  item.content = joined.offset;
  item.wide = joined.wide;
  item.set_length(item.length() + added.units);
  client.blocks.ExtendLast(added.units);
  types_.At(type).length += added.units;
  typing_.end += added.units;
  typing_.stale = true;
  if (!alone) {
    transaction_->touched.Touch(typing_.client, before);
    return true;
  }
  if (on_update_v1_.empty() && on_update_v2_.empty()) return true;
  EmitTyped(before, utf8);
  return true;
}

bool DocCore::FindTyping(TypeRef type, std::uint64_t index) {
  StopTyping();
  TypeNode& node = types_.At(type);
  if (node.holds_formats || index == 0 || IsDeleted(type)) return false;
  CHECK(index <= node.length && "a position is inside the type");
  const std::optional<ClientIndex> own = FindClient(client_id_);
  if (!own.has_value()) return false;
  const BlockList& blocks = clients_[*own].blocks;
  if (blocks.empty()) return false;
  const ItemRef last = blocks.At(blocks.last());
  const Item& item = At(last);
  if (item.kind != ContentKind::kString || item.deleted || item.redone || item.parent != type ||
      item.key != kNoKey) {
    return false;
  }
  // What is inserted behind it would get the same neighbours: nothing stands in between, not even
  // what was deleted.
  const PackedId right = item.right == kNoItem ? PackedId() : At(item.right).id;
  if (right != item.right_origin || (item.right != kNoItem && At(item.right).deleted)) return false;
  // The end of the transaction would find no more to merge.
  BlockList::Cursor previous = blocks.last();
  if (blocks.Previous(previous) &&
      MayMerge(At(blocks.At(previous)), blocks.At(previous), item, last)) {
    return false;
  }
  const SequenceIndex::Place place = IndexOf(type).FindBefore(index);
  if (place.item != last || place.offset != item.length()) return false;
  typing_ = {.type = type, .item = last, .client = *own, .end = index};
  return true;
}

void DocCore::EmitTyped(Clock before, std::string_view utf8) {
  cleaning_ = true;  // what observers edit becomes transactions that are cleaned up below
  const ClientIndex typed_client = typing_.client;
  if (!on_update_v1_.empty()) {
    const Item& item = At(typing_.item);
    const ClientId client = clients_[typed_client].id;
    ByteWriter& writer = typed_update_;
    writer.Clear();
    writer.WriteByte(1);  // sections
    writer.WriteByte(1);  // blocks
    writer.WriteVarUint(ToNumber(client));
    writer.WriteVarUint(before);
    const bool has_right = item.right_origin.has_value();
    writer.WriteByte(static_cast<std::uint8_t>(static_cast<unsigned>(ContentKind::kString) | 0x80u |
                                               (has_right ? 0x40u : 0u)));
    writer.WriteVarUint(ToNumber(client));
    writer.WriteVarUint(before - 1);
    if (has_right) {
      const Id right = Unpack(item.right_origin);
      writer.WriteVarUint(ToNumber(right.client));
      writer.WriteVarUint(right.clock);
    }
    writer.WriteString(utf8);
    writer.WriteByte(0);  // deletes
    on_update_v1_.Call({.update = writer.view(), .origin = "", .local = true});
  }
  if (!on_update_v2_.empty()) {
    const std::pair<ClientIndex, Clock> start{typed_client, before};
    const Bytes update = EncodeBlocks({&start, 1}, DeleteSet(), UpdateFormat::kV2);
    on_update_v2_.Call({.update = update, .origin = "", .local = true});
  }
  cleaning_ = false;
  if (!cleanups_.empty()) RunCleanups();
}

void DocCore::FlushTyping() {
  if (!typing_.stale) return;
  typing_.stale = false;
  SequenceIndex* index = types_.At(typing_.type).index.get();
  if (index != nullptr) index->Update(typing_.item);
}

}  // namespace weft::crdt::internal
