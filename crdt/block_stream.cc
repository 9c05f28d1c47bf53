#include "crdt/block_stream.h"

#include <algorithm>
#include <optional>

#include "crdt/codec/update_v1.h"
#include "crdt/codec/update_v2.h"
#include "crdt/item.h"
#include "crdt/type_node.h"

namespace weft::crdt {

namespace {

constexpr std::uint8_t kKindMask = 0x1f;
constexpr std::uint8_t kOriginBit = 0x80;
constexpr std::uint8_t kRightOriginBit = 0x40;
constexpr std::uint8_t kKeyBit = 0x20;

// What things take decoded and again in a document.
constexpr std::size_t kBlockMemory = sizeof(Block) + sizeof(internal::Item) + 32;
constexpr std::size_t kSplitMemory = 32;  // an origin may cut a block in two; most do not
constexpr std::size_t kTypeMemory = sizeof(internal::TypeNode) + 16;
constexpr std::size_t kSectionMemory = 320;

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
class TypedBlockStream final : public BlockStream {
 public:
  TypedBlockStream(ByteView bytes, const DecodeLimits& limits, DecodeBudget& budget)
      : in_(bytes), limits_(limits), budget_(budget) {
    Begin(bytes);
  }

  void Reopen(ByteView bytes) override {
    in_ = ByteReader(bytes);
    owned_.clear();
    blocks_left_ = 0;
    sections_.clear();
    blocks_ = 0;
    Begin(bytes);
  }

  bool Next(Block& block, std::vector<Any>& values) override {
    while (blocks_left_ == 0) {
      if (sections_left_ == 0 || !reader_->ok()) return false;
      BeginSection();
    }
    if (!reader_->ok()) return false;
    ++blocks_;
    values_ = &values;
    block = Block{.id = {client_, clock_}};
    DecodeBlock(block);
    Spend(kBlockMemory + (block.has_origin || block.has_right_origin ? kSplitMemory : 0));
    return reader_->ok() && EndBlock(block.length);
  }

  bool NextPlain(PlainBlock& block) override {
    if (blocks_left_ == 0) return false;
    const std::uint8_t info = reader_->PeekInfo();
    const auto kind = static_cast<ContentKind>(info & kKindMask);
    if (kind != ContentKind::kString && kind != ContentKind::kDeleted) return false;
    block.has_origin = (info & kOriginBit) != 0;
    block.has_right_origin = (info & kRightOriginBit) != 0;
    if (!block.has_origin && !block.has_right_origin) return false;
    if (++blocks_ % Reader::kBlocksPerCheck == 0 && !reader_->ok()) return false;
    reader_->ReadInfo();
    block.id = {client_, clock_};
    if (block.has_origin) block.origin = ReadEarlierId(block.id, reader_->ReadLeftId());
    if (block.has_right_origin) {
      block.right_origin = ReadEarlierId(block.id, reader_->ReadRightId());
    }
    if (kind == ContentKind::kDeleted) {
      block.text = {};
      block.length = reader_->ReadLength();
    } else {
      block.text = reader_->ReadString();
      block.is_ascii = IsAscii(block.text);
      block.length = block.is_ascii  ? block.text.size()
                     : reader_->ok() ? Utf16Length(block.text)
                                     : 0;
    }
    Spend(kBlockMemory + kSplitMemory);
    if (!EndBlock(block.length)) return false;
    return true;
  }

  const std::vector<ClientId>& sections() const override { return sections_; }

  DeleteSet ReadDeletes() override {
    if (!reader_->ok()) return {};
    DeleteSet deletes = reader_->ReadDeletes();
    return in_.ok() ? std::move(deletes) : DeleteSet();
  }

  absl::Status status() const override { return in_.status(); }

  void TakeOwnedStrings(std::deque<std::string>& strings) override { strings.swap(owned_); }

 private:
  // A block of that length was read. False after an error.
  bool EndBlock(Clock length) {
    if (length - 1 >= kMaxClock || clock_ > kMaxClock - length || !in_.ok()) [[unlikely]] {
      return RefuseBlock(length);
    }
    clock_ += length;
    --blocks_left_;
    return true;
  }
  bool RefuseBlock(Clock length) {
    if (!reader_->ok()) return false;
    if (length == 0) in_.Fail("a block of no elements");
    in_.Fail("a clock above 2^52 - 1");
    return false;
  }

  void Begin(ByteView bytes) {
    if constexpr (Reader::kOwnsStrings) {
      reader_.emplace(in_, limits_, budget_, owned_);
    } else {
      reader_.emplace(in_, limits_, budget_);
    }
    if (bytes.size() > limits_.update_bytes) in_.Exceed("update_bytes", limits_.update_bytes);
    // A section has a count and a clock of its own at least.
    sections_left_ = reader_->ReadCount();
    if (sections_left_ > in_.remaining() / 2) {
      in_.Fail("a count of sections that reaches past the end of the input");
    }
    if (!reader_->ok()) sections_left_ = 0;
  }

  void BeginSection() {
    --sections_left_;
    if (sections_.size() == limits_.update_clients) {
      in_.Exceed("update_clients", limits_.update_clients);
    }
    Spend(kSectionMemory);
    blocks_left_ = reader_->ReadCount();
    client_ = reader_->ReadClient();
    clock_ = reader_->ReadClock();
    CheckBlockCount();
    if (reader_->ok()) sections_.push_back(client_);
  }

  // A claim that cannot come true is refused before its first block: in format v2 every block of a
  // section may be there for nothing.
  void CheckBlockCount() {
    if (blocks_left_ > Reader::MaxBlocksIn(in_.remaining())) {
      in_.Fail("a count of blocks that reaches past the end of the input");
    }
    if (blocks_left_ > limits_.update_blocks - std::min(blocks_, limits_.update_blocks)) {
      in_.Exceed("update_blocks", limits_.update_blocks);
    }
    if (blocks_left_ > budget_.left() / kBlockMemory) {
      in_.Exceed("update_memory", budget_.limit());
    }
  }

  void Spend(std::uint64_t memory) {
    if (!budget_.Spend(memory)) in_.Exceed("update_memory", budget_.limit());
  }

  void DecodeBlock(Block& block) {
    const std::uint8_t info = reader_->ReadInfo();
    block.kind = static_cast<ContentKind>(info & kKindMask);
    if (block.kind == ContentKind::kGc) {
      block.length = reader_->ReadLength();
      return;
    }
    if (block.kind == ContentKind::kSkip) {
      block.length = reader_->ReadSkipLength();
      return;
    }
    if ((info & kOriginBit) != 0) {
      block.has_origin = true;
      block.origin = ReadEarlierId(block.id, reader_->ReadLeftId());
    }
    if ((info & kRightOriginBit) != 0) {
      block.has_right_origin = true;
      block.right_origin = ReadEarlierId(block.id, reader_->ReadRightId());
    }
    if (!block.has_origin && !block.has_right_origin) {
      if (reader_->ReadParentInfo()) {
        block.parent = Block::Parent::kRoot;
        block.root_name = reader_->ReadName();
      } else {
        block.parent = Block::Parent::kItem;
        block.parent_item = ReadEarlierId(block.id, reader_->ReadLeftId());
      }
      if ((info & kKeyBit) != 0) {
        block.has_key = true;
        block.key = reader_->ReadName();
      }
    }
    DecodeContent(block);
  }

  // What a block refers to was there before it.
  Id ReadEarlierId(Id block, Id id) {
    const bool is_later = id.client == block.client && id.clock >= block.clock;
    if (is_later || id.clock > kMaxClock) [[unlikely]]
      RefuseId(id);
    return id;
  }
  void RefuseId(Id id) {
    if (!reader_->ok()) return;  // what a column lacks reads as 0
    in_.Fail(id.clock > kMaxClock
                 ? "a clock above 2^52 - 1"
                 : "a block that refers to itself or to a later block of its client");
  }

  void DecodeContent(Block& block) {
    block.length = 1;
    block.values_begin = static_cast<std::uint32_t>(values_->size());
    switch (block.kind) {
      case ContentKind::kDeleted:
        block.length = reader_->ReadLength();
        return;
      case ContentKind::kJson:
        block.length = reader_->ReadLength();
        for (Clock i = 0; i < block.length && reader_->ok(); ++i) {
          const std::string_view text = reader_->ReadString();
          AddValue(block, text == "undefined" ? Any() : ReadJsonText(in_, text, limits_, budget_));
        }
        return;
      case ContentKind::kBinary:
        block.text = AsText(reader_->ReadBuffer());
        return;
      case ContentKind::kString:
        block.text = reader_->ReadString();
        block.length = !reader_->ok()        ? 0
                       : IsAscii(block.text) ? block.text.size()
                                             : Utf16Length(block.text);
        return;
      case ContentKind::kEmbed:
        AddValue(block, reader_->ReadJson());
        return;
      case ContentKind::kFormat:
        block.text = reader_->ReadKey();
        AddValue(block, reader_->ReadJson());
        return;
      case ContentKind::kType: {
        const std::uint64_t type = reader_->ReadTypeRef();
        if (type > static_cast<std::uint64_t>(TypeKind::kXmlText)) {
          return in_.Fail("a type that Yjs does not know");
        }
        block.type = static_cast<TypeKind>(type);
        Spend(kTypeMemory);
        if (block.type == TypeKind::kXmlElement || block.type == TypeKind::kXmlHook) {
          block.text = reader_->ReadKey();
        }
        return;
      }
      case ContentKind::kAny:
        block.length = reader_->ReadLength();
        ReserveValues(block.length);
        for (Clock i = 0; i < block.length && reader_->ok(); ++i)
          AddValue(block, reader_->ReadAny());
        return;
      case ContentKind::kDoc:
        block.text = reader_->ReadString();
        AddValue(block, NormalizedSubdocumentOptions(reader_->ReadAny()));
        return;
      case ContentKind::kGc:
      case ContentKind::kSkip:
        break;
    }
    if (static_cast<int>(block.kind) == 11)
      return in_.Fail("a move (content 11), which Yjs does not have");
    in_.Fail("content of a kind that Yjs does not know");
  }

  // Where these are more than all before them. A count is a claim: each takes a byte at least, and
  // of the budget.
  [[gnu::noinline]] void ReserveValues(Clock count) {
    const std::size_t before = values_->size();
    if (count <= std::max<Clock>(1, before)) return;
    values_->reserve(before +
                     std::min<Clock>({count, in_.remaining(), budget_.left() / kValueMemory}));
  }

  void AddValue(Block& block, Any value) {
    values_->push_back(std::move(value));
    ++block.values_count;
  }

  ByteReader in_;
  std::deque<std::string> owned_;
  std::optional<Reader> reader_;
  const DecodeLimits& limits_;
  DecodeBudget& budget_;

  std::uint64_t sections_left_ = 0;
  std::uint64_t blocks_left_ = 0;  // of the section
  std::vector<ClientId> sections_;
  std::size_t blocks_ = 0;
  ClientId client_{};
  Clock clock_ = 0;
  std::vector<Any>* values_ = nullptr;
};

}  // namespace

Block PlainBlock::ToBlock() const {
  Block block{.id = id, .length = length};
  block.kind = text.empty() ? ContentKind::kDeleted : ContentKind::kString;
  block.has_origin = has_origin;
  block.has_right_origin = has_right_origin;
  if (has_origin) block.origin = origin;
  if (has_right_origin) block.right_origin = right_origin;
  block.text = text;
  return block;
}

std::unique_ptr<BlockStream> BlockStream::Open(ByteView bytes, UpdateFormat format,
                                               const DecodeLimits& limits, DecodeBudget& budget) {
  if (format == UpdateFormat::kV1) {
    return std::make_unique<TypedBlockStream<UpdateReaderV1>>(bytes, limits, budget);
  }
  return std::make_unique<TypedBlockStream<UpdateReaderV2>>(bytes, limits, budget);
}

}  // namespace weft::crdt
