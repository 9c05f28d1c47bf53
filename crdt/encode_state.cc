// Blocks become bytes, in either format.

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "crdt/base/utf.h"
#include "crdt/block_stream.h"
#include "crdt/doc_core.h"
#include "crdt/update_builder.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"

namespace weft::crdt::internal {

// What most blocks are: neighbours, and a length or ASCII, which is `text`. False for any other.
inline bool DocCore::IsPlainItem(const Item& item, std::string_view& text) const {
  if (!item.origin.has_value() && !item.right_origin.has_value()) return false;
  if (item.kind == ContentKind::kDeleted) return true;
  if (item.kind != ContentKind::kString || item.wide) return false;
  const TextBuffer& buffer = clients_[item.id.client()].text;
  text = buffer.NarrowText(RunOf(item));
  return buffer.is_ascii() || IsAscii(text);
}

namespace {

std::uint8_t InfoOf(const Item& item) {
  return static_cast<std::uint8_t>(
      static_cast<unsigned>(item.kind) | (item.origin.has_value() ? 0x80u : 0u) |
      (item.right_origin.has_value() ? 0x40u : 0u) | (item.key() != kNoKey ? 0x20u : 0u));
}

}  // namespace

// Writes a plain block in one go. False, and nothing is written, for any other.
inline bool DocCore::WritePlainItem(UpdateWriterV1& writer, const Item& item) const {
  std::string_view text;
  if (!IsPlainItem(item, text)) return false;
  ByteWriter& out = writer.rest();
  std::uint8_t* next = out.Room(1 + 5 * ByteWriter::kMaxVarUint + text.size());
  *next++ = InfoOf(item);
  for (const PackedId id : {item.origin, item.right_origin}) {
    if (!id.has_value()) continue;
    next = ByteWriter::PutVarUint(next, ToNumber(clients_[id.client()].id));
    next = ByteWriter::PutVarUint(next, id.clock());
  }
  next = ByteWriter::PutVarUint(next, item.length());
  if (!text.empty()) std::memcpy(next, text.data(), text.size());
  out.Written(next + text.size());
  return true;
}

inline bool DocCore::WritePlainItem(UpdateWriterV2& writer, const Item& item) const {
  std::string_view text;
  if (!IsPlainItem(item, text)) return false;
  writer.WriteInfo(InfoOf(item));
  if (item.origin.has_value()) writer.WriteLeftId(Unpack(item.origin));
  if (item.right_origin.has_value()) writer.WriteRightId(Unpack(item.right_origin));
  if (item.kind == ContentKind::kDeleted) {
    writer.WriteLength(item.length());
  } else {
    writer.WriteAscii(text);
  }
  return true;
}

template <typename Writer>
void DocCore::WriteItem(Writer& writer, const Item& item, Clock offset) const {
  if (item.is_hole()) {
    writer.WriteInfo(static_cast<std::uint8_t>(ContentKind::kSkip));
    return writer.WriteSkipLength(item.length() - offset);
  }
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
  if (item.key() != kNoKey) {
    key = keys_.Text(item.key());
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
  WriteContent(writer, item, offset);
}

template <typename Writer>
void DocCore::WriteContent(Writer& writer, const Item& item, Clock offset) const {
  switch (item.kind) {
    case ContentKind::kDeleted:
      return writer.WriteLength(item.length() - offset);
    case ContentKind::kString: {
      const auto begin = static_cast<std::uint32_t>(offset);
      const TextBuffer& buffer = clients_[item.id.client()].text;
      if (!item.wide) {
        const std::string_view narrow = buffer.NarrowText(RunOf(item)).substr(begin);
        if (IsAscii(narrow)) return writer.WriteString(narrow);
      }
      std::string text;
      if constexpr (Writer::kStringsStandAlone) {
        buffer.AppendUtf8(RunOf(item), begin, item.run_units() - begin, text);
      } else {
        buffer.AppendWtf8(RunOf(item), begin, item.run_units() - begin, text);
      }
      return writer.WriteString(text);
    }
    case ContentKind::kAny:
    case ContentKind::kJson: {
      const std::span<const Any> values = contents_.values(item.content);
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
      return writer.WriteJson(*format.value);
    }
    case ContentKind::kDoc: {
      const SubdocumentContent& subdocument = contents_.subdocument(item.content);
      writer.WriteName(subdocument.guid);
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

template <typename Writer>
void DocCore::WriteBlocks(Writer& writer, ClientIndex client, Clock from) const {
  const BlockList& blocks = clients_[client].blocks;
  const BlockList::Cursor begin = blocks.Find(from);
  writer.WriteCount(blocks.CountFrom(begin));
  writer.WriteClient(clients_[client].id);
  writer.WriteClock(from);
  BlockList::Cursor cursor = begin;
  WriteItem(writer, At(blocks.At(cursor)), from - At(blocks.At(cursor)).clock());
  while (blocks.Next(cursor)) {
    const Item& item = At(blocks.At(cursor));
    if (!WritePlainItem(writer, item)) WriteItem(writer, item, 0);
  }
}

const std::vector<IdRange>& DocCore::DeletedOf(const Client& client) const {
  if (!client.deleted.has_value()) client.deleted = FindDeleted(client);
  return *client.deleted;
}

std::vector<IdRange> DocCore::FindDeleted(const Client& client) const {
  std::vector<IdRange> ranges;
  if (client.blocks.empty()) return ranges;
  BlockList::Cursor cursor = client.blocks.first();
  do {
    const Item& item = At(client.blocks.At(cursor));
    if (!item.deleted || item.is_hole()) continue;
    if (!ranges.empty() && ranges.back().end() == item.clock()) {
      ranges.back().length += item.length();
    } else {
      ranges.push_back({item.clock(), item.length()});
    }
  } while (client.blocks.Next(cursor));
  ranges.shrink_to_fit();
  return ranges;
}

DeleteSet DocCore::AllDeletes() const {
  DeleteSet deletes;
  const std::vector<ClientIndex>& descending = ClientsDescending();
  for (auto index = descending.rbegin(); index != descending.rend(); ++index) {
    const Client& client = clients_[*index];
    deletes.AddMerged(client.id, DeletedOf(client));
  }
  return deletes;
}

Bytes DocCore::EncodeBlocksUpTo(std::span<const std::pair<ClientIndex, Clock>> ends,
                                const DeleteSet& deletes) const {
  UpdateWriterV2 writer;
  writer.WriteCount(ends.size());
  for (const auto& [client, end] : ends) {
    const BlockList& blocks = clients_[client].blocks;
    std::vector<ItemRef> refs;
    BlockList::Cursor cursor = blocks.first();
    do {
      if (At(blocks.At(cursor)).clock() >= end) break;
      refs.push_back(blocks.At(cursor));
    } while (blocks.Next(cursor));
    writer.WriteCount(refs.size());
    writer.WriteClient(clients_[client].id);
    writer.WriteClock(0);
    for (const ItemRef ref : refs) WriteItem(writer, At(ref), 0);
  }
  writer.WriteDeletes(deletes);
  return std::move(writer).Finish();
}

// Makes room for what whole clients take, about.
template <typename Writer>
void DocCore::ReserveFor(Writer& writer,
                         std::span<const std::pair<ClientIndex, Clock>> starts) const {
  std::size_t blocks = 0;
  std::size_t text = 0;
  for (const auto& [client, from] : starts) {
    if (from > 0) continue;
    blocks += clients_[client].blocks.size();
    text += clients_[client].text.size();
  }
  if constexpr (std::is_same_v<Writer, UpdateWriterV1>) {
    constexpr std::size_t kOfBlock = 12;  // and of what is deleted
    writer.rest().Reserve(blocks * kOfBlock + text);
  } else {
    writer.Reserve(blocks, text);
  }
}

template <typename Writer>
Bytes DocCore::EncodeBlocks(std::span<const std::pair<ClientIndex, Clock>> starts,
                            const DeleteSet& deletes) const {
  Writer writer;
  writer.WriteCount(starts.size());
  ReserveFor(writer, starts);
  for (const auto& [client, from] : starts) WriteBlocks(writer, client, from);
  writer.WriteDeletes(deletes);
  return std::move(writer).Finish();
}

Bytes DocCore::EncodeBlocks(std::span<const std::pair<ClientIndex, Clock>> starts,
                            const DeleteSet& deletes, UpdateFormat format) const {
  return format == UpdateFormat::kV1 ? EncodeBlocks<UpdateWriterV1>(starts, deletes)
                                     : EncodeBlocks<UpdateWriterV2>(starts, deletes);
}

Bytes DocCore::EncodeStateAsUpdate(const StateVector& known, UpdateFormat format) const {
  std::vector<std::pair<ClientIndex, Clock>> starts;
  for (const ClientIndex index : ClientsDescending()) {
    const Clock from = known.Get(clients_[index].id);
    if (clients_[index].blocks.end() > from) starts.emplace_back(index, from);
  }
  Bytes state = EncodeBlocks(starts, AllDeletes(), format);
  if (!has_pending()) return state;

  // What waits belongs to the state too.
  std::vector<ByteView> parts{state};
  Bytes deletes;
  if (!pending_deletes_.empty()) {
    deletes = UpdateBuilder(format).Finish(pending_deletes_);
    parts.push_back(deletes);
  }
  Bytes blocks;
  if (pending_.any) {
    absl::StatusOr<Bytes> diff = DiffUpdate(PendingUpdate(), known, LimitsOfOwnBytes());
    CHECK(diff.ok());
    if (format != UpdateFormat::kV1) {
      diff = ConvertUpdate(*diff, UpdateFormat::kV1, format, LimitsOfOwnBytes());
      CHECK(diff.ok());
    }
    blocks = *std::move(diff);
    parts.push_back(blocks);
  }
  absl::StatusOr<Bytes> merged = MergeUpdates(parts, LimitsOfOwnBytes(), format);
  CHECK(merged.ok());
  if (hole_mode_ == HoleMode::kIntegrate) return WithHolesInFront(*merged, starts, format);
  return *std::move(merged);
}

Bytes DocCore::WithHolesInFront(ByteView update,
                                std::span<const std::pair<ClientIndex, Clock>> starts,
                                UpdateFormat format) const {
  const DecodeLimits limits = LimitsOfOwnBytes();
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  UpdateBuilder builder(format);
  auto start = starts.begin();
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    // Both are ordered by client, descending.
    while (start != starts.end() && clients_[start->first].id > block.id.client) ++start;
    if (start != starts.end() && clients_[start->first].id == block.id.client) {
      if (start->second < block.id.clock) {
        builder.Add(Block{.id = {block.id.client, start->second},
                          .length = block.id.clock - start->second,
                          .kind = ContentKind::kSkip},
                    {});
      }
      ++start;
    }
    builder.Add(block, values);
  }
  const DeleteSet deletes = stream->ReadDeletes();
  CHECK(stream->status().ok());
  return std::move(builder).Finish(deletes);
}

Bytes DocCore::EncodeTransaction(const Transaction& transaction, UpdateFormat format) const {
  // With what observers of this transaction have added since, as Yjs does.
  std::vector<std::pair<ClientIndex, Clock>> touched = TouchedSince();
  std::ranges::sort(touched, std::ranges::greater{},
                    [&](const auto& entry) { return clients_[entry.first].id; });
  if (transaction.touched.has_fills()) return EncodeFills(transaction, touched, format);
  return EncodeBlocks(touched, transaction.deletes, format);
}

Bytes DocCore::EncodeFills(const Transaction& transaction,
                           std::span<const std::pair<ClientIndex, Clock>> touched,
                           UpdateFormat format) const {
  DeleteSet ids;
  for (const auto& [client, before] : touched) {
    transaction.touched.ForNewRanges(client, clients_[client].blocks.end(),
                                     [&](IdRange range) { ids.Add(clients_[client].id, range); });
  }
  ids.SortAndMerge();
  const Bytes all = EncodeBlocks(touched, DeleteSet(), format);
  const absl::StatusOr<Bytes> blocks = IntersectUpdate(all, ids, format, LimitsOfOwnBytes());
  CHECK(blocks.ok());
  const Bytes deletes = UpdateBuilder(format).Finish(transaction.deletes);
  const ByteView parts[] = {*blocks, deletes};
  absl::StatusOr<Bytes> merged = MergeUpdates(parts, LimitsOfOwnBytes(), format);
  CHECK(merged.ok());
  return *std::move(merged);
}

}  // namespace weft::crdt::internal
