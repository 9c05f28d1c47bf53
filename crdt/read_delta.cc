// Texts with their formatting, and their lengths in other units.

#include <utility>

#include "crdt/base/utf.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

Delta DocCore::DeltaOf(TypeRef type) {
  Delta delta;
  AttributeMap attributes;
  std::string text;
  const auto close = [&] {
    if (text.empty()) return;
    delta.push_back(DeltaOp::Insert(std::exchange(text, {}), AttributesAsObject(attributes)));
  };
  for (ItemRef ref = types_.At(type).start; ref != kNoItem; ref = At(ref).right) {
    const Item& item = At(ref);
    if (item.deleted) continue;
    switch (item.kind) {
      case ContentKind::kString:
        AppendText(item, text);
        break;
      case ContentKind::kType:
      case ContentKind::kEmbed:
        close();
        delta.push_back(
            {.elements = {ElementIn(item, 0)}, .attributes = AttributesAsObject(attributes)});
        break;
      case ContentKind::kFormat:
        close();
        attributes.Apply(contents_.format(item.content));
        break;
      default:
        break;
    }
  }
  close();
  return delta;
}

Delta DocCore::DeltaOf(TypeRef type, const Snapshot& snapshot, const Snapshot* previous) {
  Delta delta;
  AttributeMap attributes;
  std::string text;
  const auto close = [&] {
    if (text.empty()) return;
    delta.push_back(DeltaOp::Insert(std::exchange(text, {}), AttributesAsObject(attributes)));
  };
  const KeyRef change_key = keys_.Intern("ychange");
  const auto mark_change = [&](const char* kind) {
    close();
    attributes.Set(change_key, std::make_shared<const Any>(AnyObject{{"type", kind}}));
  };
  Transact("cleanup", /*local=*/true, [&] {
    SplitAt(snapshot);
    if (previous != nullptr) SplitAt(*previous);
    for (ItemRef ref = types_.At(type).start; ref != kNoItem; ref = At(ref).right) {
      const Item& item = At(ref);
      const bool is_now = snapshot.Shows(IdOf(ref));
      const bool was_then = previous != nullptr && previous->Shows(IdOf(ref));
      if (!is_now && !was_then) continue;
      switch (item.kind) {
        case ContentKind::kString:
          if (!is_now) {
            mark_change("removed");
          } else if (previous != nullptr && !was_then) {
            mark_change("added");
          } else if (attributes.Find(change_key) != nullptr) {
            close();
            attributes.Erase(change_key);
          }
          AppendText(item, text);
          break;
        case ContentKind::kType:
        case ContentKind::kEmbed:
          close();
          delta.push_back(
              {.elements = {ElementIn(item, 0)}, .attributes = AttributesAsObject(attributes)});
          break;
        case ContentKind::kFormat:
          if (!is_now) break;
          close();
          attributes.Apply(contents_.format(item.content));
          break;
        default:
          break;
      }
    }
    close();
  });
  return delta;
}

namespace {

// One step of a walk along a run: a character, or half of one that stands alone.
struct CharacterStep {
  std::uint32_t units = 1;
  std::uint64_t bytes = 1;  // in UTF-8; U+FFFD for a half
};

CharacterStep StepAt(const TextBuffer& text, TextRun run, std::uint32_t at) {
  const char16_t unit = text.UnitAt(run, at);
  if (unit < 0x80) return {.units = 1, .bytes = 1};
  if (unit < 0x800) return {.units = 1, .bytes = 2};
  if (IsHighSurrogate(unit) && at + 1 < run.units && IsLowSurrogate(text.UnitAt(run, at + 1))) {
    return {.units = 2, .bytes = 4};
  }
  return {.units = 1, .bytes = 3};
}

std::uint64_t SizeOf(CharacterStep step, TextUnit unit) {
  switch (unit) {
    case TextUnit::kUtf16:
      return step.units;
    case TextUnit::kUtf8:
      return step.bytes;
    case TextUnit::kCodePoint:
      return 1;
  }
  return 0;
}

}  // namespace

std::uint64_t DocCore::TextLengthOf(TypeRef type, TextUnit unit) const {
  return ConvertOffset(type, LengthOf(type), TextUnit::kUtf16, unit);
}

std::uint64_t DocCore::ConvertOffset(TypeRef type, std::uint64_t offset, TextUnit from,
                                     TextUnit to) const {
  if (from == to) return offset;
  std::uint64_t passed = 0;  // in `from`
  std::uint64_t result = 0;  // the same place in `to`
  for (ItemRef ref = types_.At(type).start; ref != kNoItem; ref = At(ref).right) {
    const Item& item = At(ref);
    if (!item.visible()) continue;
    if (item.kind != ContentKind::kString) {
      if (passed + item.length() > offset) return result + (offset - passed);
      passed += item.length();
      result += item.length();
      continue;
    }
    const TextBuffer& text = clients_[item.id.client()].text;
    const TextRun run = RunOf(item);
    for (std::uint32_t at = 0; at < run.units;) {
      const CharacterStep step = StepAt(text, run, at);
      if (passed + SizeOf(step, from) > offset) return result;
      passed += SizeOf(step, from);
      result += SizeOf(step, to);
      at += step.units;
    }
  }
  CHECK(passed == offset && "an offset is inside the text");
  return result;
}

}  // namespace weft::crdt::internal
