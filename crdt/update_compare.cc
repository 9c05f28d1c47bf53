#include "crdt/update_compare.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "crdt/base/utf.h"

namespace weft::crdt {

namespace {

// The elements of an update by client and clock, each once, in runs.
class ElementReader {
 public:
  explicit ElementReader(const Update& update) : update_(update) {
    for (const Block& block : update.blocks) {
      if (block.kind != ContentKind::kSkip) blocks_.push_back(&block);
    }
    const auto id = [](const Block* block) { return block->id; };
    if (!std::ranges::is_sorted(blocks_, {}, id)) std::ranges::stable_sort(blocks_, {}, id);
    Begin();
  }

  bool done() const { return next_ == blocks_.size(); }
  // The run that comes next: its first id and its elements.
  Id id() const { return {block().id.client, block().id.clock + offset_}; }
  Clock length() const { return block().length - offset_; }

  void Advance(Clock count) {
    offset_ += count;
    end_ = id();
    if (offset_ < block().length) return;
    ++next_;
    Begin();
  }

  // Whether the next `count` elements of both are equal. Strings are passed over.
  friend bool TakeEqual(ElementReader& a, ElementReader& b, Clock count) {
    return a.id() == b.id() && a.block().kind == b.block().kind && a.SamePlace(b) &&
           a.TakeSameContent(b, count);
  }

 private:
  const Block& block() const { return *blocks_[next_]; }

  // Goes to the first element from the present block on that was not passed yet.
  void Begin() {
    for (offset_ = 0; !done(); ++next_) {
      const Block& next = block();
      const bool overlaps = next_ > 0 && next.id.client == end_.client;
      offset_ = overlaps && end_.clock > next.id.clock ? end_.clock - next.id.clock : 0;
      if (offset_ >= next.length) continue;
      if (next.kind == ContentKind::kString) {
        units_ = Utf16Reader(next.text);
        for (Clock i = 0; i < next.skipped + offset_; ++i) units_.Next();
      }
      return;
    }
  }

  bool SamePlace(const ElementReader& other) const {
    const Block& mine = block();
    const Block& theirs = other.block();
    if (mine.kind == ContentKind::kGc) return true;
    const bool has_origin = mine.has_origin || offset_ > 0;
    if (has_origin != (theirs.has_origin || other.offset_ > 0)) return false;
    if (has_origin && Origin() != other.Origin()) return false;
    if (mine.has_right_origin != theirs.has_right_origin) return false;
    if (mine.has_right_origin && mine.right_origin != theirs.right_origin) return false;
    if (has_origin || mine.has_right_origin) return true;
    if (mine.parent != theirs.parent || mine.has_key != theirs.has_key) return false;
    if (mine.has_key && mine.key != theirs.key) return false;
    return mine.parent == Block::Parent::kRoot ? mine.root_name == theirs.root_name
                                               : mine.parent_item == theirs.parent_item;
  }

  Id Origin() const {
    return offset_ > 0 ? Id{block().id.client, block().id.clock + offset_ - 1} : block().origin;
  }

  bool TakeSameContent(ElementReader& other, Clock count) {
    const Block& mine = block();
    const Block& theirs = other.block();
    switch (mine.kind) {
      case ContentKind::kGc:
      case ContentKind::kDeleted:
      case ContentKind::kSkip:
        return true;
      case ContentKind::kString:
        for (Clock i = 0; i < count; ++i) {
          if (units_.Next() != other.units_.Next()) return false;
        }
        return true;
      case ContentKind::kAny:
      case ContentKind::kJson: {
        const auto values = [count](const ElementReader& reader) {
          return reader.update_.ValuesOf(reader.block())
              .subspan(reader.block().skipped + reader.offset_, count);
        };
        return std::ranges::equal(values(*this), values(other));
      }
      default:
        return mine.type == theirs.type && mine.text == theirs.text &&
               std::ranges::equal(update_.ValuesOf(mine), other.update_.ValuesOf(theirs));
    }
  }

  const Update& update_;
  std::vector<const Block*> blocks_;
  std::size_t next_ = 0;
  Clock offset_ = 0;   // elements of the block that were passed
  Id end_;             // behind the last element that was passed
  Utf16Reader units_;  // of the block, when it is text
};

}  // namespace

bool UpdatesEqual(const Update& a, const Update& b) {
  if (a.deletes != b.deletes) return false;
  ElementReader left(a);
  ElementReader right(b);
  while (!left.done() && !right.done()) {
    const Clock count = std::min(left.length(), right.length());
    if (!TakeEqual(left, right, count)) return false;
    left.Advance(count);
    right.Advance(count);
  }
  return left.done() && right.done();
}

absl::StatusOr<bool> UpdatesEqual(ByteView a, ByteView b, UpdateFormat format,
                                  const DecodeLimits& limits) {
  const absl::StatusOr<Update> left = DecodeUpdate(a, limits, format);
  if (!left.ok()) return left.status();
  const absl::StatusOr<Update> right = DecodeUpdate(b, limits, format);
  if (!right.ok()) return right.status();
  return UpdatesEqual(*left, *right);
}

}  // namespace weft::crdt
