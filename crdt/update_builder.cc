#include "crdt/update_builder.h"

#include <utility>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"

namespace weft::crdt {

namespace {

template <typename Writer>
void WriteContent(Writer& writer, const Block& block, std::span<const Any> values) {
  switch (block.kind) {
    case ContentKind::kDeleted:
      return writer.WriteLength(block.length);
    case ContentKind::kJson:
      writer.WriteLength(block.length);
      for (const Any& value : values.subspan(block.skipped, block.length)) {
        writer.WriteString(ToJsonText(value));
      }
      return;
    case ContentKind::kBinary:
      return writer.WriteBuffer(AsBytes(block.text));
    case ContentKind::kString: {
      if (!block.is_cut) return writer.WriteName(block.text);
      const std::u16string units = Utf8ToUtf16(block.text);
      const auto rest = std::u16string_view(units).substr(block.skipped, block.length);
      std::string text;
      if constexpr (Writer::kStringsStandAlone) {
        AppendUtf16AsUtf8(text, rest);
      } else {
        AppendUtf16AsWtf8(text, rest);
      }
      return writer.WriteString(text);
    }
    case ContentKind::kEmbed:
      return writer.WriteJson(values.front());
    case ContentKind::kFormat:
      writer.WriteKey(block.text);
      return writer.WriteJson(values.front());
    case ContentKind::kType:
      writer.WriteTypeRef(static_cast<std::uint64_t>(block.type));
      if (block.type == TypeKind::kXmlElement || block.type == TypeKind::kXmlHook) {
        writer.WriteKey(block.text);
      }
      return;
    case ContentKind::kAny:
      writer.WriteLength(block.length);
      for (const Any& value : values.subspan(block.skipped, block.length)) writer.WriteAny(value);
      return;
    case ContentKind::kDoc:
      writer.WriteName(block.text);
      return writer.WriteAny(values.front());
    case ContentKind::kGc:
    case ContentKind::kSkip:
      CHECK(false && "these have no content");
  }
}

template <typename Writer>
void WriteBlock(Writer& writer, const Block& block, std::span<const Any> values) {
  if (block.kind == ContentKind::kGc) {
    writer.WriteInfo(static_cast<std::uint8_t>(block.kind));
    return writer.WriteLength(block.length);
  }
  if (block.kind == ContentKind::kSkip) {
    writer.WriteInfo(static_cast<std::uint8_t>(block.kind));
    return writer.WriteSkipLength(block.length);
  }
  WriteItemHead(writer, {.kind = block.kind,
                         .origin = block.has_origin ? &block.origin : nullptr,
                         .right_origin = block.has_right_origin ? &block.right_origin : nullptr,
                         .parent = block.parent,
                         .parent_item = block.parent_item,
                         .root_name = block.root_name,
                         .key = block.has_key ? &block.key : nullptr});
  WriteContent(writer, block, values);
}

}  // namespace

UpdateBuilder::UpdateBuilder(UpdateFormat format) {
  if (format == UpdateFormat::kV2) writer_.emplace<UpdateWriterV2>();
}

void UpdateBuilder::Add(const Block& block, std::span<const Any> values) {
  // An update may name a client in two places: what does not follow stands for itself.
  if (block_count_ > 0 && block.id != next_) EndSection();
  std::visit(
      [&](auto& writer) {
        if (block_count_ == 0) {
          writer.WriteClient(block.id.client);
          writer.WriteClock(block.id.clock);
        }
        WriteBlock(writer, block, values);
      },
      writer_);
  ++block_count_;
  next_ = {block.id.client, block.end()};
}

void UpdateBuilder::EndSection() {
  if (block_count_ == 0) return;
  ByteWriter& rest = std::visit([](auto& writer) -> ByteWriter& { return writer.rest(); }, writer_);
  sections_.WriteVarUint(block_count_);
  sections_.WriteBytes(rest.view());
  rest.Clear();
  block_count_ = 0;
  ++section_count_;
}

Bytes UpdateBuilder::Finish(const DeleteSet& deletes) && {
  EndSection();
  return std::visit(
      [&](auto& writer) {
        writer.WriteCount(section_count_);
        writer.rest().WriteBytes(sections_.view());
        writer.WriteDeletes(deletes);
        return std::move(writer).Finish();
      },
      writer_);
}

}  // namespace weft::crdt
