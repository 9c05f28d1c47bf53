// The same id with two contents (collision.h).

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/collision.h"
#include "crdt/doc_core.h"
#include "crdt/update_inspect.h"

namespace weft::crdt::internal {

namespace {

bool IsSurrogate(char16_t unit) { return IsHighSurrogate(unit) || IsLowSurrogate(unit); }

// Whether one unit may stand for the other: half of a pair turns into U+FFFD when it is cut off.
bool MaySame(char16_t a, char16_t b) {
  return a == b || (a == kReplacementCharacter && IsSurrogate(b)) ||
         (b == kReplacementCharacter && IsSurrogate(a));
}

bool MaySameText(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const std::size_t units = Utf16Length(a);
  if (units != Utf16Length(b)) return false;
  Utf16Reader left(a);
  Utf16Reader right(b);
  for (std::size_t i = 0; i < units; ++i) {
    if (!MaySame(left.Next(), right.Next())) return false;
  }
  return true;
}

// A number or a BigInt.
std::optional<double> NumberIn(const Any& value) {
  if (const double* number = value.AsNumber()) return *number;
  if (const auto* big = std::get_if<Any::BigInt>(&value.value())) {
    return static_cast<double>(big->value);
  }
  return std::nullopt;
}

// What JSON has no form for but null.
bool IsNothing(const Any& value) {
  const double* number = value.AsNumber();
  return value.is_undefined() || value.is_null() || (number != nullptr && !std::isfinite(*number));
}

bool MaySameLeaf(const Any& a, const Any& b) {
  if (IsNothing(a) && IsNothing(b)) return true;
  const std::optional<double> number = NumberIn(a);
  if (number.has_value()) return number == NumberIn(b);
  if (a.AsString() != nullptr && b.AsString() != nullptr) {
    return MaySameText(*a.AsString(), *b.AsString());
  }
  return a == b;
}

// Whether both values may have been one before formats and libraries wrote them.
bool MaySameValue(const Any& a, const Any& b) {
  std::vector<std::pair<const Any*, const Any*>> todo = {{&a, &b}};
  while (!todo.empty()) {
    const auto [x, y] = todo.back();
    todo.pop_back();
    const bool binary = x->AsBinary() != nullptr || y->AsBinary() != nullptr;
    if (x->AsArray() != nullptr && y->AsArray() != nullptr) {
      if (x->AsArray()->size() != y->AsArray()->size()) return false;
      for (std::size_t i = 0; i < x->AsArray()->size(); ++i) {
        todo.emplace_back(&(*x->AsArray())[i], &(*y->AsArray())[i]);
      }
    } else if (x->AsObject() != nullptr && y->AsObject() != nullptr) {
      // Keys that only one has may have been undefined; others are in both.
      for (const AnyObject::Entry& entry : x->AsObject()->entries()) {
        const Any* other = y->AsObject()->Find(entry.first);
        if (other != nullptr) {
          todo.emplace_back(&entry.second, other);
        } else if (!IsNothing(entry.second)) {
          return false;
        }
      }
      for (const AnyObject::Entry& entry : y->AsObject()->entries()) {
        if (x->AsObject()->Find(entry.first) == nullptr && !IsNothing(entry.second)) return false;
      }
    } else if (binary && (x->AsObject() != nullptr || y->AsObject() != nullptr)) {
      continue;  // binary became an object in JSON
    } else if (!MaySameLeaf(*x, *y)) {
      return false;
    }
  }
  return true;
}

bool HoldsValues(ContentKind kind) {
  return kind == ContentKind::kAny || kind == ContentKind::kJson;
}

constexpr std::size_t kShownBytes = 60;

}  // namespace

// Compares blocks of an update with the document's items.
class CollisionFinder {
 public:
  CollisionFinder(const DocCore& core, const Update& update) : core_(core), update_(update) {}

  // The first collision of the block's elements below `state`.
  std::optional<Collision> Find(const Block& block, ClientIndex client, Clock state) {
    if (block.kind == ContentKind::kGc || block.kind == ContentKind::kSkip) return std::nullopt;
    const BlockList& blocks = core_.clients_[client].blocks;
    const Clock end = std::min(block.end(), state);
    BlockList::Cursor cursor = blocks.Find(block.id.clock);
    Utf16Reader units(block.kind == ContentKind::kString ? block.text : std::string_view());
    for (Clock clock = block.id.clock; clock < end;) {
      const Item& item = core_.At(blocks.At(cursor));
      const Clock stop = std::min(end, item.end());
      std::optional<Collision> collision = Compare(block, item, clock, stop, units);
      if (collision.has_value()) return collision;
      clock = stop;
      blocks.Next(cursor);
    }
    return std::nullopt;
  }

 private:
  std::optional<Collision> Compare(const Block& block, const Item& item, Clock clock, Clock end,
                                   Utf16Reader& units) {
    const auto collision = [&](Clock at, std::string what) {
      return Collision{{block.id.client, at}, std::move(what)};
    };
    if (item.is_gc()) {
      if (block.kind == ContentKind::kString) Pass(units, end - clock);
      return std::nullopt;
    }
    if (!SamePlace(block, item, clock)) {
      return collision(
          clock, absl::StrCat("it comes with another place,", DescribePlace(block, kShownBytes)));
    }
    const bool gone = block.kind == ContentKind::kDeleted || item.kind == ContentKind::kDeleted;
    const bool same_kind =
        block.kind == item.kind || (HoldsValues(block.kind) && HoldsValues(item.kind));
    if (!gone && !same_kind) {
      return collision(clock,
                       absl::StrCat("it comes as ", std::string(KindName(block.kind)), ", ",
                                    DescribeContent(block, update_.ValuesOf(block), kShownBytes),
                                    ", where the document has ", std::string(KindName(item.kind))));
    }
    if (gone) {
      if (block.kind == ContentKind::kString) Pass(units, end - clock);
      return std::nullopt;
    }
    const std::optional<Clock> other = OtherContent(block, item, clock, end, units);
    if (!other.has_value()) return std::nullopt;
    return collision(*other,
                     absl::StrCat("it comes with other content, ",
                                  DescribeContent(block, update_.ValuesOf(block), kShownBytes)));
  }

  static void Pass(Utf16Reader& units, Clock count) {
    for (Clock i = 0; i < count; ++i) units.Next();
  }

  bool SamePlace(const Block& block, const Item& item, Clock clock) const {
    const Clock in_block = clock - block.id.clock;
    const Clock in_item = clock - item.clock();
    const bool has_origin = in_block > 0 || block.has_origin;
    if (has_origin != (in_item > 0 || item.origin.has_value())) return false;
    if (has_origin) {
      const Id theirs = in_block > 0 ? Id{block.id.client, clock - 1} : block.origin;
      const Id ours = core_.Unpack(in_item > 0 ? item.id.Plus(in_item - 1) : item.origin);
      if (theirs != ours) return false;
    }
    if (block.has_right_origin != item.right_origin.has_value()) return false;
    if (block.has_right_origin) return block.right_origin == core_.Unpack(item.right_origin);
    if (has_origin) return true;
    const TypeNode& parent = core_.types_.At(item.parent);
    if (block.has_key != (item.key() != kNoKey)) return false;
    if (block.has_key && block.key != core_.keys_.Text(item.key())) return false;
    if (block.parent == Block::Parent::kRoot) {
      return parent.item == kNoItem && core_.keys_.Text(parent.name) == block.root_name;
    }
    return parent.item != kNoItem && core_.Unpack(core_.At(parent.item).id) == block.parent_item;
  }

  // The first element of [clock, end) whose content differs.
  std::optional<Clock> OtherContent(const Block& block, const Item& item, Clock clock, Clock end,
                                    Utf16Reader& units) const {
    const std::span<const Any> values = update_.ValuesOf(block);
    const auto differs = [&](bool same) { return same ? std::nullopt : std::optional(clock); };
    switch (block.kind) {
      case ContentKind::kString: {
        const TextBuffer& text = core_.clients_[item.id.client()].text;
        const TextRun run = core_.RunOf(item);
        if (clock == block.id.clock && clock == item.clock() && block.length == item.length() &&
            text.IsAsciiText(run, block.text)) {
          return std::nullopt;
        }
        for (; clock < end; ++clock) {
          const auto index = static_cast<std::uint32_t>(clock - item.clock());
          if (!MaySame(text.UnitAt(run, index), units.Next())) return clock;
        }
        return std::nullopt;
      }
      case ContentKind::kAny:
      case ContentKind::kJson:
        for (; clock < end; ++clock) {
          const Any& ours = core_.contents_.values(item.content)[clock - item.clock()];
          if (!MaySameValue(ours, values[clock - block.id.clock])) return clock;
        }
        return std::nullopt;
      case ContentKind::kBinary: {
        const Bytes& ours = *core_.contents_.values(item.content).front().AsBinary();
        return differs(AsText(ours) == block.text);
      }
      case ContentKind::kEmbed:
        return differs(MaySameValue(core_.contents_.values(item.content).front(), values.front()));
      case ContentKind::kFormat: {
        const Format& ours = core_.contents_.format(item.content);
        return differs(MaySameText(core_.keys_.Text(ours.key), block.text) &&
                       MaySameValue(*ours.value, values.front()));
      }
      case ContentKind::kDoc:
        return differs(MaySameText(core_.contents_.subdocument(item.content).guid, block.text));
      case ContentKind::kType: {
        const TypeNode& ours = core_.types_.At(item.content);
        const std::string_view name =
            ours.name == kNoKey ? std::string_view() : core_.keys_.Text(ours.name);
        return differs(ours.kind == block.type && MaySameText(name, block.text));
      }
      case ContentKind::kDeleted:
      case ContentKind::kGc:
      case ContentKind::kSkip:
        return std::nullopt;
    }
    return std::nullopt;
  }

  const DocCore& core_;
  const Update& update_;
};

std::optional<Collision> DocCore::FindCollision(const Update& update) const {
  CollisionFinder finder(*this, update);
  for (const Update::Section& section : update.sections) {
    if (section.begin == section.end) continue;
    const std::optional<ClientIndex> client = FindClient(section.client);
    if (!client.has_value()) continue;
    const Clock state = clients_[*client].blocks.end();
    for (std::size_t i = section.begin; i < section.end; ++i) {
      const Block& block = update.blocks[i];
      if (block.id.clock >= state) break;
      std::optional<Collision> collision = finder.Find(block, *client, state);
      if (collision.has_value()) return collision;
    }
  }
  return std::nullopt;
}

}  // namespace weft::crdt::internal
