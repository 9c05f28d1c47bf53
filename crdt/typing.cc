// The common keystroke: text that goes on where its writer's last item ends, typed here or heard of.
// In Yjs it becomes an item of its own, which the end of the transaction merges into that one; here
// it extends it in place, and its update is written without a transaction's machinery. Whoever
// needs to know of transactions or of what they change gets the long way.

#include <algorithm>

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

bool DocCore::TypeOn(TypeRef type, std::uint64_t index, std::string_view utf8) {
  if (utf8.empty() || !may_take_short_ways()) return false;
  if (!typing_.open || typing_.type != type || typing_.end != index) {
    const bool is_elsewhere = typing_.type != type || typing_.end != index;
    if ((typing_.latest && is_elsewhere) || !FindTyping(type, index)) return false;
  }
  CHECK((utf8.size() == 1 && static_cast<unsigned char>(utf8.front()) < 0x80) || IsValidUtf8(utf8));
  const Clock before = clients_[typing_.client].blocks.end();
  const Clock added = ExtendLast(typing_.item, utf8);
  if (added == 0) {
    StopTyping();
    return false;
  }
  typing_.end += added;
  typing_.stale = true;
  if (transaction_ != nullptr) {
    transaction_->touched.Touch(typing_.client, before);
  } else {
    EmitTyped(typing_.item, before, utf8, {.update = {}, .origin = "", .local = true});
  }
  return true;
}

Clock DocCore::ExtendLast(ItemRef ref, std::string_view utf8) {
  Item& item = At(ref);
  Client& client = clients_[item.id.client()];
  const bool is_one_ascii = utf8.size() == 1 && static_cast<unsigned char>(utf8.front()) < 0x80;
  if (is_one_ascii && item.length() < Item::kMaxRun && item.end() + 1 < kClockEnd &&
      client.text.Extend(RunOf(item), utf8.front())) {
    item.set_length(item.length() + 1);
    client.blocks.ExtendLast(1);
    ++types_.At(item.parent).length;
    return 1;
  }
  const TextRun added = client.text.Append(utf8);
  if (item.length() + added.units > Item::kMaxRun || item.end() + added.units >= kClockEnd) {
    client.text.Drop(added);
    return 0;
  }
  const TextRun joined = client.text.Join(RunOf(item), added);
  item.content = joined.offset;
  item.wide = joined.wide;
  item.set_length(item.length() + added.units);
  client.blocks.ExtendLast(added.units);
  types_.At(item.parent).length += added.units;
  return added.units;
}

bool DocCore::MayExtend(ItemRef ref) const {
  const Item& item = At(ref);
  if (item.kind != ContentKind::kString || item.deleted || item.redone || item.key() != kNoKey) {
    return false;
  }
  const TypeNode& parent = types_.At(item.parent);
  if (parent.holds_formats || IsDeleted(item.parent)) return false;
  // The end of the transaction would find no more to merge.
  const BlockList& blocks = clients_[item.id.client()].blocks;
  BlockList::Cursor previous = blocks.last();
  return !blocks.Previous(previous) ||
         !MayMerge(At(blocks.At(previous)), blocks.At(previous), item, ref);
}

bool DocCore::HearTyped(ByteView update, std::string_view origin) {
  if (!may_take_short_ways() || has_pending() || hole_mode_ != HoleMode::kWait) return false;
  // One block of one client, text with an origin, and no deletes; whatever else there may be, the
  // decoder sees to.
  ByteReader in(update);
  if (in.ReadVarUint() != 1 || in.ReadVarUint() != 1) return false;
  const ClientId writer{in.ReadVarUint()};
  const Clock clock = in.ReadVarUint();
  const std::uint8_t info = in.ReadByte();
  const bool has_right = (info & 0x40) != 0;
  if ((info & ~0x40u) != (static_cast<unsigned>(ContentKind::kString) | 0x80u)) return false;
  const auto read_id = [&] {
    const ClientId client{in.ReadVarUint()};
    return Id{client, in.ReadVarUint()};
  };
  const Id left = read_id();
  const Id right = has_right ? read_id() : Id();
  const std::string_view utf8 = in.ReadString();
  if (in.ReadVarUint() != 0 || !in.ok() || !in.at_end()) return false;

  const std::optional<ClientIndex> client = FindClient(writer);
  if (!client.has_value() || writer == client_id_ || utf8.empty()) return false;
  const BlockList& blocks = clients_[*client].blocks;
  if (blocks.end() != clock || left != Id{writer, clock - 1}) return false;
  const ItemRef ref = blocks.At(blocks.last());
  const Item& item = At(ref);
  if (!MayExtend(ref) || !StaysBehind(item) || has_right != item.right_origin.has_value() ||
      (has_right && right != Unpack(item.right_origin)) ||
      utf8.size() > std::min(limits_.string_bytes, limits_.update_bytes) || !IsValidUtf8(utf8) ||
      clients_[*client].text.size() + utf8.size() * 2 + 2 > TextBuffer::kMaxBytes) {
    return false;
  }
  StopTyping();
  if (ExtendLast(ref, utf8) == 0) return false;
  SequenceIndex* index = types_.At(item.parent).index.get();
  if (index != nullptr) index->Update(ref);
  EmitTyped(ref, clock, utf8, {.update = {}, .origin = origin, .local = false});
  return true;
}

// What is inserted behind the item stops before the first neighbour that neither was inserted at the
// same place nor behind what was passed; of two who type at one place that is the other one's text.
// (Who has a right origin that became a Gc becomes one as well.)
bool DocCore::StaysBehind(const Item& item) const {
  const PackedId right = item.right == kNoItem ? PackedId() : At(item.right).id;
  if (right == item.right_origin) return true;
  if (!conflict_groups_.empty()) return false;  // they remember who stands where
  if (item.right_origin.has_value() && At(FindBlock(item.right_origin)).is_gc()) return false;
  return item.right == kNoItem || At(item.right).origin != item.last_id();
}

bool DocCore::FindTyping(TypeRef type, std::uint64_t index) {
  StopTyping();
  const TypeNode& node = types_.At(type);
  if (index == 0 || node.holds_formats) return false;
  CHECK(index <= node.length && "a position is inside the type");
  const std::optional<ClientIndex> own = FindClient(client_id_);
  if (!own.has_value()) return false;
  const BlockList& blocks = clients_[*own].blocks;
  if (blocks.empty()) return false;
  const ItemRef last = blocks.At(blocks.last());
  const Item& item = At(last);
  // What is typed here gets the neighbours of now for its origins.
  const PackedId right = item.right == kNoItem ? PackedId() : At(item.right).id;
  // Text goes behind what was deleted there, and would get that for its neighbour.
  if (item.parent != type || !MayExtend(last) || right != item.right_origin ||
      (item.right != kNoItem && At(item.right).deleted)) {
    return false;
  }
  const SequenceIndex::Place place = IndexOf(type).FindBefore(index);
  if (place.item != last || place.offset != item.length()) return false;
  typing_ = {
      .type = type, .item = last, .client = *own, .end = index, .open = true, .latest = true};
  return true;
}

void DocCore::NoteInserted(TypeRef type, ItemRef ref, std::uint64_t index) {
  const Item& item = At(ref);
  if (item.deleted) return;
  typing_ = {.type = type,
             .item = ref,
             .client = item.id.client(),
             .end = index + item.length(),
             .latest = true};
}

void DocCore::EmitTyped(ItemRef ref, Clock before, std::string_view utf8, UpdateEvent event) {
  if (on_update_v1_.empty() && on_update_v2_.empty()) return;
  cleaning_ = true;  // what observers edit becomes transactions that are cleaned up below
  const ClientIndex index = At(ref).id.client();
  if (!on_update_v1_.empty()) {
    const Item& item = At(ref);
    const ClientId client = clients_[index].id;
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
    event.update = writer.view();
    on_update_v1_.Call(event);
  }
  if (!on_update_v2_.empty()) {
    const std::pair<ClientIndex, Clock> start{index, before};
    const Bytes update = EncodeBlocks({&start, 1}, DeleteSet(), UpdateFormat::kV2);
    event.update = update;
    on_update_v2_.Call(event);
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
