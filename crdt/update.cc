#include "crdt/update.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace weft::crdt {

namespace {

constexpr std::uint8_t kKindMask = 0x1f;
constexpr std::uint8_t kOriginBit = 0x80;
constexpr std::uint8_t kRightOriginBit = 0x40;
constexpr std::uint8_t kKeyBit = 0x20;

// What a subdocument's options become when Yjs has read them: only these keys, only when they
// differ from the defaults.
Any NormalizedSubdocumentOptions(const Any& options) {
  const auto truthy = [](const Any& value) {
    if (value.is_undefined() || value.is_null()) return false;
    if (const bool* flag = value.AsBool()) return *flag;
    if (const double* number = value.AsNumber()) return *number != 0 && *number == *number;
    if (const std::string* text = value.AsString()) return !text->empty();
    if (const auto* big = std::get_if<Any::BigInt>(&value.value())) return big->value != 0;
    return true;
  };
  AnyObject normalized;
  if (const AnyObject* object = options.AsObject()) {
    if (const Any* gc = object->Find("gc"); gc != nullptr && !gc->is_undefined() && !truthy(*gc)) {
      normalized.Set("gc", false);
    }
    if (const Any* auto_load = object->Find("autoLoad");
        auto_load != nullptr && truthy(*auto_load)) {
      normalized.Set("autoLoad", true);
    }
    if (const Any* meta = object->Find("meta");
        meta != nullptr && !meta->is_undefined() && !meta->is_null()) {
      normalized.Set("meta", *meta);
    }
  }
  return normalized;
}

template <typename Reader>
class UpdateDecoder {
 public:
  template <typename... Owned>
  UpdateDecoder(ByteReader& in, const DecodeLimits& limits, Update& update, Owned&... owned)
      : in_(in), reader_(in, limits, owned...), limits_(limits), update_(update) {}

  void Decode() {
    const std::uint64_t sections = reader_.ReadCount();
    for (std::uint64_t i = 0; i < sections && reader_.ok(); ++i) DecodeSection();
    if (reader_.ok()) update_.deletes = reader_.ReadDeletes();
  }

 private:
  void DecodeSection() {
    const std::uint64_t blocks = reader_.ReadCount();
    const ClientId client = reader_.ReadClient();
    Clock clock = reader_.ReadClock();
    const std::size_t begin = update_.blocks.size();
    for (std::uint64_t i = 0; i < blocks && reader_.ok(); ++i) {
      if (update_.blocks.size() == limits_.update_blocks) {
        return in_.Exceed("more blocks than the limit allows");
      }
      Block& block = update_.blocks.emplace_back();
      block.id = {client, clock};
      DecodeBlock(block);
      if (!reader_.ok()) return;
      if (block.length == 0) return in_.Fail("a block of no elements");
      if (clock > kMaxClock || block.length > kMaxClock - clock) {
        return in_.Fail("a clock above 2^52 - 1");
      }
      clock = block.end();
    }
    update_.sections.push_back({.client = client, .begin = begin, .end = update_.blocks.size()});
  }

  void DecodeBlock(Block& block) {
    const std::uint8_t info = reader_.ReadInfo();
    block.kind = static_cast<ContentKind>(info & kKindMask);
    if (block.kind == ContentKind::kGc) {
      block.length = reader_.ReadLength();
      return;
    }
    if (block.kind == ContentKind::kSkip) {
      block.length = reader_.ReadSkipLength();
      return;
    }
    if ((info & kOriginBit) != 0) {
      block.has_origin = true;
      block.origin = ReadEarlierId(block, reader_.ReadLeftId());
    }
    if ((info & kRightOriginBit) != 0) {
      block.has_right_origin = true;
      block.right_origin = ReadEarlierId(block, reader_.ReadRightId());
    }
    if (!block.has_origin && !block.has_right_origin) {
      if (reader_.ReadParentInfo()) {
        block.parent = Block::Parent::kRoot;
        block.root_name = reader_.ReadName();
      } else {
        block.parent = Block::Parent::kItem;
        block.parent_item = ReadEarlierId(block, reader_.ReadLeftId());
      }
      if ((info & kKeyBit) != 0) {
        block.has_key = true;
        block.key = reader_.ReadName();
      }
    }
    DecodeContent(block);
  }

  // What a block refers to was there before it.
  Id ReadEarlierId(const Block& block, Id id) {
    if (id.clock > kMaxClock) in_.Fail("a clock above 2^52 - 1");
    if (id.client == block.id.client && id.clock >= block.id.clock) {
      in_.Fail("a block that refers to itself or to a later block of its client");
    }
    return id;
  }

  void DecodeContent(Block& block) {
    block.length = 1;
    block.values_begin = update_.values.size();
    switch (block.kind) {
      case ContentKind::kDeleted:
        block.length = reader_.ReadLength();
        return;
      case ContentKind::kJson:
        block.length = reader_.ReadLength();
        for (Clock i = 0; i < block.length && reader_.ok(); ++i) {
          const std::string_view text = reader_.ReadString();
          if (text == "undefined") {
            AddValue(block, Any());
            continue;
          }
          std::optional<Any> value = ParseJson(text, limits_.value_depth);
          if (!value.has_value()) return in_.Fail("a value that is not JSON");
          AddValue(block, *std::move(value));
        }
        return;
      case ContentKind::kBinary:
        block.text = AsText(reader_.ReadBuffer());
        return;
      case ContentKind::kString:
        block.text = reader_.ReadString();
        block.length = reader_.ok() ? Utf16Length(block.text) : 0;
        return;
      case ContentKind::kEmbed:
        AddValue(block, reader_.ReadJson());
        return;
      case ContentKind::kFormat:
        block.text = reader_.ReadKey();
        AddValue(block, reader_.ReadJson());
        return;
      case ContentKind::kType: {
        const std::uint64_t type = reader_.ReadTypeRef();
        if (type > static_cast<std::uint64_t>(TypeKind::kXmlText)) {
          return in_.Fail("a type that Yjs does not know");
        }
        block.type = static_cast<TypeKind>(type);
        if (block.type == TypeKind::kXmlElement || block.type == TypeKind::kXmlHook) {
          block.text = reader_.ReadKey();
        }
        return;
      }
      case ContentKind::kAny:
        block.length = reader_.ReadLength();
        for (Clock i = 0; i < block.length && reader_.ok(); ++i) AddValue(block, reader_.ReadAny());
        return;
      case ContentKind::kDoc:
        block.text = reader_.ReadString();
        AddValue(block, NormalizedSubdocumentOptions(reader_.ReadAny()));
        return;
      case ContentKind::kGc:
      case ContentKind::kSkip:
        break;
    }
    if (static_cast<int>(block.kind) == 11)
      return in_.Fail("a move (content 11), which Yjs does not have");
    in_.Fail("content of a kind that Yjs does not know");
  }

  void AddValue(Block& block, Any value) {
    update_.values.push_back(std::move(value));
    ++block.values_count;
  }

  ByteReader& in_;
  Reader reader_;
  const DecodeLimits& limits_;
  Update& update_;
};

template <typename Writer>
void WriteContent(Writer& writer, const Update& source, const Block& block) {
  switch (block.kind) {
    case ContentKind::kDeleted:
      return writer.WriteLength(block.length);
    case ContentKind::kJson:
      writer.WriteLength(block.length);
      for (const Any& value : source.ValuesOf(block).subspan(block.skipped)) {
        writer.WriteString(ToJsonText(value));
      }
      return;
    case ContentKind::kBinary:
      return writer.WriteBuffer(AsBytes(block.text));
    case ContentKind::kString: {
      if (block.skipped == 0) return writer.WriteName(block.text);
      const std::u16string units = Utf8ToUtf16(block.text);
      std::string text;
      if constexpr (Writer::kStringsStandAlone) {
        AppendUtf16AsUtf8(text, std::u16string_view(units).substr(block.skipped));
      } else {
        AppendUtf16AsWtf8(text, std::u16string_view(units).substr(block.skipped));
      }
      return writer.WriteString(text);
    }
    case ContentKind::kEmbed:
      return writer.WriteJson(source.values[block.values_begin]);
    case ContentKind::kFormat:
      writer.WriteKey(block.text);
      return writer.WriteJson(source.values[block.values_begin]);
    case ContentKind::kType:
      writer.WriteTypeRef(static_cast<std::uint64_t>(block.type));
      if (block.type == TypeKind::kXmlElement || block.type == TypeKind::kXmlHook) {
        writer.WriteKey(block.text);
      }
      return;
    case ContentKind::kAny:
      writer.WriteLength(block.length);
      for (const Any& value : source.ValuesOf(block).subspan(block.skipped)) writer.WriteAny(value);
      return;
    case ContentKind::kDoc:
      writer.WriteName(block.text);
      return writer.WriteAny(source.values[block.values_begin]);
    case ContentKind::kGc:
    case ContentKind::kSkip:
      CHECK(false && "these have no content");
  }
}

template <typename Writer>
void WriteBlock(Writer& writer, const Update& source, const Block& block) {
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
  WriteContent(writer, source, block);
}

}  // namespace

void Block::CutFront(Clock count) {
  CHECK(count < length);
  if (count == 0) return;
  id.clock += count;
  length -= count;
  skipped += count;
  if (kind == ContentKind::kGc || kind == ContentKind::kSkip) return;
  has_origin = true;
  origin = {id.client, id.clock - 1};
}

absl::StatusOr<Update> DecodeUpdate(ByteView bytes, const DecodeLimits& limits,
                                    UpdateFormat format) {
  if (bytes.size() > limits.update_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "an update of ", bytes.size(), " bytes, above the limit of ", limits.update_bytes));
  }
  ByteReader reader(bytes);
  Update update;
  if (format == UpdateFormat::kV1) {
    UpdateDecoder<UpdateReaderV1>(reader, limits, update).Decode();
  } else {
    UpdateDecoder<UpdateReaderV2>(reader, limits, update, update.owned).Decode();
  }
  if (!reader.ok()) return reader.status();
  return update;
}

UpdateBuilder::UpdateBuilder(UpdateFormat format) {
  if (format == UpdateFormat::kV2) writer_.emplace<UpdateWriterV2>();
}

void UpdateBuilder::Add(const Update& source, const Block& block) {
  if (block_count_ > 0 && block.id.client != client_) EndSection();
  std::visit(
      [&](auto& writer) {
        if (block_count_ == 0) {
          client_ = block.id.client;
          writer.WriteClient(client_);
          writer.WriteClock(block.id.clock);
        }
        WriteBlock(writer, source, block);
      },
      writer_);
  ++block_count_;
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
