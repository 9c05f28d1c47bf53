// Blocks become bytes, in format v1.

#include <algorithm>

#include "crdt/codec/update_v1.h"
#include "crdt/doc_core.h"
#include "crdt/update_merge.h"

namespace weft::crdt::internal {

void DocCore::WriteItem(ByteWriter& out, const Item& item, Clock offset) const {
  UpdateWriterV1 writer(out);
  if (item.is_gc()) {
    writer.WriteInfo(static_cast<std::uint8_t>(ContentKind::kGc));
    return writer.WriteLength(item.length() - offset);
  }
  Id origin;
  Id right_origin;
  std::string_view key;
  ItemHead head{.kind = item.kind};
  if (offset > 0 || item.origin.has_value()) {
    origin = Unpack(offset > 0 ? item.id.Plus(offset - 1) : item.origin);
    head.origin = &origin;
  }
  if (item.right_origin.has_value()) {
    right_origin = Unpack(item.right_origin);
    head.right_origin = &right_origin;
  }
  if (item.key != kNoKey) {
    key = keys_.Text(item.key);
    head.key = &key;
  }
  if (head.origin == nullptr && head.right_origin == nullptr) {
    const TypeNode& parent = types_.At(item.parent);
    if (parent.item == kNoItem) {
      head.parent = Block::Parent::kRoot;
      head.root_name = keys_.Text(parent.name);
    } else {
      head.parent = Block::Parent::kItem;
      head.parent_item = Unpack(At(parent.item).id);
    }
  }
  WriteItemHead(writer, head);
  WriteContent(out, item, offset);
}

void DocCore::WriteContent(ByteWriter& out, const Item& item, Clock offset) const {
  UpdateWriterV1 writer(out);
  switch (item.kind) {
    case ContentKind::kDeleted:
      return writer.WriteLength(item.length() - offset);
    case ContentKind::kString: {
      std::string text;
      const auto begin = static_cast<std::uint32_t>(offset);
      clients_[item.id.client()].text.AppendUtf8(RunOf(item), begin, item.length_low - begin, text);
      return writer.WriteString(text);
    }
    case ContentKind::kAny:
    case ContentKind::kJson: {
      const Values& values = contents_.values(item.content);
      writer.WriteLength(item.length() - offset);
      for (Clock i = offset; i < item.length(); ++i) {
        if (item.kind == ContentKind::kAny) {
          writer.WriteAny(values[i]);
        } else {
          writer.WriteString(ToJsonText(values[i]));
        }
      }
      return;
    }
    case ContentKind::kBinary:
      return writer.WriteBuffer(*contents_.values(item.content).front().AsBinary());
    case ContentKind::kEmbed:
      return writer.WriteJson(contents_.values(item.content).front());
    case ContentKind::kFormat: {
      const Format& format = contents_.format(item.content);
      writer.WriteKey(keys_.Text(format.key));
      return writer.WriteJson(format.value);
    }
    case ContentKind::kDoc: {
      const Subdocument& subdocument = contents_.subdocument(item.content);
      writer.WriteString(subdocument.guid);
      return writer.WriteAny(subdocument.options);
    }
    case ContentKind::kType: {
      const TypeNode& type = types_.At(item.content);
      writer.WriteTypeRef(static_cast<std::uint64_t>(type.kind));
      if (type.name != kNoKey) writer.WriteKey(keys_.Text(type.name));
      return;
    }
    case ContentKind::kGc:
    case ContentKind::kSkip:
      CHECK(false && "these have no content");
  }
}

void DocCore::WriteBlocks(ByteWriter& out, ClientIndex client, Clock from) const {
  const BlockList& blocks = clients_[client].blocks;
  const BlockList::Cursor begin = blocks.Find(items_, from);
  std::size_t count = 1;
  for (BlockList::Cursor cursor = begin; blocks.Next(cursor);) ++count;
  UpdateWriterV1 writer(out);
  writer.WriteCount(count);
  writer.WriteClient(clients_[client].id);
  writer.WriteClock(from);
  BlockList::Cursor cursor = begin;
  WriteItem(out, At(blocks.At(cursor)), from - At(blocks.At(cursor)).clock());
  while (blocks.Next(cursor)) WriteItem(out, At(blocks.At(cursor)), 0);
}

DeleteSet DocCore::AllDeletes() const {
  DeleteSet deletes;
  for (const ClientIndex index : ClientsDescending()) {
    const Client& client = clients_[index];
    if (client.blocks.empty()) continue;
    BlockList::Cursor cursor = client.blocks.first();
    do {
      const Item& item = At(client.blocks.At(cursor));
      if (item.deleted) deletes.Add(client.id, {item.clock(), item.length()});
    } while (client.blocks.Next(cursor));
  }
  deletes.SortAndMerge();
  return deletes;
}

Bytes DocCore::EncodeStateAsUpdate(const StateVector& known) const {
  ByteWriter out;
  std::size_t count = 0;
  const auto wanted = [&](ClientIndex index) {
    return clients_[index].blocks.end() > known.Get(clients_[index].id);
  };
  for (const ClientIndex index : ClientsDescending()) count += wanted(index) ? 1 : 0;
  out.WriteVarUint(count);
  for (const ClientIndex index : ClientsDescending()) {
    if (wanted(index)) WriteBlocks(out, index, known.Get(clients_[index].id));
  }
  WriteDeleteSet(out, AllDeletes());
  if (!has_pending()) return out.Take();

  // What waits belongs to the state too.
  const Bytes state = out.Take();
  std::vector<ByteView> parts{state};
  Bytes deletes;
  if (!pending_deletes_.empty()) {
    deletes = UpdateBuilder().Finish(pending_deletes_);
    parts.push_back(deletes);
  }
  Bytes blocks;
  if (pending_.any) {
    absl::StatusOr<Bytes> diff = DiffUpdate(pending_.update, known, LimitsOfOwnBytes());
    CHECK(diff.ok());
    blocks = *std::move(diff);
    parts.push_back(blocks);
  }
  absl::StatusOr<Bytes> merged = MergeUpdates(parts, LimitsOfOwnBytes());
  CHECK(merged.ok());
  return *std::move(merged);
}

Bytes DocCore::EncodeTransaction(const Transaction& transaction) const {
  std::vector<std::pair<ClientIndex, Clock>> touched(transaction.touched.entries().begin(),
                                                     transaction.touched.entries().end());
  std::ranges::sort(touched, std::ranges::greater{},
                    [&](const auto& entry) { return clients_[entry.first].id; });
  ByteWriter out;
  out.WriteVarUint(touched.size());
  for (const auto& [client, before] : touched) WriteBlocks(out, client, before);
  WriteDeleteSet(out, transaction.deletes);
  return out.Take();
}

}  // namespace weft::crdt::internal
