#include "crdt/driver/type_path.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/doc_core.h"
#include "crdt/json.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

constexpr std::array<std::pair<std::string_view, TypeKind>, 7> kKinds = {{
    {"text", TypeKind::kText},
    {"array", TypeKind::kArray},
    {"map", TypeKind::kMap},
    {"xmlfragment", TypeKind::kXmlFragment},
    {"xmltext", TypeKind::kXmlText},
    {"xmlelement", TypeKind::kXmlElement},
    {"xmlhook", TypeKind::kXmlHook},
}};

absl::Status NothingAt(const Any& step) {
  return absl::InvalidArgumentError(absl::StrCat("there is nothing at ", ToJsonText(step)));
}

std::optional<SharedType> AsType(const Element& element) {
  return std::visit(
      [](const auto& here) -> std::optional<SharedType> {
        if constexpr (std::is_convertible_v<decltype(here), const SharedType&>) {
          return here;
        } else {
          return std::nullopt;
        }
      },
      element);
}

// The embed or nested type that stands at a UTF-16 offset of a text.
std::optional<Element> EmbedAt(const Text& text, std::uint64_t offset) {
  for (const DeltaOp& op : text.ToDelta()) {
    const std::uint64_t length =
        op.elements.empty() ? Utf16Length(op.text) : static_cast<std::uint64_t>(1);
    if (offset < length) {
      if (op.elements.empty()) return std::nullopt;
      return op.elements.front();
    }
    offset -= length;
  }
  return std::nullopt;
}

template <typename Sequence>
std::optional<Element> ElementAt(const Sequence& sequence, std::uint64_t index) {
  if (index >= sequence.length()) return std::nullopt;
  return sequence.Get(index);
}

// What one step leads to; empty when there is nothing, or when the step is of the wrong kind.
std::optional<Element> Step(const SharedType& type, const Any& step) {
  if (const std::string* key = step.AsString()) {
    if (const auto map = type.As<Map>()) return map->Find(*key);
    return std::nullopt;
  }
  const std::optional<std::uint64_t> index = AsCount(step);
  if (!index) return std::nullopt;
  if (const auto array = type.As<Array>()) return ElementAt(*array, *index);
  if (const auto fragment = type.As<XmlFragment>()) return ElementAt(*fragment, *index);
  if (const auto text = type.As<Text>()) return EmbedAt(*text, *index);
  return std::nullopt;
}

}  // namespace

TypeKind KindNamed(std::string_view name) {
  const auto* found =
      std::ranges::find(kKinds, name, [](const auto& entry) { return entry.first; });
  // A hook is no root: nothing says its name.
  const bool is_root = found != kKinds.end() && found->second != TypeKind::kXmlHook;
  return is_root ? found->second : TypeKind::kUndefined;
}

std::string_view NameOf(TypeKind kind) {
  const auto* found =
      std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.second; });
  return found == kKinds.end() ? "undefined" : found->first;
}

Element AsElement(const SharedType& type) {
  switch (type.kind()) {
    case TypeKind::kArray:
      return Array(type.handle());
    case TypeKind::kMap:
      return Map(type.handle());
    case TypeKind::kText:
      return Text(type.handle());
    case TypeKind::kXmlElement:
      return XmlElement(type.handle());
    case TypeKind::kXmlFragment:
      return XmlFragment(type.handle());
    case TypeKind::kXmlHook:
      return XmlHook(type.handle());
    case TypeKind::kXmlText:
      return XmlText(type.handle());
    case TypeKind::kUndefined:
      break;
  }
  return {};
}

const SharedType* Roots::Known(std::string_view name) {
  if (stale_) {
    for (const auto& [root, kind] : doc_.Roots()) {
      if (kind != TypeKind::kUndefined) known_.try_emplace(root, doc_.GetType(root, kind));
    }
    stale_ = false;
  }
  const auto found = known_.find(name);
  return found == known_.end() ? nullptr : &found->second;
}

absl::StatusOr<SharedType> Roots::Get(std::string_view name, TypeKind kind) {
  if (const SharedType* known = Known(name)) {
    if (known->kind() == kind) return *known;
    return absl::InvalidArgumentError(
        absl::StrCat("the root \"", std::string(name), "\" is of the kind ",
                     std::string(NameOf(known->kind())), ", not ", std::string(NameOf(kind))));
  }
  return known_.emplace(name, doc_.GetType(name, kind)).first->second;
}

TypeKind Roots::KindForPath(std::string_view name, const Any& first_step, TypeKind kind) {
  if (first_step.AsString() != nullptr) return TypeKind::kMap;
  if (kind == TypeKind::kXmlFragment) return kind;
  internal::DocCore& core = doc_.core();
  const XmlFragment untyped(core.HandleTo(core.EnsureRoot(name)));
  if (untyped.length() == 0) return TypeKind::kArray;
  const Element first = untyped.Get(0);
  const bool holds_xml =
      std::holds_alternative<XmlElement>(first) || std::holds_alternative<XmlText>(first);
  return holds_xml ? TypeKind::kXmlFragment : TypeKind::kArray;
}

absl::StatusOr<Element> Roots::FindElement(Members& members) {
  if (!members.Has("path") || members.List("path").empty()) {
    return absl::InvalidArgumentError("a path is expected");
  }
  return FindAlong(members, members.List("path"), TypeKind::kUndefined);
}

absl::StatusOr<SharedType> Roots::Find(Members& members, TypeKind kind) {
  static const Any::Array no_path;
  const Any::Array& path = members.Has("path") ? members.List("path") : no_path;
  absl::StatusOr<Element> element = FindAlong(members, path, kind);
  if (!element.ok()) return element.status();
  const std::optional<SharedType> type = AsType(*element);
  if (!type) return absl::InvalidArgumentError("the path does not lead to a shared type");
  return *type;
}

absl::StatusOr<Element> Roots::FindAlong(Members& members, const Any::Array& path, TypeKind kind) {
  const std::string_view name = members.String("name");
  if (!members.ok()) return members.status();
  SharedType type;
  if (const SharedType* known = Known(name)) {
    type = *known;
  } else {
    const TypeKind root_kind = path.empty() ? kind : KindForPath(name, path.front(), kind);
    if (root_kind == TypeKind::kUndefined) {
      return absl::InvalidArgumentError(
          absl::StrCat("the root \"", std::string(name), "\" has no kind yet"));
    }
    absl::StatusOr<SharedType> root = Get(name, root_kind);
    if (!root.ok()) return root.status();
    type = *root;
  }
  Element element = AsElement(type);
  for (const Any& step : path) {
    const std::optional<SharedType> here = AsType(element);
    std::optional<Element> next = here ? Step(*here, step) : std::nullopt;
    if (!next) return NothingAt(step);
    element = *std::move(next);
  }
  return element;
}

}  // namespace weft::crdt::driver
