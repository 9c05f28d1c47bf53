#pragma once

// A BlockStream of one format, whose blocks can be read without a virtual call: for loading
// (loading.cc), where most blocks of most updates come by. All else goes through block_stream.h.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/block_stream.h"
#include "crdt/codec/update_v1.h"
#include "crdt/codec/update_v2.h"
#include "crdt/item.h"
#include "crdt/type_node.h"

namespace weft::crdt {

// What a subdocument's options become when Yjs has read them: only these keys, only when they
// differ from the defaults.
Any NormalizedSubdocumentOptions(const Any& options);

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

  [[gnu::noinline]] bool NextPlain(PlainBlock& block) override {
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

  // NextPlain, of which what is done most is inlined.
  [[gnu::always_inline]] bool TakePlain(PlainBlock& block) {
    if constexpr (std::is_same_v<Reader, UpdateReaderV1>) {
      if (blocks_left_ != 0 && NextShort(block)) return true;
      PlainBlock other;
      if (!NextPlain(other)) return false;
      block = other;
      return true;
    } else {
      return NextPlain(block);
    }
  }

  const std::vector<ClientId>& sections() const override { return sections_; }
  // What the section claims to hold yet.
  std::uint64_t blocks_left() const { return blocks_left_; }

  DeleteSet ReadDeletes() override {
    if (!reader_->ok()) return {};
    DeleteSet deletes = reader_->ReadDeletes();
    return in_.ok() ? std::move(deletes) : DeleteSet();
  }

  absl::Status status() const override { return in_.status(); }

  void TakeOwnedStrings(std::deque<std::string>& strings) override { strings.swap(owned_); }

 private:
  static constexpr std::uint8_t kKindMask = 0x1f;
  static constexpr std::uint8_t kOriginBit = 0x80;
  static constexpr std::uint8_t kRightOriginBit = 0x40;
  static constexpr std::uint8_t kKeyBit = 0x20;

  // What things take decoded and again in a document.
  static constexpr std::size_t kBlockMemory = sizeof(Block) + sizeof(internal::Item) + 32;
  // An origin may cut a block in two; most do not.
  static constexpr std::size_t kSplitMemory = 32;
  static constexpr std::size_t kTypeMemory = sizeof(internal::TypeNode) + 16;
  static constexpr std::size_t kSectionMemory = 320;

  // NextPlain of format v1 for nearly all of these blocks, read as one piece. False, and nothing was
  // read, when it may be something else.
  [[gnu::always_inline]] bool NextShort(PlainBlock& block) {
    if (in_.remaining() < kMostShort || budget_.left() < kBlockMemory + kSplitMemory) return false;
    const std::uint8_t* next = in_.here();
    const std::uint8_t* const end = next + in_.remaining();
    const std::uint8_t info = *next++;
    const auto kind = static_cast<ContentKind>(info & kKindMask);
    if (kind != ContentKind::kString && kind != ContentKind::kDeleted) return false;
    block.has_origin = (info & kOriginBit) != 0;
    block.has_right_origin = (info & kRightOriginBit) != 0;
    if (!block.has_origin && !block.has_right_origin) return false;
    if (block.has_origin) {
      next = TakeEarlierId(next, block.origin);
      if (next == nullptr) return false;
    }
    if (block.has_right_origin) {
      next = TakeEarlierId(next, block.right_origin);
      if (next == nullptr) return false;
    }
    std::uint64_t length = 0;
    next = TakeVarUint(next, length);
    if (next == nullptr || length == 0) return false;
    if (kind == ContentKind::kDeleted) {
      block.text = {};
    } else {
      if (length > static_cast<std::size_t>(end - next) || length > limits_.string_bytes) {
        return false;
      }
      block.text = {reinterpret_cast<const char*>(next), length};
      next += length;
      block.is_ascii = IsAscii(block.text);
      if (!block.is_ascii) {
        if (!IsValidUtf8(block.text)) return false;
        length = Utf16Length(block.text);
      }
    }
    if (clock_ > kMaxClock - length) return false;
    block.id = {client_, clock_};
    block.length = length;
    budget_.Spend(kBlockMemory + kSplitMemory);
    in_.MoveTo(next);
    clock_ += length;
    --blocks_left_;
    ++blocks_;
    return true;
  }

  // An id that a block of `client_` at `clock_` may refer to. Null when that is not certain.
  [[gnu::always_inline]] const std::uint8_t* TakeEarlierId(const std::uint8_t* next, Id& id) const {
    std::uint64_t word;
    std::memcpy(&word, next, sizeof(word));
    if ((word & client_mask_) == client_bytes_) [[likely]] {
      id.client = client_;
      next = TakeVarUint(next + client_size_, id.clock);
      return id.clock < clock_ ? next : nullptr;
    }
    std::uint64_t client = 0;
    next = TakeVarUint(next, client);
    if (next == nullptr) return nullptr;
    id.client = ClientId{client};
    next = TakeVarUint(next, id.clock);
    return id.client != client_ ? next : nullptr;
  }

  // A varuint of five bytes at most; null for a longer one. Requires: so many are there.
  [[gnu::always_inline]] static const std::uint8_t* TakeVarUint(const std::uint8_t* next,
                                                                std::uint64_t& value) {
    std::uint64_t sum = next[0];
    if (sum < 0x80) {
      value = sum;
      return next + 1;
    }
    sum = (sum & 0x7f) | std::uint64_t{next[1]} << 7;
    if (sum < 0x80 << 7) {
      value = sum;
      return next + 2;
    }
    sum = (sum & 0x3fff) | std::uint64_t{next[2]} << 14;
    if (sum < 0x80 << 14) {
      value = sum;
      return next + 3;
    }
    sum = (sum & 0x1fffff) | std::uint64_t{next[3]} << 21;
    if (sum < std::uint64_t{0x80} << 21) {
      value = sum;
      return next + 4;
    }
    sum = (sum & 0xfffffff) | std::uint64_t{next[4]} << 28;
    value = sum;
    return sum < std::uint64_t{0x80} << 28 ? next + 5 : nullptr;
  }
  // The bytes that are read without asking how many are left: info, two ids and a length.
  static constexpr std::size_t kMostShort = 1 + 2 * (sizeof(std::uint64_t) + 5) + 5;

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
    if constexpr (std::is_same_v<Reader, UpdateReaderV1>) NoteClientBytes();
    CheckBlockCount();
    if (reader_->ok()) sections_.push_back(client_);
  }

  void NoteClientBytes() {
    // At most 2^53 - 1: eight bytes.
    std::uint8_t bytes[ByteWriter::kMaxVarUint] = {};
    std::uint8_t mask[sizeof(client_mask_)] = {};
    client_size_ =
        static_cast<std::size_t>(ByteWriter::PutVarUint(bytes, ToNumber(client_)) - bytes);
    std::fill_n(mask, client_size_, 0xff);
    std::memcpy(&client_bytes_, bytes, sizeof(client_bytes_));
    std::memcpy(&client_mask_, mask, sizeof(client_mask_));
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
  // How the section's client is written where a block names it: so many bytes, and ones over them.
  std::size_t client_size_ = 0;
  std::uint64_t client_bytes_ = 0;
  std::uint64_t client_mask_ = 0;
  std::vector<Any>* values_ = nullptr;
};

}  // namespace weft::crdt
